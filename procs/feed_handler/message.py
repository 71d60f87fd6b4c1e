"""Message: one ITCH message into books, trading states and ticks. Hot.

Impossible content changes no book; its instrument becomes suspect, which is published as trading state 0: nobody may
trade on a book that lost the thread. It stays so until feed_handler is started again and has rebuilt the day.
"""

from procs.feed_handler.book import BOOK_OK, book_add, book_delete, book_reduce, book_replace
from procs.feed_handler.rows import BOOK_ROW, WORD
from procs.feed_handler.state import INSTRUMENT_BYTES, INSTRUMENT_ROW, LOCATES, UNKNOWN
from procs.feed_handler.tables import mark_changed, publish_listing
from procs.feed_handler.ticks import begin_tick, send_tick
from procs.wire.itch.event import (
    ITCH_ADD,
    ITCH_ADD_ATTRIBUTED,
    ITCH_CANCEL,
    ITCH_DELETE,
    ITCH_DIRECTORY,
    ITCH_EVENT,
    ITCH_EVENT_END_OF_MARKET_HOURS,
    ITCH_EVENT_END_OF_MESSAGES,
    ITCH_EVENT_END_OF_SYSTEM_HOURS,
    ITCH_EVENT_START_OF_MARKET_HOURS,
    ITCH_EXECUTED,
    ITCH_EXECUTED_PRICE,
    ITCH_NOT_PRINTABLE,
    ITCH_REPLACE,
    ITCH_SYSTEM,
    ITCH_TRADE,
    ITCH_TRADING_ACTION,
)
from shm.atomics import record_at
from shm.codes import (
    CHANNEL_FRESH,
    TICK_ADD,
    TICK_DELETE,
    TICK_EXECUTE,
    TICK_REDUCE,
    TICK_REPLACE,
    TICK_STATE,
    TICK_TRADE,
)
from shm.counters import FEED_BOOK_ERRORS
from shm.error_log import ERROR_FEED_BOOK, ERROR_FEED_LOCATE
from shm.instance import count, note_error
from shm.jit import hot
from shm.records.instance_end import INSTANCE_END
from shm.records.tick import TICK

NOTHING = 0  # no tick kind: the message moved no book


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
def _tell_state(feed, instrument_id, recv_stamp_ns):
    mark_changed(feed, instrument_id)
    publish_listing(feed, instrument_id)
    if feed["state"] == CHANNEL_FRESH:
        begin_tick(feed, TICK_STATE, instrument_id, recv_stamp_ns)
        send_tick(feed, instrument_id)


@hot
def make_suspect(feed, instrument_id, code, recv_stamp_ns):
    """The book of this instrument cannot be trusted any more."""
    me = record_at(feed["me_addr"], INSTANCE_END)
    count(me, FEED_BOOK_ERRORS, 1)
    note_error(me, ERROR_FEED_BOOK, instrument_id, code)
    row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
    if row["suspect"] == 0:
        row["suspect"] = 1
        _tell_state(feed, instrument_id, recv_stamp_ns)


@hot
def instrument_of(feed, locate):
    """Our instrument of a stock locate, or UNKNOWN."""
    return record_at(feed["locates_addr"] + (locate & (LOCATES - 1)) * 8, WORD)["word"]


@hot
def _learn_locate(feed, event):
    """A directory message: the locate of one of our instruments."""
    locate = event["locate"]
    for instrument_id in range(feed["instruments"]):
        row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
        if row["symbol"] == event["symbol"]:
            holder = instrument_of(feed, locate)
            if (row["locate"] != 0 and row["locate"] != locate) or (holder != UNKNOWN and holder != instrument_id):
                note_error(record_at(feed["me_addr"], INSTANCE_END), ERROR_FEED_LOCATE, instrument_id, locate)
                return
            row["locate"] = locate
            record_at(feed["locates_addr"] + locate * 8, WORD)["word"] = instrument_id
            publish_listing(feed, instrument_id)
            return


@hot
def _system_event(feed, code, recv_stamp_ns):
    """Market hours: outside of them everything is halted."""
    closed = feed["closed"]
    if code == ITCH_EVENT_START_OF_MARKET_HOURS:
        closed = 0
    elif (
        code == ITCH_EVENT_END_OF_MARKET_HOURS
        or code == ITCH_EVENT_END_OF_SYSTEM_HOURS
        or code == ITCH_EVENT_END_OF_MESSAGES
    ):
        closed = 1
    if closed == feed["closed"]:
        return
    feed["closed"] = closed
    for instrument_id in range(feed["instruments"]):
        row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
        if row["locate"] != 0:
            _tell_state(feed, instrument_id, recv_stamp_ns)


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
def _trade_price(book, row, kind, event):
    if kind == ITCH_EXECUTED:
        row["last_price_ticks"] = book["price_ticks"]
    elif kind == ITCH_TRADE or (kind == ITCH_EXECUTED_PRICE and event["printable"] != ITCH_NOT_PRINTABLE):
        row["last_price_ticks"] = event["price_ticks"]


@hot
def _apply_rare(feed, event, seq, recv_stamp_ns, now_ns):
    """System events, the directory, trading actions."""
    kind = event["kind"]
    if kind == ITCH_SYSTEM:
        _system_event(feed, int(event["event_code"]), recv_stamp_ns)
    elif kind == ITCH_DIRECTORY:
        _learn_locate(feed, event)
    elif kind == ITCH_TRADING_ACTION:
        instrument_id = instrument_of(feed, event["locate"])
        if instrument_id != UNKNOWN:
            row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
            row["changed_ns"] = now_ns
            row["venue_ns"] = event["venue_ns"]
            row["venue_seq"] = seq
            row["venue_state"] = event["trading_state"]
            _tell_state(feed, instrument_id, recv_stamp_ns)


@hot
def apply_message(feed, seq, recv_stamp_ns, now_ns):
    """Apply the decoded event, message `seq`. Ticks are told only while the channel is fresh."""
    event = record_at(feed["event_addr"], ITCH_EVENT)
    kind = event["kind"]
    if _tick_kind(kind) == NOTHING:
        _apply_rare(feed, event, seq, recv_stamp_ns, now_ns)
        return
    instrument_id = instrument_of(feed, event["locate"])
    if instrument_id == UNKNOWN:
        return
    book = record_at(feed["book_addr"], BOOK_ROW)
    ref = event["order_ref"]
    qty_lots = event["qty_lots"]
    code = BOOK_OK
    if kind == ITCH_ADD or kind == ITCH_ADD_ATTRIBUTED:
        code = book_add(book, instrument_id, ref, event["side"], qty_lots, event["price_ticks"])
    elif kind == ITCH_DELETE:
        code = book_delete(book, instrument_id, ref)
    elif kind == ITCH_REPLACE:
        code = book_replace(book, instrument_id, ref, event["new_order_ref"], qty_lots, event["price_ticks"])
    elif kind != ITCH_TRADE:
        code = book_reduce(book, instrument_id, ref, qty_lots)
    if code != BOOK_OK:
        make_suspect(feed, instrument_id, code, recv_stamp_ns)
        return
    row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
    _trade_price(book, row, kind, event)
    row["changed_ns"] = now_ns
    row["venue_ns"] = event["venue_ns"]
    row["venue_seq"] = seq
    mark_changed(feed, instrument_id)
    if feed["state"] == CHANNEL_FRESH and row["wanted"] != 0:
        _tell_event(feed, instrument_id, kind, event, recv_stamp_ns)
