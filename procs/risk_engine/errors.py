"""Typed exceptions of the risk figures."""

from shm.errors import QuintetError


class BadCurve(QuintetError):
    """Knots or overlay of a volatility curve that cannot be used; the curve in force stays."""


class BadScenarios(QuintetError):
    """Scenarios, covariances or a level from which no risk figure can be made."""


class BadMarginRule(QuintetError):
    """A margin rule that would not bound a loss."""
