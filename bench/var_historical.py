"""How long does risk_engine take for historical VaR of 1,000 positions over 500 past days, every one revalued?

```
500 joint moves of prices and vols ──► each of 1,000 options valued anew ──► P&L ──► 5th worst, mean of 5
reference: for each of the 500,000 valuations 1 exponential and 2 erfc, added up
```

European options on four underlyings, one portfolio. Each sample is everything from the moves to VaR and expected
shortfall at 99 %; rounds alternate with the reference, which calls the functions of libm as often as there are
valuations, and nothing else. Afterwards the P&L of some scenarios is worked out in plain Python. Notes give twenty
portfolios over the same valuations, and Monte Carlo of as many scenarios with its draws. It does not show how the past
moves were gathered.
"""

import math

import numpy as np

from bench.greeks import UNDERLYINGS, options_book, plain_value, timed_ns
from bench.pair import pinned, this_core
from bench.result import Result
from procs.risk_engine.american import new_tree
from procs.risk_engine.revalue import values_under
from procs.risk_engine.scenarios import covariance, monte_carlo_factors, scenario_pnl
from procs.risk_engine.var import tail_loss
from shm.jit import hot

QUESTION = "How long does historical VaR of 1,000 positions and 500 scenarios with full revaluation take?"
POSITIONS, SCENARIOS, PORTFOLIOS = 1_000, 500, 20
LEVEL_BPS = 9_900
MS_MAX = 50
SEED = 6


@hot
def libm_calls(book, returns):
    """The functions of libm that cannot be avoided for a valuation, on numbers of its size."""
    total = 0.0
    for row in range(book.kind.shape[0]):
        underlying, vol = book.underlying[row], book.vol[row]
        for scenario in range(returns.shape[0]):
            x = returns[scenario, underlying] / vol
            total += math.exp(x) + math.erfc(x) + math.erfc(x - vol)
    return total


def check(book, spots, contracts, returns, vol_changes, pnl) -> None:
    """P&L of a few scenarios in plain Python."""
    for scenario in range(0, len(returns), max(len(returns) // 4, 1)):
        expected = 0.0
        for row in range(len(book.kind)):
            u = book.underlying[row]
            moved = spots[u] * math.exp(returns[scenario, u])
            gain = plain_value(book, row, moved, vol_changes[scenario, u]) - plain_value(book, row, spots[u])
            expected += contracts[row] * gain
        if not math.isclose(pnl[scenario], expected, rel_tol=1e-6, abs_tol=1e-3):
            raise RuntimeError(f"var_historical: scenario {scenario}: {pnl[scenario]}, not {expected}")


def run(smoke: bool) -> list[Result]:
    """Alternate VaR and references."""
    positions, scenarios, rounds = (50, 40, 5) if smoke else (POSITIONS, SCENARIOS, 60)
    book, spots = options_book(positions)
    draw = np.random.default_rng(SEED)
    quantities = draw.integers(-20, 21, (PORTFOLIOS, positions)).astype(np.float64)
    factors = draw.normal(0.0, 0.012, (scenarios, 2 * UNDERLYINGS))
    returns, vol_changes = factors[:, :UNDERLYINGS].copy(), factors[:, UNDERLYINGS:].copy()
    tree, base, pnl = new_tree(3), np.zeros(positions), np.zeros((PORTFOLIOS, scenarios))
    values_under(book, spots, np.zeros(UNDERLYINGS), 0.0, tree, base)

    def var_of(portfolios: int) -> None:
        scenario_pnl(book, base, quantities[:portfolios], spots, returns, vol_changes, tree, pnl[:portfolios])
        for portfolio in range(portfolios):
            tail_loss(pnl[portfolio], LEVEL_BPS)

    def monte_carlo() -> None:
        drawn = monte_carlo_factors(covariance(factors), SEED, scenarios)
        scenario_pnl(book, base, quantities[:1], spots, *drawn, tree, pnl[:1])
        tail_loss(pnl[0], LEVEL_BPS)

    with pinned():
        var_of(1)
        monte_carlo()
        libm_calls(book, returns)
        spans, plain = np.zeros(rounds, np.int64), np.zeros(rounds, np.int64)
        for sample in range(rounds):
            spans[sample] = timed_ns(var_of, 1)
            plain[sample] = timed_ns(libm_calls, book, returns)
        check(book, spots, quantities[0], returns, vol_changes, pnl[0])
        many = [timed_ns(var_of, PORTFOLIOS) for _ in range(3)]
        drawn = [timed_ns(monte_carlo) for _ in range(3)]
        core = this_core()
    valuations = positions * scenarios
    return [
        Result(
            name="var_historical",
            question=QUESTION,
            unit="ms",
            samples=spans,
            value=None,
            reference=float(np.median(plain)) / 1e6,
            reference_is="the same calls of exp and erfc alone, alternating rounds",
            goal=f"p50 at most {MS_MAX} ms for {POSITIONS:,} positions and {SCENARIOS} scenarios",
            limit_p50=MS_MAX,
            notes=(
                f"core {core}; {rounds} x {valuations:,} valuations, {np.median(spans) / valuations:.0f} ns each",
                f"{PORTFOLIOS} portfolios over the same valuations {np.median(many) / 1e6:,.1f} ms;"
                f" Monte Carlo, draws included, {np.median(drawn) / 1e6:,.1f} ms",
            ),
            scale=1_000_000,
        )
    ]
