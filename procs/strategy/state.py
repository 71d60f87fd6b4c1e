"""State of one strategy instance: its ends, and a row for each instrument of everything that it knows.

Few arrays with wide rows: a compiled function takes every array of its state as seven arguments.

off  size  type   field            meaning of DESK, one record
---  ----  -----  ---------------  ----------------------------------------
  0     8  i8     strategy_id      row of this strategy
  8     8  i8     headroom         slots of `intents` that only cancels may use
 16     8  i8     dirty_count      used entries of `dirty`
 24     8  i8     wake_ns          next look at everything
 32     8  i8     backoff_wake_ns  next look at everything because a back-off ends
 40     8  i8     refresh_ns       pause between looks at everything
 48     8  i8     params_addr      the module's PARAMS, a record for each instrument
 56     8  i8     model_addr       the module's STATE, a record for each instrument
 64     8  i8     depth_addr       private copy of one `depth` row
 72     8  i8     position_addr    private copy of one `positions` row
 80     8  i8     caught_up_stamp  latency time when a journal was last asked for
 88     8  i8     midway           bit k: the last tick of ring k was not the last of its datagram
 96     8  i8     midway_ns        logic time since when
104     8  i8     ready_count      instruments to decide on in this step; 0 in the middle of a datagram
112     8  i8     token_ns         message budget: logic time in which one token comes back
120     8  i8     bucket_ns        logic time in which an empty bucket is full again
128     8  i8     spent_until_ns   logic time at which the bucket is full again
136     8  i8     bid_ladder_addr  LADDERs of the instrument that is looked at
144     8  i8     ask_ladder_addr  the other side
152     8  i8     events_addr      EVENTS of queue_position.py for each instrument
160     8  i8     markouts_addr    a MARKOUT for each horizon of each instrument
168     8  i8     live_addr        private copy of one `params` row
176     8  i8     params_row       row of `params` whose version tells of changes
184     8  i8     params_version   that version when they were last taken over
192     8  i8     params_layout    fingerprint that a row of ours carries
200     8  i8     params_words     the module's own parameters
208     8  i8     parts            intents of the decision that was taken last
216     8  i8     executes         1: it trades what others request (requests.py)
224     8  i8     asks_addr        private copies of `requests`
232     8  i8     answers_addr     what `request_states` says, before it is published
240     8  i8     works_addr       a WORK for each requester and instrument
248     8  i8     scan_ns          logic time of the next look at what remains
256     8  i8     settle_ns        logic time until which nothing may remain
264     8  i8     params_first     row of `params` of its first instrument
272    48  i8x6   unused           zero

off  size  type   field            meaning of MARK, one for each instrument
---  ----  -----  ---------------  ----------------------------------------
  0     8  i8     dirty            1: on the list of instruments to look at
  8     8  i8     fresh            1: its channel is contiguous and heard
 16     8  i8     position_seq     report_seq up to which the view's position is complete
 24     8  i8     recv_stamp_ns    datagram of the oldest tick not yet acted on; 0 when none is
 32     8  i8     tick_stamp_ns    publish stamp of that tick
 40     8  i8     cause_seq        ring sequence of the last record that named it
 48     8  i8     cause_ring       input ring of that record: rejects, then reports, then ticks, in topology order
 56     8  i8     pause_until_ns   no quotes before this logic time: the mid jumped
 64     8  i8     anchor_ns        when the newer reference of jumps was taken; 0 before the first
 72     8  i8     anchor_mid2      the mid then, twice
 80     8  i8     older_mid2       the reference before it
 88     8  i8     quality          what rests, for the quoting obligation (obligation.py)
 96     8  i8     quality_ns       since when
104     8  i8     bid_span         slots of the bid side that may be in use: those behind are free
112     8  i8     ask_span         the same for the ask
120     8  i8     mid2             twice the others' mid when it was last seen; 0 before
128     8  i8     seen_seq         venue_seq of the last tick
136     8  i8     events           changes of the book that were told; the last EVENTS are kept
144     8  i8     last_ref         greatest order reference that joined the book
152     8  i8     unmarked         1: fills wait for a horizon of their markout
160     8  i8     instrument_id    row of this record
168     8  i8     reduce_only      1: what is wanted now may only lower the firm's position
176     8  i8     worked_for       executor: requester whose fills these are, or -1
184     8  i8     seen_lots        executor: own position when its fills were last counted
"""

from typing import NamedTuple

import numpy as np

from config.instruments import configured_end
from procs.strategy.ladder import LADDER
from procs.strategy.live_params import apply_quoting, refresh_pause
from procs.strategy.load import load_strategy
from procs.strategy.markout import HORIZONS, MARKOUT
from procs.strategy.params import QUOTING_DTYPE, layout_of, params_of
from procs.strategy.queue_position import EVENT, EVENTS
from procs.strategy.rules import RULES
from procs.strategy.signals.record import new_signals
from procs.strategy.slot import NO_LEVEL, SLOT, SLOT_NONE, SLOTS
from procs.strategy.view import OUT, VIEW
from shm.atomics import address_of
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.records.depth import DEPTH
from shm.records.live_params import LIVE_PARAMS
from shm.records.position import POSITION
from shm.records.request import REQUEST, REQUEST_STATE, REQUESTERS

DESK = np.dtype(
    [
        ("strategy_id", "<i8"),
        ("headroom", "<i8"),
        ("dirty_count", "<i8"),
        ("wake_ns", "<i8"),
        ("backoff_wake_ns", "<i8"),
        ("refresh_ns", "<i8"),
        ("params_addr", "<i8"),
        ("model_addr", "<i8"),
        ("depth_addr", "<i8"),
        ("position_addr", "<i8"),
        ("caught_up_stamp", "<i8"),
        ("midway", "<i8"),
        ("midway_ns", "<i8"),
        ("ready_count", "<i8"),
        ("token_ns", "<i8"),
        ("bucket_ns", "<i8"),
        ("spent_until_ns", "<i8"),
        ("bid_ladder_addr", "<i8"),
        ("ask_ladder_addr", "<i8"),
        ("events_addr", "<i8"),
        ("markouts_addr", "<i8"),
        ("live_addr", "<i8"),
        ("params_row", "<i8"),
        ("params_version", "<i8"),
        ("params_layout", "<i8"),
        ("params_words", "<i8"),
        ("parts", "<i8"),
        ("executes", "<i8"),
        ("asks_addr", "<i8"),
        ("answers_addr", "<i8"),
        ("works_addr", "<i8"),
        ("scan_ns", "<i8"),
        ("settle_ns", "<i8"),
        ("params_first", "<i8"),
        ("unused", "<i8", (6,)),
    ]
)

assert DESK.itemsize == 320

MARK = np.dtype(
    [
        ("dirty", "<i8"),
        ("fresh", "<i8"),
        ("position_seq", "<i8"),
        ("recv_stamp_ns", "<i8"),
        ("tick_stamp_ns", "<i8"),
        ("cause_seq", "<i8"),
        ("cause_ring", "<i8"),
        ("pause_until_ns", "<i8"),
        ("anchor_ns", "<i8"),
        ("anchor_mid2", "<i8"),
        ("older_mid2", "<i8"),
        ("quality", "<i8"),
        ("quality_ns", "<i8"),
        ("bid_span", "<i8"),
        ("ask_span", "<i8"),
        ("mid2", "<i8"),
        ("seen_seq", "<i8"),
        ("events", "<i8"),
        ("last_ref", "<i8"),
        ("unmarked", "<i8"),
        ("instrument_id", "<i8"),
        ("reduce_only", "<i8"),
        ("worked_for", "<i8"),
        ("seen_lots", "<i8"),
    ]
)

assert MARK.itemsize == 192

WORK = np.dtype([("lots", "<i8"), ("need", "<i8")])  # traded for a requester in an instrument; still to be traded
ASK_BYTES, ANSWER_BYTES, WORK_BYTES = REQUEST.itemsize, REQUEST_STATE.itemsize, WORK.itemsize

MS = 1_000_000


class StrategyState(NamedTuple):
    """Rows are instruments unless said otherwise; `slots` has SLOTS rows for the bids, then the asks of each."""

    me: np.ndarray
    exit_request: np.ndarray
    rejects: np.ndarray  # RING_END, consumer
    reports: np.ndarray
    ticks: np.ndarray
    intents: np.ndarray  # RING_END[1], producer
    ids: np.ndarray  # words of the identifier block
    depth: np.ndarray  # TABLE_END[1]
    positions: np.ndarray  # TABLE_END[1]
    params: np.ndarray  # TABLE_END[1]
    requests: np.ndarray  # TABLE_END[1]
    request_states: np.ndarray  # TABLE_END[1]; the executor writes it
    control: np.ndarray  # CONTROL_END[1]
    journal: np.ndarray  # JOURNAL_END[1]
    desk: np.ndarray  # DESK[1]
    rules: np.ndarray
    marks: np.ndarray
    views: np.ndarray
    signals: np.ndarray  # SIGNALS, what the signals in the view are made of
    outs: np.ndarray
    slots: np.ndarray
    dirty: np.ndarray  # instruments to look at
    applied_seq: np.ndarray  # a row for each ring of reports: last report_seq applied
    memory: np.ndarray  # what the addresses in `desk` point into


def rules_of(config, instance: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(RULES[n], VIEW[n] with what never changes, the module's parameters) of one instance. Raises StrategyRefused."""
    chosen = config.strategies[instance]
    strategy = load_strategy(chosen.module)
    rules = np.zeros(len(config.instruments), RULES)
    views = np.zeros(len(rules), VIEW)
    params = np.zeros(len(rules), strategy.params_dtype)
    quoting = np.zeros(len(rules), QUOTING_DTYPE)
    for row, instrument in enumerate(config.instruments):
        where = f"strategy.toml: {instance}, {instrument.symbol}"
        own, common = params_of(where, strategy.params, chosen.params_of(instrument.symbol), strategy.quoting)
        for name, value in own.items():
            params[row][name] = value
        for name, value in common.items():
            quoting[row][name] = value
        rule, view = rules[row], views[row]
        rule["in_universe"] = instrument.symbol in chosen.universe
        rule["quote_tick_ticks"] = view["quote_tick_ticks"] = instrument.quote_tick_ticks
        rule["lot_lots"] = view["lot_lots"] = instrument.lot_lots
        rule["price_ticks_max"] = instrument.price_ticks_max
        rule["unit_micro"] = instrument.multiplier * instrument.price_tick_micro
        rule["intent_life_ns"] = chosen.intent_life_ms * MS
        rule["may_take"] = chosen.executes_for_firm
        rule["backoff_ns"] = chosen.reject_backoff_ms * MS
        apply_quoting(rule, view, quoting[row])
    views["instrument_id"] = np.arange(len(rules))
    return rules, views, params


def _memory(desk, sizes: dict[str, int]) -> np.ndarray:
    """One block with room for `sizes`, each part on its own cache line, and its address in `desk`."""
    lines = {name: (size + 63) // 64 * 64 for name, size in sizes.items()}
    memory = np.zeros(sum(lines.values()) + 64, np.uint8)
    address = address_of(memory) + -address_of(memory) % 64
    for name, size in lines.items():
        desk[name] = address
        address += size
    return memory


def state_of(
    *, me, rings: dict, tables: dict, control, journal, ids, strategy_id: int, headroom: int, config, instance: str
):
    """A StrategyState with everything allocated and every slot free.

    `rings`: RING_END arrays rejects, reports, ticks, intents; `tables`: TABLE_END arrays depth,
    positions, params, requests, request_states.
    """
    strategy = load_strategy(config.strategies[instance].module)
    rules, views, params = rules_of(config, instance)
    rows = len(rules)
    desk = np.zeros(1, DESK)
    sizes = {
        "depth_addr": DEPTH.itemsize,
        "position_addr": POSITION.itemsize,
        "params_addr": params.nbytes,
        "model_addr": rows * strategy.state_dtype.itemsize,
        "bid_ladder_addr": LADDER.itemsize,
        "ask_ladder_addr": LADDER.itemsize,
        "events_addr": rows * EVENTS * EVENT.itemsize,
        "markouts_addr": rows * HORIZONS * MARKOUT.itemsize,
        "live_addr": LIVE_PARAMS.itemsize,
        "asks_addr": REQUESTERS * REQUEST.itemsize,
        "answers_addr": REQUESTERS * REQUEST_STATE.itemsize,
        "works_addr": REQUESTERS * rows * WORK.itemsize,
    }
    memory = _memory(desk[0], sizes)
    start = int(desk[0]["params_addr"]) - address_of(memory)
    memory[start : start + params.nbytes] = params.view(np.uint8)
    desk[0]["refresh_ns"] = refresh_pause(rules)
    desk[0]["strategy_id"] = strategy_id
    desk[0]["executes"] = config.strategies[instance].executes_for_firm
    desk[0]["headroom"] = headroom
    tunable = configured_end(config.instruments)
    desk[0]["params_first"] = strategy_id * tunable
    desk[0]["params_row"] = len(config.topology.of_role("strategy")) * tunable + strategy_id
    desk[0]["params_layout"] = layout_of(strategy.params)
    desk[0]["params_words"] = len(strategy.params)
    desk[0]["token_ns"] = 1_000 * MS // config.strategies[instance].messages_per_second
    desk[0]["bucket_ns"] = desk[0]["token_ns"] * config.strategies[instance].messages_burst
    slots = np.zeros(2 * SLOTS * rows, SLOT)
    slots["state"] = SLOT_NONE
    slots["level"] = NO_LEVEL
    slots["side"] = np.where(np.arange(len(slots)) // SLOTS % 2 == 0, SIDE_BUY, SIDE_SELL)
    marks = np.zeros(rows, MARK)
    marks["instrument_id"] = np.arange(rows)
    marks["worked_for"] = -1
    return StrategyState(
        me=me,
        exit_request=np.zeros(1, np.int64),
        **rings,
        ids=ids,
        **tables,
        control=control,
        journal=journal,
        desk=desk,
        rules=rules,
        marks=marks,
        views=views,
        signals=new_signals(rows),
        outs=np.zeros(rows, OUT),
        slots=slots,
        dirty=np.zeros(rows, np.int64),
        applied_seq=np.zeros(max(1, len(rings["reports"])), np.int64),
        memory=memory,
    )
