"""Instruments: identity and rules of what is traded. Row number = instrument_id = position in the file."""

from msgspec import Struct


class Instrument(Struct, forbid_unknown_fields=True, frozen=True):
    """One instrument. Prices in `price_ticks` of 1e-4 (the wire's increment), sizes in lots, money in micro-units.

    money_micro = price_ticks * qty_lots * multiplier * price_tick_micro.
    """

    symbol: str
    currency: str
    quote_tick_ticks: int
    lot_lots: int
    price_ticks_max: int
    multiplier: int
    price_tick_micro: int
    fee_class: str = "standard"  # which of a venue's dated fees it pays


class Instruments(Struct, forbid_unknown_fields=True, frozen=True, rename={"instruments": "instrument"}):
    """The file `instruments.toml`."""

    instruments: tuple[Instrument, ...]
