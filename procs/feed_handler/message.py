"""Message: one ITCH message into books, trading states and ticks. Hot.

Impossible content changes no book; its instrument becomes suspect (trading_state.py). Adds, deletes, replaces and
cancels are read where they stand in the datagram; the event is decoded for what is rare, and for ticks.
"""

import numpy as np

from procs.feed_handler.book import BOOK_OK, book_add, book_delete, book_reduce, book_replace
from procs.feed_handler.directory import instrument_of, instrument_row, learn_locate
from procs.feed_handler.rows import BOOK_ROW
from procs.feed_handler.state import UNKNOWN
from procs.feed_handler.tables import mark_changed
from procs.feed_handler.ticks import begin_tick, send_tick
from procs.feed_handler.trading_state import (
    auction_collar,
    breaker_breached,
    make_suspect,
    offering,
    operational_halt,
    short_sale_test,
    system_event,
    trading_action,
)
from procs.wire.big_endian import has_room, read_u16, read_u32, read_u48, read_u64
from procs.wire.codes import WIRE_SKIPPED, WIRE_UNKNOWN_TYPE
from procs.wire.itch.auction_collar import decode_auction_collar
from procs.wire.itch.decode import decode_itch
from procs.wire.itch.event import (
    ITCH_ADD,
    ITCH_ADD_ATTRIBUTED,
    ITCH_AUCTION_COLLAR,
    ITCH_BREAKER_STATUS,
    ITCH_CANCEL,
    ITCH_DELETE,
    ITCH_DIRECTORY,
    ITCH_EVENT,
    ITCH_EXECUTED,
    ITCH_EXECUTED_PRICE,
    ITCH_NOT_PRINTABLE,
    ITCH_OPERATIONAL_HALT,
    ITCH_QUOTING_PERIOD,
    ITCH_REG_SHO,
    ITCH_REPLACE,
    ITCH_SYSTEM,
    ITCH_TRADE,
    ITCH_TRADING_ACTION,
)
from procs.wire.itch.head import side_of_letter
from procs.wire.itch.operational_halt import decode_operational_halt
from procs.wire.itch.quoting_period import decode_quoting_period
from procs.wire.itch.reg_sho import decode_reg_sho
from procs.wire.itch.sizes import SIZE_OF
from shm.atomics import record_at
from shm.codes import CHANNEL_FRESH, TICK_ADD, TICK_DELETE, TICK_EXECUTE, TICK_REDUCE, TICK_REPLACE, TICK_TRADE
from shm.counters import FEED_UNKNOWN_TYPE, FEED_UNLISTED
from shm.error_log import ERROR_FEED_MESSAGE
from shm.instance import count, note_error
from shm.jit import hot, hot_inline
from shm.records.instance_end import INSTANCE_END
from shm.records.tick import TICK

NOTHING = 0  # no tick kind: the message moved no book
DONE = 0  # no BOOK_* code: no book is concerned
CHANGES_BOOK = np.full(256, -1, np.int64)  # size of the messages that move books and nothing else
for _letter in "AFDUX":
    CHANGES_BOOK[ord(_letter)] = SIZE_OF[_letter]


@hot
def _tick_kind(kind):
    if kind == ITCH_ADD or kind == ITCH_ADD_ATTRIBUTED:
        return TICK_ADD
    if kind == ITCH_DELETE:
        return TICK_DELETE
    if kind == ITCH_REPLACE:
        return TICK_REPLACE
    if kind == ITCH_EXECUTED or kind == ITCH_EXECUTED_PRICE:
        return TICK_EXECUTE
    if kind == ITCH_CANCEL:
        return TICK_REDUCE
    if kind == ITCH_TRADE:
        return TICK_TRADE
    return NOTHING


@hot
def _tell_event(feed, instrument_id, kind, event, recv_stamp_ns):
    begin_tick(feed, _tick_kind(kind), instrument_id, recv_stamp_ns)
    tick = record_at(feed["tick_addr"], TICK)
    told = record_at(feed["book_addr"], BOOK_ROW)
    tick["order_ref"] = event["order_ref"]
    if kind == ITCH_TRADE:
        tick["side"] = event["side"]
        tick["price_ticks"] = event["price_ticks"]
        tick["qty_lots"] = event["qty_lots"]
    else:
        tick["side"] = told["side"]
        tick["price_ticks"] = event["price_ticks"] if kind == ITCH_EXECUTED_PRICE else told["price_ticks"]
        tick["qty_lots"] = told["qty_lots"]
        if kind == ITCH_REPLACE:
            tick["order_ref"] = event["new_order_ref"]
            tick["old_order_ref"] = event["order_ref"]
            tick["old_price_ticks"] = told["old_price_ticks"]
            tick["old_qty_lots"] = told["left_lots"]
    send_tick(feed, instrument_id)


@hot
def _executed(feed, instrument_id, event):
    """E, C and P: what the book and the last price make of it. Returns BOOK_OK or a negative BOOK_* code."""
    kind = event["kind"]
    book = record_at(feed["book_addr"], BOOK_ROW)
    price_ticks = event["price_ticks"]
    if kind != ITCH_TRADE:
        code = book_reduce(book, instrument_id, event["order_ref"], event["qty_lots"])
        if code != BOOK_OK:
            return code
        if kind == ITCH_EXECUTED:
            price_ticks = book["price_ticks"]
        elif event["printable"] == ITCH_NOT_PRINTABLE:
            return BOOK_OK
    instrument_row(feed, instrument_id)["last_price_ticks"] = price_ticks
    return BOOK_OK


@hot
def _take_action(feed, instrument_id, event, seq, recv_stamp_ns, now_ns):
    """H, h, J, K and Y: what one instrument may do."""
    row = instrument_row(feed, instrument_id)
    row["changed_ns"] = now_ns
    row["venue_ns"] = event["venue_ns"]
    row["venue_seq"] = seq
    kind = event["kind"]
    if kind == ITCH_TRADING_ACTION:
        trading_action(feed, instrument_id, np.int64(event["trading_state"]), recv_stamp_ns)
    elif kind == ITCH_AUCTION_COLLAR:
        low_ticks, high_ticks = np.int64(event["lower_ticks"]), np.int64(event["upper_ticks"])
        auction_collar(feed, instrument_id, low_ticks, high_ticks, recv_stamp_ns)
    elif kind == ITCH_QUOTING_PERIOD:
        offering(feed, instrument_id, np.int64(event["release_qualifier"]), recv_stamp_ns)
    elif kind == ITCH_REG_SHO:
        short_sale_test(feed, instrument_id, np.int64(event["reg_sho_action"]))
    else:
        market_code = np.int64(event["market_code"])
        operational_halt(feed, instrument_id, market_code, np.int64(event["halt_action"]), recv_stamp_ns)


@hot
def _take_notice(feed, event, recv_stamp_ns):
    """Messages about the day."""
    kind = event["kind"]
    if kind == ITCH_SYSTEM:
        system_event(feed, int(event["event_code"]), recv_stamp_ns)
    elif kind == ITCH_DIRECTORY:
        learn_locate(feed, event)
    elif kind == ITCH_BREAKER_STATUS:
        breaker_breached(feed, recv_stamp_ns)


@hot
def _refuse(feed, buf, offset, code, recv_stamp_ns):
    """A message that decodes to nothing: its book, if it has one, cannot be followed any more."""
    me = record_at(feed["me_addr"], INSTANCE_END)
    if code == WIRE_UNKNOWN_TYPE:
        count(me, FEED_UNKNOWN_TYPE, 1)
        return
    note_error(me, ERROR_FEED_MESSAGE, np.int64(buf[offset]), code)
    instrument_id = instrument_of(feed, read_u16(buf, offset + 1))
    if instrument_id != UNKNOWN:
        make_suspect(feed, instrument_id, code, recv_stamp_ns)


@hot
def _is_notice(kind):
    """Messages that say what one instrument may do, beside the trading action."""
    return (
        kind == ITCH_OPERATIONAL_HALT
        or kind == ITCH_AUCTION_COLLAR
        or kind == ITCH_QUOTING_PERIOD
        or kind == ITCH_REG_SHO
    )


@hot
def _decode_notice(kind, buf, offset, event):
    if kind == ITCH_OPERATIONAL_HALT:
        decode_operational_halt(buf, offset, event)
    elif kind == ITCH_AUCTION_COLLAR:
        decode_auction_collar(buf, offset, event)
    elif kind == ITCH_QUOTING_PERIOD:
        decode_quoting_period(buf, offset, event)
    elif kind == ITCH_REG_SHO:
        decode_reg_sho(buf, offset, event)


@hot
def _take_event(feed, buf, offset, size, seq, recv_stamp_ns, now_ns):
    """Every message but those that `_change_book` knows, by way of the event. Returns a BOOK_* code, or DONE."""
    event = record_at(feed["event_addr"], ITCH_EVENT)
    code = decode_itch(buf, offset, size, event)
    if code < 0:
        _refuse(feed, buf, offset, code, recv_stamp_ns)
        return DONE
    kind = event["kind"]
    if code == WIRE_SKIPPED:
        _decode_notice(kind, buf, offset, event)
    instrument_id = instrument_of(feed, event["locate"])
    if kind == ITCH_EXECUTED or kind == ITCH_EXECUTED_PRICE or kind == ITCH_TRADE:
        return DONE if instrument_id == UNKNOWN else _executed(feed, instrument_id, event)
    if kind == ITCH_TRADING_ACTION or _is_notice(kind):
        if instrument_id != UNKNOWN:
            _take_action(feed, instrument_id, event, seq, recv_stamp_ns, now_ns)
    else:
        _take_notice(feed, event, recv_stamp_ns)
    return DONE


@hot_inline
def _change_book(feed, buf, offset, kind, instrument_id):
    """A, F, D, U or X. The fields are read where they stand: books of instruments that nobody follows need no event."""
    book = record_at(feed["book_addr"], BOOK_ROW)
    order_ref = read_u64(buf, offset + 11)
    if kind == ITCH_ADD or kind == ITCH_ADD_ATTRIBUTED:
        side = side_of_letter(buf[offset + 19])
        return book_add(book, instrument_id, order_ref, side, read_u32(buf, offset + 20), read_u32(buf, offset + 32))
    if kind == ITCH_DELETE:
        return book_delete(book, instrument_id, order_ref)
    if kind == ITCH_REPLACE:
        new_ref = read_u64(buf, offset + 19)
        return book_replace(
            book, instrument_id, order_ref, new_ref, read_u32(buf, offset + 27), read_u32(buf, offset + 31)
        )
    return book_reduce(book, instrument_id, order_ref, read_u32(buf, offset + 19))


@hot
def _tell(feed, buf, offset, size, instrument_id, recv_stamp_ns):
    """The tick of a message that changed a book or traded."""
    event = record_at(feed["event_addr"], ITCH_EVENT)
    decode_itch(buf, offset, size, event)
    _tell_event(feed, instrument_id, event["kind"], event, recv_stamp_ns)


@hot_inline
def take_message(feed, buf, offset, size, seq, recv_stamp_ns, now_ns):
    """Apply the message `seq`, `size` bytes at `offset`. Ticks are told only while the channel is fresh."""
    kind = np.int64(buf[offset]) if size > 0 and has_room(buf, offset, size) else 0
    if CHANGES_BOOK[kind] != size:
        code = _take_event(feed, buf, offset, size, seq, recv_stamp_ns, now_ns)
        if code == DONE:
            return
        instrument_id = instrument_of(feed, read_u16(buf, offset + 1))
    else:
        instrument_id = instrument_of(feed, read_u16(buf, offset + 1))
        if instrument_id == UNKNOWN:
            count(record_at(feed["me_addr"], INSTANCE_END), FEED_UNLISTED, 1)
            return
        code = _change_book(feed, buf, offset, kind, instrument_id)
    if code != BOOK_OK:
        make_suspect(feed, instrument_id, code, recv_stamp_ns)
        return
    row = instrument_row(feed, instrument_id)
    row["changed_ns"] = now_ns
    row["venue_ns"] = read_u48(buf, offset + 5)
    row["venue_seq"] = seq
    mark_changed(feed, instrument_id)
    if row["wanted"] != 0 and feed["state"] == CHANNEL_FRESH:
        _tell(feed, buf, offset, size, instrument_id, recv_stamp_ns)
