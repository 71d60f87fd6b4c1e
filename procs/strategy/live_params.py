"""Live parameters: what `quintet params` wrote takes effect at the next step.

One load a step: the version of the strategy's own row behind the others (records/live_params.py). When it moved, every
row of the universe is read again. The table belongs to the fabric, so a strategy that is started again finds it.
"""

from procs.strategy.params import QUOTING_DTYPE
from shm.atomics import copy_bytes, record_at
from shm.counters import STRATEGY_PARAMS
from shm.error_log import ERROR_PARAMS_LAYOUT
from shm.instance import count, note_error
from shm.jit import hot
from shm.latest import latest_read, latest_version
from shm.records.live_params import LIVE_PARAMS

MS = 1_000_000
WORDS_OFFSET = LIVE_PARAMS.fields["words"][1]


@hot
def apply_quoting(rules, view, quoting):
    """Put the parameters that every strategy has (a record of QUOTING_DTYPE) to where the step reads them."""
    rules["requote_price_ticks"] = quoting["requote_price_ticks"]
    rules["hold_ticks"] = quoting["hold_percent"] * rules["quote_tick_ticks"] // 100
    rules["refill_percent"] = quoting["refill_percent"]
    rules["refresh_ns"] = quoting["refresh_ms"] * MS
    rules["flow_halflife_ns"] = quoting["flow_halflife_ms"] * MS
    rules["volatility_halflife_ns"] = quoting["volatility_halflife_ms"] * MS
    rules["intensity_halflife_ns"] = quoting["intensity_halflife_ms"] * MS
    rules["jump_sigmas_milli"] = int(quoting["jump_sigmas"] * 1_000 + 0.5)
    rules["jump_window_ns"] = quoting["jump_window_ms"] * MS
    rules["jump_pause_ns"] = quoting["jump_pause_ms"] * MS
    rules["obligation_spread_ticks"] = quoting["obligation_spread_ticks"]
    rules["obligation_lots"] = quoting["obligation_lots"]
    view["obligation_spread_ticks"] = quoting["obligation_spread_ticks"]
    view["obligation_lots"] = quoting["obligation_lots"]


@hot
def _take_row(state, row):
    desk = state.desk[0]
    at = desk["params_first"] + row
    if latest_read(state.params[0], at, desk["live_addr"]) <= 0:
        return
    if record_at(desk["live_addr"], LIVE_PARAMS)["layout"] != desk["params_layout"]:
        note_error(state.me[0], ERROR_PARAMS_LAYOUT, row, record_at(desk["live_addr"], LIVE_PARAMS)["layout"])
        return
    own_bytes = desk["params_words"] * 8
    words_addr = desk["live_addr"] + WORDS_OFFSET
    if own_bytes > 0:
        copy_bytes(desk["params_addr"] + row * own_bytes, words_addr, own_bytes)
    apply_quoting(state.rules[row], state.views[row], record_at(words_addr + own_bytes, QUOTING_DTYPE))


@hot
def refresh_pause(rules):
    """Smallest `refresh_ns` of the universe; a second when it is empty."""
    pause_ns = 0
    for row in range(len(rules)):
        if rules[row]["in_universe"] == 1 and (pause_ns == 0 or rules[row]["refresh_ns"] < pause_ns):
            pause_ns = rules[row]["refresh_ns"]
    return pause_ns if pause_ns > 0 else 1_000 * MS


@hot
def take_params(state):
    """Take over what changed. Returns 1 when something did: every instrument is to be looked at; else 0."""
    desk = state.desk[0]
    version = latest_version(state.params[0], desk["params_row"])
    if version == desk["params_version"]:
        return 0
    desk["params_version"] = version
    for row in range(len(state.rules)):
        if state.rules[row]["in_universe"] == 1:
            _take_row(state, row)
    desk["refresh_ns"] = refresh_pause(state.rules)
    count(state.me[0], STRATEGY_PARAMS, 1)
    return 1
