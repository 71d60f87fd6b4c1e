"""Greeks: what one lot of an instrument adds to the risk of its underlying: the scale of the gate's portfolio limits.

Writer: risk_engine. Readers: risk_gate, cold roles (latest `greeks`, a row per instrument). One cache line. Money is in
micro-units of the firm's currency for one lot held long; the sign is that of the sensitivity.

off  size  type   field          meaning
---  ----  -----  -------------  ----------------------------------------
  0     8  i8     delta_micro    change of value for a move of the underlying by its whole price: delta * price * unit
  8     8  i8     gamma_micro    change of delta_micro for a move of the underlying by one per cent
 16     8  i8     vega_micro     change of value for one point (0.01) more volatility
 24     8  i8     theta_micro    change of value with one calendar day
 32     8  i8     rho_micro      change of value for one per cent (0.01) more interest
 40     8  i8     value_micro    what one lot is worth
 48     8  i8     now_ns         logic time of the oldest input: its age is what limits compare
 56     4  i4     underlying_id  row of `instruments` whose limits it counts for
 60     4  i4     flags          GREEKS_VALID when every input was there, else 0
"""

import numpy as np

GREEKS = np.dtype(
    [
        ("delta_micro", "<i8"),
        ("gamma_micro", "<i8"),
        ("vega_micro", "<i8"),
        ("theta_micro", "<i8"),
        ("rho_micro", "<i8"),
        ("value_micro", "<i8"),
        ("now_ns", "<i8"),
        ("underlying_id", "<i4"),
        ("flags", "<i4"),
    ]
)

GREEKS_VALID = 1

assert GREEKS.itemsize == 64
