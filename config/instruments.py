"""Instruments: identity and rules of what is traded, and the rows of every table that has one row an instrument.

In the file the order means nothing. A fabric gives each symbol its permanent instrument_id
(procs/runtime/instrument_ids.py); from then on `config.instruments[row]` is the instrument with that id, and a row that
the file does not configure holds a stranger: no limits, no price is valid, so it cannot be traded.
"""

from datetime import date, datetime
from typing import Literal

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
    fee_class: str = "standard"  # which of a venue's dated fees it pays
    kind: Literal["equity", "future", "option"] = "equity"
    underlying: str = ""  # symbol; "" where it is nothing's derivative
    expires: datetime | None = None  # future, option: with its offset from UTC
    strike_ticks: int = 0  # option
    option_type: Literal["", "call", "put"] = ""
    exercise: Literal["", "european", "american"] = ""
    bands: tuple[Band, ...] = ()

    def bands_on(self, day: date) -> tuple[Band, ...]:
        """The table in force on a trading date, lowest price first; empty before the first one and without any."""
        begun = [band.from_date for band in self.bands if band.from_date <= day]
        if not begun:
            return ()
        table = [band for band in self.bands if band.from_date == max(begun)]
        return tuple(sorted(table, key=lambda band: band.price_from_ticks))

    @property
    def configured(self) -> bool:
        """Whether the file has it: only then can it be traded."""
        return self.price_ticks_max > 0


class Instruments(Struct, forbid_unknown_fields=True, frozen=True, rename={"instruments": "instrument"}):
    """The file `instruments.toml`."""

    instruments: tuple[Instrument, ...]


def configured_end(instruments: tuple[Instrument, ...]) -> int:
    """One more than the row of the last configured instrument; 0 without any."""
    return max((row + 1 for row, instrument in enumerate(instruments) if instrument.configured), default=0)


def stranger(symbol: str) -> Instrument:
    """An instrument that nobody configured; "" where a role need not know its symbol. Divisors are 1, no price fits."""
    return Instrument(symbol, "", 1, 1, 0, 1, 1)


def in_rows(configured: dict[int, Instrument], symbols: dict[int, str], rows: int) -> tuple[Instrument, ...]:
    """The instrument of every row below `rows`, by instrument_id: configured, else a stranger."""
    return tuple(configured.get(row) or stranger(symbols.get(row, "")) for row in range(rows))
