"""Instance: one running copy of a role, as the rest of the machine sees it.

One object `instance.<instance>` each; this page follows the segment header. Each cache line has one writer.
Readers: supervisor, `quintet status`, risk_gate (a strategy's step word). Six cache lines.

off  size  type   field                meaning
---  ----  -----  -------------------  ----------------------------------------
  0     8  i8     pid                  CONTROL thread's line: process id
  8     8  i8     start_ns             start time of the process, /proc/<pid>/stat, clock ticks * 10^7
 16     8  i8     hot_tid              native id of the hot thread
 24     8  i8     core_wanted          core asked for; -1 when any
 32     8  i8     incarnation          counts starts of this instance in this epoch
 40     8  i8     life                 LIFE_*
 48     8  i8     exit_code            last reason why the hot loop returned
 56     8  i8     warnings             degradations in force, WARNING_* OR-ed
 64     8  i8     started_ns           CONTROL thread's second line: CLOCK_MONOTONIC when it reached running
 72     8  i8     compile_count        functions compiled after warm-up; not 0 is an error
 80     8  i8     role_id              index of the role in flow order
 88    40  i8x5   control_reserved     zero
128     8  i8     step_ns              HOT thread's line: latency stamp of the last finished step
136     8  i8     steps                steps done
144     8  i8     work                 records and frames handled
152     8  i8     idle_steps           steps that found nothing
160     8  i8     core_actual          core that the hot thread last ran on
168     8  i8     step_ns_max          longest step
176     8  i8     steps_over_budget    steps longer than the budget
184     8  i8     hot_reserved         zero
192     8  i8     alive_ns             CONTROL thread's heartbeat line: CLOCK_MONOTONIC
200     8  i8     step_seen_ns         CLOCK_MONOTONIC when it last saw `steps` advance
208    48  i8x6   heartbeat_reserved   zero
256     8  i8     stop                 SUPERVISOR's line: not 0 asks the hot loop to return
264    56  i8x7   supervisor_reserved  zero
320     8  i8     restarts             SUPERVISOR's second line: times it was started again
328     8  i8     last_exit            exit status of the last process, as from waitpid; 0 clean
336     8  i8     restarted_ns         CLOCK_MONOTONIC of the last restart
344    40  i8x5   restart_reserved     zero
"""

import numpy as np

INSTANCE = np.dtype(
    [
        ("pid", "<i8"),
        ("start_ns", "<i8"),
        ("hot_tid", "<i8"),
        ("core_wanted", "<i8"),
        ("incarnation", "<i8"),
        ("life", "<i8"),
        ("exit_code", "<i8"),
        ("warnings", "<i8"),
        ("started_ns", "<i8"),
        ("compile_count", "<i8"),
        ("role_id", "<i8"),
        ("control_reserved", "<i8", (5,)),
        ("step_ns", "<i8"),
        ("steps", "<i8"),
        ("work", "<i8"),
        ("idle_steps", "<i8"),
        ("core_actual", "<i8"),
        ("step_ns_max", "<i8"),
        ("steps_over_budget", "<i8"),
        ("hot_reserved", "<i8"),
        ("alive_ns", "<i8"),
        ("step_seen_ns", "<i8"),
        ("heartbeat_reserved", "<i8", (6,)),
        ("stop", "<i8"),
        ("supervisor_reserved", "<i8", (7,)),
        ("restarts", "<i8"),
        ("last_exit", "<i8"),
        ("restarted_ns", "<i8"),
        ("restart_reserved", "<i8", (5,)),
    ]
)

assert INSTANCE.itemsize == 384

# byte offsets inside object instance.<instance>
INSTANCE_OFFSET = 512
COUNTERS_OFFSET = 1024
COUNTERS_MAX = 256
ERRORS_OFFSET = COUNTERS_OFFSET + COUNTERS_MAX * 8
ERRORS_MAX = 64
HISTOGRAMS_OFFSET = ERRORS_OFFSET + ERRORS_MAX * 64
HISTOGRAMS_MAX = 12

WARNING_NOT_PINNED = 1
WARNING_NOT_LOCKED = 2
WARNING_NOT_REALTIME = 4
WARNING_NOT_RECORDED = 8
