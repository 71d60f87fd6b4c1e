"""Realised volatility of the mid, per square root of a second, robust to the bounce between bid and ask.

    v = sum w (r_i^2 + 2 r_i r_(i-1)) / sum w dt_i,   sigma = sqrt(max(v, 0))

Zhou (1996), "High-frequency data and volatility in foreign-exchange rates": noise that comes and goes gives each move
the opposite of half of the last one, and the cross product takes out what it added to the squares. r_i are moves of the
mid over at least SAMPLE_NS of logic time, w halves every half-life. Returns 0 before SAMPLES_MIN moves.
"""

import math

from shm.jit import hot

SAMPLE_NS = 100_000_000  # 0.1 s: finer samples measure single orders
SAMPLES_MIN = 20  # the estimate's own error is then about a third


@hot
def _sample(signals, mid2, elapsed_ns, halflife_ns):
    move = 0.5 * (mid2 - signals["sample_mid2"])
    keep = 0.5 ** (elapsed_ns / halflife_ns)
    square = move * move + 2.0 * move * signals["last_move"]
    signals["square_sum"] = signals["square_sum"] * keep + square
    signals["square_s"] = signals["square_s"] * keep + elapsed_ns * 1e-9
    signals["last_move"] = move
    signals["samples"] += 1


@hot
def update_volatility(signals, mid2, now_ns, halflife_ns):
    """Sample the mid when it is time. Returns sigma, price ticks per square root of a second, a float; 0 unknown."""
    elapsed_ns = now_ns - signals["sample_ns"]
    if signals["sample_ns"] == 0 or elapsed_ns >= SAMPLE_NS:
        if signals["sample_ns"] > 0:
            _sample(signals, mid2, elapsed_ns, halflife_ns)
        signals["sample_ns"] = now_ns
        signals["sample_mid2"] = mid2
    if signals["samples"] < SAMPLES_MIN:
        return 0.0
    return math.sqrt(max(signals["square_sum"], 0.0) / signals["square_s"])
