"""Random portfolios, as the compiled book and as the oracle's list."""

import random

import numpy as np
import pytest

from procs.risk_engine.book import Book, new_book
from tests.oracles.portfolio_risk import AMERICAN, EQUITY, EUROPEAN, FUTURE, Instrument

SPOTS = (100.0, 2700.0, 48.5)


def seeds(first: int, count: int) -> list:
    """A few seeds, and with `-m soak` fifty more."""
    more = [pytest.param(seed, marks=pytest.mark.soak) for seed in range(first + count, first + count + 50)]
    return [*range(first, first + count), *more]


def random_instrument(
    draw: random.Random, kinds=(EQUITY, FUTURE, EUROPEAN, EUROPEAN, EUROPEAN, AMERICAN)
) -> Instrument:
    """Anything sane on one of three underlyings: the first a share, the second an index, the third a future."""
    underlying = draw.randrange(3)
    on_future = underlying == 2
    return Instrument(
        kind=draw.choice(kinds),
        underlying=underlying,
        right=draw.choice((1, -1)),
        strike=round(SPOTS[underlying] * draw.uniform(0.7, 1.3), 2),
        years=draw.randint(3, 900) / 365,
        multiplier=draw.choice((1.0, 50.0, 100.0)),
        vol=draw.uniform(0.15, 0.9),
        rate=draw.uniform(-0.01, 0.08),
        dividend_yield=0.0 if on_future else draw.choice((0.0, 0.02, 0.05)),
        carry_per_rate=0.0 if on_future else 1.0,
    )


def book_of(instruments: list[Instrument]) -> Book:
    """The same rows as arrays."""
    book = new_book(len(instruments))
    for row, instrument in enumerate(instruments):
        for name, number in zip(Book._fields, instrument, strict=True):
            getattr(book, name)[row] = number
    return book


def random_portfolio(seed: int, rows: int) -> tuple[Book, np.ndarray, np.ndarray, list]:
    """(book, contracts, spots, the oracle's list)."""
    draw = random.Random(seed)
    instruments = [random_instrument(draw) for _ in range(rows)]
    contracts = [float(draw.choice((-20, -3, -1, 0, 1, 5, 12))) for _ in instruments]
    return book_of(instruments), np.array(contracts), np.array(SPOTS), list(zip(instruments, contracts, strict=True))
