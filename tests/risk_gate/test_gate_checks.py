"""The pre-trade checks at the edge of each limit. Each row: what differs from a case that passes, and the answer.

The four cases of a limit: below, exactly at, the smallest breach, far beyond.
"""

import re
from fractions import Fraction
from random import Random

import numpy as np
import pytest

import procs.risk_gate.checks as checks
import shm.codes as codes
from procs.risk_gate.checks import CASE, CASE_INPUTS, NEVER_NS, PRICE_BOUND, QTY_BOUND, VALUE_BOUND, decide

from procs.risk_gate.checks import check_collar, check_notional_max, limits_row_is_set, reference_of  # isort: skip
from shm.jit import JIT_OFF, hot
from shm.records.limits import LIMIT_NONE, LIMITS

NONE, BIG = LIMIT_NONE, (1 << 63) - 1
WORDS = vars(codes) | {"NONE": NONE, "BIG": BIG, "LOW": -(1 << 63), "NEVER": NEVER_NS, "PRICE_BOUND": PRICE_BOUND}
WORDS |= {"QTY_BOUND": QTY_BOUND, "VALUE_BOUND": VALUE_BOUND, "PASS": codes.PASS}

PASSING = dict(
    kind=codes.INTENT_NEW,
    tif=codes.TIF_DAY,
    side=codes.SIDE_BUY,
    intent_id=11,
    last_intent_id=10,
    instrument=codes.PASS,
    target=codes.PASS,
    target_side=0,
    limits=codes.PASS,
    behind=0,
    state=codes.STATE_ACTIVE,
    expires_ns=1000,
    now_ns=1000,
    trading_state=codes.TRADING_OPEN,
    price=10_000,
    price_max=20_000,
    tick=10,
    qty=5,
    lot=1,
    qty_max=100,
    unit=100,
    notional_max=NONE,
    channel_state=codes.CHANNEL_FRESH,
    silence_ns=0,
    silence_max=50,
    age_ns=0,
    age_max=50,
    reference2=20_000,
    collar_bps=100,
    added_lots=5,
    added_orders=1,
    position=0,
    open_lots=0,
    position_max=100,
    strategy_position=0,
    strategy_open=0,
    strategy_max=100,
    orders_instrument=0,
    orders_instrument_max=10,
    orders_strategy=0,
    orders_strategy_max=10,
    orders_firm=0,
    orders_firm_max=10,
    strategy_nth_ns=NEVER_NS,
    strategy_window_ns=100,
    strategy_rate_max=5,
    firm_nth_ns=NEVER_NS,
    firm_window_ns=100,
    firm_rate_max=5,
    state_room=1,
    journal_room=1,
    orders_room=1,
)

TABLE = """
what                           differs from a passing case                            limit        found        -> result
-----------------------------  -----------------------------------------------------  -----------  -----------  -----------
a case that passes             price=10000                                            0            0            -> PASS
kind: new                      kind=INTENT_NEW                                        0            0            -> PASS
kind: zero                     kind=0                                                 0            0            -> REJECT_KIND
kind: a cancel never comes     kind=INTENT_CANCEL                                     0            3            -> REJECT_KIND
kind: unknown                  kind=255                                               0            255          -> REJECT_KIND
tif: immediate                 tif=TIF_IOC                                            0            0            -> PASS
tif: zero                      tif=0                                                  0            1            -> REJECT_KIND
tif: unknown                   tif=3                                                  0            1            -> REJECT_KIND
duplicate: next id             intent_id=11 last_intent_id=10                         0            0            -> PASS
duplicate: same id             intent_id=10 last_intent_id=10                         10           10           -> REJECT_DUPLICATE
duplicate: older id            intent_id=9 last_intent_id=10                          10           9            -> REJECT_DUPLICATE
duplicate: id zero             intent_id=0 last_intent_id=LOW                         LOW          0            -> REJECT_DUPLICATE
duplicate: greatest id         intent_id=BIG last_intent_id=10                        0            0            -> PASS
duplicate: nothing above it    intent_id=BIG last_intent_id=BIG                       BIG          BIG          -> REJECT_DUPLICATE
instrument: zero is no pass    instrument=0                                           0            0            -> REJECT_INSTRUMENT
instrument: refused            instrument=REJECT_INSTRUMENT                           0            0            -> REJECT_INSTRUMENT
side: sell                     side=SIDE_SELL                                         0            0            -> PASS
side: zero                     side=0                                                 0            0            -> REJECT_SIDE
side: unknown                  side=3                                                 0            3            -> REJECT_SIDE
side: as its order             kind=INTENT_REPLACE target_side=SIDE_BUY               0            0            -> PASS
side: not as its order         kind=INTENT_REPLACE target_side=SIDE_SELL              2            1            -> REJECT_SIDE
limits: zero is no pass        limits=0                                               0            0            -> REJECT_NO_LIMITS
limits: a row missing          limits=REJECT_NO_LIMITS                                0            0            -> REJECT_NO_LIMITS
reports behind                 behind=1                                               0            1            -> REJECT_SENDER_BEHIND
halt: cancel only              state=STATE_CANCEL_ONLY                                0            3            -> REJECT_CANCEL_ONLY
halt: halted                   state=STATE_HALTED                                     0            4            -> REJECT_HALTED
halt: zero is halted           state=0                                                0            0            -> REJECT_HALTED
halt: unknown is halted        state=5                                                0            5            -> REJECT_HALTED
expiry: below                  expires_ns=1001                                        0            0            -> PASS
expiry: exactly                expires_ns=1000                                        0            0            -> PASS
expiry: smallest breach        expires_ns=999                                         999          1000         -> REJECT_EXPIRED
expiry: zero                   expires_ns=0                                           0            1000         -> REJECT_EXPIRED
expiry: greatest               expires_ns=BIG                                         0            0            -> PASS
trading: zero is halted        trading_state=0                                        1            0            -> REJECT_TRADING_STATE
trading: halted                trading_state=TRADING_HALTED                           1            2            -> REJECT_TRADING_STATE
trading: paused                trading_state=TRADING_PAUSED                           1            3            -> REJECT_TRADING_STATE
trading: quote only            trading_state=TRADING_QUOTE_ONLY                       1            4            -> REJECT_TRADING_STATE
price: below                   price=19990 reference2=39980 price_max=20000           0            0            -> PASS
price: exactly                 price=20000 reference2=40000 price_max=20000           0            0            -> PASS
price: smallest breach         price=20001 reference2=40000 price_max=20000           20000        20001        -> REJECT_PRICE_RANGE
price: zero                    price=0                                                20000        0            -> REJECT_PRICE_RANGE
price: negative                price=-10                                              20000        -10          -> REJECT_PRICE_RANGE
price: least int64             price=LOW                                              20000        LOW          -> REJECT_PRICE_RANGE
price: greatest int64          price=BIG price_max=BIG                                PRICE_BOUND  BIG          -> REJECT_PRICE_RANGE
price: no maximum known        price_max=0                                            0            10000        -> REJECT_PRICE_RANGE
tick: exactly on               price=10010 tick=10                                    0            0            -> PASS
tick: just off                 price=10011 tick=10                                    10           10011        -> REJECT_TICK_SIZE
tick: unknown                  tick=0                                                 0            10000        -> REJECT_TICK_SIZE
tick: negative                 tick=-10                                               -10          10000        -> REJECT_TICK_SIZE
lot: exactly on                qty=20 lot=10                                          0            0            -> PASS
lot: just off                  qty=21 lot=10                                          10           21           -> REJECT_LOT_SIZE
lot: size zero                 qty=0                                                  1            0            -> REJECT_LOT_SIZE
lot: negative size             qty=-5                                                 1            -5           -> REJECT_LOT_SIZE
lot: least int64               qty=LOW                                                1            LOW          -> REJECT_LOT_SIZE
lot: unknown                   lot=0                                                  0            5            -> REJECT_LOT_SIZE
qty: below                     qty=99 qty_max=100                                     0            0            -> PASS
qty: exactly                   qty=100 qty_max=100                                    0            0            -> PASS
qty: smallest breach           qty=101 qty_max=100                                    100          101          -> REJECT_QTY_MAX
qty: greatest int64            qty=BIG qty_max=100                                    100          BIG          -> REJECT_QTY_MAX
qty: the wire's bound          qty=QTY_BOUND qty_max=NONE                             0            0            -> PASS
qty: beyond the wire           qty=4294967296 qty_max=NONE                            QTY_BOUND    4294967296   -> REJECT_QTY_MAX
notional: below                notional_max=5000001                                   0            0            -> PASS
notional: exactly              notional_max=5000000                                   0            0            -> PASS
notional: smallest breach      notional_max=4999999                                   4999999      5000000      -> REJECT_NOTIONAL_MAX
notional: no unit              unit=0                                                 NONE         VALUE_BOUND  -> REJECT_NOTIONAL_MAX
notional: would overflow       qty=QTY_BOUND qty_max=NONE unit=1000000                NONE         VALUE_BOUND  -> REJECT_NOTIONAL_MAX
channel: zero is stale         channel_state=0                                        50           0            -> REJECT_REFERENCE_STALE
channel: stale                 channel_state=CHANNEL_STALE                            50           0            -> REJECT_REFERENCE_STALE
channel: ended                 channel_state=CHANNEL_ENDED                            50           0            -> REJECT_REFERENCE_STALE
silence: below                 silence_ns=49                                          0            0            -> PASS
silence: exactly               silence_ns=50                                          0            0            -> PASS
silence: smallest breach       silence_ns=51                                          50           51           -> REJECT_REFERENCE_STALE
silence: heard ahead of us     silence_ns=-7                                          0            0            -> PASS
age: below                     age_ns=49                                              0            0            -> PASS
age: exactly                   age_ns=50                                              0            0            -> PASS
age: smallest breach           age_ns=51                                              50           51           -> REJECT_REFERENCE_STALE
reference: none                reference2=0                                           50           0            -> REJECT_REFERENCE_STALE
collar up: below               price=10090 collar_bps=100                             0            0            -> PASS
collar up: exactly             price=10100 collar_bps=100                             0            0            -> PASS
collar up: smallest breach     price=10101 tick=1 collar_bps=100                      100          101          -> REJECT_COLLAR
collar down: below             price=9910 collar_bps=100                              0            0            -> PASS
collar down: exactly           price=9900 collar_bps=100                              0            0            -> PASS
collar down: smallest breach   price=9899 tick=1 collar_bps=100                       100          101          -> REJECT_COLLAR
collar: half a tick inside     price=10101 tick=1 reference2=20001 collar_bps=101     0            0            -> PASS
collar: half a tick outside    price=10101 tick=1 reference2=20001 collar_bps=100     100          100          -> REJECT_COLLAR
collar: no limit               price=20000 reference2=2 collar_bps=NONE               0            0            -> PASS
target: unknown                target=REJECT_UNKNOWN_TARGET                           0            0            -> REJECT_UNKNOWN_TARGET
target: leaving                target=REJECT_ALREADY_CANCELLING                       0            0            -> REJECT_ALREADY_CANCELLING
reducing: flat                 state=STATE_REDUCING                                   0            5            -> REJECT_REDUCING
reducing: below                state=STATE_REDUCING strategy_position=-6              0            0            -> PASS
reducing: exactly              state=STATE_REDUCING strategy_position=-5              0            0            -> PASS
reducing: smallest breach      state=STATE_REDUCING strategy_position=-4              -4           5            -> REJECT_REDUCING
reducing: others open          state=STATE_REDUCING strategy_position=-9 strategy_open=5  -9       10           -> REJECT_REDUCING
reducing: wrong side           state=STATE_REDUCING strategy_position=50              50           5            -> REJECT_REDUCING
reducing: sells a long         state=STATE_REDUCING strategy_position=5 side=SIDE_SELL  0          0            -> PASS
reducing: turns a long         state=STATE_REDUCING strategy_position=4 side=SIDE_SELL  4          5            -> REJECT_REDUCING
position buy: below            position=94                                            0            0            -> PASS
position buy: exactly          position=95                                            0            0            -> PASS
position buy: smallest breach  position=96                                            100          101          -> REJECT_POSITION_MAX
position buy: working counts   position=90 open_lots=6                                100          101          -> REJECT_POSITION_MAX
position buy: from short       position=-100                                          0            0            -> PASS
position sell: exactly         position=-95 side=SIDE_SELL                            0            0            -> PASS
position sell: smallest breach position=-96 side=SIDE_SELL                            100          101          -> REJECT_POSITION_MAX
position: no limit             position=1000000 position_max=NONE                     0            0            -> PASS
position: replace adds none    position=100 added_lots=0                              0            0            -> PASS
strategy: exactly              strategy_position=95                                   0            0            -> PASS
strategy: smallest breach      strategy_position=90 strategy_open=6                   100          101          -> REJECT_POSITION_MAX
strategy sell: smallest breach strategy_position=-96 side=SIDE_SELL                   100          101          -> REJECT_POSITION_MAX
open, instrument: exactly      orders_instrument=9                                    0            0            -> PASS
open, instrument: breach       orders_instrument=10                                   10           11           -> REJECT_OPEN_ORDERS_MAX
open, instrument: replace      orders_instrument=10 added_orders=0                    0            0            -> PASS
open, strategy: exactly        orders_strategy=9                                      0            0            -> PASS
open, strategy: breach         orders_strategy=10                                     10           11           -> REJECT_OPEN_ORDERS_MAX
open, firm: exactly            orders_firm=9                                          0            0            -> PASS
open, firm: breach             orders_firm=10                                         10           11           -> REJECT_OPEN_ORDERS_MAX
rate, strategy: just left      strategy_nth_ns=900                                    0            0            -> PASS
rate, strategy: still inside   strategy_nth_ns=901                                    5            6            -> REJECT_RATE
rate, firm: just left          firm_nth_ns=900                                        0            0            -> PASS
rate, firm: still inside       firm_nth_ns=901                                        5            6            -> REJECT_RATE
rate: window without end       strategy_nth_ns=NEVER strategy_window_ns=NONE          0            0            -> PASS
room: order table              state_room=0                                           0            0            -> REJECT_STATE_FULL
room: journal                  journal_room=0                                         0            0            -> REJECT_JOURNAL_FULL
room: orders ring              orders_room=0                                          0            0            -> REJECT_ORDERS_FULL
"""


def value(word):
    return WORDS[word] if word in WORDS else int(word)


def rows_of(table):
    for line in table.strip().splitlines()[2:]:
        left, result = line.split("->")
        what, rest = left[:31].strip(), left[31:].split()
        changes = [word.split("=") for word in rest[:-2]]
        limit, found = rest[-2:]
        yield what, {name: value(word) for name, word in changes}, value(limit), value(found), result.strip()


def case_with(**changes):
    """A passing case with changes. `added_lots` follows `qty` unless it is named."""
    row = np.zeros(1, CASE)
    for name, held in (PASSING | changes).items():
        row[0][name] = held
    return row


@pytest.mark.parametrize("what, changes, limit, found, result", list(rows_of(TABLE)), ids=lambda held: None)
def test_each_limit_below_exactly_at_and_breached(what, changes, limit, found, result):
    row = case_with(**changes)
    code = int(decide(row[0]))
    names = {
        number: name for name, number in vars(codes).items() if name.startswith("REJECT_") and name != "REJECT_NAMES"
    }
    assert (names | {codes.PASS: "PASS"})[code] == result, what
    assert (int(row[0]["code"]), int(row[0]["limit_value"]), int(row[0]["found_value"])) == (code, limit, found), what


BREACHES = (  # one breach of each check, in the order of the table in checks.py
    ("kind", dict(kind=9)),
    ("duplicate", dict(intent_id=1)),
    ("instrument", dict(instrument=0)),
    ("side", dict(side=7)),
    ("limits", dict(limits=0)),
    ("behind", dict(behind=1)),
    ("halt", dict(state=codes.STATE_HALTED)),
    ("cancel_only", dict(state=codes.STATE_CANCEL_ONLY)),
    ("expiry", dict(expires_ns=1)),
    ("trading_state", dict(trading_state=0)),
    ("price_range", dict(price=-1)),
    ("tick_size", dict(tick=7)),
    ("lot_size", dict(lot=3)),
    ("qty_max", dict(qty_max=1)),
    ("notional_max", dict(notional_max=1)),
    ("channel", dict(channel_state=0)),
    ("reference", dict(age_ns=51)),
    ("collar", dict(reference2=2_000)),
    ("target", dict(target=codes.REJECT_UNKNOWN_TARGET)),
    ("reducing", dict(state=codes.STATE_REDUCING)),
    ("position", dict(position=1000)),
    ("strategy_lots", dict(strategy_position=1000)),
    ("open_orders", dict(orders_firm=10)),
    ("rate", dict(firm_nth_ns=1000)),
    ("state_room", dict(state_room=0)),
    ("journal_room", dict(journal_room=0)),
    ("orders_room", dict(orders_room=0)),
)


def documented_checks():
    text = checks.__doc__.split("```")[1].strip().splitlines()[2:]
    return [(re.split(r"\s{2,}", line)[0], re.split(r"\s{2,}", line)[-1]) for line in text]


def test_the_table_in_the_docstring_is_the_order_in_which_checks_decide():
    assert [name for name, _ in documented_checks()] == [name for name, _ in BREACHES]
    code_of = {name: getattr(codes, code) for name, code in documented_checks()}
    for at, (first, breach) in enumerate(BREACHES):
        assert int(decide(case_with(**breach)[0])) == code_of[first], first
        for _second, other in BREACHES[at + 1 :]:
            if not set(breach) & set(other):
                assert int(decide(case_with(**(other | breach))[0])) == code_of[first], (first, _second)


def test_zeroed_memory_never_passes():
    row = np.zeros(1, CASE)
    assert int(decide(row[0])) != codes.PASS
    assert codes.PASS != 0


def test_every_input_is_in_the_passing_case():
    assert set(PASSING) == set(CASE_INPUTS)


REFERENCE_TABLE = """
bid            ask            -> twice the reference
9900           10100          -> 20000
9900           9901           -> 19801
10000          10000          -> 20000
10001          10000          -> 0
0              10000          -> 20000
9000           0              -> 18000
0              0              -> 0
-5             10000          -> 0
9000           -5             -> 0
1099511627777  0              -> 0
9000           1099511627777  -> 0
"""


def test_reference_is_the_mid_or_the_only_touch_and_nothing_when_crossed_or_empty():
    for line in REFERENCE_TABLE.strip().splitlines()[1:]:
        left, twice = line.split("->")
        assert reference_of(*map(int, left.split())) == int(twice), line


@hot
def collar_answers(prices, references2, bands, answers):
    for row in range(len(prices)):
        answers[row] = check_collar(prices[row], references2[row], bands[row])


def test_collar_equals_exact_rational_arithmetic():
    """A million prices around the edge of their band; Python's integers are the exact referee."""
    rows, random = 1_000_000 if not JIT_OFF else 20_000, np.random.default_rng(20240306)
    references2 = np.choose(
        random.integers(0, 3, rows), [random.integers(1, top, rows) for top in (50, 40_000, 1 << 41)]
    )
    bands = np.choose(random.integers(0, 3, rows), [random.integers(1, top, rows) for top in (500, 20_000, NONE)])
    bands[::50] = NONE
    distances = (
        references2 // 20_000 * np.minimum(bands, 30_000) + references2 % 20_000 * np.minimum(bands, 30_000) // 20_000
    )
    prices = references2 // 2 + random.choice((-1, 1), rows) * (distances + random.integers(-2, 3, rows))
    prices, answers = np.clip(prices, 1, PRICE_BOUND), np.zeros(rows, np.int64)
    collar_answers(prices, references2, bands, answers)
    columns = zip(prices.tolist(), references2.tolist(), bands.tolist(), answers.tolist(), strict=True)
    wrong = [
        (price, twice, bps, code)
        for price, twice, bps, code in columns
        if (code == codes.PASS) != (abs(2 * price - twice) * 10_000 <= bps * twice)
    ]
    assert not wrong, wrong[:5]
    refused = int((answers == codes.REJECT_COLLAR).sum())
    assert rows // 5 < refused < rows - rows // 5, "both answers are tried"
    assert Fraction(2 * 10_100 - 20_000, 20_000) == Fraction(100, 10_000)  # what the integers stand for


def test_notional_equals_unbounded_multiplication():
    random = Random(7)
    for _ in range(50_000 if not JIT_OFF else 10_000):
        price, qty = random.randint(1, 1 << random.randint(1, 40)), random.randint(1, 1 << random.randint(1, 32))
        unit = random.randint(1, 1 << random.randint(1, 40))
        limit = random.choice((random.randint(1, NONE), price * qty * unit + random.randint(-1, 1), NONE))
        limit = min(max(limit, 1), NONE)
        passes = price * qty * unit <= limit
        assert (check_notional_max(price, qty, unit, limit) == codes.PASS) == passes, (price, qty, unit, limit)


def test_a_limits_row_with_any_zero_or_negative_limit_rejects_everything():
    used = {
        0: ("qty_lots_max", "notional_micro_max", "collar_bps", "position_lots_max", "open_orders_max")
        + ("age_ns_max", "channel_silence_ns_max"),
        1: ("strategy_lots_max", "open_orders_max", "rate_orders_max", "rate_window_ns"),
        2: ("open_orders_max", "rate_orders_max", "rate_window_ns"),
    }
    for row, names in used.items():
        limits = np.zeros(1, LIMITS)
        assert limits_row_is_set(limits[0], row, 1, 1) == codes.REJECT_NO_LIMITS
        for name in names:
            limits[0][name] = 1
        assert limits_row_is_set(limits[0], row, 1, 1) == codes.PASS
        for name in names:
            for bad in (0, -1):
                broken = limits.copy()
                broken[0][name] = bad
                assert limits_row_is_set(broken[0], row, 1, 1) == codes.REJECT_NO_LIMITS, name
