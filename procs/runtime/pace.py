"""Pace: what the loop writes about each step of an instance, on the hot thread's line of its INSTANCE page."""

from numba import types

from shm.atomics import load_relaxed, record_at, store_relaxed
from shm.clock import stamp_ns
from shm.jit import JIT_OFF, hot
from shm.records.instance import INSTANCE

STEP_NS = INSTANCE.fields["step_ns"][1]
CORE_EVERY = 1024  # steps between looks at the core that we run on

if JIT_OFF:

    def _current_core():
        with open("/proc/self/stat") as line:
            return int(line.read().rsplit(")", 1)[1].split()[36])

else:
    _current_core = types.ExternalFunction("sched_getcpu", types.int32())


@hot
def begin_step(me):
    """Latency stamp at the start of a step."""
    return stamp_ns(me["clock_addr"])


@hot
def end_step(me, begun_ns, work, budget_ns):
    """Count one step: the step word, work, idle share, longest step, and from time to time the core.

    Caller: the generated loop, on the hot thread. The step word is stored last. Cost: one more stamp after work.
    """
    page = record_at(me["page_addr"], INSTANCE)
    steps = page["steps"] + 1
    if work == 0:
        store_relaxed(me["page_addr"] + STEP_NS + 24, page["idle_steps"] + 1)
        ended_ns = begun_ns
    else:
        page["work"] += work
        ended_ns = stamp_ns(me["clock_addr"])
        spent_ns = ended_ns - begun_ns
        if spent_ns > page["step_ns_max"]:
            page["step_ns_max"] = spent_ns
        if spent_ns > budget_ns:
            page["steps_over_budget"] += 1
    if steps % CORE_EVERY == 1:
        page["core_actual"] = _current_core()
    store_relaxed(me["page_addr"] + STEP_NS + 8, steps)
    store_relaxed(me["page_addr"] + STEP_NS, ended_ns)


@hot
def steps_done(page_addr):
    """Steps that an instance has done. Caller: anyone."""
    return load_relaxed(page_addr + STEP_NS + 8)
