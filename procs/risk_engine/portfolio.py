"""Portfolio: per-lot Greeks as integers, and what each scope's lots make of them. Exact: integers from here on.

Per lot, floats become micro-units of the firm's currency by rounding to the nearest, so a figure of `n` lots is right
to n / 2 micro-units. P&L is exact in each currency; its sum by currency is converted once, rounded down: a loss is
never understated, a profit never overstated.
"""

import numpy as np

from procs.risk_engine.contracts import PPM, Contracts
from procs.risk_engine.revalue import DELTA, GAMMA, RHO, THETA, VALUE, VEGA
from shm.records.greeks import GREEKS, GREEKS_VALID

MONEY_BOUND = (1 << 62) - 1
GREEK_FIELDS = ("delta_micro", "gamma_micro", "vega_micro", "theta_micro", "rho_micro")


def lot_greeks(contracts: Contracts, results: np.ndarray, spots: np.ndarray, usable: np.ndarray, seen) -> np.ndarray:
    """GREEKS[n] from results f8[n, COLUMNS] per lot in the firm's currency.

    delta for a move by the whole price, gamma its change for one per cent, vega for a point, theta for a day, rho for
    one per cent. Instruments that are not options are worth exactly their mark: integers all the way.
    """
    rows = np.zeros(len(contracts.rows), GREEKS)
    rows["underlying_id"] = contracts.roots
    own = spots[contracts.underlying]
    for field, amount in (
        ("delta_micro", results[:, DELTA] * own),
        ("gamma_micro", results[:, GAMMA] * own * own * 0.01),
        ("vega_micro", results[:, VEGA] * 0.01),
        ("theta_micro", results[:, THETA]),
        ("rho_micro", results[:, RHO] * 0.01),
        ("value_micro", results[:, VALUE]),
    ):
        bounded = np.clip(np.nan_to_num(amount * PPM), -float(1 << 61), float(1 << 61))
        rows[field] = np.rint(bounded).astype(np.int64)
    for at in np.flatnonzero(~contracts.option & usable).tolist():
        value = to_firm(int(seen.marks[at]) * int(contracts.units[at]), int(seen.fx_ppm[at]), 2)
        rows["value_micro"][at] = rows["delta_micro"][at] = clamp(value)
    mark_ns = seen.mark_ns[contracts.at_underlying][contracts.underlying]
    rows["now_ns"] = np.where(contracts.option, mark_ns, np.minimum(mark_ns, seen.mark_ns))
    rows["flags"] = np.where(usable, GREEKS_VALID, 0)
    for field in (*GREEK_FIELDS, "value_micro"):
        rows[field][~usable] = 0
    return rows


def to_firm(micro: int, fx_ppm: int, divisor: int = 1) -> int:
    """`micro` / `divisor` of a currency in the firm's, to the nearest, halves up. Python integers: no bound."""
    below = PPM * divisor
    return (2 * micro * fx_ppm + below) // (2 * below)


def clamp(value: int) -> int:
    """What the record can carry."""
    return max(-MONEY_BOUND, min(MONEY_BOUND, int(value)))


def exposures(lots: np.ndarray, rows: np.ndarray) -> dict[str, int]:
    """Sums of one scope: Greeks, gross and net. lots i8[n] signed, rows GREEKS[n]. Exact, then clamped to 2^62."""
    held = np.flatnonzero(lots)
    sizes = [int(lot) for lot in lots[held]]
    sums = {
        field: clamp(sum(size * int(value) for size, value in zip(sizes, rows[field][held], strict=True)))
        for field in GREEK_FIELDS
    }
    values = [size * int(value) for size, value in zip(sizes, rows["value_micro"][held], strict=True)]
    sums["gross_micro"] = clamp(sum(abs(value) for value in values))
    sums["net_micro"] = clamp(sum(values))
    return sums


def profit(pnl: np.ndarray, currencies: np.ndarray, fx_ppm: np.ndarray) -> int:
    """Realised and unrealised P&L less fees of PNL rows, in the firm's currency, rounded down.

    currencies: i8 number of each row's currency; fx_ppm: rate of each row. Before the first mark a position is worth
    its cost, as position_keeper has it.
    """
    total = 0
    for money in np.unique(currencies[pnl["fills"] > 0]).tolist():
        rows = np.flatnonzero((currencies == money) & (pnl["fills"] > 0))
        held = pnl[rows]
        own = sum(int(row["realised_micro"]) + int(row["unrealised_micro"]) - int(row["fees_micro"]) for row in held)
        total += own * int(fx_ppm[rows[0]]) // PPM
    return clamp(total)
