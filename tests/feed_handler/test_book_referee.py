"""Books against a referee that others wrote (itch-book, C++) and against the slow oracle, after every single message.

Each message goes into feed_handler as a datagram of its own; then five levels a side with sizes and numbers of orders
must be the same in the table `depth`, in the oracle and in the referee.
"""

import pytest

from procs.feed_handler.arbitration import LINE_A
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.counters import FEED_BOOK_ERRORS, FEED_MESSAGES
from shm.jit import JIT_OFF
from shm.records.depth import DEPTH
from tests.oracles.book import OracleBooks
from tests.oracles.itch import read
from tests.support.data import shared_data
from tests.support.feed_bench import FeedBench
from tests.support.itch_flow import ItchFlow, datagram, message

SEED = 77
EVENTS = 400 if JIT_OFF else 2_500
SOAK_EVENTS = 100_000
LEVELS = 5
SYMBOLS = ["AAAA", "BBBB", "CCCC"]
SIDES = (("bid", SIDE_BUY), ("ask", SIDE_SELL))
ORDERS = "AFECXDU"  # types that change a book


class Referee:
    """The books of itch-book, by locate code."""

    def __init__(self):
        module = pytest.importorskip("itch_book", reason="itch-book is not installed")
        self.session = module.Session(tables=["bbo"], depth=LEVELS, symbols=[])
        self.last: dict[int, dict] = {}

    def feed(self, raw: bytes) -> None:
        """One message; remembers the depth of each book that it changed."""
        self.session.feed(len(raw).to_bytes(2, "big") + raw)
        columns = self.session.take_depth()
        for row in range(len(columns["locate"])):
            self.last[int(columns["locate"][row])] = {name: int(values[row]) for name, values in columns.items()}
        self.session.take_bbo()

    def levels(self, locate: int, side: str) -> list[tuple[int, int, int]]:
        """[(price, size, orders)], best first."""
        held = self.last.get(locate, {})
        rows = [tuple(held.get(f"{side}_{part}_{k:02d}", 0) for part in ("px", "sz", "ct")) for k in range(LEVELS)]
        return [row for row in rows if row[2]]


def apply(books: OracleBooks, instrument: int, fields: dict) -> str:
    """One decoded message into the oracle; "ok" or why it is impossible."""
    kind, ref = chr(fields["kind"]), fields.get("order_ref")
    if kind in "AF":
        return books.add(instrument, ref, fields["side"], fields["qty_lots"], fields["price_ticks"])
    if kind in "ECX":
        return books.reduce(instrument, ref, fields["qty_lots"])
    if kind == "D":
        return books.delete(instrument, ref)
    return books.replace(instrument, ref, fields["new_order_ref"], fields["qty_lots"], fields["price_ticks"])


def ours(bench: FeedBench, instrument: int, side: str) -> list[tuple[int, int, int]]:
    depth = bench.read("depth", DEPTH, instrument)
    rows = zip(*(depth[f"{side}_{part}"].tolist() for part in ("price_ticks", "qty_lots", "orders")), strict=True)
    return [row for row in rows if row[2]]


def compare(messages: list[bytes], symbols: dict[int, str], *, shown: str) -> tuple[int, int, Referee]:
    """Play the messages into all three. Returns (book changes compared, impossible ones, the referee)."""
    locates = sorted(symbols)
    bench = FeedBench([symbols[locate] for locate in locates], [set(symbols.values())])
    books, referee, compared, impossible = OracleBooks(len(locates)), Referee(), 0, 0
    for k, raw in enumerate(messages):
        bench.step((LINE_A, datagram(k + 1, [raw])))
        bench.take()
        referee.feed(raw)
        code, fields = read(raw)
        assert code == 1, raw.hex()
        if chr(fields["kind"]) not in ORDERS or fields["locate"] not in symbols:
            continue
        instrument = locates.index(fields["locate"])
        impossible += apply(books, instrument, fields) != "ok"
        for side, code in SIDES:
            expected = books.levels(instrument, code)[:LEVELS]
            where = f"{shown}, message {k} {raw.hex()}, {side}"
            assert ours(bench, instrument, side) == expected, f"{where}: depth differs from the oracle"
            assert referee.levels(fields["locate"], side) == expected, f"{where}: the referee differs from the oracle"
        compared += 1
    assert bench.counter(FEED_MESSAGES) == len(messages)
    assert bench.counter(FEED_BOOK_ERRORS) == impossible
    return compared, impossible, referee


def generated(seed: int, events: int) -> None:
    flow = ItchFlow(seed, SYMBOLS).open_day().trade(events)
    symbols = {locate: symbol for locate, symbol in enumerate([*SYMBOLS, "OTHER"], 1)}
    compared, impossible, referee = compare(flow.messages, symbols, shown=f"seed {seed}")
    stats = referee.session.stats()
    print(f"seed {seed}", stats)
    assert compared > 0.9 * events and impossible == stats["missing_ref"] == stats["dup_ref"] == stats["rejected"] == 0
    assert min(stats[name] for name in ("adds", "executes", "cancels", "deletes", "replaces")) > events / 50


def test_three_books_agree_after_every_message_of_a_generated_session():
    generated(SEED, EVENTS)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_three_books_agree_after_every_message_of_a_long_session():
    generated(SEED + 1, SOAK_EVENTS)


def test_three_books_agree_after_every_message_of_the_genuine_slice():
    """It starts in mid-day: most of its orders are unknown, and all three must pass over what they cannot know."""
    raw, messages, at = shared_data("itch50", "20191230_open_1000.itch").read_bytes(), [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 2], "big")
        messages.append(raw[at + 2 : at + 2 + size])
        at += 2 + size
    symbols = {int.from_bytes(m[1:3], "big"): m[24:32].decode().strip() for m in messages if m[:1] in (b"A", b"F")}
    directory = [message("R", locate=locate, symbol=symbol) for locate, symbol in sorted(symbols.items())]
    compared, impossible, referee = compare(directory + messages, symbols, shown="the genuine slice")
    stats = referee.session.stats()
    print(stats)
    assert compared > 700 and impossible > 100
    elsewhere = sum(chr(m[0]) in "ECXDU" and int.from_bytes(m[1:3], "big") not in symbols for m in messages)
    assert stats["missing_ref"] == impossible + elsewhere and stats["dup_ref"] == stats["rejected"] == 0


def test_the_comparison_bites():
    flow = ItchFlow(SEED, SYMBOLS).open_day().trade(60)
    told = [message_ for message_ in flow.messages if message_[:1] in (b"A", b"F") and message_[2] == 1]
    spoilt = bytearray(told[0])
    spoilt[23] += 1  # one share more, for the oracle and us
    books, referee = OracleBooks(1), Referee()
    referee.feed(told[0])
    apply(books, 0, read(bytes(spoilt))[1])
    side, code = SIDES[0] if chr(told[0][19]) == "B" else SIDES[1]
    assert referee.levels(1, side) != books.levels(0, code)
