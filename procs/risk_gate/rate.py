"""Message rate: an exact sliding window of logic time, one ring of pass times for each strategy and one for the firm.

The window is full when the pass that lies `rate_max` passes back is still inside it, so nothing is counted or expired.
"""

from procs.risk_gate.checks import NEVER_NS
from procs.risk_gate.state import RATE_RING
from shm.jit import hot
from shm.records.limits import LIMIT_NONE


@hot
def nth_pass_ns(pass_ns, pass_count, row, rate_max):
    """Time of the pass `rate_max` passes back in `row`; NEVER_NS when there were fewer, or for LIMIT_NONE."""
    if rate_max == LIMIT_NONE:
        return NEVER_NS
    back = min(rate_max, RATE_RING)
    if pass_count[row] < back:
        return NEVER_NS
    return pass_ns[row, (pass_count[row] - back) & (RATE_RING - 1)]


@hot
def record_pass(pass_ns, pass_count, row, now_ns):
    """Remember one pass. Times of a row never fall, whatever the clock does."""
    count = pass_count[row]
    if count > 0:
        now_ns = max(now_ns, pass_ns[row, (count - 1) & (RATE_RING - 1)])
    pass_ns[row, count & (RATE_RING - 1)] = now_ns
    pass_count[row] = count + 1
