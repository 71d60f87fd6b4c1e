"""Gather: read what the checks compare an intent with, once, into the CASE row.

The decision stamp is taken before the channel row is read, and the row must then be FRESH with an older fresh stamp.
feed_handler publishes STALE before it takes the stale stamp, so no pass has a stamp inside a stale interval.
"""

from procs.risk_gate.checks import QTY_BOUND, limits_row_is_set, reference_of
from procs.risk_gate.exposure import (
    BOOK,
    FAMILY_MAX,
    NO_SLOT,
    family_leaves,
    family_size,
    find_slot,
    firm_holding,
    has_room,
    instrument_holding,
    open_side,
    order_at,
    pair_holding,
    replace_leaves,
    strategy_holding,
)
from procs.risk_gate.rate import nth_pass_ns
from procs.risk_gate.state import (
    CANCEL_RETRY_NS,
    COPY,
    COPY_BYTES,
    INSTRUMENT_BYTES,
    LIMITS_BYTES,
    STAMP_TRIES,
    case_of,
    desk_at,
    instrument_at,
    is_allowed,
    limits_at,
    stream_at,
    table_at,
)
from shm.atomics import record_at
from shm.codes import (
    CHANNEL_FRESH,
    INTENT_REPLACE,
    PASS,
    REJECT_ALREADY_CANCELLING,
    REJECT_INSTRUMENT,
    REJECT_NO_LIMITS,
    REJECT_UNKNOWN_TARGET,
)
from shm.control import control_state
from shm.instance import stamp
from shm.jit import hot
from shm.latest import latest_read, latest_version
from shm.records.channel import CHANNEL
from shm.records.control_end import CONTROL_END
from shm.records.instance_end import INSTANCE_END
from shm.records.top import TOP


@hot
def limits_of(gate, row):
    """PASS when the copy of limits row `row` is the newest and every limit in it is set; else REJECT_NO_LIMITS."""
    table = table_at(gate["limits_addr"])
    copy = record_at(gate["limit_copies_addr"] + row * COPY_BYTES, COPY)
    version = latest_version(table, row)
    if version != copy["version"] or version == 0:
        version = latest_read(table, row, gate["limit_rows_addr"] + row * LIMITS_BYTES)
        copy["version"] = version
        copy["code"] = REJECT_NO_LIMITS
        if version > 0:
            copy["code"] = limits_row_is_set(limits_at(gate, row), row, gate["instruments"], gate["strategies"])
    return copy["code"]


@hot
def instrument_of(gate, instrument_id):
    """PASS when the copy of the instrument's row is the newest and names a session that exists. Index in range."""
    table = table_at(gate["instruments_addr"])
    copy = record_at(gate["instrument_copies_addr"] + instrument_id * COPY_BYTES, COPY)
    version = latest_version(table, instrument_id)
    if version != copy["version"] or version == 0:
        version = latest_read(table, instrument_id, gate["instrument_rows_addr"] + instrument_id * INSTRUMENT_BYTES)
        copy["version"] = version
        session = instrument_at(gate, instrument_id)["session_id"]
        copy["code"] = PASS if version > 0 and 0 <= session < gate["sessions"] else REJECT_INSTRUMENT
    return copy["code"]


@hot
def read_channel(gate, instrument_id):
    """Copy the instrument's channel row; returns the copy's state, 0 when it cannot be read."""
    channel_id = instrument_at(gate, instrument_id)["channel_id"]
    if latest_read(table_at(gate["channels_addr"]), channel_id, gate["channel_addr"]) <= 0:
        return 0
    return int(record_at(gate["channel_addr"], CHANNEL)["state"])


@hot
def _gather_top(gate, case, instrument_id, now_ns):
    instrument = instrument_at(gate, instrument_id)
    case["price_max"] = instrument["price_ticks_max"]
    case["tick"] = instrument["quote_tick_ticks"]
    case["lot"] = instrument["lot_lots"]
    case["unit"] = instrument["multiplier"] * instrument["price_tick_micro"]
    case["trading_state"] = 0
    case["reference2"] = 0
    case["age_ns"] = 0
    if latest_read(table_at(gate["tops_addr"]), instrument_id, gate["top_addr"]) > 0:
        top = record_at(gate["top_addr"], TOP)
        case["trading_state"] = top["trading_state"]
        case["reference2"] = reference_of(top["bid_price_ticks"], top["ask_price_ticks"])
        case["age_ns"] = now_ns - top["changed_ns"]


@hot
def _gather_channel(gate, case, instrument_id, now_ns):
    """Stamp, then channel: the order that the decision stamp needs."""
    me = record_at(gate["me_addr"], INSTANCE_END)
    channel = record_at(gate["channel_addr"], CHANNEL)
    case["silence_ns"] = 0
    for _ in range(STAMP_TRIES):
        case["pass_stamp_ns"] = stamp(me)
        state = read_channel(gate, instrument_id)
        if state == 0:
            return
        case["channel_stale_stamp_ns"] = channel["stale_stamp_ns"]
        case["silence_ns"] = now_ns - channel["heard_ns"]
        if state != CHANNEL_FRESH or case["pass_stamp_ns"] > channel["fresh_stamp_ns"]:
            case["channel_state"] = state
            return


@hot
def cancel_is_pending(order, stamp_ns):
    """1 while a cancel of this open order is on its way; one unanswered for CANCEL_RETRY_NS counts no more."""
    return 1 if order["cancelling"] == 1 and stamp_ns - order["cancel_stamp_ns"] <= CANCEL_RETRY_NS else 0


@hot
def _gather_target(book, by_intent, case, target_intent_id, instrument_id, strategy_id):
    """The order that a REPLACE means, and what the intent adds to open lots and open orders."""
    qty = case["qty"]
    bounded = 0 < qty <= QTY_BOUND
    case["target"] = PASS
    case["added_lots"] = qty if bounded else 0
    case["added_orders"] = 1
    if case["kind"] != INTENT_REPLACE:
        return
    case["added_lots"] = 0
    case["added_orders"] = 0
    case["target"] = REJECT_UNKNOWN_TARGET
    slot = find_slot(by_intent, target_intent_id)
    if slot == NO_SLOT:
        return
    order = order_at(book, slot)
    if order["strategy_id"] != strategy_id or order["instrument_id"] != instrument_id:
        return
    case["target"] = PASS
    case["target_side"] = order["side"]
    case["target_slot"] = slot
    case["target_order_id"] = order["order_id"]
    if order["cancelling"] == 1 or order["child"] != NO_SLOT or family_size(book, slot) >= FAMILY_MAX:
        case["target"] = REJECT_ALREADY_CANCELLING
    if bounded:
        case["added_lots"] = max(0, replace_leaves(book, slot, qty) - family_leaves(book, slot))


@hot
def _gather_exposure(gate, book, case, instrument_id, strategy_id):
    limits = limits_at(gate, instrument_id)
    holding = instrument_holding(book, instrument_id)
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
    limits = limits_at(gate, gate["instruments"] + strategy_id)
    pair = pair_holding(book, strategy_id, instrument_id)
    case["strategy_position"] = pair["position"]
    case["strategy_open"] = open_side(pair, case["side"])
    case["strategy_max"] = limits["strategy_lots_max"]
    case["orders_strategy"] = strategy_holding(book, strategy_id)["orders"]
    case["orders_strategy_max"] = limits["open_orders_max"]
    case["strategy_window_ns"] = limits["rate_window_ns"]
    case["strategy_rate_max"] = limits["rate_orders_max"]
    case["strategy_nth_ns"] = nth_pass_ns(desk_at(gate, strategy_id), limits["rate_orders_max"])
    limits = limits_at(gate, gate["instruments"] + gate["strategies"])
    case["orders_firm"] = firm_holding(book)["orders"]
    case["orders_firm_max"] = limits["open_orders_max"]
    case["firm_window_ns"] = limits["rate_window_ns"]
    case["firm_rate_max"] = limits["rate_orders_max"]
    case["firm_nth_ns"] = nth_pass_ns(desk_at(gate, gate["strategies"]), limits["rate_orders_max"])


@hot
def any_behind(gate):
    """1 while any stream of reports is not applied to its end."""
    behind = 0
    for session in range(gate["sessions"]):
        behind |= stream_at(gate, session)["behind"]
    return behind


@hot
def _gather_limits(gate, instrument_id, strategy_id):
    """PASS when the rows of the instrument, the strategy and the firm may be used."""
    if limits_of(gate, instrument_id) != PASS or limits_of(gate, gate["instruments"] + strategy_id) != PASS:
        return REJECT_NO_LIMITS
    return limits_of(gate, gate["instruments"] + gate["strategies"])


@hot
def _gather_intent(gate, case, strategy_id, intent, now_ns):
    """What the intent says, and the answer fields at rest."""
    case["kind"] = intent["kind"]
    case["tif"] = intent["tif"]
    case["side"] = intent["side"]
    case["intent_id"] = intent["intent_id"]
    case["last_intent_id"] = desk_at(gate, strategy_id)["last_intent_id"]
    case["expires_ns"] = intent["expires_ns"]
    case["now_ns"] = now_ns
    case["price"] = intent["price_ticks"]
    case["qty"] = intent["qty_lots"]
    case["instrument"] = REJECT_INSTRUMENT
    case["target_side"] = 0
    case["target_slot"] = NO_SLOT
    case["target_order_id"] = 0
    case["order_id"] = 0
    case["limits_version"] = 0
    case["reference2"] = 0
    case["channel_state"] = 0
    case["channel_stale_stamp_ns"] = 0
    case["session"] = -1


@hot
def _is_known(gate, strategy_id, intent):
    """1 when the intent names a known instrument of its own strategy's universe. The ring proves the strategy."""
    instrument_id = int(intent["instrument_id"])
    if instrument_id < 0 or instrument_id >= gate["instruments"] or int(intent["strategy_id"]) != strategy_id:
        return 0
    return 1 if is_allowed(gate, strategy_id, instrument_id) == 1 and instrument_of(gate, instrument_id) == PASS else 0


@hot
def gather(gate, by_intent, strategy_id, intent, now_ns):
    """Fill the gate's CASE for a NEW or REPLACE from the ring of `strategy_id`; the rooms outside are the caller's."""
    case = case_of(gate)
    _gather_intent(gate, case, strategy_id, intent, now_ns)
    if _is_known(gate, strategy_id, intent) == 0:
        case["pass_stamp_ns"] = stamp(record_at(gate["me_addr"], INSTANCE_END))
        return
    instrument_id = int(intent["instrument_id"])
    book = record_at(gate["book_addr"], BOOK)
    case["instrument"] = PASS
    case["session"] = instrument_at(gate, instrument_id)["session_id"]
    if find_slot(by_intent, case["intent_id"]) != NO_SLOT:  # another strategy's open order: ids are the firm's
        case["last_intent_id"] = max(case["last_intent_id"], case["intent_id"])
    case["limits"] = _gather_limits(gate, instrument_id, strategy_id)
    case["behind"] = any_behind(gate)
    control = record_at(gate["control_addr"], CONTROL_END)
    case["state"] = control_state(control, case["session"], strategy_id, instrument_id)
    case["state_room"] = has_room(book)
    _gather_target(book, by_intent, case, intent["target_intent_id"], instrument_id, strategy_id)
    _gather_exposure(gate, book, case, instrument_id, strategy_id)
    _gather_top(gate, case, instrument_id, now_ns)
    _gather_channel(gate, case, instrument_id, now_ns)
