"""Risk entry: something that risk_engine did or noted, with the row of `risk` that it stands on behind it.

Payload of JOURNAL_RISK, written by risk_engine: this record, then the RISK row. Two cache lines.

off  size  type   field              meaning
---  ----  -----  -----------------  ----------------------------------------
  0     8  i8     found_micro        value of the measure
  8     8  i8     threshold_micro    number that it reached; 0 where none was
 16     8  i8     again_micro        from here on the same step is taken again after `resume`
 24     8  i8     request_id         request to the executor; 0 for none
 32     8  i8     at_utc_ns          wall time
 40     4  i4     event              RISK_EVENT_*
 44     4  i4     reason             RISK_REASON_*: the measure
 48     4  i4     step               RISK_STEP_* that holds now
 52     4  i4     step_before        RISK_STEP_* that held before
 56     4  i4     state              STATE_* said in our row of control for the scope; 0 for none
 60     4  i4     executor           what became of a request: 0 none, 1 asked, 2 no executor takes it
 64     4  i4     scope              RISK_SCOPE_*
 68     4  i4     scope_id           strategy_id or row of `instruments`; 0 for the firm
 72    56  i8x7   reserved           zero
"""

import numpy as np

RISK_ENTRY = np.dtype(
    [
        ("found_micro", "<i8"),
        ("threshold_micro", "<i8"),
        ("again_micro", "<i8"),
        ("request_id", "<i8"),
        ("at_utc_ns", "<i8"),
        ("event", "<i4"),
        ("reason", "<i4"),
        ("step", "<i4"),
        ("step_before", "<i4"),
        ("state", "<i4"),
        ("executor", "<i4"),
        ("scope", "<i4"),
        ("scope_id", "<i4"),
        ("reserved", "<i8", (7,)),
    ]
)

assert RISK_ENTRY.itemsize == 128
assert RISK_ENTRY.fields["reserved"][1] == 72
