"""Totals: which scopes and currencies have a row in the latest table `totals`, in which order."""

import numpy as np

from shm.codes import TOTAL_FIRM, TOTAL_INSTRUMENT, TOTAL_SESSION, TOTAL_STRATEGY
from shm.records.total import TOTAL


def currencies_of(config) -> list[str]:
    """Currencies of the instruments in order of first appearance: `currency_id` is the place."""
    return list(dict.fromkeys(instrument.currency for instrument in config.instruments))


def total_rows(config) -> np.ndarray:
    """TOTAL[n], all amounts zero: firm, sessions and strategies by currency, then a row for each instrument."""
    currencies = currencies_of(config)
    counts = ((TOTAL_FIRM, 1), (TOTAL_SESSION, len(config.venues)), (TOTAL_STRATEGY, _strategies(config)))
    keys = [(scope, at, money) for scope, n in counts for at in range(n) for money in range(len(currencies))]
    for row, instrument in enumerate(config.instruments):
        keys.append((TOTAL_INSTRUMENT, row, currencies.index(instrument.currency)))
    rows = np.zeros(len(keys), TOTAL)
    rows["scope"], rows["scope_id"], rows["currency_id"] = np.array(keys, np.int64).T
    return rows


def totals_of_pnl(config, sessions) -> np.ndarray:
    """The rows of `totals` that each row of `pnl` adds to: i8[rows of pnl, 4]. `sessions`: session by instrument."""
    currencies = currencies_of(config)
    money = np.array([currencies.index(instrument.currency) for instrument in config.instruments], np.int64)
    instruments, count = len(money), len(currencies)
    strategy, instrument = np.divmod(np.arange(_strategies(config) * instruments), instruments)
    first_strategy = count * (1 + len(config.venues))
    first_instrument = first_strategy + count * _strategies(config)
    return np.stack(
        [
            money[instrument],
            count * (1 + np.asarray(sessions, np.int64)[instrument]) + money[instrument],
            first_strategy + count * strategy + money[instrument],
            first_instrument + instrument,
        ],
        axis=1,
    )


def _strategies(config) -> int:
    return len(config.topology.of_role("strategy"))
