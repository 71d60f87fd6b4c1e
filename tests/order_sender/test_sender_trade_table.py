"""What the venue may say about a trade or a resting order, as one table: order, position and halt afterwards.

Each line is played on gate, order_sender and venue together; the position is also held against an oracle that adds up
the trades that stand. Sizes in lots, prices in ticks; the order is a buy of 100 at 10,000.
"""

import random
import struct

import pytest

from procs.order_sender.state import arrays_of
from shm.codes import REPORT_RESTATED, STATE_HALTED
from shm.control import control_state
from shm.jit import JIT_OFF
from tests.oracles.told import believe
from tests.support.order_loop import OrderLoop
from tests.support.sender_bench import KEEPER, SenderBench

TABLE = """
what the venue says                                            | leaves  cum  position  price  halted
fill 30                                                        |     70   30        30  10000  no
fill 30, fill 70                                               |      0  100       100  10000  no
fill 30, again 1                                               |     70   30        30  10000  no
fill 30, fill 20, again 1, again 2, again 1                    |     50   50        50  10000  no
fill 30, cancel, again 1                                       |      0   30        30  10000  no
fill 30, bust 1                                                |     70    0         0  10000  no
fill 30, bust 1, bust 1                                        |     70    0         0  10000  no
fill 30, bust 1, again 1                                       |     70    0         0  10000  no
fill 30, bust 9                                                |     70   30        30  10000  no
fill 100, bust 1                                               |      0    0         0  10000  no
fill 30, cancel, bust 1                                        |      0    0         0  10000  no
fill 30, fill 20, bust 1                                       |     50   20        20  10000  no
fill 30, correct 1 40                                          |     70   40        40  10000  no
fill 30, correct 1 20                                          |     70   20        20  10000  no
fill 30, correct 1 40, correct 1 40                            |     70   40        40  10000  no
fill 30, correct 1 40, correct 1 10, bust 1                    |     70    0         0  10000  no
fill 100, correct 1 60                                         |      0   60        60  10000  no
fill 30, correct 9 10                                          |     70   30        30  10000  no
fill 30, bust 1, correct 1 40                                  |     70    0         0  10000  no
slide 9990                                                     |    100    0         0   9990  no
slide 9990, fill 10, slide 9980                                |     90   10        10   9980  no
restate 9970, fill 10                                          |     90   10        10   9970  no
modify 60, fill 60                                             |      0   60        60  10000  no
fill 30, take 20, fill 50                                      |      0   80        80  10000  no
fill 130                                                       |      0  130       130  10000  yes
fill 90, fill 20                                               |      0  110       110  10000  yes
fill 130, bust 1                                               |      0    0         0  10000  yes
fill 100, fill 5                                               |      0  105       105  10000  yes
cancel, fill 5                                                 |      0    5         5  10000  yes
"""


def lines():
    """{script: (leaves, cum, position, price, halted)}"""
    rows = [line.split("|") for line in TABLE.strip().splitlines()[1:]]
    return {
        script.strip(): (*(int(word) for word in wanted.split()[:4]), wanted.split()[4] == "yes")
        for script, wanted in rows
    }


class Story:
    """Plays a script on the venue's side. Trades are numbered from 1 in the order of the script."""

    def __init__(self, loop, ref):
        self.venue, self.ref = loop.bench.venue, ref
        self.matches: dict[int, int] = {}
        self.said: dict[int, bytes] = {}
        self.standing: dict[int, int] = {}  # oracle: lots by trade

    def say(self, words):
        verb, *numbers = words.split()
        numbers = [int(number) for number in numbers]
        if verb == "fill":
            number = len(self.matches) + 1
            self.matches[number] = self.venue.execute(self.ref, numbers[0])
            self.said[number] = self.venue.stream[-1]
            self.standing[number] = numbers[0]
        elif verb == "again":
            self.venue.stream.append(self.said[numbers[0]])
        elif verb == "bust":
            self.venue.break_trade(self.ref, self.matches.get(numbers[0], 999_999))
            self.standing.pop(numbers[0], None)
        elif verb == "correct":
            self.venue.correct_trade(self.ref, self.matches.get(numbers[0], 999_999), numbers[1], 10_000)
            if numbers[0] in self.standing:
                self.standing[numbers[0]] = numbers[1]
        elif verb == "take":
            self.venue.cancel(self.ref, numbers[0], "Z")
        else:
            {"cancel": self.venue.cancel, "slide": self.venue.priority, "restate": self.venue.restate,
             "modify": self.venue.modify}[verb](self.ref, *numbers)  # fmt: skip


@pytest.fixture(scope="module")
def loops():
    """A loop that the lines without a halt share; one that halts gets its own."""
    return {}


@pytest.mark.parametrize(("script", "wanted"), lines().items(), ids=lines())
def test_each_line_of_the_table(loops, script, wanted):
    leaves, cum, position, price, halted = wanted
    loop = OrderLoop() if halted else loops.setdefault("shared", OrderLoop())
    before = loop.exposure()[0]
    loop.new(qty_lots=100)
    loop.settle()
    (order,) = loop.live()
    story = Story(loop, order.ref)
    for words in script.split(", "):
        story.say(words)
    loop.settle()
    rows = arrays_of(loop.bench.state).rows
    (row,) = rows[rows["user_ref_num"] == order.ref]
    assert (row["leaves_lots"], row["cum_lots"], row["price_ticks"]) == (leaves, cum, price)
    assert position == sum(story.standing.values()), "the table itself"
    assert loop.exposure()[0] - before == position and loop.exposure()[1] == leaves
    told = [report for report in loop.bench.readers[KEEPER].reports if report["user_ref_num"] == order.ref]
    assert sum(one.traded for one in believe(told).values()) == position
    assert all(report["leaves_lots"] >= 0 for report in told)
    assert (control_state(loop.bench.control[0], 0, -1, 0) == STATE_HALTED) == halted
    if order.live:
        loop.bench.venue.cancel(order.ref)
    loop.settle()
    assert loop.exposure()[1:] == (0, 0, 0)


def test_an_order_accepted_at_another_price_rests_where_the_venue_says():
    loop = OrderLoop()
    loop.bench.venue.auto = False
    loop.new(qty_lots=100)
    loop.turn()
    (ref,) = loop.bench.venue.orders
    loop.bench.venue.accept(ref, price=9_900)
    loop.settle()
    assert arrays_of(loop.bench.state).rows[ref]["price_ticks"] == 9_900
    kinds = [report["kind"] for report in loop.bench.readers[KEEPER].reports]
    assert REPORT_RESTATED not in kinds and loop.exposure() == (0, 100, 0, 1)


# --- the same messages in every order that the protocol permits -------------------------------------------------------

SHUFFLES = 6 if JIT_OFF else 60


def record(orders):
    """What a venue says of each order of a day: {ref: its messages, in order}."""
    rng, bench = random.Random(5), SenderBench(report_capacity=1024).ready()
    bench.venue.auto = False
    ids = [bench.new(qty=100 + k) for k in range(orders)]
    bench.settle()
    queries = len(bench.venue.stream)
    for ref in (bench.ref(order) for order in ids):
        bench.venue.accept(ref)
        match = bench.venue.execute(ref, rng.randrange(1, 40))
        bench.venue.priority(ref, 99_0000)
        bench.venue.execute(ref, rng.randrange(1, 40))
        bench.venue.correct_trade(ref, match, rng.randrange(1, 40), 98_0000)
        bench.venue.cancel(ref, 5, "Z")
        if rng.random() < 0.5:
            bench.venue.break_trade(ref, match)
        if rng.random() < 0.5:
            bench.venue.cancel(ref)
    told: dict[int, list[bytes]] = {}
    for message in bench.venue.stream[queries:]:
        told.setdefault(struct.unpack(">I", message[9:13])[0], []).append(message)
    return told


def play(told, orders, rng):
    """The same messages merged at random, delayed, with repeated executions and lost sessions in between."""
    bench = SenderBench(report_capacity=1024, journal_capacity=4096).ready()
    bench.venue.auto = False
    ids = [bench.new(qty=100 + k) for k in range(orders)]
    bench.settle()
    left = {ref: list(messages) for ref, messages in told.items()}
    said = []
    while left:
        ref = rng.choice(list(left))
        bench.venue.stream.append(left[ref].pop(0))
        said.append(bench.venue.stream[-1])
        if not left[ref]:
            del left[ref]
        if rng.random() < 0.2:
            bench.venue.stream.append(rng.choice([message for message in said if message[:1] == b"E"] or said[:1]))
        if rng.random() < 0.3:
            bench.cycle(read=rng.randrange(1, 200))
        if rng.random() < 0.05:
            bench.lose()
            bench.connect()
    bench.settle(400)
    rows = arrays_of(bench.state).rows
    names = ["leaves_lots", "cum_lots", "qty_lots", "price_ticks", "state"]
    picture = [tuple(int(rows[rows["order_id"] == order][0][name]) for name in names) for order in ids]
    return picture, {order: one.traded for order, one in believe(bench.readers[KEEPER].reports).items()}


def test_repeated_delayed_shuffled_and_replayed_messages_give_the_same_orders_and_positions():
    orders = 5
    told = record(orders)
    wanted = play(told, orders, random.Random(0))
    for seed in range(1, SHUFFLES):
        assert play(told, orders, random.Random(seed)) == wanted, f"seed {seed}"
    print(f"{SHUFFLES} shuffles of {sum(len(messages) for messages in told.values())} messages")
