"""Totals: which scopes and currencies have a row in the latest table `totals`, in which order."""

import numpy as np

from procs.runtime.desks import desk_names
from shm.codes import TOTAL_FIRM, TOTAL_INSTRUMENT, TOTAL_SESSION, TOTAL_STRATEGY
from shm.records.total import TOTAL


def currencies_of(config) -> list[str]:
    """Currencies of the instruments in order of first appearance: `currency_id` is the place."""
    return list(dict.fromkeys(instrument.currency for instrument in config.instruments if instrument.currency))


def _currency_ids(config) -> np.ndarray:
    """By row of `instruments`; 0 for a row without currency, which nobody can trade."""
    ids = {currency: at for at, currency in enumerate(currencies_of(config))}
    return np.array([ids.get(instrument.currency, 0) for instrument in config.instruments], np.int64)


def total_rows(config) -> np.ndarray:
    """TOTAL[n], all amounts zero: firm, sessions and desks by currency, then a row for each instrument.

    Instruments without currency, which nobody can trade, share the last row, with scope_id -1.
    """
    currencies, money_of = currencies_of(config), _currency_ids(config)
    counts = ((TOTAL_FIRM, 1), (TOTAL_SESSION, len(config.venues)), (TOTAL_STRATEGY, _desks(config)))
    keys = [(scope, at, money) for scope, n in counts for at in range(n) for money in range(len(currencies))]
    known = _known(config)
    keys += [(TOTAL_INSTRUMENT, row, money_of[row]) for row in known]
    if len(known) < len(money_of):
        keys.append((TOTAL_INSTRUMENT, -1, 0))
    rows = np.zeros(len(keys), TOTAL)
    rows["scope"], rows["scope_id"], rows["currency_id"] = np.array(keys, np.int64).T
    return rows


def totals_of_pnl(config, sessions) -> np.ndarray:
    """The rows of `totals` that each row of `pnl` adds to: i8[rows of pnl, 4]. `sessions`: session by instrument."""
    money = _currency_ids(config)
    instruments, count = len(money), len(currencies_of(config))
    strategy, instrument = np.divmod(np.arange(_desks(config) * instruments), instruments)
    first_strategy = count * (1 + len(config.venues))
    known = _known(config)
    place = np.full(instruments, first_strategy + count * _desks(config) + len(known), np.int64)
    place[known] -= len(known) - np.arange(len(known))
    return np.stack(
        [
            money[instrument],
            count * (1 + np.asarray(sessions, np.int64)[instrument]) + money[instrument],
            first_strategy + count * strategy + money[instrument],
            place[instrument],
        ],
        axis=1,
    )


def _known(config) -> np.ndarray:
    """Rows of `instruments` that have a currency."""
    return np.flatnonzero([bool(instrument.currency) for instrument in config.instruments])


def _desks(config) -> int:
    return len(desk_names(config))
