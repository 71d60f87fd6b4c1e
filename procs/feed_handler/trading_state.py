"""Trading state: what halts an instrument, and how its readers are told. Hot.

Said by the venue                                   Published until
H  trading action of the instrument                 its next H
h  operational halt of the market of this feed      its h with action T; one of another market says nothing of ours
W  market-wide breaker, level 1, 2 or 3             H with T or Q for that instrument; every instrument is HALTED
S  end of market hours, system hours, messages      S start of market hours; every instrument is HALTED
J  collar of the auction that ends a LULD pause     H with T; PAUSED, and the collar is the instrument's price band
K  an offering is to be quoted from a time on       H with T; QUOTE_ONLY, HALTED while its release is called off
Y  Reg SHO price test 0 none, 1 and 2 in effect     the next Y; no state, but TOP_FLAG_SHORT_RESTRICTED
   a message that the book cannot follow            the end of this life; 0, which nobody trades
V  the day's breaker levels                         changes nothing

A letter that the specification does not know halts; of Y it restricts. The plan's price bands of continuous trading
come from the trades of all markets and are told by the consolidated tape, not by this feed. Readers see the strictest
of all; ticks TICK_STATE go to the rings that carry the instrument.
"""

from procs.feed_handler.book import BOOK_LEVELS_FULL, BOOK_ORDERS_FULL, book_forget
from procs.feed_handler.directory import forget_locate, instrument_row
from procs.feed_handler.rows import BOOK_ROW
from procs.feed_handler.tables import list_band, mark_changed, publish_listing
from procs.feed_handler.ticks import HELD_COLLAR, HELD_OFFERING, HELD_POSTPONED, begin_tick, send_tick
from procs.wire.itch.event import (
    ITCH_EVENT_START_OF_MARKET_HOURS,
    ITCH_EVENT_START_OF_MESSAGES,
    ITCH_EVENT_START_OF_SYSTEM_HOURS,
)
from shm.atomics import record_at
from shm.codes import CHANNEL_FRESH, TICK_STATE, TOP_FLAG_SHORT_RESTRICTED, TRADING_OPEN, TRADING_QUOTE_ONLY
from shm.counters import FEED_BOOK_ERRORS
from shm.error_log import ERROR_FEED_BOOK, ERROR_FEED_FULL
from shm.instance import count, note_error
from shm.jit import hot
from shm.records.instance_end import INSTANCE_END

OPERATIONS_RESUMED = ord("T")
MARKET_NASDAQ, MARKET_BX, MARKET_PSX = ord("Q"), ord("B"), ord("X")
REG_SHO_NONE = ord("0")
OFFERING_ANTICIPATED = ord("A")


@hot
def _tell_state(feed, instrument_id, recv_stamp_ns):
    mark_changed(feed, instrument_id)
    publish_listing(feed, instrument_id)
    if feed["state"] == CHANNEL_FRESH:
        begin_tick(feed, TICK_STATE, instrument_id, recv_stamp_ns)
        send_tick(feed, instrument_id)


@hot
def _tell_all(feed, recv_stamp_ns):
    for instrument_id in range(feed["instruments"]):
        if instrument_row(feed, instrument_id)["locate"] != 0:
            _tell_state(feed, instrument_id, recv_stamp_ns)


@hot
def make_suspect(feed, instrument_id, code, recv_stamp_ns):
    """The book of this instrument cannot be trusted any more. Where a pool was full, it gives back what it held.

    The others of the channel go on. A book that lost the thread is still kept, for people; one that found no room is
    empty and takes no further message.
    """
    me = record_at(feed["me_addr"], INSTANCE_END)
    count(me, FEED_BOOK_ERRORS, 1)
    full = code == BOOK_ORDERS_FULL or code == BOOK_LEVELS_FULL
    note_error(me, ERROR_FEED_FULL if full else ERROR_FEED_BOOK, instrument_id, code)
    if full:
        book_forget(record_at(feed["book_addr"], BOOK_ROW), instrument_id)
        forget_locate(feed, instrument_id)
    row = instrument_row(feed, instrument_id)
    if full or row["suspect"] == 0:
        row["suspect"] = 1
        _tell_state(feed, instrument_id, recv_stamp_ns)


@hot
def trading_action(feed, instrument_id, trading_state, recv_stamp_ns):
    """H: the venue says what the instrument's state is."""
    row = instrument_row(feed, instrument_id)
    row["venue_state"] = trading_state
    if trading_state == TRADING_OPEN or trading_state == TRADING_QUOTE_ONLY:
        row["breached"] = 0
    if trading_state == TRADING_OPEN:
        if int(row["held"]) & HELD_COLLAR != 0:
            list_band(feed, instrument_id, 0, 0)
        row["held"] = 0
    _tell_state(feed, instrument_id, recv_stamp_ns)


@hot
def operational_halt(feed, instrument_id, market_code, halt_action, recv_stamp_ns):
    """h: one market of the group stops or resumes the instrument. A market that nobody knows may be ours: it stops."""
    another = market_code == MARKET_NASDAQ or market_code == MARKET_BX or market_code == MARKET_PSX
    if market_code != feed["market_code"] and (another or halt_action == OPERATIONS_RESUMED):
        return
    instrument_row(feed, instrument_id)["halted"] = 0 if halt_action == OPERATIONS_RESUMED else 1
    _tell_state(feed, instrument_id, recv_stamp_ns)


@hot
def breaker_breached(feed, recv_stamp_ns):
    """W: the whole market stops."""
    for instrument_id in range(feed["instruments"]):
        row = instrument_row(feed, instrument_id)
        if row["locate"] != 0 and row["breached"] == 0:
            row["breached"] = 1
            _tell_state(feed, instrument_id, recv_stamp_ns)


@hot
def system_event(feed, code, recv_stamp_ns):
    """S: market hours; outside of them everything is halted."""
    closed = feed["closed"]
    if code == ITCH_EVENT_START_OF_MARKET_HOURS:
        closed = 0
    elif code != ITCH_EVENT_START_OF_MESSAGES and code != ITCH_EVENT_START_OF_SYSTEM_HOURS:
        closed = 1  # one of the three ends, or a letter that nobody knows
    if closed != feed["closed"]:
        feed["closed"] = closed
        _tell_all(feed, recv_stamp_ns)


@hot
def short_sale_test(feed, instrument_id, action):
    """Y: whether a short sale must be above the best bid. Only the letter of none says that it need not."""
    row = instrument_row(feed, instrument_id)
    row["flags"] = 0 if action == REG_SHO_NONE else TOP_FLAG_SHORT_RESTRICTED
    mark_changed(feed, instrument_id)


@hot
def auction_collar(feed, instrument_id, low_ticks, high_ticks, recv_stamp_ns):
    """J: the instrument is paused and reopens between two prices."""
    row = instrument_row(feed, instrument_id)
    row["held"] = int(row["held"]) | HELD_COLLAR
    list_band(feed, instrument_id, low_ticks, high_ticks)
    _tell_state(feed, instrument_id, recv_stamp_ns)


@hot
def offering(feed, instrument_id, qualifier, recv_stamp_ns):
    """K: an offering will be released for quoting, or not."""
    row = instrument_row(feed, instrument_id)
    row["held"] = int(row["held"]) & HELD_COLLAR | HELD_OFFERING
    if qualifier != OFFERING_ANTICIPATED:
        row["held"] = int(row["held"]) | HELD_POSTPONED
    _tell_state(feed, instrument_id, recv_stamp_ns)
