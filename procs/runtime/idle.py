"""Idle strategies: what the hot thread does after a step that found nothing. A word in the configuration, no branch.

spin     nothing: the core is ours (a PAUSE here made the hop slower)
yield    gives the core to whoever shares it
backoff  yields, then sleeps 50 us, for instances that may be late
"""

import os
import time

from numba import types

from shm.jit import JIT_OFF, hot

YIELDS_BEFORE_SLEEP = 200
SLEEP_US = 50

if JIT_OFF:

    def _sched_yield():
        os.sched_yield()
        return 0

    def _usleep(microseconds):
        time.sleep(microseconds / 1e6)
        return 0

else:
    _sched_yield = types.ExternalFunction("sched_yield", types.int32())
    _usleep = types.ExternalFunction("usleep", types.int32(types.uint32))


@hot
def idle_spin(idle_steps):
    """Go on at once. `idle_steps` is the number of steps in a row that found nothing."""
    return idle_steps


@hot
def idle_yield(idle_steps):
    """Offer the core to another thread."""
    _sched_yield()
    return idle_steps


@hot
def idle_backoff(idle_steps):
    """Offer the core; after YIELDS_BEFORE_SLEEP empty steps in a row sleep SLEEP_US."""
    if idle_steps > YIELDS_BEFORE_SLEEP:
        _usleep(SLEEP_US)
    else:
        _sched_yield()
    return idle_steps
