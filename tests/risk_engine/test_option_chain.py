"""The published deltas of two months of SPXW quotes come out; what is assumed stands in tests/support/option_chain.py."""

from statistics import median

import numpy as np
import pytest

from procs.risk_engine.black_scholes import option_greeks
from procs.risk_engine.implied_volatility import IV_OK, implied_vol
from tests.support.option_chain import CALL, RATE, by_day, carry_of, read_chain

MEDIAN_MAX, P95_MAX = 0.005, 0.02


@pytest.fixture(scope="module")
def chain():
    return by_day(read_chain())


def show(what: str, differences: list[float], of: int) -> tuple[float, float]:
    """Prints and returns median and 95th percentile."""
    found = np.sort(differences)
    at = {name: float(found[int(np.ceil(share * (len(found) - 1)))]) for name, share in (("p50", 0.5), ("p95", 0.95))}
    print(f"\n{what}: {len(found):,} of {of:,} quotes; p50 {at['p50']:.4f}  p95 {at['p95']:.4f}  max {found[-1]:.4f}")
    return at["p50"], at["p95"]


def test_published_deltas_come_out_of_the_quotes_alone(chain):
    """Nothing of the vendor's but the delta is used: vol from the mid price, forward from parity.

    Left out: bid 0, expiring that day, and the side in the money (its price hardly knows its vol; the vendor gives it the
    vol of the other side).
    """
    differences = []
    for (day, expiry), quotes in chain.items():
        if expiry <= day:
            continue
        carry = carry_of(quotes)
        for quote in quotes:
            if quote.bid <= 0 or (quote.right == CALL) != (quote.strike >= quote.index):
                continue
            terms = (quote.index, quote.strike, quote.years, RATE, carry)
            code, vol = implied_vol(quote.right, quote.mid, *terms)
            assert code == IV_OK, quote
            differences.append(abs(option_greeks(quote.right, *terms, vol, 1.0)[1] - quote.delta))
    p50, p95 = show("deltas from bid and ask", differences, sum(map(len, chain.values())))
    assert len(differences) > 5_000 and p50 <= MEDIAN_MAX and p95 <= P95_MAX


def test_published_deltas_come_out_of_the_published_vols(chain):
    """Both sides of every strike with a bid, not expiring that day.

    The vendor's rate is read off its own theta: a call so deep in the money that it has no vega loses rate x strike x
    discount a year, and nothing else if dividends are left out, as that vendor does; so the carry is that rate.
    """
    differences, rate = [], RATE
    for (day, expiry), quotes in chain.items():
        if expiry <= day:
            continue
        told = [
            -quote.theta / quote.strike for quote in quotes if quote.right == CALL and quote.vega == 0 < quote.delta
        ]
        rate = median(told) if told else rate  # no such call that day: the day before
        for quote in quotes:
            if quote.bid > 0:
                terms = (quote.index, quote.strike, quote.years, rate, rate, quote.vol)
                differences.append(abs(option_greeks(quote.right, *terms, 1.0)[1] - quote.delta))
    p50, p95 = show("deltas from published vols", differences, sum(map(len, chain.values())))
    assert len(differences) > 12_000 and p50 <= MEDIAN_MAX and p95 <= P95_MAX
