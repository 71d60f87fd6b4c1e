"""Warm-up: call everything compiled that this role calls, with the types that it has there, so that it is in the cache.

Called while a fabric is prepared. What is called by a role and not here would be compiled while it runs.
"""

from datetime import UTC, datetime

import numpy as np
from msgspec import structs

from procs.risk_engine.contracts import contracts_of, price_book
from procs.risk_engine.figures import Calculator
from procs.runtime.objects import journals_of
from shm.codes import JOURNAL_RISK
from shm.journal import journal_claim, journal_commit, journal_drain, journal_open
from shm.scratch import scratch_journal

SCENARIOS = 20


def warm_up(config) -> None:
    """Compile, or load from the cache: the figures of a book with options of both kinds, and the journal's end."""
    config = _with_options(config)
    contracts = contracts_of(config)
    calculator = Calculator(config, contracts)
    ones = np.ones(len(contracts.rows))
    marks = np.where(contracts.option, 0.0, 100.0)
    spots, usable = price_book(contracts, ones, ones.astype(np.int64), marks, 1)
    calculator.greeks(spots, usable)
    window = np.full((SCENARIOS, len(spots)), 0.01)
    lots = (contracts.underlying == contracts.underlying[-1]).astype(np.int64)[None, :]
    calculator.all(spots, usable, lots, window, np.ones(len(spots), bool))
    journal = journals_of(config)["risk_engine"]
    end = scratch_journal(journal.payload_bytes, journal.entries)
    journal_open(end[0], 0, 0, 1)
    journal_claim(end[0])
    journal_commit(end[0], JOURNAL_RISK, journal.payload_bytes, 1, 1)
    journal_drain(end[0])


def _with_options(config):
    """`config` with a European and an American option on its first instrument that is nothing's derivative."""
    root = next(held for held in config.instruments if held.configured and not held.underlying)
    expires = datetime(2100, 1, 1, tzinfo=UTC)
    made = [
        structs.replace(
            root,
            symbol=f"warm{kind}",
            kind="option",
            underlying=root.symbol,
            expires=expires,
            strike_ticks=1_000_000,
            option_type="call",
            exercise=kind,
        )
        for kind in ("european", "american")
    ]
    return structs.replace(config, instruments=(*config.instruments, *made))
