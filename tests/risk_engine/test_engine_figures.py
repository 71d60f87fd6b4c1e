"""Slow figures of scopes against loops over fractions and plain sorts: stress, margin, value at risk, at random."""

import math
import random
from datetime import UTC, datetime

import numpy as np
import pytest
from msgspec import structs

from config.load import load
from procs.risk_engine.contracts import contracts_of, price_book
from procs.risk_engine.figures import Calculator, covariance_of, loss_micro
from shm.codes import RISK_METHOD_HISTORICAL
from tests.support.engine_bench import option_on

MICRO = 1_000_000
NOW_NS = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000_000


class Case:
    """Equities of the shipped file and a call, prices and lots at random."""

    def __init__(self, rng: random.Random, *options):
        config = load()
        var = structs.replace(config.risk.var, draws=200)
        self.config = structs.replace(
            config,
            risk=structs.replace(config.risk, var=var),
            instruments=(*config.instruments[:4], *options),
        )
        self.contracts = contracts_of(self.config)
        self.calculator = Calculator(self.config, self.contracts)
        n = len(self.contracts.rows)
        self.marks = np.array([rng.uniform(5, 400) if k < 4 else 0.0 for k in range(n)])
        self.fx_ppm = np.array([1_000_000, 1_085_000, 6_500, 1_000_000, *[1_000_000] * (n - 4)], np.int64)
        self.multipliers = np.array([held.multiplier for held in self.config.instruments], float)
        self.spots, self.usable = price_book(self.contracts, self.multipliers, self.fx_ppm, self.marks, NOW_NS)

    def figures(self, lots: np.ndarray, window: np.ndarray, enough=None):
        enough = np.ones(len(self.spots), bool) if enough is None else enough
        return self.calculator.all(self.spots, self.usable, np.atleast_2d(lots), window, enough)

    def value(self, at: int) -> float:
        """One lot in the firm's currency."""
        return self.marks[at] * self.multipliers[at] * self.fx_ppm[at] / 1e6


def near(micro: int, amount: float) -> bool:
    """A loss rounded up to a micro-unit; floats add in another order."""
    return abs(micro - amount * MICRO) <= 1 + 1e-9 * abs(amount) * MICRO


def test_figures_of_shares_are_those_of_plain_loops():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(10):
        case = Case(rng)
        lots = np.array([[rng.randrange(-500, 501) for _ in range(4)] for _ in range(3)], np.int64)
        returns = np.array([[rng.gauss(0, 0.02) for _ in range(4)] for _ in range(rng.choice((20, 100, 333)))])
        for portfolio, found in zip(lots, case.figures(lots, returns), strict=True):
            held = [int(portfolio[k]) * case.value(k) for k in range(4)]
            moves = case.config.risk.stress.price_moves
            assert near(-found.stress_micro, max(0.0, *(-sum(held) * move for move in moves)))
            margin = sum(max(0.0, *(-one * 0.03 * step for step in range(-5, 6))) for one in held)
            assert near(found.margin_micro, margin), "15 % in five steps, no gain pays for another's loss"
            losses = sorted(-sum(h * (math.exp(r) - 1) for h, r in zip(held, row, strict=True)) for row in returns)
            losses.reverse()
            tail = len(returns) / 100
            rank = max(1, math.ceil(round(tail, 9)))
            assert near(found.var_micro[1], max(0.0, losses[rank - 1]))
            whole = sum(losses[: rank - 1]) + (tail - rank + 1) * losses[rank - 1]
            assert near(found.es_micro[1], max(0.0, whole / tail if tail >= 1 else losses[0]))
            assert found.methods & RISK_METHOD_HISTORICAL


def test_a_parametric_figure_is_that_of_the_covariance():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    case = Case(rng)
    matrix = covariance_of(case.config.risk.var, case.calculator.vols)
    assert np.all(np.linalg.eigvalsh(matrix) > -1e-15)
    for _ in range(20):
        lots = np.array([rng.choice((0, rng.randrange(-500, 501))) for _ in range(4)], np.int64)
        if not lots.any():
            continue
        held = np.array([int(lots[k]) * case.value(k) for k in range(4)])
        part = matrix[:4, :4]
        bent = held[:, None] * part
        mean, variance = 0.5 * np.trace(bent), held @ part @ held + 0.5 * np.sum(bent * bent.T)
        (found,) = case.figures(lots, np.zeros((0, 4)))
        expected = max(0.0, 2.3263478740408408 * math.sqrt(variance) - mean)
        assert found.var_micro[0] / MICRO == pytest.approx(expected, rel=1e-9, abs=1e-5)
        assert found.es_micro[0] >= found.var_micro[0]
        assert not found.methods & RISK_METHOD_HISTORICAL, "an empty window is no window"


def test_simulated_and_parametric_figures_of_shares_agree_within_the_noise_of_the_draws():
    case = Case(random.Random(3))
    case.calculator.risk = structs.replace(case.config.risk, var=structs.replace(case.config.risk.var, draws=20_000))
    (found,) = case.figures(np.array([300, -100, 50, 20], np.int64), np.zeros((0, 4)))
    assert found.var_micro[2] == pytest.approx(found.var_micro[0], rel=0.05)
    assert found.es_micro[2] == pytest.approx(found.es_micro[0], rel=0.06)


def test_a_short_call_is_stressed_by_revaluation_and_charged_at_least_the_minimum():
    from procs.risk_engine.black_scholes import RIGHT_CALL, option_price

    root = load().instruments[0]
    option = structs.replace(option_on(root, "QCALL", "call", 150.0), expires=datetime(2026, 7, 5, tzinfo=UTC))
    case = Case(random.Random(5), option)
    spot = case.marks[0] = 140.0
    case.spots, case.usable = price_book(case.contracts, case.multipliers, case.fx_ppm, case.marks, NOW_NS)
    lots = np.array([0, 0, 0, 0, -7], np.int64)
    (found,) = case.figures(lots, np.zeros((0, 4)))
    years, vol = case.contracts.book.years[4], case.contracts.book.vol[4]
    assert years == pytest.approx(181 / 365) and 0.2 < vol < 0.4
    worst = 0.0
    for move in case.config.risk.stress.price_moves:
        for change in case.config.risk.stress.volatility_moves:
            prices = [
                option_price(RIGHT_CALL, at, 150.0, years, 0.04, 0.04, held)
                for at, held in ((spot, vol), (spot * (1 + move), max(vol + change, 0.0)))
            ]
            worst = max(worst, 7 * 100 * (prices[1] - prices[0]))
    assert near(-found.stress_micro, worst)
    assert found.margin_micro >= 0.375 * 700 * MICRO
    far = structs.replace(option, strike_ticks=100_000_000)
    case = Case(random.Random(5), far)
    (found,) = case.figures(lots, np.zeros((0, 4)))
    assert found.margin_micro == 262_500_000, "far out of the money: 37.50 for each option on 100 shares"


def test_in_a_class_with_an_offset_a_gain_pays_for_a_part_of_a_loss():
    case = Case(random.Random(7))
    classes = {**case.config.risk.margin_classes}
    classes["equity"] = structs.replace(classes["equity"], offset=0.9)
    case.calculator.risk = structs.replace(case.config.risk, margin_classes=classes)
    (found,) = case.figures(np.array([100, -100, 0, 0], np.int64), np.zeros((0, 4)))
    held = [100 * case.value(0), -100 * case.value(1)]
    losses = []
    for step in range(-5, 6):
        gains = [one * 0.03 * step for one in held]
        losses.append(sum(-gain if gain < 0 else -0.9 * gain for gain in gains))
    assert near(found.margin_micro, max(0.0, *losses))


def test_a_history_that_is_too_short_for_one_underlying_is_none_for_who_holds_it():
    case = Case(random.Random(9))
    enough = np.array([True, False, True, True])
    window = np.full((50, 4), 0.01)
    figures = case.figures(np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]], np.int64), window, enough)
    assert [bool(held.methods & RISK_METHOD_HISTORICAL) for held in figures] == [True, False, False]


def test_what_cannot_be_valued_takes_no_part_and_nobody_else_suffers():
    case = Case(random.Random(11))
    case.marks[1], case.fx_ppm[2] = 0.0, 0
    case.spots, case.usable = price_book(case.contracts, case.multipliers, case.fx_ppm, case.marks, NOW_NS)
    assert case.usable.tolist() == [True, False, False, True]
    with_them, without = case.figures(np.array([[5, 7, 9, 1], [5, 0, 0, 1]], np.int64), np.zeros((0, 4)))
    assert with_them == without and with_them.margin_micro > 0


def test_losses_are_rounded_up_and_gains_are_none():
    assert [loss_micro(amount) for amount in (0.0, -5.0, 1e-7, 2.0)] == [0, 0, 1, 2_000_000]
