"""Gather: find what the checks compare an intent with, once, into the CASE row; the limits stay where they are.

The decision stamp is taken before the channel row is read, and the row must then be FRESH with an older fresh stamp.
feed_handler publishes STALE before it takes the stale stamp, so no pass has a stamp inside a stale interval.
"""

from procs.risk_gate.checks import reference_of
from procs.risk_gate.exposure import (
    FAMILY_MAX,
    family_leaves,
    family_size,
    family_value,
    find_slot,
    has_room,
    mark_position,
    replace_leaves,
)
from procs.risk_gate.holds import check_count, is_released
from procs.risk_gate.limit_rows import end_overrides, take_limits
from procs.risk_gate.losses import take_risk
from procs.risk_gate.money import QTY_BOUND, unit_room
from procs.risk_gate.own_orders import best_price, best_slot
from procs.risk_gate.portfolio import take_scale
from procs.risk_gate.reducing import state_for
from procs.risk_gate.rows import (
    ACCOUNT,
    ACCOUNT_BYTES,
    HOLDING_BYTES,
    NO_SLOT,
    SCALE_BYTES,
    SUMS_BYTES,
    account_at,
    order_at,
)
from procs.risk_gate.state import (
    CANCEL_RETRY_NS,
    STAMP_TRIES,
    book_of,
    case_of,
    desk_at,
    is_allowed,
    stream_at,
    table_at,
)
from procs.risk_gate.venue_rejects import storm_of
from shm.atomics import record_at
from shm.codes import (
    CHANNEL_FRESH,
    INTENT_REPLACE,
    KIND_FUTURE,
    KIND_OPTION,
    PASS,
    REJECT_ALREADY_CANCELLING,
    REJECT_INSTRUMENT,
    REJECT_NO_LIMITS,
    REJECT_UNKNOWN_TARGET,
    RISK_SCOPE_FIRM,
    RISK_SCOPE_STRATEGY,
    SIDE_BUY,
    SIDE_SELL,
)
from shm.control import control_state
from shm.instance import stamp
from shm.jit import hot, hot_inline
from shm.latest import READ_TRIES_MAX, latest_peek, latest_read, latest_stands, latest_version, latest_version_at
from shm.records.channel import CHANNEL
from shm.records.control_end import CONTROL_END
from shm.records.instance_end import INSTANCE_END
from shm.records.instrument import INSTRUMENT
from shm.records.top import TOP

PRICE_NEVER = 1 << 62  # where a band that is not used starts


# --- rows that rarely change -----------------------------------------------------------------------------------------


@hot
def _take_bands(account, instrument):
    """The dated table if there is one, else the one quoting step."""
    account["band_tick_0"] = instrument["quote_tick_ticks"]
    account["band_from_1"] = PRICE_NEVER
    account["band_from_2"] = PRICE_NEVER
    account["band_from_3"] = PRICE_NEVER
    if instrument["band_tick_ticks"][0] != 0:
        account["band_tick_0"] = instrument["band_tick_ticks"][0]
    if instrument["band_tick_ticks"][1] != 0:
        account["band_from_1"] = instrument["band_from_ticks"][1]
        account["band_tick_1"] = instrument["band_tick_ticks"][1]
    if instrument["band_tick_ticks"][2] != 0:
        account["band_from_2"] = instrument["band_from_ticks"][2]
        account["band_tick_2"] = instrument["band_tick_ticks"][2]
    if instrument["band_tick_ticks"][3] != 0:
        account["band_from_3"] = instrument["band_from_ticks"][3]
        account["band_tick_3"] = instrument["band_tick_ticks"][3]


@hot
def _take_rules(account, instrument):
    account["price_max"] = instrument["price_ticks_max"]
    account["lot"] = instrument["lot_lots"]
    account["unit"] = instrument["multiplier"] * instrument["price_tick_micro"]
    account["unit_room"] = unit_room(account["unit"])
    account["channel_id"] = instrument["channel_id"]
    account["session_id"] = instrument["session_id"]
    account["underlying"] = int(instrument["underlying_id"])
    kind = int(instrument["kind"])
    account["equity"] = 0 if kind == KIND_FUTURE or kind == KIND_OPTION else 1
    low, high = instrument["luld_low_ticks"], instrument["luld_high_ticks"]
    account["luld_low"] = low if low >= 0 and high >= 0 else PRICE_NEVER  # a band that cannot be allows nothing
    account["luld_high"] = high if high != 0 else PRICE_NEVER
    _take_bands(account, instrument)


@hot
def instrument_of(gate, instrument_id):
    """PASS when the copy of the instrument's row is the newest and its session and underlying exist. Index in range."""
    table = table_at(gate["instruments_addr"])
    account = account_at(book_of(gate), instrument_id)
    version = latest_version(table, instrument_id)
    if version != account["rules_seen"] or version == 0:
        version = latest_read(table, instrument_id, gate["instrument_addr"])
        account["rules_seen"] = version
        _take_rules(account, record_at(gate["instrument_addr"], INSTRUMENT))
        session, underlying = account["session_id"], account["underlying"]
        known = 0 <= session < gate["sessions"] and 0 <= underlying < gate["instruments"]
        account["rules_code"] = PASS if version > 0 and known else REJECT_INSTRUMENT
    return account["rules_code"]


# --- the market ------------------------------------------------------------------------------------------------------


@hot
def read_channel(gate, instrument_id):
    """Copy the instrument's channel row; returns the copy's state, 0 when it cannot be read."""
    channel_id = account_at(book_of(gate), instrument_id)["channel_id"]
    if latest_read(table_at(gate["channels_addr"]), channel_id, gate["channel_addr"]) <= 0:
        return 0
    return int(record_at(gate["channel_addr"], CHANNEL)["state"])


@hot_inline
def _gather_top(gate, case, instrument_id, strategy_id, now_ns):
    """The touches; where they give a reference, the positions of the instrument are worth it from now on."""
    table = table_at(gate["tops_addr"])
    for _ in range(READ_TRIES_MAX):
        version = latest_version(table, instrument_id)
        if version == 0:
            return
        top = record_at(latest_peek(table, instrument_id, version), TOP)
        trading_state, flags = top["trading_state"], int(top["flags"])
        bid, ask, changed_ns = top["bid_price_ticks"], top["ask_price_ticks"], top["changed_ns"]
        if latest_stands(table, instrument_id, version) == 1:
            case["trading_state"] = trading_state
            case["top_flags"] = flags
            case["bid"] = bid
            case["ask"] = ask
            case["age_ns"] = now_ns - changed_ns
            case["reference2"] = reference_of(bid, ask)
            if case["reference2"] > 1:
                mark_position(book_of(gate), strategy_id, instrument_id, case["reference2"] >> 1)
            return


@hot_inline
def _look_at_channel(table, channel_id):
    """(state, heard, stale stamp, fresh stamp) of the newest row; state 0 when it cannot be read."""
    for _ in range(READ_TRIES_MAX):
        version = latest_version(table, channel_id)
        if version == 0:
            break
        channel = record_at(latest_peek(table, channel_id, version), CHANNEL)
        state, heard_ns = int(channel["state"]), channel["heard_ns"]
        stale_stamp_ns, fresh_stamp_ns = channel["stale_stamp_ns"], channel["fresh_stamp_ns"]
        if latest_stands(table, channel_id, version) == 1:
            return state, heard_ns, stale_stamp_ns, fresh_stamp_ns
    return 0, 0, 0, 0


@hot_inline
def _gather_channel(gate, case, now_ns):
    """Stamp, then channel: the order that the decision stamp needs."""
    me, table = record_at(gate["me_addr"], INSTANCE_END), table_at(gate["channels_addr"])
    channel_id = record_at(case["instrument_addr"], ACCOUNT)["channel_id"]
    for _ in range(STAMP_TRIES):
        case["pass_stamp_ns"] = stamp(me)
        state, heard_ns, stale_stamp_ns, fresh_stamp_ns = _look_at_channel(table, channel_id)
        if state == 0:
            return
        case["channel_stale_stamp_ns"] = stale_stamp_ns
        case["silence_ns"] = now_ns - heard_ns
        if state != CHANNEL_FRESH or case["pass_stamp_ns"] > fresh_stamp_ns:
            case["channel_state"] = state
            return


# --- the order that is meant ------------------------------------------------------------------------------------------


@hot
def cancel_is_pending(order, stamp_ns):
    """1 while a cancel of this open order is on its way; one unanswered for CANCEL_RETRY_NS counts no more."""
    return 1 if order["cancelling"] == 1 and stamp_ns - order["cancel_stamp_ns"] <= CANCEL_RETRY_NS else 0


@hot
def reduce_is_pending(order, stamp_ns):
    """The same for a reduce."""
    return 1 if order["reducing"] == 1 and stamp_ns - order["reduce_stamp_ns"] <= CANCEL_RETRY_NS else 0


@hot_inline
def _gather_target(book, by_intent, case, target_intent_id, instrument_id, strategy_id):
    """The order that a REPLACE means, and what the intent adds to open lots and open orders."""
    qty = case["qty"]
    bounded = 0 < qty <= QTY_BOUND
    case["target"] = PASS
    case["open_after"] = qty
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
    case["target_short"] = order["short"]
    case["family_lots"] = family_leaves(book, slot)
    if order["cancelling"] == 1 or order["child"] != NO_SLOT or family_size(book, slot) >= FAMILY_MAX:
        case["target"] = REJECT_ALREADY_CANCELLING
    if bounded:
        case["open_after"] = replace_leaves(book, slot, qty)
        case["added_lots"] = max(0, case["open_after"] - case["family_lots"])
        case["family_value"] = family_value(book, slot)


# --- all of it -------------------------------------------------------------------------------------------------------


@hot_inline
def _gather_own(case):
    """The firm's best open order that it might trade with. A replace keeps its side, so its family is never there."""
    account, side = record_at(case["instrument_addr"], ACCOUNT), SIDE_SELL if case["side"] == SIDE_BUY else SIDE_BUY
    case["own_open"] = 1 if best_slot(account, side) != NO_SLOT else 0
    case["own_price"] = best_price(account, side)


@hot_inline
def _gather_rows(book, case, instrument_id, strategy_id):
    """Where the checks find sums and limits."""
    accounts_addr, instruments = book["accounts_addr"], book["instruments"]
    case["instrument_addr"] = accounts_addr + instrument_id * ACCOUNT_BYTES
    case["strategy_addr"] = accounts_addr + (instruments + strategy_id) * ACCOUNT_BYTES
    case["firm_addr"] = accounts_addr + (instruments + book["strategies"]) * ACCOUNT_BYTES
    case["pair_addr"] = book["pairs_addr"] + (strategy_id * instruments + instrument_id) * HOLDING_BYTES
    account = account_at(book, instrument_id)
    case["session"] = account["session_id"]
    case["underlying_addr"] = accounts_addr + account["underlying"] * ACCOUNT_BYTES
    case["scale_addr"] = book["scales_addr"] + instrument_id * SCALE_BYTES
    case["sums_addr"] = book["sums_addr"] + account["underlying"] * SUMS_BYTES


@hot_inline
def any_behind(gate):
    """1 while any stream of reports is not applied to its end."""
    behind = 0
    for session in range(gate["sessions"]):
        behind |= stream_at(gate, session)["behind"]
    return behind


@hot_inline
def _row_code(gate, rows_addr, stride, account, row, now_ns):
    """`limits_of` for a row in range. A row that was never seen has no PASS."""
    if latest_version_at(rows_addr, stride, row) == account["limits_seen"]:
        return account["limits_code"]
    return take_limits(gate, row, now_ns)


@hot_inline
def _gather_limits(gate, case, instrument_id, strategy_id, now_ns):
    """PASS when the rows of instrument, underlying, strategy and firm may be used; notes the newest version of them."""
    if now_ns >= gate["limits_expire_ns"]:
        end_overrides(gate, now_ns)
    table = table_at(gate["limits_addr"])
    rows_addr, stride = table["rows_addr"], table["stride"]
    strategy_row, firm_row = gate["instruments"] + strategy_id, gate["instruments"] + book_of(gate)["strategies"]
    instrument = record_at(case["instrument_addr"], ACCOUNT)
    strategy, firm = record_at(case["strategy_addr"], ACCOUNT), record_at(case["firm_addr"], ACCOUNT)
    own = _row_code(gate, rows_addr, stride, instrument, instrument_id, now_ns)
    desk = _row_code(gate, rows_addr, stride, strategy, strategy_row, now_ns)
    whole = _row_code(gate, rows_addr, stride, firm, firm_row, now_ns)
    version = max(instrument["version"], strategy["version"], firm["version"])
    row = instrument["underlying"]
    if row != instrument_id:
        underlying = record_at(case["underlying_addr"], ACCOUNT)
        if _row_code(gate, rows_addr, stride, underlying, row, now_ns) != PASS:
            own = REJECT_NO_LIMITS
        version = max(version, underlying["version"])
    case["limits_version"] = version
    return PASS if own == PASS and desk == PASS and whole == PASS else REJECT_NO_LIMITS


@hot_inline
def scale_of(gate, instrument_id):
    """Count the instrument by its newest row of `greeks`. Returns 1 when something changed."""
    return take_scale(book_of(gate), table_at(gate["greeks_addr"]), gate["greek_row_addr"], instrument_id)


@hot_inline
def _gather_risk(gate, instrument_id, strategy_id):
    """The newest rows of risk_engine, where anything is limited by them."""
    book, rows = book_of(gate), gate["instruments"]
    if account_at(book, account_at(book, instrument_id)["underlying"])["watched"] == 1:
        scale_of(gate, instrument_id)
    strategy, firm = account_at(book, rows + strategy_id), account_at(book, rows + book["strategies"])
    if strategy["watched"] == 1:
        take_risk(gate, strategy, 1 + strategy_id, RISK_SCOPE_STRATEGY, strategy_id)
    if firm["watched"] == 1:
        take_risk(gate, firm, 0, RISK_SCOPE_FIRM, 0)


@hot_inline
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
    case["target_slot"] = NO_SLOT
    case["session"] = -1
    case["trading_state"] = 0
    case["bid"] = 0
    case["ask"] = 0
    case["reference2"] = 0
    case["age_ns"] = 0
    case["channel_state"] = 0
    case["silence_ns"] = 0
    case["top_flags"] = 0
    case["target_side"] = 0
    case["target_order_id"] = 0
    case["family_value"] = 0
    case["family_lots"] = 0
    case["target_short"] = 0
    case["own_open"] = 0
    case["released"] = 0
    case["storm"] = 0
    case["order_id"] = 0
    case["channel_stale_stamp_ns"] = 0
    case["limits_version"] = 0
    case["short"] = 0


@hot_inline
def _is_known(gate, strategy_id, intent):
    """1 when the intent names a known instrument of its own strategy's universe. The ring proves the strategy."""
    instrument_id = int(intent["instrument_id"])
    if instrument_id < 0 or instrument_id >= gate["instruments"] or int(intent["strategy_id"]) != strategy_id:
        return 0
    return 1 if is_allowed(gate, strategy_id, instrument_id) == 1 and instrument_of(gate, instrument_id) == PASS else 0


@hot_inline
def gather(gate, by_intent, strategy_id, intent, now_ns):
    """Fill the gate's CASE for a NEW or REPLACE from the ring of `strategy_id`; the rooms outside are the caller's."""
    case = case_of(gate)
    _gather_intent(gate, case, strategy_id, intent, now_ns)
    if _is_known(gate, strategy_id, intent) == 0:
        case["pass_stamp_ns"] = stamp(record_at(gate["me_addr"], INSTANCE_END))
        return
    instrument_id = int(intent["instrument_id"])
    book = book_of(gate)
    case["instrument"] = PASS
    case["instrument_id"] = instrument_id
    _gather_rows(book, case, instrument_id, strategy_id)
    if find_slot(by_intent, case["intent_id"]) != NO_SLOT:  # another strategy's open order: ids are the firm's
        case["last_intent_id"] = max(case["last_intent_id"], case["intent_id"])
    case["limits"] = _gather_limits(gate, case, instrument_id, strategy_id, now_ns)
    _gather_risk(gate, instrument_id, strategy_id)
    case["behind"] = any_behind(gate)
    control = record_at(gate["control_addr"], CONTROL_END)
    state = control_state(control, case["session"], strategy_id, instrument_id)
    case["state"] = state_for(state, intent["reduce_only"])
    case["netting"] = desk_at(gate, strategy_id)["netting"]
    if case["limits"] == PASS:
        strategy = account_at(book, gate["instruments"] + strategy_id)
        check_count(gate, strategy_id, strategy)
        case["released"] = is_released(gate, strategy_id, strategy)
        case["storm"] = storm_of(gate, case["session"])
    case["state_room"] = has_room(book)
    _gather_own(case)
    _gather_target(book, by_intent, case, intent["target_intent_id"], instrument_id, strategy_id)
    _gather_top(gate, case, instrument_id, strategy_id, now_ns)
    _gather_channel(gate, case, now_ns)
