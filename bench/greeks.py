"""How long does risk_engine take to value a book of 1,000 options, Greeks included?

```
book (arrays, a row an option) + a price per underlying ──► revalue ──► value and five Greeks of every row
reference: for every row 1 logarithm, 3 exponentials, 2 erfc and 1 square root, added up
```

European options on four underlyings, strikes from 80 to 120 % of the spot, a day to two years. Each sample is the whole
book; rounds alternate with the reference, which calls the same functions of libm on the same numbers and nothing else.
Afterwards values are compared with the formula in plain Python, and the Greeks with its differences. A note gives the
same book as American options by a tree of 51 steps, whose vega and rho are differences of further trees. It does not
show prices arriving, positions, or what is summed and published from the rows.
"""

import math
import time
from statistics import NormalDist

import numpy as np

from bench.pair import pinned, this_core
from bench.result import Result
from procs.risk_engine.american import new_tree
from procs.risk_engine.book import KIND_OPTION_AMERICAN, KIND_OPTION_EUROPEAN, Book, first_invalid, new_book
from procs.risk_engine.revalue import COLUMNS, DELTA, VALUE, VEGA, revalue
from shm.jit import hot

QUESTION = "How long does a revaluation of 1,000 options with all Greeks take?"
OPTIONS, UNDERLYINGS = 1_000, 4
STEPS = 51
US_MAX = 1_000
SEED = 5


def options_book(options: int, seed: int = SEED) -> tuple[Book, np.ndarray]:
    """(book, spots): European options as the header says."""
    draw, book = np.random.default_rng(seed), new_book(options)
    spots = np.array([100.0, 2_700.0, 48.5, 310.0])
    book.kind[:] = KIND_OPTION_EUROPEAN
    book.underlying[:] = np.arange(options) % UNDERLYINGS
    book.right[:] = draw.choice((1, -1), options)
    book.strike[:] = spots[book.underlying] * draw.uniform(0.8, 1.2, options)
    book.years[:] = draw.integers(1, 730, options) / 365.0
    book.multiplier[:] = 100.0
    book.vol[:] = draw.uniform(0.1, 0.6, options)
    book.rate[:] = draw.uniform(0.0, 0.05, options)
    book.dividend_yield[:] = draw.uniform(0.0, 0.03, options)
    book.carry_per_rate[:] = 1.0
    return book, spots


@hot
def libm_calls(book, spots):
    """The functions of libm that a European option with Greeks calls, on numbers of its size."""
    total = 0.0
    for row in range(book.kind.shape[0]):
        x, years = math.log(spots[book.underlying[row]] / book.strike[row]), book.years[row]
        total += math.exp(-book.rate[row] * years) + math.exp(x * years) + math.exp(-x * x) + math.sqrt(years)
        total += math.erfc(x) + math.erfc(x - book.vol[row])
    return total


def plain_value(book, row, spot, vol_shift=0.0) -> float:
    """The formula in plain Python."""
    years, rate, strike, right = (float(column[row]) for column in (book.years, book.rate, book.strike, book.right))
    forward = spot * math.exp((rate - book.dividend_yield[row]) * years)
    deviation = (book.vol[row] + vol_shift) * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    above = NormalDist().cdf(right * d1), NormalDist().cdf(right * (d1 - deviation))
    return 100.0 * math.exp(-rate * years) * right * (forward * above[0] - strike * above[1])


def check(book, spots, results) -> None:
    """Values and their slopes, of every row."""
    for row in range(len(book.kind)):
        spot = spots[book.underlying[row]]
        h = 1e-4 * spot
        delta = (plain_value(book, row, spot + h) - plain_value(book, row, spot - h)) / (2 * h)
        vega = (plain_value(book, row, spot, 1e-4) - plain_value(book, row, spot, -1e-4)) / 2e-4
        for column, expected in ((VALUE, plain_value(book, row, spot)), (DELTA, delta), (VEGA, vega)):
            if not math.isclose(results[row, column], expected, rel_tol=1e-4, abs_tol=1e-4 * spot):
                raise RuntimeError(f"greeks: row {row} column {column}: {results[row, column]}, not {expected}")


def timed_ns(function, *arguments) -> int:
    """Wall time of one call."""
    begun = time.perf_counter_ns()
    function(*arguments)
    return time.perf_counter_ns() - begun


def run(smoke: bool) -> list[Result]:
    """Alternate books and references; then the trees, a few times."""
    options, rounds = (50, 20) if smoke else (OPTIONS, 2_000)
    book, spots = options_book(options)
    tree, results = new_tree(STEPS), np.zeros((options, COLUMNS))
    if first_invalid(book, spots) >= 0:
        raise RuntimeError("greeks: the book has a row that cannot be valued")
    with pinned():
        revalue(book, spots, tree, results)
        libm_calls(book, spots)
        spans, plain = np.zeros(rounds, np.int64), np.zeros(rounds, np.int64)
        for sample in range(rounds):
            spans[sample] = timed_ns(revalue, book, spots, tree, results)
            plain[sample] = timed_ns(libm_calls, book, spots)
        check(book, spots, results)
        american = book._replace(kind=np.full(options, KIND_OPTION_AMERICAN))
        trees = [timed_ns(revalue, american, spots, tree, results) for _ in range(2 if smoke else 10)]
        core = this_core()
    return [
        Result(
            name="greeks",
            question=QUESTION,
            unit="us",
            samples=spans,
            value=None,
            reference=float(np.median(plain)) / 1e3,
            reference_is="the same calls of log, exp, erfc and sqrt alone, alternating rounds",
            goal=f"p50 at most {US_MAX:,} us for {OPTIONS:,} European options",
            limit_p50=US_MAX,
            notes=(
                f"core {core}; {options:,} options, {rounds:,} rounds;"
                f" {np.median(spans) / options:.0f} ns an option with value and five Greeks",
                f"as American options by trees of {STEPS} steps: {np.median(trees) / 1e6:,.2f} ms,"
                f" {np.median(trees) / options / 1e3:.1f} us an option",
            ),
            scale=1_000,
        )
    ]
