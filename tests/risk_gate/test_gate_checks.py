"""The pre-trade checks at the edge of each limit. Each row: what differs from a case that passes, and the answer.

The four cases of a limit: below, exactly at, the smallest breach, far beyond.
"""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

import shm.codes as codes
from procs.risk_gate.case import ANSWERS, CASE, STORM_RESUMED, STORM_STANDS
from procs.risk_gate.checks import (
    check_collar_near,
    check_concentration,
    check_notional_max,
    limits_row_is_set,
    reference_of,
)
from procs.risk_gate.decide import decide
from procs.risk_gate.flow import NEVER_NS
from procs.risk_gate.holds import HELD_REJECTS
from procs.risk_gate.money import (
    ORDER_VALUE_BOUND,
    PRICE_BOUND,
    QTY_BOUND,
    SUM_BOUND,
    VALUE_BOUND,
    notional,
    to_firm,
    unit_room,
    worst_gross,
)
from procs.risk_gate.rows import (
    ACCOUNT,
    BUCKETS,
    HOLDING,
    MEMORY,
    PASS_SLOT,
    SAME_RING,
    SAME_SLOT,
    SCALE,
    SUMS,
)
from procs.risk_gate.same_order import remember_new
from procs.risk_gate.table import CHECKS, LEAVING_CHECKS, SENDER_CODES
from shm.atomics import address_of
from shm.jit import JIT_OFF, hot
from shm.records.limits import LIMIT_NONE, LIMITS, POSITIVE
from tests.support.gate_tables import MARKET_TABLE

NONE, BIG = LIMIT_NONE, (1 << 63) - 1
WORDS = vars(codes) | {"NONE": NONE, "BIG": BIG, "LOW": -(1 << 63), "NEVER": NEVER_NS, "PRICE_BOUND": PRICE_BOUND}
WORDS |= {"QTY_BOUND": QTY_BOUND, "VALUE_BOUND": VALUE_BOUND, "PASS": codes.PASS, "ORDER_BOUND": ORDER_VALUE_BOUND}
WORDS |= {"SUM_BOUND": SUM_BOUND, "HELD_REJECTS": HELD_REJECTS}
WORDS |= {"STORM_STANDS": STORM_STANDS, "STORM_RESUMED": STORM_RESUMED}

# a buy of 5 at 10000, worth 5,000,000 micro-units, between a bid and an ask of 10000, nothing held, nothing open
PASSING = dict(
    kind=codes.INTENT_NEW,
    tif=codes.TIF_DAY,
    side=codes.SIDE_BUY,
    intent_id=11,
    last_intent_id=10,
    price=10_000,
    qty=5,
    expires_ns=1000,
    now_ns=1000,
    instrument=codes.PASS,
    limits=codes.PASS,
    behind=0,
    state=codes.STATE_ACTIVE,
    netting=0,
    target=codes.PASS,
    target_side=0,
    open_after=5,
    added_lots=5,
    added_orders=1,
    family_value=0,
    family_lots=0,
    target_short=0,
    instrument_id=0,
    own_open=0,
    own_price=0,
    released=0,
    storm=0,
    trading_state=codes.TRADING_OPEN,
    bid=10_000,
    ask=10_000,
    reference2=20_000,
    age_ns=0,
    channel_state=codes.CHANNEL_FRESH,
    silence_ns=0,
    top_flags=0,
    state_room=1,
    journal_room=1,
    orders_room=1,
)
SHARED = dict.fromkeys(POSITIVE, NONE) | dict(open_orders_max=10, burst_window_ns=100, rate_window_ns=100)
ROWS = dict(
    i=SHARED
    | dict(price_max=20_000, band_tick_0=10, band_from_1=NONE, band_from_2=NONE, band_from_3=NONE, lot=1, unit=100)
    | dict(qty_lots_max=100, fx_ppm=1_000_000, collar_near_bps=100, collar_far_bps=100, age_ns_max=50)
    | dict(channel_silence_ns_max=50, long_lots_max=100, short_lots_max=80, pass_mask=3)
    | dict(permitted=7, locate_lots=NONE, luld_high=NONE, equity=1),
    s=SHARED
    | dict(long_lots_max=100, short_lots_max=80, rate_orders_max=5, pass_mask=7, time_mask=7)
    | dict(risk_code=codes.PASS, risk_now_ns=1000),
    f=SHARED | dict(rate_orders_max=5, pass_mask=7, time_mask=7, risk_code=codes.PASS, risk_now_ns=1000),
    p={},
    u=SHARED,  # the account of the underlying
    g=dict(standing=1, now_ns=1000, room=1 << 40),  # the scale of the instrument
    h={},  # the sums of the underlying
)
SCOPE_LETTERS = {"o": "order", "i": "instrument", "p": "strategy in instrument", "s": "strategy", "f": "firm"}
SCOPE_LETTERS["u"] = "underlying"
ROW_DTYPES = dict(p=HOLDING, g=SCALE, h=SUMS)
ROW_ADDRESSES = dict(i="instrument", s="strategy", f="firm", p="pair", u="underlying", g="scale", h="sums")

TABLE = """
what                                differs from a passing case                                                                                   limit                found                scope  -> result
----------------------------------  ------------------------------------------------------------------------------------------------------------  -------------------  -------------------  -----  -> ---------
a case that passes                  price=10000                                                                                                   0                    0                    -      -> PASS
kind: new                           kind=INTENT_NEW                                                                                               0                    0                    -      -> PASS
kind: zero                          kind=0                                                                                                        0                    0                    o      -> REJECT_KIND
kind: a cancel never comes          kind=INTENT_CANCEL                                                                                            0                    3                    o      -> REJECT_KIND
kind: unknown                       kind=255                                                                                                      0                    255                  o      -> REJECT_KIND
tif: immediate                      tif=TIF_IOC                                                                                                   0                    0                    -      -> PASS
tif: zero                           tif=0                                                                                                         0                    1                    o      -> REJECT_KIND
tif: unknown                        tif=3                                                                                                         0                    1                    o      -> REJECT_KIND
duplicate: next id                  intent_id=11 last_intent_id=10                                                                                0                    0                    -      -> PASS
duplicate: same id                  intent_id=10 last_intent_id=10                                                                                10                   10                   o      -> REJECT_DUPLICATE
duplicate: older id                 intent_id=9 last_intent_id=10                                                                                 10                   9                    o      -> REJECT_DUPLICATE
duplicate: id zero                  intent_id=0 last_intent_id=LOW                                                                                LOW                  0                    o      -> REJECT_DUPLICATE
duplicate: greatest id              intent_id=BIG last_intent_id=10                                                                               0                    0                    -      -> PASS
duplicate: nothing above it         intent_id=BIG last_intent_id=BIG                                                                              BIG                  BIG                  o      -> REJECT_DUPLICATE
instrument: zero is no pass         instrument=0                                                                                                  0                    0                    o      -> REJECT_INSTRUMENT
instrument: refused                 instrument=REJECT_INSTRUMENT                                                                                  0                    0                    o      -> REJECT_INSTRUMENT
side: sell                          side=SIDE_SELL                                                                                                0                    0                    -      -> PASS
side: zero                          side=0                                                                                                        0                    0                    o      -> REJECT_SIDE
side: unknown                       side=3                                                                                                        0                    3                    o      -> REJECT_SIDE
side: as its order                  kind=INTENT_REPLACE target_side=SIDE_BUY                                                                      0                    0                    -      -> PASS
side: not as its order              kind=INTENT_REPLACE target_side=SIDE_SELL                                                                     2                    1                    o      -> REJECT_SIDE
limits: zero is no pass             limits=0                                                                                                      0                    0                    o      -> REJECT_NO_LIMITS
limits: a row missing               limits=REJECT_NO_LIMITS                                                                                       0                    0                    o      -> REJECT_NO_LIMITS
fx rate: none                       i.fx_ppm=0                                                                                                    0                    0                    i      -> REJECT_FX_RATE
fx rate: negative                   i.fx_ppm=-1                                                                                                   0                    -1                   i      -> REJECT_FX_RATE
fx rate: the greatest               i.fx_ppm=1000000000000 i.unit=1                                                                               0                    0                    -      -> PASS
fx rate: beyond it                  i.fx_ppm=1000000000001 i.unit=1                                                                               0                    1000000000001        i      -> REJECT_FX_RATE
reports behind                      behind=1                                                                                                      0                    1                    o      -> REJECT_SENDER_BEHIND
halt: cancel only                   state=STATE_CANCEL_ONLY                                                                                       0                    3                    o      -> REJECT_CANCEL_ONLY
halt: halted                        state=STATE_HALTED                                                                                            0                    4                    o      -> REJECT_HALTED
halt: zero is halted                state=0                                                                                                       0                    0                    o      -> REJECT_HALTED
halt: unknown is halted             state=5                                                                                                       0                    5                    o      -> REJECT_HALTED
expiry: below                       expires_ns=1001                                                                                               0                    0                    -      -> PASS
expiry: exactly                     expires_ns=1000                                                                                               0                    0                    -      -> PASS
expiry: smallest breach             expires_ns=999                                                                                                999                  1000                 o      -> REJECT_EXPIRED
expiry: zero                        expires_ns=0                                                                                                  0                    1000                 o      -> REJECT_EXPIRED
expiry: greatest                    expires_ns=BIG                                                                                                0                    0                    -      -> PASS
trading: zero is halted             trading_state=0                                                                                               1                    0                    o      -> REJECT_TRADING_STATE
trading: halted                     trading_state=TRADING_HALTED                                                                                  1                    2                    o      -> REJECT_TRADING_STATE
trading: paused                     trading_state=TRADING_PAUSED                                                                                  1                    3                    o      -> REJECT_TRADING_STATE
trading: quote only                 trading_state=TRADING_QUOTE_ONLY                                                                              1                    4                    o      -> REJECT_TRADING_STATE
price: below                        price=19990 i.price_max=20000 bid=20000 ask=20000                                                             0                    0                    -      -> PASS
price: exactly                      price=20000 i.price_max=20000 bid=20000 ask=20000                                                             0                    0                    -      -> PASS
price: smallest breach              price=20001 i.price_max=20000 bid=20000 ask=20000                                                             20000                20001                o      -> REJECT_PRICE_RANGE
price: zero                         price=0                                                                                                       20000                0                    o      -> REJECT_PRICE_RANGE
price: negative                     price=-10                                                                                                     20000                -10                  o      -> REJECT_PRICE_RANGE
price: least int64                  price=LOW                                                                                                     20000                LOW                  o      -> REJECT_PRICE_RANGE
price: greatest int64               price=BIG i.price_max=BIG                                                                                     PRICE_BOUND          BIG                  o      -> REJECT_PRICE_RANGE
price: no maximum known             i.price_max=0                                                                                                 0                    10000                o      -> REJECT_PRICE_RANGE
tick: exactly on                    price=10010 i.band_tick_0=10                                                                                  0                    0                    -      -> PASS
tick: just off                      price=10011 i.band_tick_0=10                                                                                  10                   10011                o      -> REJECT_TICK_SIZE
tick: unknown                       i.band_tick_0=0                                                                                               0                    10000                o      -> REJECT_TICK_SIZE
tick: negative                      i.band_tick_0=-10                                                                                             -10                  10000                o      -> REJECT_TICK_SIZE
bands: below the first edge         price=9999 i.band_tick_0=1 i.band_from_1=10000 i.band_tick_1=100                                              0                    0                    -      -> PASS
bands: exactly at the edge          price=10000 i.band_tick_0=1 i.band_from_1=10000 i.band_tick_1=100                                             0                    0                    -      -> PASS
bands: the coarser step             price=10001 i.band_tick_0=1 i.band_from_1=10000 i.band_tick_1=100                                             100                  10001                o      -> REJECT_TICK_SIZE
bands: a third one                  price=10050 i.band_tick_0=1 i.band_from_1=5000 i.band_tick_1=10 i.band_from_2=10050 i.band_tick_2=67          0                    0                    -      -> PASS
bands: a fourth one                 price=10051 i.band_from_1=1 i.band_tick_1=7 i.band_from_2=2 i.band_tick_2=7 i.band_from_3=3 i.band_tick_3=19  0                    0                    -      -> PASS
bands: off the fourth               price=10052 i.band_from_1=1 i.band_tick_1=7 i.band_from_2=2 i.band_tick_2=7 i.band_from_3=3 i.band_tick_3=19  19                   10052                o      -> REJECT_TICK_SIZE
lot: exactly on                     qty=20 i.lot=10                                                                                               0                    0                    -      -> PASS
lot: just off                       qty=21 i.lot=10                                                                                               10                   21                   o      -> REJECT_LOT_SIZE
lot: size zero                      qty=0                                                                                                         1                    0                    o      -> REJECT_LOT_SIZE
lot: negative size                  qty=-5                                                                                                        1                    -5                   o      -> REJECT_LOT_SIZE
lot: least int64                    qty=LOW                                                                                                       1                    LOW                  o      -> REJECT_LOT_SIZE
lot: unknown                        i.lot=0                                                                                                       0                    5                    o      -> REJECT_LOT_SIZE
qty: below                          qty=99 i.qty_lots_max=100                                                                                     0                    0                    -      -> PASS
qty: exactly                        qty=100 i.qty_lots_max=100                                                                                    0                    0                    -      -> PASS
qty: smallest breach                qty=101 i.qty_lots_max=100                                                                                    100                  101                  i      -> REJECT_QTY_MAX
qty: greatest int64                 qty=BIG i.qty_lots_max=100                                                                                    100                  BIG                  i      -> REJECT_QTY_MAX
qty: the wire's bound               qty=QTY_BOUND i.qty_lots_max=NONE i.unit=1                                                                    0                    0                    -      -> PASS
qty: beyond the wire                qty=4294967296 i.qty_lots_max=NONE                                                                            QTY_BOUND            4294967296           i      -> REJECT_QTY_MAX
notional: below                     i.notional_micro_max=5000001                                                                                  0                    0                    -      -> PASS
notional: exactly                   i.notional_micro_max=5000000                                                                                  0                    0                    -      -> PASS
notional: smallest breach           i.notional_micro_max=4999999                                                                                  4999999              5000000              i      -> REJECT_NOTIONAL_MAX
notional: no unit                   i.unit=0 i.unit_room=0                                                                                        NONE                 VALUE_BOUND          i      -> REJECT_NOTIONAL_MAX
notional: would overflow            qty=QTY_BOUND i.qty_lots_max=NONE i.unit=1000000                                                              NONE                 VALUE_BOUND          i      -> REJECT_NOTIONAL_MAX
notional: limit is own money        i.notional_micro_max=5000000 i.fx_ppm=2000000                                                                 0                    0                    -      -> PASS
value: exactly below                price=10000 qty=1 i.unit=112589990684                                                                         0                    0                    -      -> PASS
value: 2^50 of the firm's           price=10000 qty=1 i.unit=112589990685                                                                         ORDER_BOUND          ORDER_BOUND          o      -> REJECT_NOTIONAL_MAX
channel: zero is stale              channel_state=0                                                                                               50                   0                    o      -> REJECT_REFERENCE_STALE
channel: stale                      channel_state=CHANNEL_STALE                                                                                   50                   0                    o      -> REJECT_REFERENCE_STALE
channel: ended                      channel_state=CHANNEL_ENDED                                                                                   50                   0                    o      -> REJECT_REFERENCE_STALE
silence: below                      silence_ns=49                                                                                                 0                    0                    -      -> PASS
silence: exactly                    silence_ns=50                                                                                                 0                    0                    -      -> PASS
silence: smallest breach            silence_ns=51                                                                                                 50                   51                   o      -> REJECT_REFERENCE_STALE
silence: heard ahead of us          silence_ns=-7                                                                                                 0                    0                    -      -> PASS
age: below                          age_ns=49                                                                                                     0                    0                    -      -> PASS
age: exactly                        age_ns=50                                                                                                     0                    0                    -      -> PASS
age: smallest breach                age_ns=51                                                                                                     50                   51                   o      -> REJECT_REFERENCE_STALE
reference: none                     reference2=0                                                                                                  50                   0                    o      -> REJECT_REFERENCE_STALE
near, deep: below                   price=9910                                                                                                    0                    0                    -      -> PASS
near, deep: exactly                 price=9900                                                                                                    0                    0                    -      -> PASS
near, deep: smallest breach         price=9899 i.band_tick_0=1                                                                                    100                  101                  i      -> REJECT_COLLAR_NEAR
near, in front: exactly             price=10100 ask=20000                                                                                         0                    0                    -      -> PASS
near, in front: breach              price=10101 ask=20000 i.band_tick_0=1                                                                         100                  101                  i      -> REJECT_COLLAR_NEAR
near, sell: exactly                 price=10100 side=SIDE_SELL                                                                                    0                    0                    -      -> PASS
near, sell: smallest breach         price=10101 side=SIDE_SELL i.band_tick_0=1                                                                    100                  101                  i      -> REJECT_COLLAR_NEAR
near: own side empty                price=9899 bid=0 i.band_tick_0=1                                                                              100                  101                  i      -> REJECT_COLLAR_NEAR
near: no limit                      price=20000 ask=20000 bid=1 i.collar_near_bps=NONE                                                            0                    0                    -      -> PASS
near: wider than any price          price=20000 ask=20000 bid=1 i.collar_near_bps=4611686018427387902                                             4611686018427387902  199990000            i      -> REJECT_COLLAR_NEAR
far, buy: does not cross            price=9000 bid=9000 ask=9001                                                                                  0                    0                    -      -> PASS
far, buy: exactly                   price=10100 i.collar_near_bps=NONE                                                                            0                    0                    -      -> PASS
far, buy: smallest breach           price=10101 i.collar_near_bps=NONE i.band_tick_0=1                                                            100                  101                  i      -> REJECT_COLLAR_FAR
far, sell: exactly                  price=9900 side=SIDE_SELL i.collar_near_bps=NONE                                                              0                    0                    -      -> PASS
far, sell: smallest breach          price=9899 side=SIDE_SELL i.collar_near_bps=NONE i.band_tick_0=1                                              100                  101                  i      -> REJECT_COLLAR_FAR
far: other side empty               price=10101 ask=0 i.collar_near_bps=NONE i.band_tick_0=1                                                      100                  101                  i      -> REJECT_COLLAR_FAR
far: no limit                       price=20000 bid=1 ask=1 i.collar_near_bps=NONE i.collar_far_bps=NONE                                          0                    0                    -      -> PASS
target: unknown                     target=REJECT_UNKNOWN_TARGET                                                                                  0                    0                    o      -> REJECT_UNKNOWN_TARGET
target: leaving                     target=REJECT_ALREADY_CANCELLING                                                                              0                    0                    o      -> REJECT_ALREADY_CANCELLING
reducing: flat                      state=STATE_REDUCING                                                                                          0                    5                    p      -> REJECT_REDUCING
reducing: below                     state=STATE_REDUCING p.position=-6                                                                            0                    0                    -      -> PASS
reducing: exactly                   state=STATE_REDUCING p.position=-5                                                                            0                    0                    -      -> PASS
reducing: smallest breach           state=STATE_REDUCING p.position=-4                                                                            -4                   5                    p      -> REJECT_REDUCING
reducing: others open               state=STATE_REDUCING p.position=-9 p.open_buy=5                                                               -9                   10                   p      -> REJECT_REDUCING
reducing: wrong side                state=STATE_REDUCING p.position=50                                                                            50                   5                    p      -> REJECT_REDUCING
reducing: sells a long              state=STATE_REDUCING p.position=5 side=SIDE_SELL                                                              0                    0                    -      -> PASS
reducing: turns a long              state=STATE_REDUCING p.position=4 side=SIDE_SELL                                                              4                    5                    p      -> REJECT_REDUCING
beside executor: both shrink        state=STATE_REDUCING netting=1 p.position=-9 i.position=-5                                                    0                    0                    -      -> PASS
beside executor: firm turns         state=STATE_REDUCING netting=1 p.position=-9 i.position=-4                                                    -4                   5                    i      -> REJECT_REDUCING
beside executor: pair turns         state=STATE_REDUCING netting=1 p.position=-4 i.position=-9                                                    -4                   5                    p      -> REJECT_REDUCING
beside executor: all open           state=STATE_REDUCING netting=1 p.position=-9 i.position=-9 i.open_buy=5                                       -9                   10                   i      -> REJECT_REDUCING
executor: firm shrinks              state=STATE_REDUCING netting=2 p.position=9 i.position=-5                                                     0                    0                    -      -> PASS
executor: firm turns                state=STATE_REDUCING netting=2 p.position=-9 i.position=-4                                                    -4                   5                    i      -> REJECT_REDUCING
executor: others open               state=STATE_REDUCING netting=2 i.position=-9 i.open_buy=5                                                     -9                   10                   i      -> REJECT_REDUCING
executor: firm flat                 state=STATE_REDUCING netting=2 p.position=-9                                                                  0                    5                    i      -> REJECT_REDUCING
executor: active opens              netting=2                                                                                                     0                    0                    -      -> PASS
position buy: below                 i.position=94                                                                                                 0                    0                    -      -> PASS
position buy: exactly               i.position=95                                                                                                 0                    0                    -      -> PASS
position buy: smallest breach       i.position=96                                                                                                 100                  101                  i      -> REJECT_POSITION_MAX
position buy: working counts        i.position=90 i.open_buy=6                                                                                    100                  101                  i      -> REJECT_POSITION_MAX
position buy: from short            i.position=-100                                                                                               0                    0                    -      -> PASS
position sell: exactly              i.position=-75 side=SIDE_SELL                                                                                 0                    0                    -      -> PASS
position sell: smallest breach      i.position=-76 side=SIDE_SELL                                                                                 80                   81                   i      -> REJECT_POSITION_MAX
position: no limit                  i.position=1000000 i.long_lots_max=NONE                                                                       0                    0                    -      -> PASS
position: replace adds none         i.position=100 added_lots=0                                                                                   0                    0                    -      -> PASS
strategy: exactly                   p.position=95                                                                                                 0                    0                    -      -> PASS
strategy: smallest breach           p.position=90 p.open_buy=6                                                                                    100                  101                  p      -> REJECT_POSITION_MAX
strategy sell: smallest breach      p.position=-76 side=SIDE_SELL                                                                                 80                   81                   p      -> REJECT_POSITION_MAX
open, instrument: exactly           i.orders=9                                                                                                    0                    0                    -      -> PASS
open, instrument: breach            i.orders=10                                                                                                   10                   11                   i      -> REJECT_OPEN_ORDERS_MAX
open, instrument: replace           i.orders=10 added_orders=0                                                                                    0                    0                    -      -> PASS
open, strategy: exactly             s.orders=9                                                                                                    0                    0                    -      -> PASS
open, strategy: breach              s.orders=10                                                                                                   10                   11                   s      -> REJECT_OPEN_ORDERS_MAX
open, firm: exactly                 f.orders=9                                                                                                    0                    0                    -      -> PASS
open, firm: breach                  f.orders=10                                                                                                   10                   11                   f      -> REJECT_OPEN_ORDERS_MAX
notional open, instrument: below    i.value_buy=10 i.open_micro_max=5000011                                                                       0                    0                    -      -> PASS
notional open, instrument: exactly  i.value_buy=10 i.open_micro_max=5000010                                                                       0                    0                    -      -> PASS
notional open, instrument: breach   i.value_buy=10 i.open_micro_max=5000009                                                                       5000009              5000010              i      -> REJECT_OPEN_NOTIONAL_MAX
notional open, strategy: below      s.value_buy=10 s.open_micro_max=5000011                                                                       0                    0                    -      -> PASS
notional open, strategy: exactly    s.value_buy=10 s.open_micro_max=5000010                                                                       0                    0                    -      -> PASS
notional open, strategy: breach     s.value_buy=10 s.open_micro_max=5000009                                                                       5000009              5000010              s      -> REJECT_OPEN_NOTIONAL_MAX
notional open, firm: below          f.value_buy=10 f.open_micro_max=5000011                                                                       0                    0                    -      -> PASS
notional open, firm: exactly        f.value_buy=10 f.open_micro_max=5000010                                                                       0                    0                    -      -> PASS
notional open, firm: breach         f.value_buy=10 f.open_micro_max=5000009                                                                       5000009              5000010              f      -> REJECT_OPEN_NOTIONAL_MAX
notional open: both sides add       i.value_sell=10 i.open_micro_max=5000009                                                                      5000009              5000010              i      -> REJECT_OPEN_NOTIONAL_MAX
notional open: adds nothing         i.value_sell=10 i.open_micro_max=9 family_value=5000000                                                       0                    0                    -      -> PASS
notional open: replace adds         i.open_micro_max=1999999 family_value=3000000                                                                 1999999              2000000              i      -> REJECT_OPEN_NOTIONAL_MAX
notional open: at its rate          i.open_micro_max=10000000 i.fx_ppm=2000000                                                                    0                    0                    -      -> PASS
notional open: rate, breach         i.open_micro_max=9999999 i.fx_ppm=2000000                                                                     9999999              10000000             i      -> REJECT_OPEN_NOTIONAL_MAX
notional open: rate rounds up       i.open_micro_max=1666668 i.fx_ppm=333334                                                                      1666668              1666670              i      -> REJECT_OPEN_NOTIONAL_MAX
notional open: what is left         i.open_micro_max=1000000 open_after=1                                                                         0                    0                    -      -> PASS
notional open: left, breach         i.open_micro_max=999999 open_after=1                                                                          999999               1000000              i      -> REJECT_OPEN_NOTIONAL_MAX
gross, instrument: below            i.gross=10 i.value=10 i.gross_micro_max=5000011                                                               0                    0                    -      -> PASS
gross, instrument: exactly          i.gross=10 i.value=10 i.gross_micro_max=5000010                                                               0                    0                    -      -> PASS
gross, instrument: breach           i.gross=10 i.value=10 i.gross_micro_max=5000009                                                               5000009              5000010              i      -> REJECT_GROSS_MAX
gross: a buy shrinks a short        i.gross=5000000 i.value=-5000000 i.gross_micro_max=1                                                          0                    0                    -      -> PASS
gross: a buy turns a short          i.gross=2000000 i.value=-2000000 i.gross_micro_max=2999999                                                    2999999              3000000              i      -> REJECT_GROSS_MAX
gross: open sells not netted        i.gross=9000000 i.value_sell=9000000 i.gross_micro_max=9000000                                                0                    0                    -      -> PASS
gross, strategy: exactly            p.gross=10 p.value=10 s.gross=20 s.gross_micro_max=5000020                                                    0                    0                    -      -> PASS
gross, strategy: breach             p.gross=10 p.value=10 s.gross=20 s.gross_micro_max=5000019                                                    5000019              5000020              s      -> REJECT_GROSS_MAX
gross, firm: exactly                i.gross=10 i.value=10 f.gross=20 f.gross_micro_max=5000020                                                    0                    0                    -      -> PASS
gross, firm: breach                 i.gross=10 i.value=10 f.gross=20 f.gross_micro_max=5000019                                                    5000019              5000020              f      -> REJECT_GROSS_MAX
gross, firm: a sell                 side=SIDE_SELL i.gross=10 i.value=-10 f.gross=20 f.gross_micro_max=5000019                                    5000019              5000020              f      -> REJECT_GROSS_MAX
gross: no limit, the sum's bound    f.gross=2305843009208693952                                                                                   0                    0                    -      -> PASS
gross: one beyond the bound         f.gross=2305843009208693953                                                                                   NONE                 2305843009213693953  f      -> REJECT_GROSS_MAX
net, strategy: exactly              s.value=4 s.value_buy=6 s.net_micro_max=5000010                                                               0                    0                    -      -> PASS
net, strategy: breach               s.value=4 s.value_buy=6 s.net_micro_max=5000009                                                               5000009              5000010              s      -> REJECT_NET_MAX
net, strategy: sells not netted     s.value_sell=9000000 s.net_micro_max=4999999                                                                  4999999              5000000              s      -> REJECT_NET_MAX
net, strategy: a short nets         s.value=-10 s.net_micro_max=4999990                                                                           0                    0                    -      -> PASS
net, strategy: a sell               side=SIDE_SELL s.value=-4 s.value_sell=6 s.net_micro_max=5000009                                              5000009              5000010              s      -> REJECT_NET_MAX
net, firm: exactly                  f.value=4 f.value_buy=6 f.net_micro_max=5000010                                                               0                    0                    -      -> PASS
net, firm: breach                   f.value=4 f.value_buy=6 f.net_micro_max=5000009                                                               5000009              5000010              f      -> REJECT_NET_MAX
net, firm: sells not netted         f.value_sell=9000000 f.net_micro_max=4999999                                                                  4999999              5000000              f      -> REJECT_NET_MAX
net, firm: a short nets             f.value=-10 f.net_micro_max=4999990                                                                           0                    0                    -      -> PASS
net, firm: a sell                   side=SIDE_SELL f.value=-4 f.value_sell=6 f.net_micro_max=5000009                                              5000009              5000010              f      -> REJECT_NET_MAX
part: exactly half                  f.gross=5000000 f.concentration_bps_max=5000                                                                  0                    0                    -      -> PASS
part: just above half               f.gross=4999999 f.concentration_bps_max=5000                                                                  5000                 5005                 f      -> REJECT_CONCENTRATION
part: alone, up to the floor        f.concentration_bps_max=1 f.concentration_floor_micro=5000000                                                 0                    0                    -      -> PASS
part: alone, above the floor        f.concentration_bps_max=1 f.concentration_floor_micro=4999999                                                 1                    10000                f      -> REJECT_CONCENTRATION
part: all of it is allowed          f.concentration_bps_max=10000                                                                                 0                    0                    -      -> PASS
part: adds nothing                  i.gross=5000000 i.value=-5000000 f.gross=5000000 f.concentration_bps_max=1                                    0                    0                    -      -> PASS
orders, strategy: just left         s.passes=900,950,950,950,950                                                                                  0                    0                    -      -> PASS
orders, strategy: still inside      s.passes=901,950,950,950,950                                                                                  5                    6                    s      -> REJECT_RATE
orders, strategy: one below         s.passes=901,950,950,950                                                                                      0                    0                    -      -> PASS
orders, strategy: no limit          s.passes=999,999,999,999,999,999 s.rate_orders_max=NONE                                                       0                    0                    -      -> PASS
messages, strategy: one below       s.messages=999,999 s.rate_messages_max=5 s.rate_headroom=2                                                    0                    0                    -      -> PASS
messages, strategy: headroom left   s.messages=901,999,999 s.rate_messages_max=5 s.rate_headroom=2                                                3                    4                    s      -> REJECT_MESSAGE_RATE
messages, strategy: just left       s.messages=900,999,999 s.rate_messages_max=5 s.rate_headroom=2                                                0                    0                    -      -> PASS
messages, strategy: all headroom    s.rate_messages_max=2 s.rate_headroom=2                                                                       0                    1                    s      -> REJECT_MESSAGE_RATE
cancels, strategy: one below        s.cancels=999,999 s.rate_cancels_max=3                                                                        0                    0                    -      -> PASS
cancels, strategy: reached          s.cancels=901,999,999 s.rate_cancels_max=3                                                                    3                    3                    s      -> REJECT_CANCEL_RATE
cancels, strategy: just left        s.cancels=900,999,999 s.rate_cancels_max=3                                                                    0                    0                    -      -> PASS
orders, firm: just left             f.passes=900,950,950,950,950                                                                                  0                    0                    -      -> PASS
orders, firm: still inside          f.passes=901,950,950,950,950                                                                                  5                    6                    f      -> REJECT_RATE
orders, firm: one below             f.passes=901,950,950,950                                                                                      0                    0                    -      -> PASS
orders, firm: no limit              f.passes=999,999,999,999,999,999 f.rate_orders_max=NONE                                                       0                    0                    -      -> PASS
messages, firm: one below           f.messages=999,999 f.rate_messages_max=5 f.rate_headroom=2                                                    0                    0                    -      -> PASS
messages, firm: headroom left       f.messages=901,999,999 f.rate_messages_max=5 f.rate_headroom=2                                                3                    4                    f      -> REJECT_MESSAGE_RATE
messages, firm: just left           f.messages=900,999,999 f.rate_messages_max=5 f.rate_headroom=2                                                0                    0                    -      -> PASS
messages, firm: all headroom        f.rate_messages_max=2 f.rate_headroom=2                                                                       0                    1                    f      -> REJECT_MESSAGE_RATE
cancels, firm: one below            f.cancels=999,999 f.rate_cancels_max=3                                                                        0                    0                    -      -> PASS
cancels, firm: reached              f.cancels=901,999,999 f.rate_cancels_max=3                                                                    3                    3                    f      -> REJECT_CANCEL_RATE
cancels, firm: just left            f.cancels=900,999,999 f.rate_cancels_max=3                                                                    0                    0                    -      -> PASS
burst lots, instrument: below       i.passes=999,999 i.burst_lots_max=26                                                                          0                    0                    -      -> PASS
burst lots, instrument: exactly     i.passes=999,999 i.burst_lots_max=25                                                                          0                    0                    -      -> PASS
burst lots, instrument: breach      i.passes=901,999 i.burst_lots_max=24                                                                          24                   25                   i      -> REJECT_BURST_LOTS
burst lots, instrument: one left    i.passes=900,999 i.burst_lots_max=15                                                                          0                    0                    -      -> PASS
burst lots, instrument: and breach  i.passes=900,999 i.burst_lots_max=14                                                                          14                   15                   i      -> REJECT_BURST_LOTS
burst money, instrument: exactly    i.passes=999,999 i.burst_micro_max=5002000                                                                    0                    0                    -      -> PASS
burst money, instrument: breach     i.passes=999,999 i.burst_micro_max=5001999                                                                    5001999              5002000              i      -> REJECT_BURST_NOTIONAL
burst money, instrument: all left   i.passes=899,900 i.burst_micro_max=5000000                                                                    0                    0                    -      -> PASS
ratio, instrument: floor            i.message_count=9 i.messages_per_fill_max=1 i.messages_floor=10                                               0                    0                    -      -> PASS
ratio, instrument: no fill          i.message_count=10 i.messages_per_fill_max=1 i.messages_floor=10                                              1                    11                   i      -> REJECT_ORDER_TO_TRADE
ratio, instrument: exactly          i.message_count=19 i.executions=4 i.messages_per_fill_max=5 i.messages_floor=10                               0                    0                    -      -> PASS
ratio, instrument: breach           i.message_count=20 i.executions=4 i.messages_per_fill_max=5 i.messages_floor=10                               5                    5                    i      -> REJECT_ORDER_TO_TRADE
burst lots, strategy: below         s.passes=999,999 s.burst_lots_max=26                                                                          0                    0                    -      -> PASS
burst lots, strategy: exactly       s.passes=999,999 s.burst_lots_max=25                                                                          0                    0                    -      -> PASS
burst lots, strategy: breach        s.passes=901,999 s.burst_lots_max=24                                                                          24                   25                   s      -> REJECT_BURST_LOTS
burst lots, strategy: one left      s.passes=900,999 s.burst_lots_max=15                                                                          0                    0                    -      -> PASS
burst lots, strategy: and breach    s.passes=900,999 s.burst_lots_max=14                                                                          14                   15                   s      -> REJECT_BURST_LOTS
burst money, strategy: exactly      s.passes=999,999 s.burst_micro_max=5002000                                                                    0                    0                    -      -> PASS
burst money, strategy: breach       s.passes=999,999 s.burst_micro_max=5001999                                                                    5001999              5002000              s      -> REJECT_BURST_NOTIONAL
burst money, strategy: all left     s.passes=899,900 s.burst_micro_max=5000000                                                                    0                    0                    -      -> PASS
ratio, strategy: floor              s.message_count=9 s.messages_per_fill_max=1 s.messages_floor=10                                               0                    0                    -      -> PASS
ratio, strategy: no fill            s.message_count=10 s.messages_per_fill_max=1 s.messages_floor=10                                              1                    11                   s      -> REJECT_ORDER_TO_TRADE
ratio, strategy: exactly            s.message_count=19 s.executions=4 s.messages_per_fill_max=5 s.messages_floor=10                               0                    0                    -      -> PASS
ratio, strategy: breach             s.message_count=20 s.executions=4 s.messages_per_fill_max=5 s.messages_floor=10                               5                    5                    s      -> REJECT_ORDER_TO_TRADE
burst lots, firm: below             f.passes=999,999 f.burst_lots_max=26                                                                          0                    0                    -      -> PASS
burst lots, firm: exactly           f.passes=999,999 f.burst_lots_max=25                                                                          0                    0                    -      -> PASS
burst lots, firm: breach            f.passes=901,999 f.burst_lots_max=24                                                                          24                   25                   f      -> REJECT_BURST_LOTS
burst lots, firm: one left          f.passes=900,999 f.burst_lots_max=15                                                                          0                    0                    -      -> PASS
burst lots, firm: and breach        f.passes=900,999 f.burst_lots_max=14                                                                          14                   15                   f      -> REJECT_BURST_LOTS
burst money, firm: exactly          f.passes=999,999 f.burst_micro_max=5002000                                                                    0                    0                    -      -> PASS
burst money, firm: breach           f.passes=999,999 f.burst_micro_max=5001999                                                                    5001999              5002000              f      -> REJECT_BURST_NOTIONAL
burst money, firm: all left         f.passes=899,900 f.burst_micro_max=5000000                                                                    0                    0                    -      -> PASS
ratio, firm: floor                  f.message_count=9 f.messages_per_fill_max=1 f.messages_floor=10                                               0                    0                    -      -> PASS
ratio, firm: no fill                f.message_count=10 f.messages_per_fill_max=1 f.messages_floor=10                                              1                    11                   f      -> REJECT_ORDER_TO_TRADE
ratio, firm: exactly                f.message_count=19 f.executions=4 f.messages_per_fill_max=5 f.messages_floor=10                               0                    0                    -      -> PASS
ratio, firm: breach                 f.message_count=20 f.executions=4 f.messages_per_fill_max=5 f.messages_floor=10                               5                    5                    f      -> REJECT_ORDER_TO_TRADE
burst ring: full in the window      i.passes=901,950,960,970 i.burst_lots_max=1000                                                                4                    5                    i      -> REJECT_RATE
burst ring: one left it             i.passes=900,950,960,970 i.burst_lots_max=1000                                                                0                    0                    -      -> PASS
burst ring: nothing to sum          i.passes=901,950,960,970                                                                                      0                    0                    -      -> PASS
burst: window without end           s.passes=1,2 s.burst_lots_max=24 s.burst_window_ns=NONE                                                       24                   25                   s      -> REJECT_BURST_LOTS
executions: below                   s.executions_counted=8 s.executions_max=10                                                                  0                    0                    -      -> PASS
executions: exactly the last        s.executions_counted=9 s.executions_max=10                                                                  0                    0                    -      -> PASS
executions: smallest breach         s.executions_counted=10 s.executions_max=10                                                                 10                   11                   s      -> REJECT_EXECUTIONS
executions: far beyond              s.executions_counted=5000 s.executions_max=10                                                               10                   5001                 s      -> REJECT_EXECUTIONS
executions: a person let it go on   s.executions_counted=10 s.executions_max=10 released=1                                                      0                    0                    -      -> PASS
executions: no limit                s.executions_counted=BIG s.executions_max=BIG released=1                                                    0                    0                    -      -> PASS
executions: named before the halt   s.executions_counted=10 s.executions_max=10 state=STATE_HALTED                                              10                   11                   s      -> REJECT_EXECUTIONS
fill burst: over in a moment        s.burst_until_ns=1001 s.burst_limit=50 s.burst_found=51                                                     50                   51                   s      -> REJECT_FILL_BURST
fill burst: exactly over            s.burst_until_ns=1000 s.burst_limit=50 s.burst_found=51                                                     0                    0                    -      -> PASS
fill burst: over long ago           s.burst_until_ns=1 s.burst_limit=50 s.burst_found=51                                                        0                    0                    -      -> PASS
fill burst: until a person comes    s.burst_until_ns=NONE s.burst_limit=50 s.burst_found=900                                                    50                   900                  s      -> REJECT_FILL_BURST
fill burst: a person let it go on   s.burst_until_ns=NONE released=1                                                                            0                    0                    -      -> PASS
venue rejects: none too many        s.rejects_found=20 f.rejects_found=50 s.venue_rejects_max=20                                                  0                    0                    -      -> PASS
venue rejects: strategy is held     s.held=HELD_REJECTS s.rejects_found=21 s.venue_rejects_max=20                                                 20                   21                   s      -> REJECT_VENUE_REJECTS
venue rejects: two reasons, gross   s.held=7 s.rejects_found=900 s.venue_rejects_max=20                                                           20                   900                  s      -> REJECT_VENUE_REJECTS
venue rejects: held for another     s.held=3                                                                                                      0                    0                    -      -> PASS
venue rejects: let go on            s.held=HELD_REJECTS released=1                                                                                0                    0                    -      -> PASS
venue rejects: the session is held  storm=STORM_STANDS f.rejects_found=51 f.venue_rejects_max=50                                                  50                   51                   f      -> REJECT_VENUE_REJECTS
venue rejects: session too, gross   storm=STORM_STANDS released=1 f.rejects_found=700 f.venue_rejects_max=50                                      50                   700                  f      -> REJECT_VENUE_REJECTS
venue rejects: session let go on    storm=STORM_RESUMED                                                                                           0                    0                    -      -> PASS
venue rejects: before the state     storm=STORM_STANDS state=STATE_CANCEL_ONLY f.rejects_found=51 f.venue_rejects_max=50                          50                   51                   f      -> REJECT_VENUE_REJECTS
collar near, ticks: below           price=9960 i.collar_near_ticks=50                                                                           0                    0                    -      -> PASS
collar near, ticks: exactly         price=9950 i.collar_near_ticks=50                                                                           0                    0                    -      -> PASS
collar near, ticks: smallest        price=9940 i.collar_near_ticks=59                                                                           59                   60                   i      -> REJECT_COLLAR_NEAR_TICKS
collar near, ticks: in front of it  price=10060 ask=10060 i.collar_near_ticks=59                                                                59                   60                   i      -> REJECT_COLLAR_NEAR_TICKS
collar near, ticks: a sell          side=SIDE_SELL price=10060 i.collar_near_ticks=59                                                           59                   60                   i      -> REJECT_COLLAR_NEAR_TICKS
collar near, ticks: gross           price=10 i.collar_near_ticks=50 i.collar_near_bps=NONE                                                      50                   9990                 i      -> REJECT_COLLAR_NEAR_TICKS
collar far, ticks: exactly          price=10050 i.collar_far_ticks=50                                                                           0                    0                    -      -> PASS
collar far, ticks: smallest         price=10060 i.collar_far_ticks=59                                                                           59                   60                   i      -> REJECT_COLLAR_FAR_TICKS
collar far, ticks: a sell           side=SIDE_SELL price=9940 i.collar_far_ticks=59                                                             59                   60                   i      -> REJECT_COLLAR_FAR_TICKS
collar far, ticks: behind is safe   price=9910 i.collar_far_ticks=1                                                                             0                    0                    -      -> PASS
collar far, ticks: gross            price=20000 i.collar_far_ticks=59 i.collar_near_bps=NONE i.collar_far_bps=NONE                              59                   10000                i      -> REJECT_COLLAR_FAR_TICKS
collars: the narrower decides       price=10060 i.collar_far_ticks=59 i.collar_far_bps=59                                                       59                   60                   i      -> REJECT_COLLAR_FAR
self-trade: nothing of ours there   own_open=0 own_price=1 f.self_trade=SELF_TRADE_REJECT                                                       0                    0                    -      -> PASS
self-trade: one step away           own_open=1 own_price=10001 f.self_trade=SELF_TRADE_REJECT                                                   0                    0                    -      -> PASS
self-trade: at our own ask          own_open=1 own_price=10000 f.self_trade=SELF_TRADE_REJECT                                                   10000                10000                f      -> REJECT_SELF_TRADE
self-trade: through it              own_open=1 own_price=10 f.self_trade=SELF_TRADE_REJECT                                                      10                   10000                f      -> REJECT_SELF_TRADE
self-trade: a sell above our bid    side=SIDE_SELL own_open=1 own_price=9999 f.self_trade=SELF_TRADE_REJECT                                     0                    0                    -      -> PASS
self-trade: a sell at our bid       side=SIDE_SELL own_open=1 own_price=10000 f.self_trade=SELF_TRADE_REJECT                                    10000                10000                f      -> REJECT_SELF_TRADE
self-trade: resting goes first      own_open=1 own_price=10000 f.self_trade=SELF_TRADE_CANCEL                                                   10000                10000                f      -> REJECT_SELF_TRADE
self-trade: a rule that is not set  own_open=1 own_price=10000 f.self_trade=0                                                                   10000                10000                f      -> REJECT_SELF_TRADE
self-trade: no limit                own_open=1 own_price=10000 f.self_trade=NONE                                                                0                    0                    -      -> PASS
same order: below                   s.sames=950 s.same_orders_max=3 s.same_window_ns=100                                                        0                    0                    -      -> PASS
same order: exactly                 s.sames=950,960 s.same_orders_max=3 s.same_window_ns=100                                                    0                    0                    -      -> PASS
same order: smallest breach         s.sames=950,960,970 s.same_orders_max=3 s.same_window_ns=100                                                3                    4                    s      -> REJECT_SAME_ORDER
same order: gross                   s.sames=901,950,950,960,970,980,999 s.same_orders_max=3 s.same_window_ns=100                                3                    4                    s      -> REJECT_SAME_ORDER
same order: one left the window     s.sames=900,960,970 s.same_orders_max=3 s.same_window_ns=100                                                0                    0                    -      -> PASS
same order: it is just inside       s.sames=901,960,970 s.same_orders_max=3 s.same_window_ns=100                                                3                    4                    s      -> REJECT_SAME_ORDER
same order: another size            s.sames=950,960,970 qty=6 s.same_orders_max=3 s.same_window_ns=100                                          0                    0                    -      -> PASS
same order: another price           s.sames=950,960,970 price=9990 s.same_orders_max=3 s.same_window_ns=100                                     0                    0                    -      -> PASS
same order: the other side          s.sames=950,960,970 side=SIDE_SELL s.same_orders_max=3 s.same_window_ns=100                                 0                    0                    -      -> PASS
same order: another instrument      s.sames=950,960,970 instrument_id=1 s.same_orders_max=3 s.same_window_ns=100                                0                    0                    -      -> PASS
same order: a replace               s.sames=950,960,970 kind=INTENT_REPLACE s.same_orders_max=3 s.same_window_ns=100                            0                    0                    -      -> PASS
same order: no limit                s.sames=950,960,970 s.same_window_ns=100                                                                    0                    0                    -      -> PASS
same order: window without end      s.sames=1 s.same_orders_max=1                                                                               1                    2                    s      -> REJECT_SAME_ORDER
room: order table                   state_room=0                                                                                                  0                    0                    f      -> REJECT_STATE_FULL
room: journal                       journal_room=0                                                                                                0                    0                    f      -> REJECT_JOURNAL_FULL
room: orders ring                   orders_room=0                                                                                                 0                    0                    f      -> REJECT_ORDERS_FULL
"""


TABLE = TABLE.rstrip() + MARKET_TABLE


def value(word):
    return WORDS[word] if word in WORDS else int(word)


def rows_of(table):
    """(what, changes by name, limit, found, scope, result) of each line; `i.`, `s.`, `f.`, `p.` name a row's field."""
    for line in table.strip().splitlines()[2:]:
        left, result = line.split("->")
        what, rest = left[:34].strip(), left[34:].split()
        limit, found, scope = rest[-3:]
        changes = {}
        for word in rest[:-3]:
            name, held = word.split("=")
            times = name.split(".")[-1] in ("passes", "messages", "cancels", "sames")
            changes[name] = [int(at) for at in held.split(",")] if times else value(held)
        yield what, changes, value(limit), value(found), scope, result.strip()


class Case:
    """A passing CASE with changes, and the rows that its addresses name. `open_after` follows `qty`."""

    def __init__(self, **changes):
        if "qty" in changes:
            changes = {"open_after": changes["qty"]} | changes
        self.row = np.zeros(1, CASE)
        self.rows = {letter: np.zeros(1, ROW_DTYPES.get(letter, ACCOUNT)) for letter in ROWS}
        for letter, fields in ROWS.items():
            for name, held in fields.items():
                self.rows[letter][0][name] = held
        for letter, name in ROW_ADDRESSES.items():
            self.row[0][f"{name}_addr"] = address_of(self.rows[letter])
        self.memories = {letter: np.zeros(1, MEMORY) for letter in "sf"}
        for letter, memory in self.memories.items():
            self.rows[letter][0]["memory_addr"] = address_of(memory)
        for name, held in (PASSING | changes).items():
            letter, _, field = name.rpartition(".")
            if field == "rejects_found":
                self.memories[letter][0][field] = held
            elif field == "sames":
                self.remember(self.rows[letter][0], held)
            elif field in ("passes", "messages", "cancels"):
                self.record(self.rows[letter][0], field, held)
            elif letter:
                self.rows[letter][0][field] = held
            else:
                self.row[0][field] = held
        account = self.rows["i"][0]
        account["unit_room"] = unit_room(account["unit"])

    def remember(self, account, times):
        """Passing cases, entered at these times."""
        self.memory, self.same = self.memories["s"], np.zeros(SAME_RING, SAME_SLOT)
        self.buckets = np.zeros(BUCKETS, np.int64)
        for name, rows in (("same", self.same), ("buckets", self.buckets)):
            self.memory[0][f"{name}_addr"] = address_of(rows)
        if len(times) == SAME_RING:  # of any other content
            self.same["now_ns"], self.memory[0]["same_count"] = times, SAME_RING
            return
        for at in times:
            remember_new(account, 0, PASSING["side"], PASSING["price"], PASSING["qty"], at)

    def record(self, account, field, times):
        """Messages at these times; each pass entered 10 lots and 1000 micro-units."""
        if field == "passes":
            self.ring = np.zeros(int(account["pass_mask"]) + 1, PASS_SLOT)
            for number, at in enumerate(times):
                self.ring[number & int(account["pass_mask"])] = (at, 10 * number, 1000 * number, 0)
            account["pass_addr"], account["pass_count"] = address_of(self.ring), len(times)
            account["pass_tail"] = max(0, len(times) - len(self.ring))
            account["lots_total"], account["value_total"] = 10 * len(times), 1000 * len(times)
            return
        self.times = np.zeros(int(account["time_mask"]) + 1, np.int64)
        self.times[: len(times)] = times
        name = field.removesuffix("s")
        account[f"{name}_addr"], account[f"{name}_count"] = address_of(self.times), len(times)

    def decide(self):
        return int(decide(self.row[0]))


REASONS = {
    number: name for name, number in vars(codes).items() if name.startswith("REJECT_") and name != "REJECT_NAMES"
}


@pytest.mark.parametrize("what, changes, limit, found, scope, result", list(rows_of(TABLE)), ids=lambda held: None)
def test_each_limit_below_exactly_at_and_breached(what, changes, limit, found, scope, result):
    case = Case(**changes)
    code = case.decide()
    assert (REASONS | {codes.PASS: "PASS"})[code] == result, what
    row = case.row[0]
    assert (int(row["code"]), int(row["limit_value"]), int(row["found_value"])) == (code, limit, found), what
    assert codes.LIMIT_SCOPE_NAMES.get(int(row["scope"])) == SCOPE_LETTERS.get(scope), what


BREACHES = dict(  # one breach of each check; those that need the same field come first alone
    kind={"kind": 9},
    duplicate={"intent_id": 1},
    instrument={"instrument": 0},
    side={"side": 7},
    limits={"limits": 0},
    restricted={"i.permitted": 0},
    fx_rate={"i.fx_ppm": 0},
    behind={"behind": 1},
    executions={"s.executions_max": 1, "s.executions_counted": 1},
    fill_burst={"s.burst_until_ns": NONE},
    venue_rejects={"s.held": HELD_REJECTS},
    halt={"state": codes.STATE_HALTED},
    cancel_only={"state": codes.STATE_CANCEL_ONLY},
    expiry={"expires_ns": 1},
    trading_state={"trading_state": 0},
    price_range={"price": -1},
    tick_size={"i.band_tick_0": 7},
    lot_size={"i.lot": 3},
    qty_max={"i.qty_lots_max": 1},
    notional_max={"i.notional_micro_max": 1},
    order_value={"i.unit": ORDER_VALUE_BOUND},
    channel={"channel_state": 0},
    reference={"age_ns": 51},
    collar_near={"i.collar_near_bps": 1, "ask": 5000, "bid": 9000},
    collar_far={"side": codes.SIDE_BUY, "i.collar_near_bps": NONE, "ask": 5000},
    collar_near_ticks={"side": codes.SIDE_BUY, "i.collar_near_ticks": 1, "bid": 9990},
    collar_far_ticks={"side": codes.SIDE_BUY, "i.collar_far_ticks": 1, "ask": 9990},
    price_band={"i.luld_low": 10_001, "i.luld_high": 9_999},
    self_trade={"side": codes.SIDE_BUY, "own_open": 1, "own_price": 1},
    target={"target": codes.REJECT_UNKNOWN_TARGET},
    target_leaving={"target": codes.REJECT_ALREADY_CANCELLING},
    short_permit={"side": codes.SIDE_SELL, "i.permitted": 3},
    locate={"side": codes.SIDE_SELL, "i.locate_lots": 0},
    short_price={"side": codes.SIDE_SELL, "top_flags": 1},
    reducing={"state": codes.STATE_REDUCING},
    risk_stale={"s.watched": 1, "s.risk_code": 0},
    loss={"s.watched": 1, "s.loss_micro_max": 9, "s.pnl": -9},
    drawdown={"f.watched": 1, "f.drawdown_micro_max": 9, "f.drawdown": 9},
    position={"p.position": 1000},
    open_orders={"f.orders": 10},
    open_notional={"f.open_micro_max": 1},
    gross={"f.gross_micro_max": 1},
    net={"f.net_micro_max": 1},
    concentration={"f.concentration_bps_max": 1},
    greeks_stale={"u.watched": 1, "g.standing": 0},
    delta={"u.watched": 1, "g.delta": 1, "u.delta_micro_max": 4},
    gamma={"u.watched": 1, "g.gamma": 1, "u.gamma_micro_max": 4},
    vega={"u.watched": 1, "g.vega": 1, "u.vega_micro_max": 4},
    same_order={"s.sames": [999], "s.same_orders_max": 1},
    same_ring={"s.sames": [999] * SAME_RING, "s.same_orders_max": NONE - 1},
    order_rate={"f.passes": [999] * 5, "f.rate_orders_max": 5},
    message_rate={"f.messages": [999] * 3, "f.rate_messages_max": 3},
    cancel_rate={"f.cancels": [999] * 3, "f.rate_cancels_max": 3},
    burst_ring={"i.passes": [999] * 4, "i.burst_lots_max": 1000},
    burst_lots={"s.burst_lots_max": 1},
    burst_notional={"s.burst_micro_max": 1},
    order_to_trade={"f.messages_per_fill_max": 1},
    state_room={"state_room": 0},
    journal_room={"journal_room": 0},
    orders_room={"orders_room": 0},
)


def test_the_table_is_the_order_in_which_checks_decide():
    assert [check.name for check in CHECKS] == list(BREACHES)
    for at, first in enumerate(CHECKS):
        breach = BREACHES[first.name]
        assert Case(**breach).decide() == first.code, first
        for second in CHECKS[at + 1 :]:
            other = BREACHES[second.name]
            if not set(breach) & set(other):
                assert Case(**(other | breach)).decide() == first.code, (first, second)


def test_every_scope_of_the_table_has_its_breach_among_the_examples():
    found = {(result, SCOPE_LETTERS[scope]) for *_, scope, result in rows_of(TABLE) if result != "PASS"}
    wanted = {(REASONS[check.code], scope) for check in CHECKS for scope in check.scopes}
    burst = {(REASONS[codes.REJECT_RATE], "instrument")}  # the ring of passes: the same check in all three
    assert found | burst == wanted | burst


def test_every_reject_code_has_a_check_and_every_check_a_text():
    checks = CHECKS + LEAVING_CHECKS
    assert {check.code for check in checks} | set(SENDER_CODES) == set(codes.REJECT_NAMES)
    assert set(REASONS) == set(codes.REJECT_NAMES)
    fields = set(LIMITS.names) | {"price_ticks_max", "band_tick_ticks", "lot_lots", "luld_low_ticks", "luld_high_ticks"}
    for check in checks:
        assert check.refuses and check.standard and check.label, check
        assert set(check.scopes) <= set(codes.LIMIT_SCOPE_NAMES.values()), check
        assert all(name in fields for name in check.limit.split(", ") if name), check
    limited = {name for check in checks for name in check.limit.split(", ")}
    unlisted = {"burst_window_ns", "rate_window_ns", "messages_floor", "rate_headroom", "concentration_floor_micro"}
    unlisted |= {"mark_age_ns_max"}  # risk_engine's: a stale mark makes its row stale
    unlisted |= {"same_window_ns", "fill_window_ns", "fill_reset_ns", "venue_rejects_window_ns"}
    assert set(LIMITS.names) - limited == unlisted | {"version", "expires_ns", "standing_row", "reserved"}, (
        "a limit without a check"
    )


def test_zeroed_memory_never_passes():
    case = Case()
    case.row[0] = np.zeros(1, CASE)[0]
    assert case.decide() != codes.PASS
    for letter in ("i", "s", "f"):
        case = Case(limits=0)
        case.rows[letter][:] = 0
        assert case.decide() != codes.PASS
    assert codes.PASS != 0


def test_every_input_is_in_the_passing_case():
    given = {f"{name}_addr" for name in ROW_ADDRESSES.values()} | {"target_slot", "target_order_id"}
    assert set(PASSING) | given == set(CASE.names) - set(ANSWERS)


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
def collar_answers(prices, touches, bands, answers):
    for row in range(len(prices)):
        answers[row] = check_collar_near(prices[row], touches[row], bands[row])


def test_collar_equals_exact_rational_arithmetic():
    """Prices around the edge of their band; Python's integers are the exact referee."""
    rows, random = 200_000 if not JIT_OFF else 20_000, np.random.default_rng(20240306)
    touches = np.choose(random.integers(0, 3, rows), [random.integers(1, top, rows) for top in (50, 40_000, 1 << 40)])
    bands = np.choose(random.integers(0, 2, rows), [random.integers(1, top, rows) for top in (500, 20_000)])
    bands[::50] = NONE
    wide = np.minimum(bands, 30_000)
    distances = touches // 10_000 * wide + touches % 10_000 * wide // 10_000
    prices = touches + random.choice((-1, 1), rows) * (distances + random.integers(-2, 3, rows))
    prices, answers = np.clip(prices, 1, PRICE_BOUND), np.zeros(rows, np.int64)
    collar_answers(prices, touches, bands, answers)
    columns = zip(prices.tolist(), touches.tolist(), bands.tolist(), answers.tolist(), strict=True)
    wrong = [
        (price, touch, bps, code)
        for price, touch, bps, code in columns
        if (code == codes.PASS) != (bps == NONE or abs(price - touch) * 10_000 <= bps * touch)
    ]
    assert not wrong, wrong[:5]
    refused = int((answers == codes.REJECT_COLLAR_NEAR).sum())
    assert rows // 5 < refused < rows - rows // 5, "both answers are tried"
    assert Fraction(10_100 - 10_000, 10_000) == Fraction(100, 10_000)  # what the integers stand for


def test_money_equals_unbounded_arithmetic():
    """Notional, its conversion rounded up, and the limit on it, for products far beyond int64."""
    random = Random(7)
    for _ in range(20_000 if not JIT_OFF else 5_000):
        price, qty = random.randint(1, 1 << random.randint(1, 40)), random.randint(1, 1 << random.randint(1, 32))
        unit, rate = random.randint(1, 1 << random.randint(1, 40)), random.randint(1, 10 ** random.randint(1, 12))
        exact = price * qty * unit
        micro = notional(price, qty, unit, unit_room(unit))
        assert micro == min(exact, VALUE_BOUND), (price, qty, unit)
        limit = min(max(random.choice((random.randint(1, NONE), exact + random.randint(-1, 1), NONE)), 1), NONE)
        passes = exact <= limit and exact < VALUE_BOUND
        assert (check_notional_max(micro, limit) == codes.PASS) == passes, (price, qty, unit, limit)
        converted = -(-micro * rate // 1_000_000)
        assert to_firm(micro, rate, ORDER_VALUE_BOUND) == min(converted, ORDER_VALUE_BOUND), (micro, rate)
    assert to_firm(5, 0, ORDER_VALUE_BOUND) == to_firm(5, -1, ORDER_VALUE_BOUND) == 0


def test_concentration_equals_exact_rational_arithmetic():
    random = Random(11)
    seen = set()
    for _ in range(20_000 if not JIT_OFF else 5_000):
        whole = random.randint(1, 1 << random.randint(1, 61))
        bps = random.randint(1, 10_000)
        part = min(max(1, whole * bps // 10_000 + random.randint(-2, 2)), whole)
        floor = random.choice((0, part - 1, part))
        passes = part <= floor or part * 10_000 <= bps * whole
        assert (check_concentration(1, part, whole, bps, floor) == codes.PASS) == passes, (part, whole, bps)
        seen.add(passes)
    assert seen == {True, False}


GROSS_TABLE = """
position  buys  sells  -> worst case
0         0     0      -> 0
10        0     0      -> 10
-10       0     0      -> 10
10        5     0      -> 15
10        5     3      -> 15
10        0     30     -> 20
-10       5     0      -> 10
-10       25    0      -> 15
0         7     9      -> 9
"""


def test_worst_gross_is_the_greatest_size_that_one_side_alone_can_make():
    for line in GROSS_TABLE.strip().splitlines()[1:]:
        left, worst = line.split("->")
        position, buys, sells = map(int, left.split())
        assert worst_gross(position, buys, sells) == int(worst), line
        assert int(worst) == max(abs(position + buy - sell) for buy in (0, buys) for sell in (0, sells)), line


def test_a_limits_row_with_any_zero_or_negative_limit_rejects_everything():
    limits = np.zeros(1, LIMITS)
    assert limits_row_is_set(limits[0]) == codes.REJECT_NO_LIMITS
    for name in POSITIVE:
        limits[0][name] = 1
    assert limits_row_is_set(limits[0]) == codes.PASS
    for name in POSITIVE:
        for bad in (0, -1):
            broken = limits.copy()
            broken[0][name] = bad
            assert limits_row_is_set(broken[0]) == codes.REJECT_NO_LIMITS, name
