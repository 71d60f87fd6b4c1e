"""Limits: what the risk gate enforces. Every key must be there: no limit means no trading; "none" says aloud no limit.

Money is in micro-units of the firm's currency, but for `notional_micro_max`, which is in the instrument's own.
"""

from datetime import date
from typing import Literal

from msgspec import Struct, defstruct, structs

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
    collar_near_ticks: Limit  # as the collars above, in price ticks; both hold
    collar_far_ticks: Limit
    permitted: tuple[Literal["buy", "sell", "short"], ...]  # none: the instrument is restricted
    locate_lots: int  # lots located that may be sold short
    scale_age_ms_max: Limit  # greatest age of its Greeks
    delta_micro_max: Limit  # of the portfolio in this underlying: worst case over working orders
    gamma_micro_max: Limit
    vega_micro_max: Limit


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
    same_window_ms: Limit  # in it `same_orders_max` new orders of the same instrument, side, price and size
    same_orders_max: Limit
    executions_max: Limit  # until a person lets it trade on
    fill_window_ms: Limit  # in it the executions below; then nothing new for `fill_reset_ms`; "none": until `resume`
    fill_lots_max: Limit
    fill_delta_micro_max: Limit
    fill_vega_micro_max: Limit
    fill_reset_ms: Limit
    venue_rejects_window_ms: Limit  # in it the venue may refuse so many of its orders; one more: until `resume`
    venue_rejects_max: Limit
    loss_micro_max: Limit  # realised and unrealised
    drawdown_micro_max: Limit  # from the highest P&L of the life
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
    venue_rejects_window_ms: Limit  # as of a strategy; one more and the session takes cancels only until `resume`
    venue_rejects_max: Limit
    loss_micro_max: Limit
    drawdown_micro_max: Limit
    self_trade: Literal["reject", "cancel"]  # what gives way before a trade with ourselves: new or resting
    risk_age_ms_max: Limit  # risk_engine silent for longer: REDUCING
    mark_age_ms_max: Limit  # a mark older than this is a breach


UNCAPPED = ("currency", "permitted", "self_trade")  # words: nothing is greater than they


def _caps_of(name: str, limited: type) -> type:
    """The table that bounds every limit of one kind of scope, and says who answers for it."""
    about = [("owner", str), ("rationale", str), ("review_by", date)]
    capped = [(field.name, Limit) for field in structs.fields(limited) if field.name not in UNCAPPED]
    return defstruct(name, about + capped, module=__name__, forbid_unknown_fields=True, frozen=True)


FirmCaps = _caps_of("FirmCaps", FirmLimits)
StrategyCaps = _caps_of("StrategyCaps", StrategyLimits)
InstrumentCaps = _caps_of("InstrumentCaps", InstrumentLimits)


class Caps(Struct, forbid_unknown_fields=True, frozen=True):
    """How loose limits may ever be: of the firm, of each strategy, of each instrument. Nothing moves them while up.

    Every key is there; "none" says aloud that nothing bounds it. What is looser: config/caps.py.
    """

    firm: FirmCaps
    strategy: StrategyCaps
    instrument: InstrumentCaps


class Limits(
    Struct,
    forbid_unknown_fields=True,
    frozen=True,
    rename={"instruments": "instrument", "strategies": "strategy", "caps": "cap"},
):
    """The file `limits.toml`. Tables `instrument` by symbol and `strategy` by instance name.

    `revision` counts changes of the file by its owners: what is older than a state folder has seen is refused, and so
    is other content under the same number. `fx_ppm`: the firm's currency for one million of each currency; what has no
    rate is refused order by order.
    """

    revision: int
    firm: FirmLimits
    fx_ppm: dict[str, int]
    instruments: dict[str, InstrumentLimits]
    strategies: dict[str, StrategyLimits]
    caps: Caps
