"""Strategies: which module each strategy instance runs, on which instruments, with which parameters."""

from typing import Annotated

from msgspec import Meta, Struct


class StrategyConfig(Struct, forbid_unknown_fields=True, frozen=True):
    """One strategy instance. `module` is a name in procs/strategy or the path of a Python file.

    `executes_for_firm` True makes it the executor: it trades what others request (shm/records/request.py), and under
    REDUCING its orders are compared with the firm's position in the instrument, not with its own.
    """

    module: str
    universe: tuple[str, ...]
    params: dict[str, int | float] = {}
    overrides: dict[str, dict[str, int | float]] = {}  # by symbol, over `params`
    intent_life_ms: int = 50  # new orders and replaces older than this die unsent
    reject_backoff_ms: int = 20
    messages_per_second: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000  # of logic time; cancels are never held back
    executes_for_firm: bool = False
    messages_burst: Annotated[int, Meta(ge=2, le=1_000_000)] = 200  # that many at once

    def params_of(self, symbol: str) -> dict[str, int | float]:
        """Parameters in force for one instrument."""
        return {**self.params, **self.overrides.get(symbol, {})}


class Strategies(Struct, forbid_unknown_fields=True, frozen=True, rename={"strategies": "strategy"}):
    """The file `strategy.toml`: a table for each strategy instance."""

    strategies: dict[str, StrategyConfig]
