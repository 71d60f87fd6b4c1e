"""Limits: what the risk gate enforces. Every key must be there: no limit means no trading; "none" says aloud no limit.

Money is in micro-units of the firm's currency, but for `notional_micro_max`, which is in the instrument's own.
"""

from typing import Literal

from msgspec import Struct

Limit = int | Literal["none"]


class InstrumentLimits(Struct, forbid_unknown_fields=True, frozen=True):
    """Limits of one instrument, all strategies together."""

    qty_lots_max: int
    notional_micro_max: int
    collar_near_bps: int  # farthest from the best price of its own side
    collar_far_bps: int  # farthest through the best price of the other side
    long_lots_max: int
    short_lots_max: int
    gross_micro_max: Limit
    open_orders_max: int
    open_micro_max: Limit
    burst_lots_max: Limit
    burst_micro_max: Limit
    burst_window_ms: int
    messages_per_fill_max: Limit
    messages_floor: int
    age_ms_max: int
    channel_silence_ms_max: int


class StrategyLimits(Struct, forbid_unknown_fields=True, frozen=True):
    """Limits of one strategy. `long_lots_max` and `short_lots_max` are for each instrument."""

    long_lots_max: int
    short_lots_max: int
    gross_micro_max: Limit
    net_micro_max: Limit
    open_orders_max: int
    open_micro_max: Limit
    rate_window_ms: int
    rate_orders_max: int  # new orders and replaces
    rate_messages_max: Limit  # all messages; new orders and replaces stop `rate_headroom` before it
    rate_headroom: int
    rate_cancels_max: Limit  # cancels and reduces; beyond it new orders and replaces stop
    burst_lots_max: Limit
    burst_micro_max: Limit
    burst_window_ms: int
    messages_per_fill_max: Limit
    messages_floor: int  # so many messages are free before the ratio counts
    silence_ms_max: int  # the strategy's step word older than this: its orders are cancelled


class FirmLimits(Struct, forbid_unknown_fields=True, frozen=True):
    """Limits of the firm, everything together, and the currency in which its money is counted."""

    currency: str
    gross_micro_max: Limit
    net_micro_max: Limit
    concentration_bps_max: Limit  # one instrument's part of the firm's gross
    concentration_floor_micro: int  # up to this gross of the instrument its part does not count
    open_orders_max: int
    open_micro_max: Limit
    rate_window_ms: int
    rate_orders_max: int
    rate_messages_max: Limit
    rate_headroom: int
    rate_cancels_max: Limit
    burst_lots_max: Limit
    burst_micro_max: Limit
    burst_window_ms: int
    messages_per_fill_max: Limit
    messages_floor: int


class Limits(
    Struct,
    forbid_unknown_fields=True,
    frozen=True,
    rename={"instruments": "instrument", "strategies": "strategy"},
):
    """The file `limits.toml`. Tables `instrument` by symbol and `strategy` by instance name.

    `fx_ppm`: the firm's currency for one million of each currency; what has no rate is refused order by order.
    """

    firm: FirmLimits
    fx_ppm: dict[str, int]
    instruments: dict[str, InstrumentLimits]
    strategies: dict[str, StrategyLimits]
