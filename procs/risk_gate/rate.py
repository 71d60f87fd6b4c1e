"""Message rate: an exact sliding window of logic time, one ring of pass times for each strategy and one for the firm.

The window is full when the pass that lies `rate_max` passes back is still inside it, so nothing is counted or expired.
"""

from procs.risk_gate.checks import NEVER_NS
from procs.risk_gate.exposure import word_at
from procs.risk_gate.state import RATE_RING
from shm.jit import hot
from shm.records.limits import LIMIT_NONE


@hot
def nth_pass_ns(desk, rate_max):
    """Time of the pass `rate_max` passes back at a DESK; NEVER_NS when there were fewer, or for LIMIT_NONE."""
    if rate_max == LIMIT_NONE:
        return NEVER_NS
    back = min(rate_max, RATE_RING)
    if desk["pass_count"] < back:
        return NEVER_NS
    return word_at(desk["pass_addr"], (desk["pass_count"] - back) & (RATE_RING - 1))["value"]


@hot
def record_pass(desk, now_ns):
    """Remember one pass. Times of a desk never fall, whatever the clock does."""
    passed = desk["pass_count"]
    if passed > 0:
        now_ns = max(now_ns, word_at(desk["pass_addr"], (passed - 1) & (RATE_RING - 1))["value"])
    slot = word_at(desk["pass_addr"], passed & (RATE_RING - 1))
    slot["value"] = now_ns
    desk["pass_count"] = passed + 1
