"""One-day VaR over two months of SPXW quotes, back-tested; 5 February 2018, when the index fell 4.1 %, is among the days.

Portfolio: every evening ten puts some 3 % below and ten calls some 3 % above the index are sold, and 300 units of the
index bought; the next evening's mid prices say what that gained. An evening is one whose options do not expire that
day: 20 in January, 18 in February, and nothing is held over the change of expiry.

Scenarios: the joint moves between neighbouring evenings of one expiry so far, log return of the index and change of vol
at the money, each revalued a day or a weekend later. The window expands: forty days leave no room for one that slides.
The first VaR is said after ten moves. Level 95 %: at 99 % so few days could tell nothing.
"""

import math
from datetime import date
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

from procs.risk_engine.american import new_tree
from procs.risk_engine.backtest import backtest
from procs.risk_engine.implied_volatility import IV_OK, implied_vol
from procs.risk_engine.revalue import COLUMNS, VALUE, revalue
from procs.risk_engine.scenarios import covariance, scenario_pnl
from procs.risk_engine.var import factor_exposures, parametric_loss, tail_loss
from tests.oracles import portfolio_risk as oracle
from tests.support.option_chain import CALL, PUT, RATE, Quote, by_day, carry_of, forward_of, read_chain
from tests.support.risk_book import book_of

LEVEL_BPS = 9500
MOVES_MIN = 10
LEGS = ((PUT, 0.97, -10.0), (CALL, 1.03, -10.0))  # right, strike over index, contracts of 100
INDEX_UNITS = 300.0
CRASH = date(2018, 2, 5)


class Evening(NamedTuple):
    """What is held until the next evening, what that gained, and the factors at this one."""

    day: date
    next_day: date
    expiry: date
    index: float
    vol: float
    instruments: list
    gain: float

    @property
    def nights(self) -> int:
        return (self.next_day - self.day).days


def implied(quote: Quote, carry: float) -> float:
    code, vol = implied_vol(quote.right, quote.mid, quote.index, quote.strike, quote.years, RATE, carry)
    assert code == IV_OK, quote
    return vol


def vol_at_the_money(quotes: list[Quote]) -> float:
    """Mean of call and put at the strike nearest the forward."""
    forward, carry = forward_of(quotes), carry_of(quotes)
    bid = {(quote.right, quote.strike): quote for quote in quotes if quote.bid > 0}
    strike = min((k for right, k in bid if (-right, k) in bid), key=lambda k: abs(k - forward))
    return 0.5 * (implied(bid[CALL, strike], carry) + implied(bid[PUT, strike], carry))


def evening_of(key, quotes: list[Quote], next_day: date, later: list[Quote]) -> Evening:
    index, carry = quotes[0].index, carry_of(quotes)
    priced = {(quote.right, quote.strike): quote.mid for quote in later}
    instruments, gain = [], INDEX_UNITS * (later[0].index - index)
    for right, share, contracts in LEGS:
        there = [
            quote for quote in quotes if quote.right == right and quote.bid > 0 and (right, quote.strike) in priced
        ]
        quote = min(there, key=lambda quote: abs(quote.strike / index - share))
        terms = (quote.years, 100.0, implied(quote, carry), RATE, RATE - carry, 1.0)
        instruments.append(oracle.Instrument(oracle.EUROPEAN, 0, right, quote.strike, *terms))
        gain += contracts * 100.0 * (priced[right, quote.strike] - quote.mid)
    instruments.append(oracle.Instrument(oracle.EQUITY, 0, 0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    return Evening(key[0], next_day, key[1], index, vol_at_the_money(quotes), instruments, gain)


@pytest.fixture(scope="module")
def evenings() -> list[Evening]:
    chain = by_day(read_chain())
    pairs = zip(chain, list(chain)[1:], strict=False)
    return [evening_of(key, chain[key], after[0], chain[after]) for key, after in pairs if after[1] == key[1]]


def moves_until(evenings: list[Evening], row: int) -> list[list[float]]:
    """[log return, vol change] between neighbouring evenings of one expiry, up to that evening."""
    pairs = zip(evenings[:row], evenings[1 : row + 1], strict=True)
    return [[math.log(b.index / a.index), b.vol - a.vol] for a, b in pairs if a.expiry == b.expiry]


def said(evening: Evening, moves) -> tuple[float, float]:
    """(historical, parametric) VaR until the next evening."""
    book, spots, tree = book_of(evening.instruments), np.array([evening.index]), new_tree(3)
    contracts = np.array([contracts for _, _, contracts in LEGS] + [INDEX_UNITS])
    greeks, linear, curvature, pnl = np.zeros((3, COLUMNS)), np.zeros(2), np.zeros(1), np.zeros((1, len(moves)))
    revalue(book, spots, tree, greeks)
    later = book._replace(years=book.years - evening.nights / 365)
    factors = np.array(moves)
    returns, vol_changes = factors[:, :1].copy(), factors[:, 1:].copy()
    base = greeks[:, VALUE].copy()
    scenario_pnl(later, base, contracts[None, :], spots, returns, vol_changes, tree, pnl)
    theta = factor_exposures(book, greeks, contracts, spots, linear, curvature)
    parametric = parametric_loss(linear, curvature, covariance(moves), theta * evening.nights, LEVEL_BPS)
    return tail_loss(pnl[0], LEVEL_BPS).value_at_risk, parametric.value_at_risk


def said_by_oracle(evening: Evening, moves) -> float:
    """Historical VaR again, slowly."""
    counts = [contracts for _, _, contracts in LEGS] + [INDEX_UNITS]
    held = list(zip(evening.instruments, counts, strict=True))
    gains = [oracle.gain(held, [evening.index], [math.exp(r)], [v], 0, evening.nights) for r, v in moves]
    return oracle.tail(gains, Fraction(LEVEL_BPS, 10_000))[0]


def test_var_is_back_tested_over_two_months_with_the_crash(evenings):
    rows = [row for row in range(len(evenings)) if len(moves_until(evenings, row)) >= MOVES_MIN]
    assert (len(evenings), len(rows)) == (38, 28), "ten of January's evenings and all of February's"
    gains, historical, parametric = [], [], []
    print("\nnext evening       P&L   historical  parametric   moves   beyond")
    for row in rows:
        evening, moves = evenings[row], moves_until(evenings, row)
        by_history, by_formula = said(evening, moves)
        assert by_history == pytest.approx(said_by_oracle(evening, moves), rel=1e-9), evening.day
        gains.append(evening.gain)
        historical.append(by_history)
        parametric.append(by_formula)
        beyond = ("", "one", "both")[sum(int(-evening.gain > value) for value in (by_history, by_formula))]
        print(
            f"{evening.next_day}  {evening.gain:11,.0f} {by_history:12,.0f} {by_formula:11,.0f} {len(moves):7}   {beyond}"
        )
    for method, values in (("historical", historical), ("parametric", parametric)):
        found = backtest(gains, values, LEVEL_BPS)
        days = [evenings[rows[row]].next_day for row in found.exception_rows]
        print(
            f"{method}: {found.exceptions} exceptions in {found.days} days, {found.expected:.2f} expected;"
            f" Kupiec LR {found.likelihood_ratio:.3f}, p {found.p_value:.4f}; {', '.join(map(str, days))}"
        )
        assert days == [
            evenings[row].next_day for row, value in zip(rows, values, strict=True) if -evenings[row].gain > value
        ]
        assert CRASH in days
        assert 0.0 <= found.p_value <= 1.0
