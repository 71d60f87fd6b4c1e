"""Protection in fast moves: no quotes for a while after the mid jumped.

A jump is a move within `jump_window_ns` of more than n standard deviations of that window, n sigma sqrt(window), and of
more than JUMP_STEPS_MIN quoting steps. The reference is the mid of half a window to a window ago, so a slow trend is no
jump. Nothing is judged before sigma is known; n = 0 switches it off.
"""

import math

from shm.jit import hot

JUMP_STEPS_MIN = 2  # one step is how prices move, and says nothing when sigma is near 0


@hot
def _reference(mark, mid2, now_ns, window_ns):
    # two anchors: the older is the reference, the newer takes its place after half a window
    if mark["anchor_ns"] == 0 or now_ns - mark["anchor_ns"] >= window_ns:
        mark["older_mid2"] = mark["anchor_mid2"] if mark["anchor_ns"] > 0 else mid2
        mark["anchor_mid2"] = mid2
        mark["anchor_ns"] = now_ns
    elif now_ns - mark["anchor_ns"] >= window_ns // 2:
        mark["older_mid2"] = mark["anchor_mid2"]
        mark["anchor_mid2"] = mid2
        mark["anchor_ns"] = now_ns
    return mark["older_mid2"]


@hot
def jumped(mark, rules, mid2, volatility_milli, now_ns):
    """Returns 1 at a jump, and sets `pause_until_ns`; the pause begins again while the mid is still jumping."""
    reference = _reference(mark, mid2, now_ns, rules["jump_window_ns"])
    if rules["jump_sigmas_milli"] == 0 or volatility_milli == 0:
        return 0
    window_s = rules["jump_window_ns"] * 1e-9
    limit = rules["jump_sigmas_milli"] * 1e-3 * (volatility_milli * 1e-3) * math.sqrt(window_s)
    moved = 0.5 * abs(mid2 - reference)
    if moved <= limit or moved <= JUMP_STEPS_MIN * rules["quote_tick_ticks"]:
        return 0
    begun = 1 if now_ns >= mark["pause_until_ns"] else 0
    mark["pause_until_ns"] = now_ns + rules["jump_pause_ns"]
    return begun
