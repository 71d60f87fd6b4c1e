"""Instruments: identity and rules of what is traded. Row number = instrument_id = position in the file."""

from datetime import date

from msgspec import Struct


class Band(Struct, forbid_unknown_fields=True, frozen=True):
    """The quoting step of prices from `price_from_ticks` on. Bands of one `from_date` are one table, in force until
    the next date of the same instrument."""

    from_date: date
    price_from_ticks: int
    quote_tick_ticks: int


class Instrument(Struct, forbid_unknown_fields=True, frozen=True, rename={"bands": "band"}):
    """One instrument. Prices in `price_ticks` of 1e-4 (the wire's increment), sizes in lots, money in micro-units.

    money_micro = price_ticks * qty_lots * multiplier * price_tick_micro. `quote_tick_ticks` is the step that strategies
    quote with; the risk gate accepts the steps of `bands` where a table is in force, else this one alone.
    """

    symbol: str
    currency: str
    quote_tick_ticks: int
    lot_lots: int
    price_ticks_max: int
    multiplier: int
    price_tick_micro: int
    bands: tuple[Band, ...] = ()

    def bands_on(self, day: date) -> tuple[Band, ...]:
        """The table in force on a trading date, lowest price first; empty before the first one and without any."""
        begun = [band.from_date for band in self.bands if band.from_date <= day]
        if not begun:
            return ()
        table = [band for band in self.bands if band.from_date == max(begun)]
        return tuple(sorted(table, key=lambda band: band.price_from_ticks))


class Instruments(Struct, forbid_unknown_fields=True, frozen=True, rename={"instruments": "instrument"}):
    """The file `instruments.toml`."""

    instruments: tuple[Instrument, ...]
