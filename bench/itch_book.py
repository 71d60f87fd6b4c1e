"""What does one ITCH message cost, decoded and applied to the full order-by-order book?

```
blocks ── fetch_ahead, decode_itch, apply_message ──► books of all instruments        feed_handler's own functions
blocks ── decode_itch ──► one random 64 bytes read, changed, written in a table of the same size
```

One core takes the messages of a generated market (bench/itch_day.py), PER_DATAGRAM at a time, as feed_handler takes a
datagram: first the cache lines that all of them will need are asked for, then each is decoded and applied. Nothing is
published. Datagrams are timed one by one and divided: the percentiles are of datagram means. Chunks alternate with the
reference over the same blocks. Afterwards every live order of the generator must be in the books with its quantity, and
nothing else. It does not show arbitration, publication of tables and ticks, nor the receive call.
"""

import numpy as np

from bench.itch_day import PER_DATAGRAM, Blocks, Market, fill_blocks, open_blocks, open_market
from bench.pair import pinned, this_core
from bench.result import Result
from bench.timing import ns_per_cycle, to_picoseconds
from procs.feed_handler.fetch_ahead import FETCH_ORDERS_MIN, fetch_ahead
from procs.feed_handler.message import apply_message
from procs.feed_handler.rows import BOOK_ROW
from procs.feed_handler.state import FeedParts, FeedState, open_state
from procs.wire.big_endian import read_u16
from procs.wire.codes import WIRE_OK
from procs.wire.itch.decode import decode_itch
from procs.wire.itch.event import ITCH_EVENT
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES
from shm.atomics import address_of, cycles, record_at, record_view
from shm.jit import hot
from shm.latest import latest_claim, latest_publish
from shm.records.channel import CHANNEL
from shm.records.depth import DEPTH
from shm.records.instrument import INSTRUMENT
from shm.records.tick import TICK
from shm.records.top import TOP
from shm.scratch import scratch_me, scratch_ring, scratch_table

QUESTION = "What does one ITCH message cost, decoded and applied to the full order-by-order book?"
SEED = 20191230
NS_MAX, RATIO_MAX = 60, 1.5
ARBITRATION = {
    "arbitration_window_ns": 1_000_000,
    "requests_per_second": 100,
    "requests_burst": 1,
    "request_messages_max": 10,
}
LINE = np.dtype([("words", "<i8", (8,))])


@hot
def take_datagram(feed, buf, offset):
    """As feed_handler's delivery of one datagram. Returns the messages that did not decode."""
    event = record_at(feed["event_addr"], ITCH_EVENT)
    book = record_at(feed["book_addr"], BOOK_ROW)
    if book["orders"] >= FETCH_ORDERS_MIN:
        fetch_ahead(feed, book, buf, offset, PER_DATAGRAM)
    refused = 0
    for _ in range(PER_DATAGRAM):
        size = read_u16(buf, offset)
        offset += MOLD_BLOCK_HEAD_BYTES
        if decode_itch(buf, offset, size, event) == WIRE_OK:
            apply_message(feed, 1, 1, 1)
        else:
            refused += 1
        offset += size
    return refused


@hot
def time_books(feed, buf, starts, spans):
    """Cycles of each datagram. Returns the messages that did not decode."""
    refused = 0
    for datagram in range(starts.shape[0] - 1):
        begun = cycles()
        refused += take_datagram(feed, buf, starts[datagram])
        spans[datagram] = cycles() - begun
    return refused


@hot
def time_reference(event, table_addr, lines, buf, starts, spans):
    """Cycles of each datagram: decode, and change one line chosen by the order reference."""
    for datagram in range(starts.shape[0] - 1):
        begun = cycles()
        offset = starts[datagram]
        for _ in range(PER_DATAGRAM):
            size = read_u16(buf, offset)
            offset += MOLD_BLOCK_HEAD_BYTES
            decode_itch(buf, offset, size, event)
            offset += size
            at = ((event["order_ref"] * 0x9E3779B97F4A7C1) >> 20) & 0x7FFFFFFFFFF
            line = record_at(table_addr + (at % lines) * 64, LINE)
            for word in range(8):
                line["words"][word] += at
        spans[datagram] = cycles() - begun


def open_feed(instruments: int, orders_max: int, levels_max: int) -> tuple[FeedState, FeedParts]:
    """feed_handler's state over scratch tables, every instrument known by its locate, nobody listening."""
    symbols = [f"S{number:05d}" for number in range(instruments)]
    listing = scratch_table(INSTRUMENT, instruments)
    for number, symbol in enumerate(symbols):
        address = int(latest_claim(listing[0], number))
        record_view(address, INSTRUMENT)["symbol"] = symbol.encode()
        latest_publish(listing[0], number)
    state, parts = open_state(
        me=scratch_me(),
        ticks=scratch_ring(TICK, 1024)[0],
        universes=[set()],
        tops=scratch_table(TOP, instruments),
        depth=scratch_table(DEPTH, instruments),
        listing=listing,
        channels=scratch_table(CHANNEL, 1),
        channel=0,
        silence_ns=10**15,
        arbitration=ARBITRATION,
        orders_max=orders_max,
        levels_max=levels_max,
    )
    for number in range(instruments):
        parts.locates[number + 1]["word"] = number
        parts.instruments[number]["locate"] = number + 1
    return state, parts


def check(parts: FeedParts, market: Market, refused: int) -> None:
    """The books hold the generator's live orders, each with what is left of it, and no other."""
    live = market.live[: int(market.row[0]["live"])]
    held = parts.book.orders[parts.book.orders["level"] != 0]
    expected = live[np.argsort(live["order_ref"])][["order_ref", "qty_lots"]]
    found = held[np.argsort(held["order_ref"])][["order_ref", "qty_lots"]]
    suspect = int(parts.instruments["suspect"].sum())
    same = len(expected) == len(found) and (expected.tolist() == found.tolist())
    if refused or suspect or not same:
        raise RuntimeError(
            f"itch_book: {refused} messages refused, {suspect} books suspect, {len(found)} orders held,"
            f" expected {len(expected)}"
        )


def table_of(size: int) -> tuple[np.ndarray, int, int]:
    """A table of that many bytes in whole lines: (owner, address, lines)."""
    table = np.zeros(size + 64, np.uint8)
    return table, address_of(table) + (-address_of(table)) % 64, size // 64


@pinned()
def run(smoke: bool) -> list[Result]:
    """Fill the market, then alternate chunks of books and of the reference over the same messages."""
    live, chunk, chunks = (20_000, 20_000, 4) if smoke else (500_000, 500_000, 20)
    instruments = 500
    state, parts = open_feed(instruments, live, live // 2)
    market = open_market(instruments, live, SEED)
    blocks = open_blocks(chunk)
    book_bytes = parts.book.nodes.nbytes + sum(part.nbytes for part in parts.book[4:])
    table, table_addr, lines = table_of(book_bytes)
    spans = np.zeros(len(blocks.starts) - 1, np.int64)
    refused, taken, reference, filling = 0, [], [], True
    while len(taken) < chunks:
        next_messages(market, blocks)
        filling = filling and int(market.row[0]["live"]) < live * 9 // 10
        refused += time_books(state.feed[0], blocks.buf, blocks.starts, spans)
        if not filling:
            taken.append(spans.copy())
            time_reference(market.event[0], table_addr, lines, blocks.buf, blocks.starts, spans)
            reference.append(spans.copy())
    check(parts, market, refused)
    cycle_ns = ns_per_cycle()
    picoseconds = to_picoseconds(np.concatenate(taken[1:]), PER_DATAGRAM, cycle_ns)
    bare = to_picoseconds(np.concatenate(reference[1:]), PER_DATAGRAM, cycle_ns)
    rounds = [float(np.median(spans) * cycle_ns / PER_DATAGRAM) for spans in taken[1:]]
    ratios = [float(np.median(mine) / np.median(bare)) for mine, bare in zip(taken[1:], reference[1:], strict=True)]
    orders = int(parts.book.row[0]["orders"])
    return [
        Result(
            name="itch_book",
            question=QUESTION,
            unit="ns",
            samples=picoseconds,
            value=None,
            reference=float(np.median(bare)) / 1000,
            reference_is=f"same decode, one random 64-byte change in {book_bytes >> 20} MiB, same blocks, alternating",
            goal=f"p50 at most {NS_MAX} ns and at most {RATIO_MAX} x the reference",
            limit_p50=NS_MAX,
            ratio_max=RATIO_MAX,
            scale=1000,
            notes=(
                f"core {this_core()}; {instruments} instruments, {orders:,} live orders; means of datagrams of"
                f" {PER_DATAGRAM}; {len(rounds)} chunks of {chunk:,} messages",
                f"p50 by chunk: {min(rounds):.1f} to {max(rounds):.1f} ns;"
                f" ratio by chunk {min(ratios):.2f} to {max(ratios):.2f}",
                f"books: {book_bytes / max(live, 1):.0f} bytes an order of room",
            ),
        )
    ]


def next_messages(market: Market, blocks: Blocks) -> None:
    """Generate the next chunk. Raises RuntimeError when a message cannot be encoded."""
    if fill_blocks(market.row[0], market.live, market.event[0], blocks.buf, blocks.starts) <= 0:
        raise RuntimeError("itch_book: the generator made a message that cannot be encoded")
