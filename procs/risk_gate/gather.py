"""Gather: read what the checks compare an intent with, once, into the CASE row.

The decision stamp is taken before the channel row is read, and the row must then be FRESH with an older fresh stamp.
feed_handler publishes STALE before it takes the stale stamp, so no pass has a stamp inside a stale interval.
"""

from procs.risk_gate.checks import QTY_BOUND, limits_row_is_set, reference_of
from procs.risk_gate.exposure import (
    FAMILY_MAX,
    NO_SLOT,
    family_leaves,
    family_size,
    find_intent,
    has_room,
    open_side,
    pair_of,
    replace_leaves,
)
from procs.risk_gate.rate import nth_pass_ns
from procs.risk_gate.state import (
    CANCEL_RETRY_NS,
    CHANNEL_ADDR,
    INSTRUMENTS_ADDR,
    LIMITS_ADDR,
    STAMP_TRIES,
    TOP_ADDR,
)
from shm.codes import (
    CHANNEL_FRESH,
    INTENT_REPLACE,
    PASS,
    REJECT_ALREADY_CANCELLING,
    REJECT_NO_LIMITS,
    REJECT_UNKNOWN_TARGET,
)
from shm.control import control_state
from shm.instance import stamp
from shm.jit import hot
from shm.latest import latest_read, latest_version
from shm.records.instrument import INSTRUMENT
from shm.records.limits import LIMITS

LIMITS_BYTES = LIMITS.itemsize
INSTRUMENT_BYTES = INSTRUMENT.itemsize


@hot
def limits_of(state, row):
    """PASS when the copy of limits row `row` is the newest and every limit in it is set; else REJECT_NO_LIMITS."""
    version = latest_version(state.limits[0], row)
    if version != state.limit_versions[row] or version == 0:
        version = latest_read(state.limits[0], row, state.words[LIMITS_ADDR] + row * LIMITS_BYTES)
        state.limit_versions[row] = version
        if version > 0:
            strategies, instruments = state.allowed.shape
            state.limit_codes[row] = limits_row_is_set(state.limit_rows[row], row, instruments, strategies)
        else:
            state.limit_codes[row] = REJECT_NO_LIMITS
    return state.limit_codes[row]


@hot
def instrument_known(state, instrument_id):
    """1 when the copy of the instrument's row is the newest and names a session that exists. Index in range."""
    version = latest_version(state.instruments[0], instrument_id)
    if version != state.instrument_versions[instrument_id] or version == 0:
        address = state.words[INSTRUMENTS_ADDR] + instrument_id * INSTRUMENT_BYTES
        version = latest_read(state.instruments[0], instrument_id, address)
        state.instrument_versions[instrument_id] = version
    session = state.instrument_rows[instrument_id]["session_id"]
    return 1 if version > 0 and 0 <= session < state.orders.shape[0] else 0


@hot
def _gather_market(state, case, instrument_id, now_ns):
    """Top, then stamp, then channel: the order that the decision stamp needs."""
    instrument = state.instrument_rows[instrument_id]
    case["price_max"] = instrument["price_ticks_max"]
    case["tick"] = instrument["quote_tick_ticks"]
    case["lot"] = instrument["lot_lots"]
    case["unit"] = instrument["multiplier"] * instrument["price_tick_micro"]
    case["trading_state"] = 0
    case["reference2"] = 0
    case["age_ns"] = 0
    if latest_read(state.tops[0], instrument_id, state.words[TOP_ADDR]) > 0:
        top = state.top[0]
        case["trading_state"] = top["trading_state"]
        case["reference2"] = reference_of(top["bid_price_ticks"], top["ask_price_ticks"])
        case["age_ns"] = now_ns - top["changed_ns"]
    channel = state.channel[0]
    case["channel_state"] = 0
    case["channel_stale_stamp_ns"] = 0
    case["silence_ns"] = 0
    for _ in range(STAMP_TRIES):
        case["pass_stamp_ns"] = stamp(state.me[0])
        if latest_read(state.channels[0], instrument["channel_id"], state.words[CHANNEL_ADDR]) <= 0:
            return
        case["channel_stale_stamp_ns"] = channel["stale_stamp_ns"]
        case["silence_ns"] = now_ns - channel["heard_ns"]
        if channel["state"] != CHANNEL_FRESH:
            case["channel_state"] = channel["state"]
            return
        if case["pass_stamp_ns"] > channel["fresh_stamp_ns"]:
            case["channel_state"] = CHANNEL_FRESH
            return


@hot
def cancel_is_pending(order, stamp_ns):
    """1 while a cancel of this open order is on its way; one unanswered for CANCEL_RETRY_NS counts no more."""
    return 1 if order["cancelling"] == 1 and stamp_ns - order["cancel_stamp_ns"] <= CANCEL_RETRY_NS else 0


@hot
def _gather_target(state, case, intent, instrument_id, strategy_id):
    """The order that a REPLACE means, and what the intent adds to open lots and open orders."""
    exposure = state.exposure
    qty = intent["qty_lots"]
    bounded = 0 < qty <= QTY_BOUND
    case["target"] = PASS
    case["target_side"] = 0
    case["target_slot"] = NO_SLOT
    case["added_lots"] = qty if bounded else 0
    case["added_orders"] = 1
    if case["kind"] != INTENT_REPLACE:
        return
    case["added_lots"] = 0
    case["added_orders"] = 0
    slot = find_intent(exposure, intent["target_intent_id"])
    if slot == NO_SLOT:
        case["target"] = REJECT_UNKNOWN_TARGET
        return
    order = exposure.slots[slot]
    if order["strategy_id"] != strategy_id or order["instrument_id"] != instrument_id:
        case["target"] = REJECT_UNKNOWN_TARGET
        return
    case["target_side"] = order["side"]
    case["target_slot"] = slot
    case["target_order_id"] = order["order_id"]
    if order["cancelling"] == 1 or order["child"] != NO_SLOT or family_size(exposure, slot) >= FAMILY_MAX:
        case["target"] = REJECT_ALREADY_CANCELLING
    if bounded:
        case["added_lots"] = max(0, replace_leaves(exposure, slot, qty) - family_leaves(exposure, slot))


@hot
def _gather_exposure(state, case, instrument_id, strategy_id):
    exposure = state.exposure
    instruments = state.allowed.shape[1]
    limits = state.limit_rows[instrument_id]
    holding = exposure.by_instrument[instrument_id]
    case["position"] = holding["position"]
    case["open_lots"] = open_side(holding, case["side"])
    case["orders_instrument"] = holding["orders"]
    case["qty_max"] = limits["qty_lots_max"]
    case["notional_max"] = limits["notional_micro_max"]
    case["collar_bps"] = limits["collar_bps"]
    case["position_max"] = limits["position_lots_max"]
    case["orders_instrument_max"] = limits["open_orders_max"]
    case["age_max"] = limits["age_ns_max"]
    case["silence_max"] = limits["channel_silence_ns_max"]
    case["limits_version"] = limits["version"]
    limits = state.limit_rows[instruments + strategy_id]
    pair = exposure.by_pair[pair_of(exposure, strategy_id, instrument_id)]
    case["strategy_position"] = pair["position"]
    case["strategy_open"] = open_side(pair, case["side"])
    case["strategy_max"] = limits["strategy_lots_max"]
    case["orders_strategy"] = exposure.by_strategy[strategy_id]["orders"]
    case["orders_strategy_max"] = limits["open_orders_max"]
    case["strategy_window_ns"] = limits["rate_window_ns"]
    case["strategy_rate_max"] = limits["rate_orders_max"]
    case["strategy_nth_ns"] = nth_pass_ns(state.pass_ns, state.pass_count, strategy_id, limits["rate_orders_max"])
    firm = state.allowed.shape[0]
    limits = state.limit_rows[instruments + firm]
    case["orders_firm"] = exposure.by_firm[0]["orders"]
    case["orders_firm_max"] = limits["open_orders_max"]
    case["firm_window_ns"] = limits["rate_window_ns"]
    case["firm_rate_max"] = limits["rate_orders_max"]
    case["firm_nth_ns"] = nth_pass_ns(state.pass_ns, state.pass_count, firm, limits["rate_orders_max"])


@hot
def any_behind(state):
    """1 while any stream of reports is not applied to its end."""
    for session in range(state.behind.shape[0]):
        if state.behind[session] != 0:
            return 1
    return 0


@hot
def gather(state, strategy_id, intent, now_ns):
    """Fill state.case[0] for a NEW or REPLACE that came through ring `strategy_id`; rooms are the caller's to fill.

    The ring proves the strategy: an intent that names another one is answered like a foreign instrument.
    """
    case = state.case[0]
    instrument_id = int(intent["instrument_id"])
    strategies, instruments = state.allowed.shape
    case["kind"] = intent["kind"]
    case["tif"] = intent["tif"]
    case["side"] = intent["side"]
    case["intent_id"] = intent["intent_id"]
    case["last_intent_id"] = state.last_intent_id[strategy_id]
    case["expires_ns"] = intent["expires_ns"]
    case["now_ns"] = now_ns
    case["price"] = intent["price_ticks"]
    case["qty"] = intent["qty_lots"]
    case["instrument"] = 0
    case["target_side"] = 0
    case["target_slot"] = NO_SLOT
    case["target_order_id"] = 0
    case["order_id"] = 0
    case["limits_version"] = 0
    case["reference2"] = 0
    case["channel_state"] = 0
    case["channel_stale_stamp_ns"] = 0
    case["session"] = -1
    if instrument_id < 0 or instrument_id >= instruments or int(intent["strategy_id"]) != strategy_id:
        case["pass_stamp_ns"] = stamp(state.me[0])
        return
    if state.allowed[strategy_id, instrument_id] != 1 or instrument_known(state, instrument_id) == 0:
        case["pass_stamp_ns"] = stamp(state.me[0])
        return
    case["instrument"] = PASS
    case["session"] = state.instrument_rows[instrument_id]["session_id"]
    if find_intent(state.exposure, intent["intent_id"]) != NO_SLOT:  # another strategy's open order: ids are the firm's
        case["last_intent_id"] = max(case["last_intent_id"], intent["intent_id"])
    case["limits"] = PASS
    if limits_of(state, instrument_id) != PASS or limits_of(state, instruments + strategy_id) != PASS:
        case["limits"] = REJECT_NO_LIMITS
    if limits_of(state, instruments + strategies) != PASS:
        case["limits"] = REJECT_NO_LIMITS
    case["behind"] = any_behind(state)
    case["state"] = control_state(state.control[0], case["session"], strategy_id, instrument_id)
    case["state_room"] = has_room(state.exposure)
    _gather_target(state, case, intent, instrument_id, strategy_id)
    _gather_exposure(state, case, instrument_id, strategy_id)
    _gather_market(state, case, instrument_id, now_ns)
