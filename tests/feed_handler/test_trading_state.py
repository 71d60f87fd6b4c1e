"""Trading states by table: what the venue says, and what tops, listing and ticks then show."""

import numpy as np
import pytest

from procs.feed_handler.arbitration import LINE_A
from procs.feed_handler.book import BOOK_LEVELS_FULL, BOOK_ORDERS_FULL
from procs.feed_handler.book_check import check, contents
from shm.atomics import record_view
from shm.codes import (
    SIDE_BUY,
    SIDE_SELL,
    TICK_STATE,
    TOP_FLAG_SHORT_RESTRICTED,
    TRADING_HALTED,
    TRADING_OPEN,
    TRADING_PAUSED,
    TRADING_QUOTE_ONLY,
)
from shm.counters import FEED_BOOK_ERRORS
from shm.error_log import ERROR_FEED_FULL
from shm.records.error_row import ERROR_ROW
from shm.records.instrument import INSTRUMENT
from shm.records.top import TOP
from tests.oracles.itch import FORMATS
from tests.support.feed_bench import FeedBench
from tests.support.itch_flow import ItchFlow, datagram, message

SYMBOLS = ["AAAA", "BBBB", "CCCC"]
OPEN, HALTED, PAUSED, QUOTE = TRADING_OPEN, TRADING_HALTED, TRADING_PAUSED, TRADING_QUOTE_ONLY


def said(kind, *body, locate=0):
    return FORMATS[kind].pack(kind.encode(), locate, 0, 0, 34_300_000, *body)


def action(locate, letter):
    return said("H", SYMBOLS[locate - 1].ljust(8).encode(), letter.encode(), b" ", b"    ", locate=locate)


def operations(locate, market, letter):
    return said("h", SYMBOLS[locate - 1].ljust(8).encode(), market.encode(), letter.encode(), locate=locate)


def breach(level):
    return said("W", level.encode())


def hours(letter):
    return said("S", letter.encode())


def collar(locate, low, high):
    return said("J", SYMBOLS[locate - 1].ljust(8).encode(), (low + high) // 2, high, low, 0, locate=locate)


def offering(locate, qualifier):
    return said("K", SYMBOLS[locate - 1].ljust(8).encode(), 34_500, qualifier.encode(), 100_000, locate=locate)


def short_test(locate, letter):
    return said("Y", SYMBOLS[locate - 1].ljust(8).encode(), letter.encode(), locate=locate)


LEVELS = said("V", 10**12, 2 * 10**12, 3 * 10**12)


class Day:
    """A bench that is fresh after the opening messages; AAAA and BBBB are followed, CCCC is not."""

    def __init__(self, **settings):
        self.bench = FeedBench(SYMBOLS, [{"AAAA", "BBBB"}], **settings)
        flow = ItchFlow(1, SYMBOLS).open_day()
        self.seq = len(flow.messages) + 1
        self.bench.step()
        self.bench.step(*[(LINE_A, raw) for raw in flow.split()])
        self.bench.take()

    def say(self, *messages):
        self.bench.step((LINE_A, datagram(self.seq, list(messages))))
        self.seq += len(messages)

    def states(self):
        shown = [int(self.bench.read("tops", TOP, row)["trading_state"]) for row in range(3)]
        listed = [int(self.bench.read("listing", INSTRUMENT, row)["trading_state"]) for row in range(3)]
        assert shown == listed
        return shown

    def told(self):
        """[(instrument, trading state)] of the state ticks since the last call."""
        ticks = self.bench.take()
        return [(int(t["instrument_id"]), int(t["trading_state"])) for t in ticks if t["kind"] == TICK_STATE]


# fmt: off
TABLE = [
    # what is said                                                      states after it         state ticks
    ("h stops ours alone",
     [operations(1, "Q", "H")],                                         [HALTED, OPEN, OPEN],   [(0, HALTED)]),
    ("h resumes",
     [operations(1, "Q", "H"), operations(1, "Q", "T")],                [OPEN, OPEN, OPEN],     [(0, HALTED), (0, OPEN)]),
    ("h of another market is not ours",
     [operations(1, "B", "H"), operations(2, "X", "H")],                [OPEN, OPEN, OPEN],     []),
    ("another market's resumption does not resume ours",
     [operations(1, "Q", "H"), operations(1, "B", "T")],                [HALTED, OPEN, OPEN],   [(0, HALTED)]),
    ("an unknown letter halts",
     [operations(1, "Q", "?")],                                         [HALTED, OPEN, OPEN],   [(0, HALTED)]),
    ("nobody follows it: tops alone",
     [operations(3, "Q", "H")],                                         [OPEN, OPEN, HALTED],   []),
    ("T of H does not end h",
     [operations(1, "Q", "H"), action(1, "T")],                         [HALTED, OPEN, OPEN],   [(0, HALTED), (0, HALTED)]),
    ("h ended, H shows again",
     [action(1, "P"), operations(1, "Q", "H"), operations(1, "Q", "T")], [PAUSED, OPEN, OPEN],  [(0, PAUSED), (0, HALTED), (0, PAUSED)]),
    ("a market that nobody knows may be ours",
     [operations(1, "?", "H")],                                         [HALTED, OPEN, OPEN],   [(0, HALTED)]),
    ("a market that nobody knows resumes nothing",
     [operations(1, "Q", "H"), operations(1, "?", "T")],                [HALTED, OPEN, OPEN],   [(0, HALTED)]),
    ("H with a letter that nobody knows halts",
     [action(1, "?")],                                                  [HALTED, OPEN, OPEN],   [(0, HALTED)]),
    ("a collar pauses",
     [collar(1, 90_000, 110_000)],                                      [PAUSED, OPEN, OPEN],   [(0, PAUSED)]),
    ("a collar, quoting, then T opens",
     [action(1, "P"), collar(1, 90_000, 110_000), action(1, "Q"), action(1, "T")],
                                                                        [OPEN, OPEN, OPEN],     [(0, PAUSED), (0, PAUSED), (0, PAUSED), (0, OPEN)]),
    ("a collar that is widened stays a pause",
     [collar(1, 90_000, 110_000), collar(1, 80_000, 120_000)],          [PAUSED, OPEN, OPEN],   [(0, PAUSED)] * 2),
    ("a halt is stricter than a collar",
     [collar(1, 90_000, 110_000), action(1, "H")],                      [HALTED, OPEN, OPEN],   [(0, PAUSED), (0, HALTED)]),
    ("an offering may be quoted",
     [offering(2, "A")],                                                [OPEN, QUOTE, OPEN],    [(1, QUOTE)]),
    ("an offering is released",
     [offering(2, "A"), action(2, "Q"), action(2, "T")],                [OPEN, OPEN, OPEN],     [(1, QUOTE), (1, QUOTE), (1, OPEN)]),
    ("an offering is called off",
     [offering(2, "A"), offering(2, "C")],                              [OPEN, HALTED, OPEN],   [(1, QUOTE), (1, HALTED)]),
    ("an offering is announced again",
     [offering(2, "C"), offering(2, "A")],                              [OPEN, QUOTE, OPEN],    [(1, HALTED), (1, QUOTE)]),
    ("an offering with a letter that nobody knows",
     [offering(2, "?")],                                                [OPEN, HALTED, OPEN],   [(1, HALTED)]),
    ("a short sale test changes no state",
     [short_test(1, "1")],                                              [OPEN, OPEN, OPEN],     []),
    ("a phase of the day that nobody knows closes",
     [hours("?")],                                                      [HALTED] * 3,           [(0, HALTED), (1, HALTED)]),
    ("the day's first phases close nothing",
     [hours("O"), hours("S")],                                          [OPEN] * 3,             []),
    ("levels of the day change nothing",
     [LEVELS],                                                          [OPEN, OPEN, OPEN],     []),
    ("level 1 halts all",
     [breach("1")],                                                     [HALTED] * 3,           [(0, HALTED), (1, HALTED)]),
    ("level 2 halts all",
     [breach("2")],                                                     [HALTED] * 3,           [(0, HALTED), (1, HALTED)]),
    ("level 3 halts all",
     [breach("3")],                                                     [HALTED] * 3,           [(0, HALTED), (1, HALTED)]),
    ("an unknown level halts all",
     [breach("9")],                                                     [HALTED] * 3,           [(0, HALTED), (1, HALTED)]),
    ("a second level halts nothing twice",
     [breach("1"), breach("2")],                                        [HALTED] * 3,           [(0, HALTED), (1, HALTED)]),
    ("T resumes its instrument alone",
     [breach("1"), action(2, "T")],                                     [HALTED, OPEN, HALTED], [(0, HALTED), (1, HALTED), (1, OPEN)]),
    ("Q lets it quote",
     [breach("1"), action(1, "Q")],                                     [QUOTE, HALTED, HALTED], [(0, HALTED), (1, HALTED), (0, QUOTE)]),
    ("H and P do not end a breach, the T behind them does",
     [breach("1"), action(1, "H"), action(1, "P"), action(1, "T")],     [OPEN, HALTED, HALTED], [(0, HALTED), (1, HALTED), (0, HALTED), (0, HALTED), (0, OPEN)]),
    ("market hours do not end a breach",
     [breach("1"), hours("M"), hours("Q")],                             [HALTED] * 3,           [(0, HALTED), (1, HALTED)] * 3),
    ("a breach after a resumption halts again",
     [breach("1"), action(1, "T"), breach("2")],                        [HALTED] * 3,           [(0, HALTED), (1, HALTED), (0, OPEN), (0, HALTED)]),
]
# fmt: on


@pytest.mark.parametrize(("messages", "states", "ticks"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_the_venue_says_becomes_the_state_that_readers_see(messages, states, ticks):
    day = Day()
    day.say(*messages)
    assert day.states() == states
    assert day.told() == ticks


SHORT_TABLE = """
letters  -> restricted
0        -> 0
1        -> 1
2        -> 1
10       -> 0
02       -> 1
?        -> 1
"""


def test_the_short_sale_test_stands_in_the_top_until_the_venue_ends_it():
    for line in SHORT_TABLE.strip().splitlines()[1:]:
        letters, restricted = line.split("->")
        day = Day()
        day.say(*[short_test(1, letter) for letter in letters.strip()])
        flags = [int(day.bench.read("tops", TOP, row)["flags"]) for row in range(3)]
        assert flags == [TOP_FLAG_SHORT_RESTRICTED * int(restricted), 0, 0], line


def test_an_auction_collar_is_the_price_band_until_the_instrument_opens():
    day = Day()

    def bands():
        rows = [day.bench.read("listing", INSTRUMENT, row) for row in range(3)]
        return [(int(row["luld_low_ticks"]), int(row["luld_high_ticks"])) for row in rows]

    assert bands() == [(0, 0)] * 3
    day.say(action(1, "P"), collar(1, 90_000, 110_000))
    assert bands() == [(90_000, 110_000), (0, 0), (0, 0)]
    day.say(collar(1, 85_000, 115_000), action(1, "Q"))
    assert bands() == [(85_000, 115_000), (0, 0), (0, 0)]
    assert int(day.bench.read("listing", INSTRUMENT, 0)["locate"]) == 1, "the rest of the row is as it was"
    day.say(action(1, "T"))
    assert bands() == [(0, 0)] * 3


def test_a_breach_on_a_stale_channel_is_in_the_resync():
    day = Day()
    first = day.seq
    day.seq += 1
    day.say(breach("1"))
    day.bench.take()
    day.bench.step((LINE_A, datagram(first, [LEVELS])))
    assert day.states() == [HALTED] * 3
    assert {int(tick["trading_state"]) for tick in day.bench.take()[:2]} == {HALTED}


def add(ref, locate, price, side=SIDE_BUY):
    symbol = SYMBOLS[locate - 1]
    return message("A", locate=locate, order_ref=ref, side=side, qty_lots=100, symbol=symbol, price_ticks=price)


def first_error(bench):
    row = record_view(int(bench.me[0]["errors_addr"]), ERROR_ROW)
    return tuple(int(row[name]) for name in ("code", "count", "detail_a", "detail_b"))


@pytest.mark.parametrize(
    ("settings", "adds", "code"),
    [
        ({"orders_max": 4}, [add(1, 1, 500), add(2, 1, 500), add(3, 2, 500), add(4, 3, 500)], BOOK_ORDERS_FULL),
        ({"levels_max": 3}, [add(1, 1, 500), add(2, 1, 400), add(3, 2, 500), add(4, 2, 500)], BOOK_LEVELS_FULL),
    ],
)
def test_a_full_pool_closes_the_instrument_that_found_it_full_and_no_other(settings, adds, code):
    day = Day(**settings)
    book = day.bench.parts.book
    day.say(*adds)
    assert day.states() == [OPEN] * 3 and day.bench.counter(FEED_BOOK_ERRORS) == 0
    day.bench.take()
    day.say(add(5, 1, 300))
    assert day.states() == [0, OPEN, OPEN]
    assert day.told() == [(0, 0)]
    assert day.bench.counter(FEED_BOOK_ERRORS) == 1
    assert first_error(day.bench) == (ERROR_FEED_FULL, 1, 0, code)
    top = day.bench.read("tops", TOP, 0)
    assert (int(top["bid_price_ticks"]), int(top["bid_qty_lots"])) == (0, 0)
    check(book)
    assert contents(book, 0, SIDE_BUY) == [] and contents(book, 1, SIDE_BUY) != []
    day.say(message("D", locate=1, order_ref=1), add(6, 1, 200), action(1, "T"))  # it hears nothing any more
    day.say(add(7, 2, 100, SIDE_SELL))  # and the others have its room
    assert day.states() == [0, OPEN, OPEN]
    assert day.bench.counter(FEED_BOOK_ERRORS) == 1
    assert [level[0] for level in contents(book, 1, SIDE_SELL)] == [100]
    check(book)


def test_a_directory_of_thousands_of_symbols_gives_each_its_locate_and_ignores_the_rest():
    symbols = [f"S{number:05d}" for number in np.random.default_rng(5).permutation(3_000).tolist()]
    bench = FeedBench(symbols, [set()])
    seq = 1
    for at in range(0, len(symbols), 20):
        directory = [
            message("R", locate=at + row + 1, symbol=symbol) for row, symbol in enumerate(symbols[at : at + 20])
        ]
        directory.append(message("R", locate=60_000, symbol="OTHER"))
        bench.step((LINE_A, datagram(seq, directory)))
        seq += len(directory)
    assert bench.parts.locates["word"][1:3_001].tolist() == list(range(3_000))
    assert bench.parts.locates["word"][60_000] == -1
    assert bench.parts.instruments["locate"].tolist() == list(range(1, 3_001))
