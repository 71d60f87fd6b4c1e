"""Order entry: OUCH 5.0 requests of a member, checked, matched and answered.

request on an order      answer
-----------------------  ------------------------------------------------------------------------------------------
enter, number used       none: a resend of the same bytes does no harm
enter, not valid         Rejected with the reason; the number is used up
enter, valid             Accepted, then Executed for each trade, Canceled for what an immediate order leaves
replace, number used     none
replace, order dead      Rejected (OUCH_REJECT_REPLACE); the number is used up
replace, not valid       Canceled: the order dies, the new number is not used
replace, valid           Replaced, then Executed for each trade; new priority; the total includes what was executed
                         a sale takes the mark that the replace names; else it keeps its own
cancel, order dead       none: too late, its end was told before
cancel, total 0          Canceled for all that is open
cancel, smaller total    Canceled for the difference; priority kept
mass cancel, not valid   Rejected (unknown symbol, another firm); the number is used up
mass cancel, valid       Canceled for each order that it names, then Mass Cancel Response; the number is used up
account query            Account Query Response with the next number
"""

from procs.venue.book import MEMBERS_MAX, ORDERS_MAX, find_order
from procs.venue.desk import CONNECTIONS_MAX
from procs.venue.exchange import say, say_canceled, settle, user_key
from procs.venue.inputs import input_cancel, input_enter, input_reduce, input_replace
from procs.venue.ledger import ledger_count_accepted, ledger_count_canceled, ledger_count_rejected
from procs.venue.market_data import DAY_NS
from procs.venue.matching import QTY_MAX
from procs.venue.sessions import next_request
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_OK
from procs.wire.ouch.event import (
    OUCH_ACCEPTED,
    OUCH_ACCOUNT_QUERY,
    OUCH_ACCOUNT_REPLY,
    OUCH_CANCEL,
    OUCH_CANCELED_SUPERVISORY,
    OUCH_CANCELED_USER,
    OUCH_ENTER,
    OUCH_MASS_CANCEL,
    OUCH_MASS_CANCEL_REPLY,
    OUCH_REJECT_HALTED,
    OUCH_REJECT_OTHER,
    OUCH_REJECT_PRICE,
    OUCH_REJECT_QUANTITY,
    OUCH_REJECT_REPLACE,
    OUCH_REJECT_SYMBOL,
    OUCH_REJECTED,
    OUCH_REPLACE,
    OUCH_REPLACED,
    OUCH_STATE_LIVE,
    OUCH_TIF_DAY,
    OUCH_TIF_IOC,
)
from procs.wire.ouch.inbound import decode_ouch_inbound
from shm.codes import SIDE_SELL, TIF_DAY, TIF_IOC, TRADING_OPEN
from shm.counters import VENUE_IGNORED, VENUE_MALFORMED, VENUE_ORDERS
from shm.instance import count
from shm.int_map import MAP_MISSING, map_get, map_put, map_remove
from shm.jit import hot

NO_REJECT = 0
CROSS_CONTINUOUS = ord("N")
EVERY_SYMBOL = 0x2020202020202020  # eight spaces
EVERY_INSTRUMENT = -1


@hot
def serve_orders(exchange, out):
    """Every request that is whole, of every connection, in turn; then what lost connections leave behind."""
    desk = exchange["desk"]
    for line in range(CONNECTIONS_MAX):
        offset = next_request(desk, exchange["store"], exchange["me"], out, line)
        while offset > 0:
            connection = desk["connections"][line]
            size = connection["request_bytes"]
            if take_ouch(exchange, connection["member"], desk["received"][line], offset, size) < 0:
                count(exchange["me"], VENUE_MALFORMED, 1)
            offset = next_request(desk, exchange["store"], exchange["me"], out, line)
    for member in range(1, MEMBERS_MAX + 1):
        if desk["members"][member]["lost"]:
            desk["members"][member]["lost"] = 0
            if desk["words"]["cancel_on_disconnect"]:
                cancel_all(exchange, member, EVERY_INSTRUMENT, OUCH_CANCELED_SUPERVISORY)


@hot
def take_ouch(exchange, member, buf, offset, size):
    """One OUCH message of a logged-in member. Returns WIRE_OK or a negative code: malformed, nothing done."""
    request = exchange["desk"]["request"]
    code = decode_ouch_inbound(buf, offset, size, request)
    if code < 0:
        return code
    kind = request["kind"]
    if kind == OUCH_ENTER:
        _enter(exchange, member, request)
    elif kind == OUCH_REPLACE:
        _replace(exchange, member, request)
    elif kind == OUCH_CANCEL:
        _cancel(exchange, member, request)
    elif kind == OUCH_ACCOUNT_QUERY:
        _account_query(exchange, member)
    elif kind == OUCH_MASS_CANCEL:
        _mass_cancel(exchange, member, request)
    else:
        return WIRE_BAD_FIELD
    return WIRE_OK


@hot
def _instrument_of(tape, symbol):
    """Row of a symbol word, or -1."""
    for row in range(tape["words"]["instruments"]):
        if tape["symbols"][row] == symbol:
            return row
    return -1


@hot
def _refusal(exchange, instrument, price, qty, time_in_force):
    """OUCH_REJECT_* of what is wrong with an entry, or NO_REJECT."""
    if instrument < 0:
        return OUCH_REJECT_SYMBOL
    if exchange["desk"]["words"]["refuse_orders"] != 0:
        return OUCH_REJECT_OTHER
    rule = exchange["ledger"]["rules"][instrument]
    if exchange["tape"]["states"][instrument] != TRADING_OPEN:
        return OUCH_REJECT_HALTED
    if qty <= 0 or qty >= QTY_MAX or qty % rule["lot"] != 0:
        return OUCH_REJECT_QUANTITY
    if price <= 0 or price > rule["price_max"] or price % rule["tick"] != 0:
        return OUCH_REJECT_PRICE
    if time_in_force != OUCH_TIF_DAY and time_in_force != OUCH_TIF_IOC:
        return OUCH_REJECT_OTHER
    return NO_REJECT


@hot
def _use_number(exchange, member, user_ref):
    """1 if the number is new and now used, 0 if it was used before."""
    row = exchange["desk"]["members"][member]
    if user_ref <= row["last_user_ref"]:
        count(exchange["me"], VENUE_IGNORED, 1)
        return 0
    row["last_user_ref"] = user_ref
    return 1


@hot
def _say_rejected(exchange, member, request, instrument, reason):
    now_ns = exchange["books"]["words"]["now_ns"]
    answer = exchange["desk"]["answer"]
    answer["kind"] = OUCH_REJECTED
    answer["venue_ns"] = now_ns % DAY_NS
    answer["user_ref_num"] = request["user_ref_num"]
    answer["reason"] = reason
    answer["cl_ord_id_hi"] = request["cl_ord_id_hi"]
    answer["cl_ord_id_lo"] = request["cl_ord_id_lo"]
    say(exchange["store"], exchange["desk"], member)
    ledger_count_rejected(exchange["ledger"], member, max(instrument, 0), now_ns)


@hot
def _say_taken(exchange, member, request, kind, ref, letters):
    """Accepted or Replaced: the request's fields as they came, with the venue's number."""
    answer = exchange["desk"]["answer"]
    answer["kind"] = kind
    answer["venue_ns"] = exchange["books"]["words"]["now_ns"] % DAY_NS
    answer["user_ref_num"] = request["user_ref_num"]
    answer["orig_user_ref_num"] = request["orig_user_ref_num"]
    answer["qty_lots"] = request["qty_lots"]
    answer["price_ticks"] = request["price_ticks"]
    answer["order_ref"] = ref
    answer["time_in_force"] = request["time_in_force"]
    answer["display"] = request["display"]
    answer["sweep"] = request["sweep"]
    answer["capacity"] = letters & 255
    answer["side_letter"] = letters >> 8
    answer["cross_type"] = CROSS_CONTINUOUS
    answer["order_state"] = OUCH_STATE_LIVE
    answer["cl_ord_id_hi"] = request["cl_ord_id_hi"]
    answer["cl_ord_id_lo"] = request["cl_ord_id_lo"]
    say(exchange["store"], exchange["desk"], member)


@hot
def _remember(exchange, member, user_ref, ref, letters):
    """Note the venue's number of a member's order, if it rests."""
    slot = find_order(exchange["books"], ref)
    if slot >= 0:
        exchange["books"]["orders"][slot]["letters"] = letters
        map_put(exchange["desk"]["user_refs"], user_key(member, user_ref), ref)


@hot
def _enter(exchange, member, request):
    if _use_number(exchange, member, request["user_ref_num"]) == 0:
        return
    instrument = _instrument_of(exchange["tape"], request["symbol"])
    price, qty = request["price_ticks"], request["qty_lots"]
    refusal = _refusal(exchange, instrument, price, qty, int(request["time_in_force"]))
    ref = 0
    if refusal == NO_REJECT:
        tif = TIF_IOC if int(request["time_in_force"]) == OUCH_TIF_IOC else TIF_DAY
        side, user_ref = request["side"], request["user_ref_num"]
        ref = input_enter(exchange["books"], exchange["log"], instrument, side, price, qty, tif + 8 * member, user_ref)
    if ref <= 0:
        _say_rejected(exchange, member, request, instrument, OUCH_REJECT_OTHER if refusal == NO_REJECT else refusal)
        return
    letters = int(request["capacity"]) | (int(request["side_letter"]) << 8)
    exchange["desk"]["answer"]["symbol"] = request["symbol"]
    _say_taken(exchange, member, request, OUCH_ACCEPTED, ref, letters)
    _remember(exchange, member, request["user_ref_num"], ref, letters)
    ledger_count_accepted(exchange["ledger"], member, instrument, exchange["books"]["words"]["now_ns"])
    count(exchange["me"], VENUE_ORDERS, 1)
    settle(exchange)


@hot
def _live_order(exchange, member, user_ref):
    """Slot of a member's live order, or negative."""
    ref = map_get(exchange["desk"]["user_refs"], user_key(member, user_ref))
    return -1 if ref == MAP_MISSING else find_order(exchange["books"], ref)


@hot
def _replace(exchange, member, request):
    slot = _live_order(exchange, member, request["orig_user_ref_num"])
    if slot < 0:
        if _use_number(exchange, member, request["user_ref_num"]):
            _say_rejected(exchange, member, request, 0, OUCH_REJECT_REPLACE)
        return
    if request["user_ref_num"] <= exchange["desk"]["members"][member]["last_user_ref"]:
        count(exchange["me"], VENUE_IGNORED, 1)
        return
    order = exchange["books"]["orders"][slot]
    instrument = order["instrument"]
    price, qty = request["price_ticks"], request["qty_lots"] - order["executed"]
    refusal = _refusal(exchange, instrument, price, request["qty_lots"], int(request["time_in_force"]))
    if refusal != NO_REJECT or qty <= 0:
        _cancel_whole(exchange, member, slot, OUCH_CANCELED_USER)
        return
    old_ref, letters = order["ref"], order["letters"]
    if order["side"] == SIDE_SELL and request["side_letter"] != 0:  # of a sale its mark may change
        letters = (letters & 255) | (int(request["side_letter"]) << 8)
    tif = TIF_IOC if int(request["time_in_force"]) == OUCH_TIF_IOC else TIF_DAY
    ref = input_replace(exchange["books"], exchange["log"], old_ref, price, qty, request["user_ref_num"], tif)
    if ref <= 0:
        _cancel_whole(exchange, member, slot, OUCH_CANCELED_SUPERVISORY)
        return
    _use_number(exchange, member, request["user_ref_num"])
    map_remove(exchange["desk"]["user_refs"], user_key(member, request["orig_user_ref_num"]))
    exchange["desk"]["answer"]["symbol"] = exchange["tape"]["symbols"][instrument]
    _say_taken(exchange, member, request, OUCH_REPLACED, ref, letters)
    _remember(exchange, member, request["user_ref_num"], ref, letters)
    settle(exchange)


@hot
def _cancel_whole(exchange, member, slot, reason):
    """End an order and say so."""
    order = exchange["books"]["orders"][slot]
    ref, user_ref, instrument = order["ref"], order["user_ref"], order["instrument"]
    now_ns = exchange["books"]["words"]["now_ns"]
    qty = input_cancel(exchange["books"], exchange["log"], ref)
    say_canceled(exchange["store"], exchange["desk"], member, user_ref, qty, reason, now_ns)
    map_remove(exchange["desk"]["user_refs"], user_key(member, user_ref))
    ledger_count_canceled(exchange["ledger"], member, instrument, now_ns)
    settle(exchange)


@hot
def _cancel(exchange, member, request):
    slot = _live_order(exchange, member, request["user_ref_num"])
    if slot < 0:
        count(exchange["me"], VENUE_IGNORED, 1)
        return
    order = exchange["books"]["orders"][slot]
    stays = request["qty_lots"] - order["executed"]
    if request["qty_lots"] == 0 or stays <= 0:
        _cancel_whole(exchange, member, slot, OUCH_CANCELED_USER)
        return
    taken = order["qty"] - stays
    if taken > 0:
        now_ns = exchange["books"]["words"]["now_ns"]
        input_reduce(exchange["books"], exchange["log"], order["ref"], taken)
        say_canceled(exchange["store"], exchange["desk"], member, order["user_ref"], taken, OUCH_CANCELED_USER, now_ns)
        settle(exchange)


@hot
def _account_query(exchange, member):
    answer = exchange["desk"]["answer"]
    answer["kind"] = OUCH_ACCOUNT_REPLY
    answer["venue_ns"] = exchange["books"]["words"]["now_ns"] % DAY_NS
    answer["user_ref_num"] = exchange["desk"]["members"][member]["last_user_ref"] + 1
    say(exchange["store"], exchange["desk"], member)


@hot
def _mass_cancel(exchange, member, request):
    if _use_number(exchange, member, request["user_ref_num"]) == 0:
        return
    instrument = EVERY_INSTRUMENT
    if request["symbol"] != EVERY_SYMBOL:
        instrument = _instrument_of(exchange["tape"], request["symbol"])
        if instrument < 0:
            _say_rejected(exchange, member, request, instrument, OUCH_REJECT_SYMBOL)
            return
    if int(request["firm"]) != exchange["desk"]["members"][member]["firm"]:
        _say_rejected(exchange, member, request, instrument, OUCH_REJECT_OTHER)
        return
    cancel_all(exchange, member, instrument, OUCH_CANCELED_USER)
    answer = exchange["desk"]["answer"]
    answer["kind"] = OUCH_MASS_CANCEL_REPLY
    answer["venue_ns"] = exchange["books"]["words"]["now_ns"] % DAY_NS
    answer["user_ref_num"] = request["user_ref_num"]
    answer["firm"] = request["firm"]
    answer["symbol"] = request["symbol"]
    say(exchange["store"], exchange["desk"], member)


@hot
def cancel_all(exchange, member, instrument, reason):
    """End every order of a member, in one instrument or in all. Returns how many. Cost: one look at every row."""
    done = 0
    for slot in range(ORDERS_MAX):
        order = exchange["books"]["orders"][slot]
        if order["ref"] > 0 and order["owner"] == member and (instrument < 0 or order["instrument"] == instrument):
            _cancel_whole(exchange, member, slot, reason)
            done += 1
    return done
