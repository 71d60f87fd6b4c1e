"""Limits: what the risk gate enforces. Every key must be there: no limit means no trading."""

from msgspec import Struct


class InstrumentLimits(Struct, forbid_unknown_fields=True, frozen=True):
    """Limits of one instrument, all strategies together."""

    qty_lots_max: int
    notional_micro_max: int
    collar_bps: int
    position_lots_max: int
    open_orders_max: int
    age_ms_max: int
    channel_silence_ms_max: int


class StrategyLimits(Struct, forbid_unknown_fields=True, frozen=True):
    """Limits of one strategy. `strategy_lots_max` is per instrument."""

    strategy_lots_max: int
    open_orders_max: int
    rate_orders_max: int
    rate_window_ms: int
    silence_ms_max: int  # the strategy's step word older than this: its orders are cancelled


class FirmLimits(Struct, forbid_unknown_fields=True, frozen=True):
    """Limits of the firm, everything together."""

    open_orders_max: int
    rate_orders_max: int
    rate_window_ms: int


class Limits(
    Struct,
    forbid_unknown_fields=True,
    frozen=True,
    rename={"instruments": "instrument", "strategies": "strategy"},
):
    """The file `limits.toml`. Tables `instrument` by symbol and `strategy` by instance name."""

    firm: FirmLimits
    instruments: dict[str, InstrumentLimits]
    strategies: dict[str, StrategyLimits]
