"""Flow: a seeded crowd of anonymous traders, so that there is somebody to trade with.

Each instrument has a latent fair price, a random walk in quoting ticks. Around it limit orders arrive, more of them
near the touch; old ones are cancelled, moved or reduced; marketable orders of random size arrive on both sides, more
of them on the side towards the fair price, so quotes on the wrong side of it are picked off and a market maker at the
touch is filled on both sides. Arrivals are Poisson in logic time. Integers only: the same seed gives the same flow, JIT
on or off.
"""

import numpy as np

from procs.venue.book import INSTRUMENTS_MAX, best_price, find_order
from procs.venue.exchange import settle
from procs.venue.faults import RANDOM_FACTOR, RANDOM_MODULUS, next_random
from procs.venue.inputs import input_cancel, input_enter, input_reduce, input_replace
from shm.codes import SIDE_BUY, SIDE_SELL, TIF_DAY, TIF_IOC, TRADING_OPEN
from shm.jit import hot

CROWD_MAX = 1024  # live orders of the crowd in one instrument; a working book of twenty levels a side
CROWD_WANTED = 400  # above it cancels prevail, below it adds
LEVELS_FIRST = 12  # levels a side of the first book
ORDERS_FIRST = 4  # orders on each of them
BATCH_MAX = 64  # events in one step; a burst never keeps members waiting
BEHIND_NS = 250_000_000  # further behind than this (a stopped process) the missed arrivals are left out
LOTS = 100  # sizes are multiples of it
HALF_SPREAD_TICKS = 1
WALK_EVENTS = 40  # the fair price moves once in so many events of its instrument: 12 times a second by default
STRIKE_MAX = 8  # a marketable order is at most this many times larger than usual

GAPS = np.round(-np.log1p(-(np.arange(1024) + 0.5) / 1024) * 1_000_000).astype(np.int64)  # exponential, mean 10^6

CROWD = np.dtype(
    [
        ("instrument", "<i8"),
        ("tick", "<i8"),
        ("anchor_ticks", "<i8"),  # price that the fair price is weakly drawn to
        ("fair_ticks", "<i8"),
        ("count", "<i8"),
        ("lots", "<i8"),
    ]
)
FLOW_WORDS = np.dtype(
    [
        ("random", "<i8"),
        ("next_ns", "<i8"),  # logic time of the next arrival
        ("gap_ns", "<i8"),  # mean time between two; 0: no flow
        ("off", "<i8"),  # not 0: no arrivals for the time being
        ("crowds", "<i8"),
        ("built", "<i8"),  # 1 when the first books stand
        ("events", "<i8"),
        ("skipped", "<i8"),
    ]
)


FLOW = np.dtype(
    [
        ("words", FLOW_WORDS),
        ("crowds", CROWD, (INSTRUMENTS_MAX,)),
        ("refs", "<i8", (INSTRUMENTS_MAX, CROWD_MAX)),  # live orders of each crowd, in no order
    ]
)


def prepare_flow(flow, instruments: list[int], rules: np.ndarray, seed: int, events_per_second: int) -> None:
    """Make a zeroed FLOW crowds for the given instrument rows.

    Prices start at 100.00 and go up in steps of 25; where the quoting tick is a quarter (an index), at 4800.
    """
    words, crowds = flow["words"], flow["crowds"]
    for row, instrument in enumerate(instruments):
        tick = int(rules[instrument]["tick"])
        start = (1_000_000 + 250_000 * row) if tick < 2500 else 48_000_000
        crowds[row]["instrument"], crowds[row]["tick"] = instrument, tick
        crowds[row]["anchor_ticks"] = crowds[row]["fair_ticks"] = start // tick * tick
        crowds[row]["lots"] = max(int(rules[instrument]["lot"]), LOTS if tick < 2500 else 1)
    words["crowds"] = len(instruments)
    words["random"] = 1 + seed % (RANDOM_MODULUS - 1)
    words["gap_ns"] = 1_000_000_000 // events_per_second if instruments and events_per_second > 0 else 0
    for _ in range(8):  # the first numbers of near seeds are alike
        words["random"] = int(words["random"]) * RANDOM_FACTOR % RANDOM_MODULUS


@hot
def _decay(words, limit):
    """A number from 0 to `limit`, each half as likely as the one before."""
    value = 0
    while value < limit and next_random(words, 2) == 0:
        value += 1
    return value


@hot
def _lots(words, crowd):
    return crowd["lots"] * (1 + _decay(words, 5))


@hot
def _other(side):
    return SIDE_SELL if side == SIDE_BUY else SIDE_BUY


@hot
def _passive_price(exchange, crowd, side, away_ticks):
    """A price `away_ticks` quoting ticks behind the fair touch, never across the other side."""
    step = (HALF_SPREAD_TICKS + away_ticks) * crowd["tick"]
    other = best_price(exchange["books"], crowd["instrument"], _other(side))
    if side == SIDE_BUY:
        price = crowd["fair_ticks"] - step
        return min(price, other - crowd["tick"]) if other > 0 else price
    return max(crowd["fair_ticks"] + step, other + crowd["tick"])


@hot
def _keep(flow, at, ref):
    """Remember a resting order of the crowd."""
    crowd = flow["crowds"][at]
    if crowd["count"] < CROWD_MAX:
        flow["refs"][at, crowd["count"]] = ref
        crowd["count"] += 1


@hot
def _forget(flow, at, index):
    crowd = flow["crowds"][at]
    crowd["count"] -= 1
    flow["refs"][at, index] = flow["refs"][at, crowd["count"]]


@hot
def _add(exchange, flow, at, side, away_ticks):
    crowd = flow["crowds"][at]
    price = _passive_price(exchange, crowd, side, away_ticks)
    if price <= 0 or crowd["count"] >= CROWD_MAX:
        return
    instrument = crowd["instrument"]
    qty = _lots(flow["words"], crowd)
    ref = input_enter(exchange["books"], exchange["log"], instrument, side, price, qty, TIF_DAY, 0)
    settle(exchange)
    if ref > 0 and find_order(exchange["books"], ref) >= 0:
        _keep(flow, at, ref)


@hot
def _alter(exchange, flow, at, pick):
    """Cancel, move or reduce a random order of the crowd; one that has traded meanwhile is forgotten."""
    words = flow["words"]
    crowd = flow["crowds"][at]
    if crowd["count"] == 0:
        return
    index = next_random(words, crowd["count"])
    ref = flow["refs"][at, index]
    slot = find_order(exchange["books"], ref)
    if slot < 0:
        _forget(flow, at, index)
        return
    if pick < 10:
        side = exchange["books"]["orders"][slot]["side"]
        price = _passive_price(exchange, crowd, side, _decay(words, 12))
        new_ref = input_replace(exchange["books"], exchange["log"], ref, price, _lots(words, crowd), 0, TIF_DAY)
        flow["refs"][at, index] = max(new_ref, ref)
    elif pick < 15 and exchange["books"]["orders"][slot]["qty"] > crowd["lots"]:
        input_reduce(exchange["books"], exchange["log"], ref, crowd["lots"])
    else:
        input_cancel(exchange["books"], exchange["log"], ref)
        _forget(flow, at, index)
    settle(exchange)


@hot
def _strike(exchange, flow, at):
    """A marketable order, mostly towards the fair price."""
    words = flow["words"]
    crowd = flow["crowds"][at]
    instrument = crowd["instrument"]
    bid = best_price(exchange["books"], instrument, SIDE_BUY)
    ask = best_price(exchange["books"], instrument, SIDE_SELL)
    if bid == 0 or ask == 0:
        return
    lean = (2 * crowd["fair_ticks"] - bid - ask) // crowd["tick"]
    side = SIDE_BUY if next_random(words, 100) < min(95, max(5, 50 + 15 * lean)) else SIDE_SELL
    price = ask + crowd["tick"] if side == SIDE_BUY else bid - crowd["tick"]
    if price > 0:
        qty = _lots(words, crowd) * (1 + min(STRIKE_MAX, max(lean, -lean)))  # the further off, the harder it is hit
        input_enter(exchange["books"], exchange["log"], instrument, side, price, qty, TIF_IOC, 0)
        settle(exchange)


@hot
def _walk(words, crowd):
    """Now and then the fair price moves a tick, a little more often towards its anchor."""
    if next_random(words, WALK_EVENTS) != 0:
        return
    away = (crowd["fair_ticks"] - crowd["anchor_ticks"]) // crowd["tick"]
    up = next_random(words, 1000) < 500 - min(200, max(-200, 5 * away))
    crowd["fair_ticks"] += crowd["tick"] if up else -crowd["tick"]


@hot
def _one_event(exchange, flow):
    words = flow["words"]
    at = next_random(words, flow["words"]["crowds"])
    crowd = flow["crowds"][at]
    if exchange["tape"]["states"][crowd["instrument"]] != TRADING_OPEN:
        return
    _walk(words, crowd)
    pick = next_random(words, 100)
    if pick < 8:
        _strike(exchange, flow, at)
    elif pick < 8 + (55 if crowd["count"] < CROWD_WANTED else 35):
        side = SIDE_BUY if next_random(words, 2) == 0 else SIDE_SELL
        _add(exchange, flow, at, side, _decay(words, 3) if pick < 30 else next_random(words, 15))
    else:
        _alter(exchange, flow, at, next_random(words, 50))
    words["events"] += 1


@hot
def _build_first_books(exchange, flow):
    """The books before the first arrival."""
    for at in range(flow["words"]["crowds"]):
        for level in range(LEVELS_FIRST):
            for _ in range(ORDERS_FIRST):
                _add(exchange, flow, at, SIDE_BUY, level)
                _add(exchange, flow, at, SIDE_SELL, level)


@hot
def play_flow(exchange, flow, now_ns):
    """Every arrival that is due. Returns their number."""
    words = flow["words"]
    if words["gap_ns"] == 0 or words["off"] != 0:
        return 0
    if words["built"] == 0:
        words["built"] = 1
        _build_first_books(exchange, flow)
    if words["next_ns"] == 0 or now_ns - words["next_ns"] > BEHIND_NS:
        words["skipped"] += words["next_ns"] != 0
        words["next_ns"] = now_ns
    done = 0
    while done < BATCH_MAX and words["next_ns"] <= now_ns:
        _one_event(exchange, flow)
        words["next_ns"] += GAPS[next_random(words, GAPS.shape[0])] * words["gap_ns"] // 1_000_000
        done += 1
    return done
