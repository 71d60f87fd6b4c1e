"""Desks: to whom a position belongs: each strategy in topology order, then the house. Imports no numba.

The house is for what no strategy entered: orders that the venue has under our session and that no journal of ours knows
(order_sender adopts them as external), and what they traded. It sends no intents, and its limits are zero.
"""

HOUSE = "house"


def executor_of(config) -> str | None:
    """Name of the strategy instance that trades for the firm: flatten and hedge; None where there is none."""
    names = [instance.name for instance in config.topology.of_role("strategy")]
    return next((name for name in names if config.strategies[name].executes_for_firm), None)


def desk_names(config) -> list[str]:
    """Names by `strategy_id`; the last is the house."""
    return [*(instance.name for instance in config.topology.of_role("strategy")), HOUSE]
