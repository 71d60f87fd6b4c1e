"""Risk: exposures, Greeks, P&L, margin and value at risk of one scope, as last computed.

Writer: risk_engine. Readers: risk_gate, cold roles (latest `risk`; rows: the firm, then the desks in order of
strategy_id, then each instrument, up to the last configured one, as an underlying). Four cache lines. Money is in
micro-units of the firm's currency; value at risk, expected shortfall and margin may be lost: amounts of 0 or more.

off  size  type   field                  meaning
---  ----  -----  ---------------------  ----------------------------------------
  0     8  i8     delta_micro            sum of delta of what is held (records/greeks)
  8     8  i8     gamma_micro            sum of gamma
 16     8  i8     vega_micro             sum of vega
 24     8  i8     theta_micro            sum of theta
 32     8  i8     rho_micro              sum of rho
 40     8  i8     gross_micro            absolute values of what is held, added
 48     8  i8     net_micro              values of what is held, added
 56     8  i8     pnl_micro              realised and unrealised P&L of this life less fees
 64     8  i8     pnl_max_micro          its highest value so far
 72     8  i8     drawdown_micro         how far P&L is below it
 80     8  i8     margin_micro           margin by portfolio scenario
 88     8  i8     stress_micro           P&L of the worst scenario of the grid, 0 or less
 96     8  i8     var_parametric_micro   value at risk, variance and covariance
104     8  i8     var_historical_micro   value at risk, full revaluation of the window
112     8  i8     var_monte_carlo_micro  value at risk, simulated
120     8  i8     es_parametric_micro    expected shortfall, variance and covariance
128     8  i8     es_historical_micro    expected shortfall, full revaluation
136     8  i8     es_monte_carlo_micro   expected shortfall, simulated
144     8  i8     now_ns                 logic time at which the row was computed
152     8  i8     input_ns               logic time of its oldest input that an age limit binds
160     4  i4     scope                  RISK_SCOPE_*
164     4  i4     scope_id               strategy_id or row of `instruments`; 0 for the firm
168     4  i4     state                  STATE_* that the thresholds ask for
172     4  i4     reason                 RISK_REASON_* of that; 0 for none
176     4  i4     stale                  inputs older than their limit
180     4  i4     stress_scenario        index of the worst scenario in the grid
184     8  i8     methods                RISK_METHOD_* of the value at risk and shortfall that are available, OR-ed
192    64  i8x8   reserved               zero
"""

import numpy as np

RISK = np.dtype(
    [
        ("delta_micro", "<i8"),
        ("gamma_micro", "<i8"),
        ("vega_micro", "<i8"),
        ("theta_micro", "<i8"),
        ("rho_micro", "<i8"),
        ("gross_micro", "<i8"),
        ("net_micro", "<i8"),
        ("pnl_micro", "<i8"),
        ("pnl_max_micro", "<i8"),
        ("drawdown_micro", "<i8"),
        ("margin_micro", "<i8"),
        ("stress_micro", "<i8"),
        ("var_parametric_micro", "<i8"),
        ("var_historical_micro", "<i8"),
        ("var_monte_carlo_micro", "<i8"),
        ("es_parametric_micro", "<i8"),
        ("es_historical_micro", "<i8"),
        ("es_monte_carlo_micro", "<i8"),
        ("now_ns", "<i8"),
        ("input_ns", "<i8"),
        ("scope", "<i4"),
        ("scope_id", "<i4"),
        ("state", "<i4"),
        ("reason", "<i4"),
        ("stale", "<i4"),
        ("stress_scenario", "<i4"),
        ("methods", "<i8"),
        ("reserved", "<i8", (8,)),
    ]
)

assert RISK.itemsize == 256
assert RISK.fields["reserved"][1] == 192
