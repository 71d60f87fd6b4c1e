"""Market data: what the books did, as ITCH 5.0 in the store, and the store as MoldUDP64 datagrams on two lines.

Both lines carry the same datagrams. A second of silence gives a heartbeat (real time, and logic time too, because
receivers measure staleness by it); after the close each becomes an end of session. The venue's own day: start of
messages, a directory and a trading action for every instrument, start of market hours; at the close the reverse.
"""

import numpy as np

from procs.venue.book import (
    EVENT_ADD,
    EVENT_DELETE,
    EVENT_EXECUTE,
    EVENT_REDUCE,
    EVENT_REPLACE,
    EVENT_TRADE,
    INSTRUMENTS_MAX,
)
from procs.venue.faults import LINES, send_on_line
from procs.venue.store import CURSOR, store_append, store_copy
from procs.wire.big_endian import text_word
from procs.wire.itch.encode import encode_itch
from procs.wire.itch.event import (
    ITCH_ADD,
    ITCH_CANCEL,
    ITCH_DELETE,
    ITCH_DIRECTORY,
    ITCH_EVENT,
    ITCH_EVENT_END_OF_MARKET_HOURS,
    ITCH_EVENT_END_OF_MESSAGES,
    ITCH_EVENT_END_OF_SYSTEM_HOURS,
    ITCH_EVENT_START_OF_MARKET_HOURS,
    ITCH_EVENT_START_OF_MESSAGES,
    ITCH_EVENT_START_OF_SYSTEM_HOURS,
    ITCH_EXECUTED,
    ITCH_EXECUTED_PRICE,
    ITCH_PRINTABLE,
    ITCH_REPLACE,
    ITCH_SYSTEM,
    ITCH_TRADE,
    ITCH_TRADING_ACTION,
)
from procs.wire.moldudp64.header import MOLD_END_OF_SESSION, MOLD_HEADER_BYTES, session_words, write_mold_header
from shm.atomics import address_of
from shm.jit import hot
from shm.records.frame import FRAME_BYTES

DATAGRAM_BYTES_MAX = 1400  # an Ethernet frame with room for tunnels
HEARTBEAT_NS = 1_000_000_000
DAY_NS = 86_400_000_000_000
STREAM = 0  # of the store
DATAGRAMS_MAX = 8  # in one step: six rows each at worst, when every fault strikes at once
ROWS_EACH = 6

TAPE_WORDS = np.dtype(
    [
        ("session_hi", "<i8"),
        ("session_lo", "<i8"),
        ("sent_stamp_ns", "<i8"),  # when the last datagram left, latency time
        ("sent_now_ns", "<i8"),  # the same in logic time
        ("closed", "<i8"),
        ("message_addr", "<i8"),
        ("datagram_addr", "<i8"),
        ("full", "<i8"),  # messages that the store refused
        ("datagrams", "<i8"),
        ("instruments", "<i8"),
        ("told_seq", "<i8"),  # last message that somebody may act on; those of a day's other instruments do not count
        ("origin_ns", "<i8"),  # logic time at the midnight that venue_ns counts from, but for whole days
        ("heartbeat_ns", "<i8"),  # silence that brings a heartbeat
    ]
)


TAPE = np.dtype(
    [
        ("words", TAPE_WORDS),
        ("cursor", CURSOR),  # of what was sent
        ("event", ITCH_EVENT),  # the message in work, and its bytes
        ("symbols", "<i8", (INSTRUMENTS_MAX,)),  # as one integer each
        ("locates", "<i8", (INSTRUMENTS_MAX,)),  # stock locates: the row + 1, or what the day that is played says
        ("states", "<i8", (INSTRUMENTS_MAX,)),  # TRADING_*
        ("message", "u1", (64,)),
        ("datagram", "u1", (FRAME_BYTES,)),
    ]
)


def prepare_tape(tape, session: str, symbols: list[str], states: list[int]) -> None:
    """Make a zeroed TAPE one of the session named `session` (ten letters at most). It must stay where it is."""
    words, event = tape["words"], tape["event"]
    words["session_hi"], words["session_lo"] = session_words(session)
    words["message_addr"], words["datagram_addr"] = address_of(tape["message"]), address_of(tape["datagram"])
    words["instruments"] = len(symbols)
    tape["symbols"][: len(symbols)] = [text_word(symbol.ljust(8)) for symbol in symbols]
    tape["states"][: len(symbols)] = states
    tape["locates"][: len(symbols)] = np.arange(1, len(symbols) + 1)
    words["heartbeat_ns"] = HEARTBEAT_NS
    tape["cursor"]["next_seq"] = 1
    letters = dict(market_category="Q", financial_status="N", round_lots_only="N", issue_classification="C")
    letters |= dict(authenticity="T", short_sale_threshold="N", ipo_flag="N", luld_tier="1", etp_flag="N")
    for field, letter in (letters | {"inverse_indicator": "N"}).items():
        event[field] = ord(letter)
    event["issue_subtype"] = 0x5A20  # "Z "


@hot
def _append(tape, store):
    size = encode_itch(tape["message"], 0, tape["event"])
    number = store_append(store, STREAM, tape["words"]["message_addr"], size) if size > 0 else 0
    if number > 0:
        tape["words"]["told_seq"] = number
    else:
        tape["words"]["full"] += 1


@hot
def _address(tape, kind, instrument, now_ns):
    """Fill what every message has. `instrument` -1 means the whole market."""
    message = tape["event"]
    message["kind"] = kind
    message["venue_ns"] = (now_ns - tape["words"]["origin_ns"]) % DAY_NS
    message["locate"] = tape["locates"][instrument] if instrument >= 0 else 0
    message["symbol"] = tape["symbols"][instrument] if instrument >= 0 else 0


@hot
def tell_system(tape, store, code, now_ns):
    """A phase of the day, ITCH_EVENT_*."""
    _address(tape, ITCH_SYSTEM, -1, now_ns)
    tape["event"]["event_code"] = code
    _append(tape, store)


@hot
def tell_trading_state(tape, store, instrument, state, now_ns):
    """An instrument's trading state becomes TRADING_*."""
    tape["states"][instrument] = state
    _address(tape, ITCH_TRADING_ACTION, instrument, now_ns)
    tape["event"]["trading_state"] = state
    tape["event"]["note"] = 0x20202020
    _append(tape, store)


@hot
def tell_open(tape, store, now_ns):
    """What opens the session, before any order."""
    tell_system(tape, store, ITCH_EVENT_START_OF_MESSAGES, now_ns)
    tell_system(tape, store, ITCH_EVENT_START_OF_SYSTEM_HOURS, now_ns)
    for instrument in range(tape["words"]["instruments"]):
        _address(tape, ITCH_DIRECTORY, instrument, now_ns)
        tape["event"]["qty_lots"] = 100
        _append(tape, store)
    for instrument in range(tape["words"]["instruments"]):
        tell_trading_state(tape, store, instrument, tape["states"][instrument], now_ns)
    tell_system(tape, store, ITCH_EVENT_START_OF_MARKET_HOURS, now_ns)


@hot
def tell_close(tape, store, now_ns):
    """What closes the session; heartbeats become ends of session."""
    tell_system(tape, store, ITCH_EVENT_END_OF_MARKET_HOURS, now_ns)
    tell_system(tape, store, ITCH_EVENT_END_OF_SYSTEM_HOURS, now_ns)
    tell_system(tape, store, ITCH_EVENT_END_OF_MESSAGES, now_ns)
    tape["words"]["closed"] = 1


@hot
def _kind_of(event):
    kind = event["kind"]
    if kind == EVENT_ADD:
        return ITCH_ADD
    if kind == EVENT_EXECUTE:
        return ITCH_EXECUTED if event["price"] == event["order_price"] else ITCH_EXECUTED_PRICE
    if kind == EVENT_REDUCE:
        return ITCH_CANCEL
    if kind == EVENT_DELETE:
        return ITCH_DELETE
    if kind == EVENT_REPLACE:
        return ITCH_REPLACE
    return ITCH_TRADE if kind == EVENT_TRADE else 0


@hot
def tell_event(tape, store, event):
    """One engine event as a message; an expiry is nobody's business but its owner's."""
    kind = _kind_of(event)
    if kind == 0:
        return
    _address(tape, kind, event["instrument"], event["now_ns"])
    message = tape["event"]
    message["side"] = event["side"]
    message["order_ref"] = event["ref"]
    message["qty_lots"] = event["qty"]
    message["price_ticks"] = event["price"]
    message["match_number"] = event["match"]
    message["printable"] = ITCH_PRINTABLE
    if kind == ITCH_REPLACE:
        message["order_ref"] = event["old_ref"]
        message["new_order_ref"] = event["ref"]
    _append(tape, store)


@hot
def _send_both(tape, faults, port, size, now_ns, stamp_now_ns):
    for line in range(LINES):
        send_on_line(port, faults, line, tape["words"]["datagram_addr"], size)
    words = tape["words"]
    words["sent_stamp_ns"] = stamp_now_ns
    words["sent_now_ns"] = now_ns
    words["datagrams"] += LINES


@hot
def send_market_data(tape, store, faults, port, now_ns, stamp_now_ns):
    """Send what is new, at most DATAGRAMS_MAX datagrams, or a heartbeat when it is time. Returns the datagrams."""
    sent = 0
    words = tape["words"]
    cursor = tape["cursor"]
    while sent < DATAGRAMS_MAX and port.count[0] + ROWS_EACH <= port.frames.shape[0]:
        first = cursor["next_seq"]
        room = DATAGRAM_BYTES_MAX - MOLD_HEADER_BYTES
        size = store_copy(store, STREAM, cursor, words["datagram_addr"] + MOLD_HEADER_BYTES, room, 0xFFFE)
        if size == 0:
            break
        write_mold_header(tape["datagram"], words["session_hi"], words["session_lo"], first, cursor["copied"])
        _send_both(tape, faults, port, MOLD_HEADER_BYTES + size, now_ns, stamp_now_ns)
        sent += 1
    if sent == 0 and port.count[0] + ROWS_EACH <= port.frames.shape[0] and _silent(words, now_ns, stamp_now_ns):
        count = MOLD_END_OF_SESSION if words["closed"] else 0
        write_mold_header(tape["datagram"], words["session_hi"], words["session_lo"], cursor["next_seq"], count)
        _send_both(tape, faults, port, MOLD_HEADER_BYTES, now_ns, stamp_now_ns)
        sent = 1
    return sent


@hot
def _silent(words, now_ns, stamp_now_ns):
    """1 when `heartbeat_ns` have passed since the last datagram, by either clock."""
    real = stamp_now_ns - words["sent_stamp_ns"] >= words["heartbeat_ns"]
    return real or now_ns - words["sent_now_ns"] >= words["heartbeat_ns"]
