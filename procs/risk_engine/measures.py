"""Measures: the numbers of a row of `risk` that thresholds look at, as amounts that are bad when they are large."""

from shm.codes import (
    RISK_METHOD_HISTORICAL,
    RISK_METHOD_MONTE_CARLO,
    RISK_METHOD_PARAMETRIC,
    RISK_REASON_NAMES,
    RISK_REASON_STALE,
)

REASONS = {name: reason for reason, name in RISK_REASON_NAMES.items()}
STALE = RISK_REASON_NAMES[RISK_REASON_STALE]
EITHER_WAY = ("delta", "gamma", "vega", "rho", "net")  # a limit on the absolute value
METHOD_OF = {
    "parametric": RISK_METHOD_PARAMETRIC,
    "historical": RISK_METHOD_HISTORICAL,
    "monte_carlo": RISK_METHOD_MONTE_CARLO,
}


def value_of(row, measure: str) -> int | None:
    """The amount of one measure in a RISK row, micro-units; None while its method is not available."""
    if measure == STALE:
        return int(row["stale"])
    if measure in EITHER_WAY:
        return abs(int(row[f"{measure}_micro"]))
    if measure == "loss":
        return max(0, -int(row["pnl_micro"]))
    if measure == "stress":
        return -int(row["stress_micro"])
    kind, _, method = measure.partition("_")
    if kind in ("var", "es") and not int(row["methods"]) & METHOD_OF[method]:
        return None
    return int(row[f"{measure}_micro"])
