"""A book's values and Greeks: every instrument by the model of its kind, per contract, in its currency.

Callers have asked `first_invalid` before. `tree` is the memory of american.py; its size is the number of tree steps for
American options. Positions come in later: what a row holds is for one contract long.
"""

import math

from procs.risk_engine.american import american_greeks, american_price
from procs.risk_engine.black_scholes import DAYS_A_YEAR, option_greeks, option_price
from procs.risk_engine.book import KIND_EQUITY, KIND_FUTURE, KIND_OPTION_EUROPEAN, carry_of
from shm.jit import hot

# columns of the results
VALUE = 0  # currency
DELTA = 1  # currency per 1.00 of the underlying's price
GAMMA = 2  # delta's change per 1.00 of the underlying's price
VEGA = 3  # currency per 1.00 of vol
THETA = 4  # currency per calendar day
RHO = 5  # currency per 1.00 of rate
COLUMNS = 6

VOL_BUMP = 1e-3  # a tenth of a point: larger than the tree's ripple, smaller than vega's own change
RATE_BUMP = 1e-4


@hot
def value_at(book, row, spot, vol_shift, rate_shift, tree):
    """Value of one contract, currency, at that price of its underlying, its vol and rate shifted (per 1.00, added).

    A vol shifted below 0 counts as 0: the option is worth its intrinsic value.
    """
    kind, multiplier = book.kind[row], book.multiplier[row]
    if kind == KIND_EQUITY:
        return multiplier * spot
    years, carry = max(book.years[row], 0.0), carry_of(book, row, rate_shift)
    if kind == KIND_FUTURE:
        return multiplier * spot * math.exp(carry * years)
    right, strike, rate = book.right[row], book.strike[row], book.rate[row] + rate_shift
    vol = max(book.vol[row] + vol_shift, 0.0)
    if kind == KIND_OPTION_EUROPEAN:
        return multiplier * option_price(right, spot, strike, years, rate, carry, vol)
    return multiplier * american_price(right, spot, strike, years, rate, carry, vol, tree)


@hot
def linear_greeks(book, row, spot):
    """(value, delta, gamma, vega, theta, rho) of an equity or a future."""
    multiplier = book.multiplier[row]
    if book.kind[row] == KIND_EQUITY:
        return multiplier * spot, multiplier, 0.0, 0.0, 0.0, 0.0
    years, carry = max(book.years[row], 0.0), carry_of(book, row, 0.0)
    growth = multiplier * math.exp(carry * years)
    theta = -carry * growth * spot / DAYS_A_YEAR if years > 0.0 else 0.0
    return growth * spot, growth, 0.0, 0.0, theta, book.carry_per_rate[row] * years * growth * spot


@hot
def european_greeks(book, row, spot):
    """(value, delta, gamma, vega, theta, rho) of a European option."""
    many = book.multiplier[row]
    price, delta, gamma, vega, theta, rho = option_greeks(
        book.right[row],
        spot,
        book.strike[row],
        book.years[row],
        book.rate[row],
        carry_of(book, row, 0.0),
        book.vol[row],
        book.carry_per_rate[row],
    )
    return many * price, many * delta, many * gamma, many * vega, many * theta, many * rho


@hot
def american_row_greeks(book, row, spot, tree):
    """(value, delta, gamma, vega, theta, rho) of an American option; vega and rho are central differences of trees."""
    many = book.multiplier[row]
    price, delta, gamma, theta = american_greeks(
        book.right[row],
        spot,
        book.strike[row],
        book.years[row],
        book.rate[row],
        carry_of(book, row, 0.0),
        book.vol[row],
        tree,
    )
    less = min(VOL_BUMP, book.vol[row])
    vega = value_at(book, row, spot, VOL_BUMP, 0.0, tree) - value_at(book, row, spot, -less, 0.0, tree)
    rho = value_at(book, row, spot, 0.0, RATE_BUMP, tree) - value_at(book, row, spot, 0.0, -RATE_BUMP, tree)
    return many * price, many * delta, many * gamma, vega / (VOL_BUMP + less), many * theta, rho / (2.0 * RATE_BUMP)


@hot
def greeks_at(book, row, spot, tree):
    """(value, delta, gamma, vega, theta, rho) of one contract of any kind, units as the columns above."""
    kind = book.kind[row]
    if kind == KIND_EQUITY or kind == KIND_FUTURE:
        return linear_greeks(book, row, spot)
    if kind == KIND_OPTION_EUROPEAN:
        return european_greeks(book, row, spot)
    return american_row_greeks(book, row, spot, tree)


@hot
def revalue(book, spots, tree, results):
    """Values and Greeks of all rows at `spots` (float64 per underlying) into results, float64[n, COLUMNS]."""
    for row in range(book.kind.shape[0]):
        value, delta, gamma, vega, theta, rho = greeks_at(book, row, spots[book.underlying[row]], tree)
        results[row, VALUE] = value
        results[row, DELTA] = delta
        results[row, GAMMA] = gamma
        results[row, VEGA] = vega
        results[row, THETA] = theta
        results[row, RHO] = rho


@hot
def values_under(book, spots, vol_shifts, rate_shift, tree, values):
    """Values of all rows into values[n], currency per contract, under one scenario.

    spots[u]: prices of the underlyings; vol_shifts[u]: added to the vol of each of its options, per 1.00; rate_shift:
    added to every rate, per 1.00.
    """
    for row in range(book.kind.shape[0]):
        underlying = book.underlying[row]
        values[row] = value_at(book, row, spots[underlying], vol_shifts[underlying], rate_shift, tree)
