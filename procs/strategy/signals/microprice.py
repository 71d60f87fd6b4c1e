"""Microprice: the mid, corrected by where it tends to go from a book of this spread and imbalance.

    P = M + g(I, S),   g(x) = E[ M' - M + g(x') | x ]

Stoikov (2018), "The micro-price: a high-frequency estimator of future prices": with Q, T the moves between states
without and with a change of the mid and G1 the expected first change, g = G1 + B G1 + B^2 G1 + ..., B = (1 - Q)^-1 T.
That sum is the fixed point above, which is learned here from each change of the book (temporal differences; Sutton
1988), without matrices: the g of the state that was left moves toward what was seen, by one part in `visits`, at most
one in VISITS_MAX. As in the paper the two sides are mirror images, g(-I) = -g(I), so that g has no drift.

States: spreads of 1 to 3 quoting steps by five strengths of imbalance. A state starts with the weighted mid,
g = I S / 2, which also stands where the spread is wider. g never leaves the spread. Millionths of a price tick.
"""

from procs.strategy.signals.imbalance import MILLION
from shm.jit import hot

SPREAD_STEPS_MAX = 3
STRENGTHS = 5
VISITS_MAX = 512  # newer books count for more: g follows a market that changes within about 500 visits


@hot
def weighted_lean(spread_ticks, imbalance_ppm):
    """What the weighted mid adds to the mid, millionths of a price tick."""
    return spread_ticks * imbalance_ppm // 2


@hot
def cell_of(spread_ticks, quote_tick_ticks, imbalance_ppm):
    """State of a book, or -1 where g is not learned: no imbalance, or a spread of no 1 to 3 whole steps."""
    steps = spread_ticks // quote_tick_ticks
    if imbalance_ppm == 0 or steps < 1 or steps > SPREAD_STEPS_MAX or steps * quote_tick_ticks != spread_ticks:
        return -1
    return (steps - 1) * STRENGTHS + abs(imbalance_ppm) * STRENGTHS // (MILLION + 1)


@hot
def _learn(signals, moved2_ticks, lean):
    # the book that was left expected `cell_lean`; what came is the move of the mid and what is expected now
    cell = signals["cell"]
    visits = min(signals["visits"][cell] + 1, VISITS_MAX)
    signals["visits"][cell] = visits
    surprise = moved2_ticks * (MILLION // 2) + lean - signals["cell_lean"]
    signals["lean"][cell] += signals["cell_sign"] * surprise // visits


@hot
def update_microprice(signals, bid_ticks, ask_ticks, quote_tick_ticks, imbalance_ppm):
    """Learn from the change since the last book. Returns the microprice, thousandths of a price tick."""
    spread, mid2 = ask_ticks - bid_ticks, bid_ticks + ask_ticks
    cell = cell_of(spread, quote_tick_ticks, imbalance_ppm)
    sign = 1 if imbalance_ppm > 0 else -1 if imbalance_ppm < 0 else 0
    lean = weighted_lean(spread, imbalance_ppm)
    if cell >= 0:
        if signals["visits"][cell] == 0:
            signals["lean"][cell] = abs(lean)
        half = spread * (MILLION // 2)
        lean = sign * max(-half, min(half, signals["lean"][cell]))
    changed = cell != signals["cell"] or sign != signals["cell_sign"] or mid2 != signals["cell_mid2"]
    if changed and signals["cell_mid2"] > 0 and signals["cell"] >= 0:
        _learn(signals, mid2 - signals["cell_mid2"], lean)
    signals["cell"] = cell
    signals["cell_sign"] = sign
    signals["cell_mid2"] = mid2
    signals["cell_lean"] = lean
    return mid2 * 500 + lean // 1000
