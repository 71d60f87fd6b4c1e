"""Figures: stress, margin, value at risk and shortfall of every scope, by full revaluation. What is slow is here.

Only underlyings that somebody holds take part. Volatilities and correlations of the parametric and Monte Carlo methods
are assumptions (config/risk.py); the historical window has returns of underlyings alone, volatilities stand still in
it. Scenarios are instant: no time passes. Rates of currencies stand still everywhere.
"""

import math
from typing import NamedTuple

import numpy as np

from procs.risk_engine.american import new_tree
from procs.risk_engine.contracts import Contracts, at_the_money
from procs.risk_engine.margin import POINTS, class_points, new_rule, portfolio_margin
from procs.risk_engine.portfolio import PPM, clamp
from procs.risk_engine.revalue import COLUMNS, revalue, values_under
from procs.risk_engine.scenarios import monte_carlo_factors, scenario_pnl
from procs.risk_engine.stress import stress_grid, worst_point
from procs.risk_engine.var import factor_exposures, parametric_loss, tail_loss
from shm.codes import RISK_METHOD_HISTORICAL, RISK_METHOD_MONTE_CARLO, RISK_METHOD_PARAMETRIC

METHODS = ("parametric", "historical", "monte_carlo")


class Figures(NamedTuple):
    """What one scope may lose, in micro-units of the firm's currency."""

    margin_micro: int = 0
    stress_micro: int = 0  # 0 or less
    stress_scenario: int = 0  # price move's index times the number of volatility moves, plus the latter's index
    var_micro: tuple[int, int, int] = (0, 0, 0)  # in order of METHODS, 0 or more
    es_micro: tuple[int, int, int] = (0, 0, 0)
    methods: int = 0  # RISK_METHOD_*


class Held(NamedTuple):
    """The part of the book that anybody holds. u' underlyings, m rows."""

    rows: np.ndarray  # i8[m]: rows of the book
    places: np.ndarray  # i8[u']: places of underlyings
    book: object
    spots: np.ndarray  # f8[u']
    quantities: np.ndarray  # f8[portfolios, m]


def loss_micro(amount: float) -> int:
    """A loss in whole micro-units, rounded up; gains are 0."""
    return clamp(math.ceil(max(0.0, amount) * PPM))


def held_of(contracts: Contracts, spots: np.ndarray, lots: np.ndarray, usable: np.ndarray) -> Held:
    """What some portfolio of lots i8[portfolios, n] holds and can be valued."""
    rows = np.flatnonzero((lots != 0).any(axis=0) & usable)
    places = np.unique(contracts.underlying[rows])
    book = contracts.book._replace(
        **{name: np.ascontiguousarray(getattr(contracts.book, name)[rows]) for name in contracts.book._fields}
    )
    book.underlying[:] = np.searchsorted(places, contracts.underlying[rows])
    return Held(rows, places, book, np.ascontiguousarray(spots[places]), lots[:, rows].astype(np.float64))


class Calculator:
    """The slow figures of all portfolios at once. One a process: it keeps the draws of Monte Carlo."""

    def __init__(self, config, contracts: Contracts):
        self.config, self.contracts, self.risk = config, contracts, config.risk
        self.tree = new_tree(self.risk.tree_steps)
        symbols = [config.instruments[root].symbol for root in contracts.underlyings.tolist()]
        assumed = [self.risk.of(symbol) for symbol in symbols]
        self.vols = np.array([at_the_money(held) for held in assumed])
        self.price_moves = np.array(self.risk.stress.price_moves)
        self.volatility_moves = np.array(self.risk.stress.volatility_moves)
        self._classes = [held.margin for held in assumed]
        self._draws: tuple[tuple[int, ...], np.ndarray, np.ndarray, np.ndarray] | None = None

    def greeks(self, spots: np.ndarray, usable: np.ndarray) -> np.ndarray:
        """f8[n, COLUMNS] of `revalue`, per lot; zeros where a row cannot be valued."""
        results = np.zeros((len(usable), COLUMNS))
        rows = np.flatnonzero(usable & self.contracts.option | usable & self.contracts.derived)
        if len(rows):
            fields = self.contracts.book._fields
            book = self.contracts.book._replace(**{name: getattr(self.contracts.book, name)[rows] for name in fields})
            part = np.zeros((len(rows), COLUMNS))
            revalue(book, spots, self.tree, part)
            results[rows] = part
        return results

    def all(self, spots: np.ndarray, usable: np.ndarray, lots: np.ndarray, window: np.ndarray, enough: np.ndarray):
        """list[Figures], one a portfolio of lots i8[portfolios, n].

        window: f8[scenarios, u] log returns over the horizon; enough: bool[u], whether an underlying has that many.
        """
        held = held_of(self.contracts, spots, lots, usable)
        if not len(held.rows):
            methods = RISK_METHOD_PARAMETRIC | RISK_METHOD_HISTORICAL | RISK_METHOD_MONTE_CARLO
            return [Figures(methods=methods)] * len(lots)
        tails = self._tails(held, window, enough)
        return [self._one(held, portfolio, *tails) for portfolio in range(len(lots))]

    def _tails(self, held: Held, window: np.ndarray, enough: np.ndarray):
        """(covariance, greeks, P&L by draws, P&L by history or None) for all portfolios."""
        covariance, returns, changes = self._scenarios(held)
        greeks = np.zeros((len(held.rows), COLUMNS))
        revalue(held.book, held.spots, self.tree, greeks)
        base = np.zeros(len(held.rows))
        values_under(held.book, held.spots, np.zeros(len(held.places)), 0.0, self.tree, base)
        drawn = np.zeros((len(held.quantities), len(returns)))
        scenario_pnl(held.book, base, held.quantities, held.spots, returns, changes, self.tree, drawn)
        past = np.zeros((len(held.quantities), len(window)))
        if len(window):
            moves = np.ascontiguousarray(window[:, held.places])
            scenario_pnl(held.book, base, held.quantities, held.spots, moves, np.zeros_like(moves), self.tree, past)
        return covariance, greeks, drawn, past, enough[held.places]

    def _scenarios(self, held: Held) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Covariance over the horizon and draws of returns and changes of volatility; kept while the set is held."""
        key = tuple(held.places.tolist())
        if self._draws is None or self._draws[0] != key:
            covariance = covariance_of(self.risk.var, self.vols[held.places])
            draws = monte_carlo_factors(covariance, self.risk.var.seed, self.risk.var.draws)
            self._draws = (key, covariance, *draws)
        return self._draws[1:]

    def _one(self, held: Held, portfolio: int, covariance, greeks, drawn, past, enough) -> Figures:
        quantities = np.ascontiguousarray(held.quantities[portfolio])
        level = self.risk.var.level_bps
        linear, curvature = np.zeros(2 * len(held.places)), np.zeros(len(held.places))
        factor_exposures(held.book, greeks, quantities, held.spots, linear, curvature)
        parametric = parametric_loss(linear, curvature, covariance, 0.0, level)
        simulated = tail_loss(drawn[portfolio], level)
        losses = [parametric, None, simulated]
        used = np.unique(held.book.underlying[np.flatnonzero(quantities)])
        if past.shape[1] and enough[used].all():
            losses[1] = tail_loss(past[portfolio], level)
        stress, scenario = self._stress(held, quantities)
        return Figures(
            margin_micro=self._margin(held, quantities),
            stress_micro=-loss_micro(-stress),
            stress_scenario=scenario,
            var_micro=tuple(0 if loss is None else loss_micro(loss.value_at_risk) for loss in losses),
            es_micro=tuple(0 if loss is None else loss_micro(loss.expected_shortfall) for loss in losses),
            methods=RISK_METHOD_PARAMETRIC
            | RISK_METHOD_MONTE_CARLO
            | (RISK_METHOD_HISTORICAL if losses[1] is not None else 0),
        )

    def _stress(self, held: Held, quantities: np.ndarray) -> tuple[float, int]:
        grid = np.zeros((len(held.places) + 1, len(self.price_moves), len(self.volatility_moves)))
        stress_grid(held.book, quantities, held.spots, self.price_moves, self.volatility_moves, self.tree, grid)
        worst, at_price, at_vol = worst_point(grid[-1])
        return float(worst), int(at_price) * len(self.volatility_moves) + int(at_vol)

    def _margin(self, held: Held, quantities: np.ndarray) -> int:
        rule = self._rule(held.places.tolist())
        points, minimums = np.zeros((len(held.places), POINTS)), np.zeros(len(held.places))
        class_points(held.book, quantities, held.spots, rule, self.tree, points, minimums)
        return loss_micro(portfolio_margin(rule, points, minimums, np.zeros(len(rule.offset))))

    def _rule(self, places: list[int]):
        """Underlyings of a class with an offset are one group, all others a group each."""
        names, groups = [], []
        for place in places:
            held = self._classes[place]
            name = held if self.risk.margin_classes[held].offset > 0 else f"{held} {place}"
            if name not in names:
                names.append(name)
            groups.append(names.index(name))
        classes = [self.risk.margin_classes[self._classes[place]] for place in places]
        offsets = [self.risk.margin_classes[name.split(" ")[0]].offset for name in names]
        downs, ups = [held.down for held in classes], [held.up for held in classes]
        return new_rule(downs, ups, groups, offsets, self.risk.minimum_per_unit)


def covariance_of(var, vols: np.ndarray) -> np.ndarray:
    """f8[2u, 2u] over the horizon: returns of the underlyings, then changes of their volatilities.

    One correlation between underlyings; a volatility moves with the return of its own underlying, and so with others.
    """
    years = var.horizon_days / var.trading_days_a_year
    many = len(vols)
    across = np.full((many, many), var.correlation)
    np.fill_diagonal(across, 1.0)
    own = np.array([[1.0, var.spot_volatility_correlation], [var.spot_volatility_correlation, 1.0]])
    deviations = np.concatenate([vols, vols * var.volatility_of_volatility]) * math.sqrt(years)
    return np.kron(own, across) * np.outer(deviations, deviations)
