"""Contracts: the configured instruments as a book that can be valued, in the firm's currency.

Values, strikes and prices are in units of the instrument's currency; the multiplier carries the rate into the firm's,
so that what comes out is the firm's currency. A future that hangs on an underlying keeps its own mark: its carry is
what makes it worth that. Rates are continuous per year, times calendar days by 365.
"""

import math
from typing import NamedTuple

import numpy as np

from procs.risk_engine.black_scholes import RIGHT_CALL, RIGHT_PUT
from procs.risk_engine.book import (
    KIND_EQUITY,
    KIND_FUTURE,
    KIND_OPTION_AMERICAN,
    KIND_OPTION_EUROPEAN,
    Book,
    new_book,
)
from procs.risk_engine.curve import VOL_MAX, VOL_MIN, VolCurve, new_curve, vols_at, with_overlay

YEAR_NS = 365 * 86_400 * 1_000_000_000
PPM = 1_000_000


class Contracts(NamedTuple):
    """What never changes. Arrays have a row a configured instrument; `curves` are by place of the underlying."""

    rows: np.ndarray  # i8[n]: row of `instruments`
    roots: np.ndarray  # i8[n]: row of `instruments` of its underlying
    underlying: np.ndarray  # i8[n]: place of the underlying among `underlyings`
    underlyings: np.ndarray  # i8[u]: rows of `instruments`, rising
    at_underlying: np.ndarray  # i8[u]: place of the underlying itself in `rows`
    kinds: np.ndarray  # i8[n]: KIND_* of book.py
    derived: np.ndarray  # bool[n]: a future on another instrument
    option: np.ndarray  # bool[n]
    units: np.ndarray  # i8[n]: micro-units of its currency for one price tick of one lot
    tick: np.ndarray  # f8[n]: currency for one price tick of one unit
    strikes: np.ndarray  # f8[n]
    expiry_ns: np.ndarray  # i8[n]
    book: Book
    curves: list[list[tuple[float, VolCurve]]]  # of each underlying: (days, by moneyness)
    scratch: np.ndarray  # f8[n]


def contracts_of(config) -> Contracts:
    """Of the configured instruments. Raises BadCurve for volatilities that the configuration let pass."""
    instruments = config.instruments
    rows = np.array([row for row, held in enumerate(instruments) if held.configured], np.int64)
    ids = {instruments[row].symbol: row for row in rows.tolist()}
    held = [instruments[row] for row in rows.tolist()]
    roots = np.array([ids[one.underlying] if one.underlying else ids[one.symbol] for one in held], np.int64)
    underlyings = np.unique(roots)
    places = np.searchsorted(underlyings, roots)
    book = new_book(len(rows))
    option = np.array([one.kind == "option" for one in held], bool)
    for at, one in enumerate(held):
        root = instruments[roots[at]]
        assumed = config.risk.of(root.symbol)
        spot_future = root.kind == "future"
        book.underlying[at] = places[at]
        book.rate[at] = assumed.interest_rate
        book.dividend_yield[at] = 0.0 if spot_future else assumed.dividend_yield
        book.carry_per_rate[at] = 0.0 if spot_future else 1.0
        if one.kind == "option":
            book.kind[at] = KIND_OPTION_AMERICAN if one.exercise == "american" else KIND_OPTION_EUROPEAN
            book.right[at] = RIGHT_CALL if one.option_type == "call" else RIGHT_PUT
            book.strike[at] = one.strike_ticks * root.price_tick_micro / PPM
        else:  # an underlying that is a future is worth its mark, whatever its kind
            book.kind[at] = KIND_FUTURE if one.underlying else KIND_EQUITY
    expiries = [int(one.expires.timestamp()) * 1_000_000_000 if one.expires is not None else 0 for one in held]
    return Contracts(
        rows=rows,
        roots=roots,
        underlying=places,
        underlyings=underlyings,
        at_underlying=np.searchsorted(rows, underlyings),
        kinds=book.kind,
        derived=np.array([one.kind == "future" and bool(one.underlying) for one in held], bool),
        option=option,
        units=np.array([one.multiplier * one.price_tick_micro for one in held], np.int64),
        tick=np.array([one.price_tick_micro / PPM for one in held]),
        strikes=book.strike,
        expiry_ns=np.array(expiries, np.int64),
        book=book,
        curves=[curves_of(config.risk.of(instruments[root].symbol)) for root in underlyings.tolist()],
        scratch=np.zeros(len(rows)),
    )


def curves_of(assumed) -> list[tuple[float, VolCurve]]:
    """(days, curve by moneyness) of each tenor of one underlying, with the overlay."""
    overlay = assumed.overlay
    return [
        (
            tenor.days,
            with_overlay(
                new_curve(tenor.moneyness, tenor.volatility), overlay.shift, overlay.moneyness, overlay.points
            ),
        )
        for tenor in assumed.volatility
    ]


def at_the_money(assumed) -> float:
    """Volatility of an underlying's returns: the first tenor's at moneyness 1, with the overlay."""
    vols = np.zeros(1)
    vols_at(curves_of(assumed)[0][1], np.ones(1), vols)
    return float(vols[0])


def price_book(contracts: Contracts, multipliers: np.ndarray, fx_ppm: np.ndarray, marks: np.ndarray, now_ns: int):
    """Bring the book to `now_ns` and marks (f8[n], currency; 0 none). Returns (spots f8[u], usable bool[n]).

    usable: the row can be valued: marks of itself (but for options) and of its underlying, a rate of its currency, not
    expired. Rows that are not keep a kind of 0 in the book.
    """
    book = contracts.book
    spots = marks[contracts.at_underlying]
    usable = (spots[contracts.underlying] > 0) & (fx_ppm > 0) & (contracts.option | (marks > 0))
    dated = contracts.expiry_ns > 0
    usable &= ~dated | (contracts.expiry_ns > now_ns)
    book.years[:] = np.where(dated, np.maximum(contracts.expiry_ns - now_ns, 0) / YEAR_NS, 0.0)
    book.multiplier[:] = multipliers * (fx_ppm / PPM)
    for at in np.flatnonzero(contracts.derived & usable).tolist():
        carry = math.log(marks[at] / spots[contracts.underlying[at]]) / max(book.years[at], 1e-9)
        book.dividend_yield[at] = book.carry_per_rate[at] * book.rate[at] - carry
    spots = np.where(spots > 0, spots, 1.0)  # where nothing can be valued nothing is held, or it counts as unvalued
    for place in np.unique(contracts.underlying[contracts.option & usable]).tolist():
        members = np.flatnonzero(contracts.option & usable & (contracts.underlying == place))
        book.vol[members] = vols_of(
            contracts.curves[place], contracts.strikes[members] / spots[place], book.years[members] * 365.0
        )
    return spots, usable


def vols_of(tenors: list[tuple[float, VolCurve]], moneyness: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Volatility of each (moneyness, days): total variance linear in days between tenors, flat volatility outside."""
    by_tenor = np.zeros((len(tenors), len(moneyness)))
    for row, (_, curve) in enumerate(tenors):
        vols_at(curve, moneyness, by_tenor[row])
    times = np.array([days_of for days_of, _ in tenors])
    after = np.searchsorted(times, days)
    left, right = np.clip(after - 1, 0, len(times) - 1), np.clip(after, 0, len(times) - 1)
    columns = np.arange(len(moneyness))
    low, high = by_tenor[left, columns], by_tenor[right, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(left == right, 0.0, (days - times[left]) / (times[right] - times[left]))
        total = low**2 * times[left] * (1 - share) + high**2 * times[right] * share
        between = np.sqrt(np.clip(total / days, VOL_MIN**2, VOL_MAX**2))
    return np.where(left == right, low, between)
