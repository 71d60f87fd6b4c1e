"""Everything that feed_handler's step touches: arrays, allocated once in `open_state`.

Hot functions take `feed`, the FEED_ROW, which holds the addresses of all other parts: a function that takes one record
compiles in a tenth of the time of one that takes a NamedTuple of thirty arrays (the step: 90 s, then 10).
"""

from typing import NamedTuple

import numpy as np

from procs.feed_handler.arbitration import LINES, Arbitration, open_arbitration
from procs.feed_handler.book_memory import Book, open_book
from procs.feed_handler.memory import zeroed_rows
from procs.feed_handler.rows import WORD
from procs.net.port import FramePort, open_port
from procs.wire.big_endian import text_word
from procs.wire.itch.event import ITCH_EVENT
from shm.atomics import address_of, record_at
from shm.codes import CLOCK_DRIVEN
from shm.jit import hot
from shm.latest import latest_read
from shm.records.clock_page import CLOCK_PAGE
from shm.records.instrument import INSTRUMENT
from shm.records.tick import TICK

FRAMES_IN_MAX = 96  # 32 datagrams of each line a cycle; 192 KiB of bytes, which stays in the second-level cache
FETCH_MESSAGES_MAX = 128  # a full datagram has at most 96 order messages
FETCH_ORDERS_MIN = 16_384  # a smaller book lies in the second-level cache
LOCATES = 1 << 16  # every value of the wire's field
NEW_LIFE = 0  # no CHANNEL_* yet: nothing was said
UNKNOWN = -1  # a locate that is none of our instruments

FEED_ROW = np.dtype(
    [
        ("state", "<i8"),  # CHANNEL_*, or NEW_LIFE
        ("lines", "<i8"),  # multicast lines heard within the silence limit
        ("resync", "<i8"),  # 1: readers do not know every message, tell them so when fresh again
        ("holed", "<i8"),  # 1 while a hole is open
        ("closed", "<i8"),  # 1 from the end of market hours on
        ("late", "<i8"),  # looks at short batches still to come before what is read counts as live again
        ("stepped_stamp_ns", "<i8"),  # latency time of the last step; 0 before the first
        ("heard_ns", "<i8"),  # logic time of the last datagram on any multicast line
        ("stale_stamp_ns", "<i8"),  # 0 before the first step
        ("fresh_stamp_ns", "<i8"),
        ("stale_ns", "<i8"),
        ("gaps", "<i8"),
        ("recovered", "<i8"),
        ("datagrams", "<i8"),
        ("messages", "<i8"),
        ("ticks", "<i8"),
        ("skipped", "<i8"),
        ("frames_done", "<i8"),  # frames of the batch that are done
        ("changed", "<i8"),  # instruments in the list of changed ones
        ("shown_ns", "<i8"),  # heard_ns and lines that the channel's row shows
        ("shown_lines", "<i8"),
        ("channel", "<i8"),  # row of `channels`
        ("silence_ns", "<i8"),
        ("fetch_orders_min", "<i8"),  # live orders from which on lines are asked for ahead
        ("driven", "<i8"),  # 1 when logic time is driven
        ("market_code", "<i8"),  # letter of the market that the channel stands for, in operational halts
        ("instruments", "<i8"),  # how many
        ("symbols", "<i8"),  # how many of them are of this channel
        ("rings", "<i8"),  # how many
        ("me_addr", "<i8"),  # INSTANCE_END
        ("arb_addr", "<i8"),  # ARB_ROW
        ("book_addr", "<i8"),  # BOOK_ROW
        ("event_addr", "<i8"),  # ITCH_EVENT
        ("tick_addr", "<i8"),  # TICK
        ("frames_addr", "<i8"),  # FRAME
        ("notes_addr", "<i8"),  # NOTE_ROW
        ("lines_addr", "<i8"),  # LINE_ROW
        ("instruments_addr", "<i8"),  # INSTRUMENT_ROW
        ("symbols_addr", "<i8"),  # SYMBOL_ROW
        ("locates_addr", "<i8"),  # WORD a locate: instrument or UNKNOWN
        ("changed_addr", "<i8"),  # WORD a changed instrument
        ("universe_addr", "<i8"),  # WORD, rings x instruments
        ("rings_addr", "<i8"),  # RING_ROW
        ("ticks_addr", "<i8"),  # RING_END
        ("tops_addr", "<i8"),  # TABLE_END
        ("depth_addr", "<i8"),  # TABLE_END
        ("listing_addr", "<i8"),  # TABLE_END
        ("channels_addr", "<i8"),  # TABLE_END
    ]
)
NOTE_ROW = np.dtype([("addr", "<i8"), ("new_addr", "<i8")])  # next line of a known order, of a new one
LINE_ROW = np.dtype([("heard_ns", "<i8"), ("heard", "<i8"), ("reserved", "<i8", (2,))])
RING_ROW = np.dtype(
    [
        ("pending_addr", "<i8"),  # a tick that is filled but not published: the last of its datagram gets a flag
        ("skipping", "<i8"),  # 1 from a full ring until it is half empty again
        ("universe", "<i8"),  # instruments that this ring carries
        ("first_id", "<i8"),  # one of them, to name the channel
    ]
)
INSTRUMENT_ROW = np.dtype(
    [
        ("symbol", "<i8"),  # as `text_word`; 0 for an instrument of another channel
        ("venue_ns", "<i8"),
        ("venue_seq", "<i8"),
        ("changed_ns", "<i8"),
        ("last_price_ticks", "<i8"),
        ("locate", "<i8"),  # 0 before the directory named it
        ("venue_state", "<i2"),  # TRADING_* of the last trading action; 0 before the first
        ("flags", "<i2"),  # TOP_FLAG_*
        ("held", "<i2"),  # HELD_*, OR-ed: what keeps it from trading until the venue opens it (trading_state.py)
        ("suspect", "<i2"),  # 1 once its book could not follow a message
        ("halted", "<i2"),  # 1 during an operational halt
        ("breached", "<i2"),  # 1 from a breach of the market-wide breaker until the venue lets it trade or quote
        ("marked", "<i2"),  # 1 while it stands among the changed ones
        ("wanted", "<i2"),  # 1 when it is in any universe: depth is published
    ]
)
SYMBOL_ROW = np.dtype([("symbol", "<i8"), ("instrument_id", "<i8")])  # sorted by symbol
LINE_BYTES = LINE_ROW.itemsize
RING_BYTES = RING_ROW.itemsize
INSTRUMENT_BYTES = INSTRUMENT_ROW.itemsize
SYMBOL_BYTES = SYMBOL_ROW.itemsize

assert INSTRUMENT_BYTES == 64


class FeedState(NamedTuple):
    """What the loop hands round. Both ports use the same descriptors, by line; the third line alone sends."""

    me: np.ndarray
    exit_request: np.ndarray
    port_in: FramePort
    port_out: FramePort
    feed: np.ndarray
    kept_bytes: np.ndarray


class FeedParts(NamedTuple):
    """Owner of what FEED_ROW points to. Keep it as long as the state."""

    arb: Arbitration
    book: Book
    event: np.ndarray
    tick: np.ndarray
    notes: np.ndarray
    lines: np.ndarray
    instruments: np.ndarray
    symbols: np.ndarray
    locates: np.ndarray
    changed: np.ndarray
    universe: np.ndarray
    rings: np.ndarray
    ticks: np.ndarray
    tops: np.ndarray
    depth: np.ndarray
    listing: np.ndarray
    channels: np.ndarray


class RingTooSmall(ValueError):
    """A ring of ticks that could not take one resync of its universe beside what it holds."""


@hot
def _is_driven(clock_addr):
    return 1 if record_at(clock_addr, CLOCK_PAGE)["mode"] == CLOCK_DRIVEN else 0


def instrument_symbols(listing: np.ndarray) -> list[tuple[str, int]]:
    """[(symbol, channel_id)] of every row of the latest table `instruments`."""
    found, row = [], np.zeros(1, INSTRUMENT)
    for instrument_id in range(int(listing[0]["rows"])):
        latest_read(listing[0], instrument_id, address_of(row))
        found.append((row[0]["symbol"].decode("ascii"), int(row[0]["channel_id"])))
    return found


def open_state(
    *,
    me: np.ndarray,
    ticks: np.ndarray,
    universes: list[set[str]],
    tops: np.ndarray,
    depth: np.ndarray,
    listing: np.ndarray,
    channels: np.ndarray,
    channel: int,
    market_code: str,
    silence_ns: int,
    arbitration: dict,
    orders_max: int,
    levels_max: int,
) -> tuple[FeedState, FeedParts]:
    """Allocate a channel's state. `ticks[k]` carries the instruments named in `universes[k]`."""
    symbols = instrument_symbols(listing)
    count = len(symbols)
    parts = FeedParts(
        arb=open_arbitration(**arbitration),
        book=open_book(instruments=count, orders_max=orders_max, levels_max=levels_max),
        event=np.zeros(1, ITCH_EVENT),
        tick=np.zeros(1, TICK),
        notes=np.zeros(FETCH_MESSAGES_MAX + 1, NOTE_ROW),
        lines=np.zeros(LINES, LINE_ROW),
        instruments=zeroed_rows(count, INSTRUMENT_ROW),
        symbols=_sorted_symbols(symbols, channel),
        locates=np.full(LOCATES, UNKNOWN, np.int64).view(WORD),
        changed=np.zeros(count, WORD),
        universe=np.zeros((len(ticks), count), np.int64),
        rings=np.zeros(len(ticks), RING_ROW),
        ticks=ticks,
        tops=tops,
        depth=depth,
        listing=listing,
        channels=channels,
    )
    port_in = open_port(rows=FRAMES_IN_MAX, lines=LINES)
    state = FeedState(
        me=me,
        exit_request=np.zeros(1, np.int64),
        port_in=port_in,
        port_out=open_port(rows=LINES, lines=LINES, fds=port_in.fds),
        feed=np.zeros(1, FEED_ROW),
        kept_bytes=parts.arb.kept_bytes,
    )
    _fill_instruments(parts, symbols, channel, universes)
    _fill_rings(parts)
    feed = state.feed[0]
    feed["state"], feed["resync"] = NEW_LIFE, 1
    feed["channel"], feed["silence_ns"] = channel, silence_ns
    feed["market_code"] = ord(market_code)
    feed["instruments"], feed["symbols"], feed["rings"] = count, len(parts.symbols), len(ticks)
    feed["fetch_orders_min"] = FETCH_ORDERS_MIN
    feed["driven"] = _is_driven(me[0]["clock_addr"])
    feed["me_addr"], feed["frames_addr"] = address_of(me), address_of(port_in.frames)
    feed["arb_addr"], feed["book_addr"] = address_of(parts.arb.row), address_of(parts.book.row)
    for name in FeedParts._fields[2:]:  # arrays beside arbitration and book
        feed[f"{name}_addr"] = address_of(getattr(parts, name))
    return state, parts


def _sorted_symbols(symbols: list[tuple[str, int]], channel: int) -> np.ndarray:
    ours = [(text_word(symbol), row) for row, (symbol, channel_id) in enumerate(symbols) if channel_id == channel]
    return np.array(sorted(ours), SYMBOL_ROW)


def _fill_instruments(parts: FeedParts, symbols: list[tuple[str, int]], channel: int, universes: list[set[str]]):
    for instrument_id, (symbol, channel_id) in enumerate(symbols):
        if channel_id == channel:
            parts.instruments[instrument_id]["symbol"] = text_word(symbol)
            for ring, universe in enumerate(universes):
                parts.universe[ring, instrument_id] = symbol in universe
    parts.instruments["wanted"] = parts.universe.any(axis=0)


def _fill_rings(parts: FeedParts):
    for ring, row in enumerate(parts.rings):
        carried = np.flatnonzero(parts.universe[ring])
        row["universe"] = len(carried)
        row["first_id"] = carried[0] if len(carried) else UNKNOWN
        need, found = 4 * (len(carried) + 4), int(parts.ticks[ring]["capacity"])
        if found < need:
            raise RingTooSmall(
                f"ring of ticks {ring}: expected a capacity of at least {need} for {len(carried)} instruments, "
                f"found {found}; raise it in topology.toml"
            )
