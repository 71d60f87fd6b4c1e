"""What the venue says about an instrument, from its bytes through feed_handler's step to the answer of the gate."""

import pytest

from procs.feed_handler.arbitration import LINE_A
from shm import codes
from shm.records.channel import CHANNEL
from shm.records.top import TOP
from tests.feed_handler.test_trading_state import (
    LEVELS,
    SYMBOLS,
    action,
    breach,
    collar,
    hours,
    offering,
    operations,
    short_test,
)
from tests.support.feed_bench import FeedBench
from tests.support.gate import Gate
from tests.support.itch_flow import ItchFlow, datagram, message

BID, ASK = 9_900, 10_100

# Of instrument 1 (locate 1): what the venue says, then a short sale at `price`, and the answer.
TABLE = """
said              price  -> answer
nothing           10000  -> pass
H:H               10000  -> trading_state
H:P               10000  -> trading_state
H:Q               10000  -> trading_state
H:?               10000  -> trading_state
H:H H:T           10000  -> pass
h:QH              10000  -> trading_state
h:BH              10000  -> pass
h:?H              10000  -> trading_state
h:QH h:QT         10000  -> pass
Y:0               9900   -> pass
Y:1               9900   -> short_price
Y:2               9900   -> short_price
Y:1               9910   -> pass
Y:?               9900   -> short_price
Y:1 Y:0           9900   -> pass
J:                10000  -> trading_state
J: H:Q            10000  -> trading_state
J: H:T            10000  -> pass
K:A               10000  -> trading_state
K:C               10000  -> trading_state
K:A H:T           10000  -> pass
V:                10000  -> pass
W:1               10000  -> trading_state
W:2               10000  -> trading_state
W:3               10000  -> trading_state
W:?               10000  -> trading_state
W:1 H:T           10000  -> pass
S:M               10000  -> trading_state
S:?               10000  -> trading_state
S:M S:Q           10000  -> pass
"""
SAYS = {
    "H": lambda rest: action(1, rest),
    "h": lambda rest: operations(1, rest[0], rest[1]),
    "Y": lambda rest: short_test(1, rest),
    "J": lambda rest: collar(1, 9_000, 11_000),
    "K": lambda rest: offering(1, rest),
    "V": lambda rest: LEVELS,
    "W": breach,
    "S": hours,
}


class Market:
    """One feed_handler and one gate on the same tables, a bid and an ask in each instrument."""

    def __init__(self):
        self.bench, self.gate = FeedBench(SYMBOLS, [set(SYMBOLS)]), Gate(instruments=len(SYMBOLS))
        listing = self.bench.parts.listing
        for name, table in (("tops", "tops"), ("channels", "channels"), ("instruments", "listing")):
            self.gate.tables[name] = getattr(self.bench.parts, table)
        for row, symbol in enumerate(SYMBOLS):
            rules = dict(quote_tick_ticks=10, lot_lots=1, price_ticks_max=1_000_000, multiplier=1, price_tick_micro=100)
            self.gate.write("instruments", row, symbol=symbol.encode(), instrument_id=row, underlying_id=row, **rules)
        assert listing is self.gate.tables["instruments"]
        self.gate.now_ns = self.bench.now_ns
        self.gate.state = self.gate.new_state()
        flow = ItchFlow(1, SYMBOLS).open_day()
        self.seq = len(flow.messages) + 1
        self.bench.step()
        self.bench.step(*[(LINE_A, raw) for raw in flow.split()])
        for locate, symbol in enumerate(SYMBOLS, 1):
            for ref, side, price in ((10 * locate, codes.SIDE_BUY, BID), (10 * locate + 1, codes.SIDE_SELL, ASK)):
                quote = dict(order_ref=ref, side=side, qty_lots=100, symbol=symbol, price_ticks=price)
                self.say(message("A", locate=locate, **quote))
        assert int(self.bench.read("channels", CHANNEL)["state"]) == codes.CHANNEL_FRESH
        assert int(self.bench.read("tops", TOP)["bid_price_ticks"]) == BID

    def say(self, raw):
        self.bench.step((LINE_A, datagram(self.seq, [raw])))
        self.seq += 1

    def answer(self, **fields):
        """The gate's answer to one intent, as a word."""
        self.gate.beat()
        self.gate.intent(**fields)
        self.gate.step()
        (code,) = self.gate.codes() or [codes.PASS]
        return (codes.REJECT_NAMES | {codes.PASS: "pass"})[code]


@pytest.mark.parametrize("line", TABLE.strip().splitlines()[1:])
def test_what_the_venue_says_decides_what_the_gate_answers(line):
    left, answer = line.split("->")
    *said, price = left.split()
    market = Market()
    for word in said:
        if word != "nothing":
            letter, _, rest = word.partition(":")
            market.say(SAYS[letter](rest))
    sale = dict(side=codes.SIDE_SELL, price_ticks=int(price))
    assert market.answer(**sale) == answer.strip(), line
    halted_all = said[0][0] == "W" or (said[0][0] == "S" and answer.strip() == "trading_state")  # T opens one alone
    assert market.answer(instrument_id=1) == ("trading_state" if halted_all else "pass"), "the other instruments"


def test_the_collar_of_an_auction_bounds_prices_as_soon_as_the_gate_sees_it():
    market = Market()
    market.say(collar(1, 9_950, 10_050))
    assert market.answer(price_ticks=10_000) == "trading_state"
    row = market.gate.state.gate[0]
    account = market.gate.exposure.accounts[0]
    assert (int(account["luld_low"]), int(account["luld_high"])) == (9_950, 10_050)
    market.say(action(1, "T"))
    assert market.answer(price_ticks=10_100) == "pass" and row["instruments"] == len(SYMBOLS)
