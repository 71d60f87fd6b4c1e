"""The instruments to be valued, one row each, as arrays; and which rows cannot be valued.

field           type       meaning
--------------  ---------  ----------------------------------------------------------------------------------------
kind            int64[n]   KIND_*; 0 is never valid
underlying      int64[n]   row of the arrays per underlying (spot, shocks)
right           int64[n]   RIGHT_CALL, RIGHT_PUT; options only
strike          float64[n] currency per unit of the underlying; options only
years           float64[n] calendar days / 365 to expiry; below 0 counts as 0; futures and options
multiplier      float64[n] units of the underlying a contract (1 for a share)
vol             float64[n] volatility per year, 0.2 is 20 %; options only
rate            float64[n] continuous, per year, to this expiry
dividend_yield  float64[n] continuous, per year; 0 for options on futures
carry_per_rate  float64[n] 1.0 where the underlying is a spot (carry = rate - yield), 0.0 for a future (Black-76)

A future is its own underlying (carry_per_rate 0, yield 0: its price is the spot), or hangs on a spot by its carry.
"""

import math
from typing import NamedTuple

import numpy as np

from procs.risk_engine.black_scholes import RIGHT_CALL, RIGHT_PUT
from shm.jit import hot

KIND_EQUITY = 1
KIND_FUTURE = 2
KIND_OPTION_EUROPEAN = 3
KIND_OPTION_AMERICAN = 4

EXPONENT_MAX = 100.0  # of rate x years and carry x years: e^100 is far from overflow, and no real rate comes near


class Book(NamedTuple):
    """Arrays of equal length, see the table above."""

    kind: np.ndarray
    underlying: np.ndarray
    right: np.ndarray
    strike: np.ndarray
    years: np.ndarray
    multiplier: np.ndarray
    vol: np.ndarray
    rate: np.ndarray
    dividend_yield: np.ndarray
    carry_per_rate: np.ndarray


def new_book(rows: int) -> Book:
    """Memory for that many instruments; every row is invalid until its kind is set."""
    integers = {"kind", "underlying", "right"}
    return Book(*(np.zeros(rows, np.int64 if name in integers else np.float64) for name in Book._fields))


@hot
def carry_of(book, row, rate_shift):
    """Cost of carry per year of one row, its rate shifted by `rate_shift` (per 1.00)."""
    return book.carry_per_rate[row] * (book.rate[row] + rate_shift) - book.dividend_yield[row]


@hot
def finite(number):
    """Neither NaN nor infinite."""
    return math.fabs(number) < math.inf


@hot
def row_is_valid(book, row, spot):
    """Whether one row can be valued at that price of its underlying: 1, or 0."""
    kind = book.kind[row]
    if kind < KIND_EQUITY or kind > KIND_OPTION_AMERICAN:
        return 0
    if not (finite(spot) and spot > 0.0 and finite(book.multiplier[row]) and book.multiplier[row] > 0.0):
        return 0
    if kind == KIND_EQUITY:
        return 1
    years, carry = book.years[row], carry_of(book, row, 0.0)
    if not (finite(years) and finite(carry) and finite(book.rate[row])):
        return 0
    if math.fabs(book.rate[row] * years) > EXPONENT_MAX or math.fabs(carry * years) > EXPONENT_MAX:
        return 0
    if kind == KIND_FUTURE:
        return 1
    right, strike, vol = book.right[row], book.strike[row], book.vol[row]
    if right != RIGHT_CALL and right != RIGHT_PUT:
        return 0
    return 1 if finite(strike) and strike > 0.0 and finite(vol) and vol >= 0.0 else 0


@hot
def first_invalid(book, spots):
    """The first row that cannot be valued at `spots` (float64 per underlying), or -1. Call before valuing."""
    for row in range(book.kind.shape[0]):
        underlying = book.underlying[row]
        if underlying < 0 or underlying >= spots.shape[0] or row_is_valid(book, row, spots[underlying]) == 0:
            return row
    return -1
