"""Message budget: so many messages a second of logic time, and so many at once.

A bucket of tokens, kept as one time: `spent_until_ns` is when the bucket will be full again. A message moves it on by
the time that one token takes to come back; what is farther ahead than a full bucket takes must wait. (The generic cell
rate algorithm of ITU-T I.371, exact in whole nanoseconds.) Cancels are counted and never held back.
"""

from shm.jit import hot


@hot
def budget_wait_until(desk):
    """Logic time at which the next message may go; a time that has passed when it may go now."""
    return desk["spent_until_ns"] + desk["token_ns"] - desk["bucket_ns"]


@hot
def spend(desk, now_ns):
    """One message goes."""
    desk["spent_until_ns"] = max(desk["spent_until_ns"], now_ns) + desk["token_ns"]
