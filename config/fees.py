"""Fees: what a venue charges and pays, dated. The entry in force on the trading date counts for the whole day.

Of one execution: lots * micro_per_lot + notional * e8_of_notional / 1e8, rounded to the nearest micro-unit, a half away
from zero; then at least `fill_min_micro` where one is set. Negative is a rebate.
"""

from datetime import date, timedelta

from msgspec import Struct

from config.day import trading_date
from config.errors import ConfigError

E8_MAX = 100_000_000  # all of the notional
PER_LOT_MAX = 1_000_000_000  # 1,000 units of the currency a lot
ONE_DAY = timedelta(days=1)


class Fees(Struct, forbid_unknown_fields=True, frozen=True):
    """Fees of one class of instruments from a date on, to the day before the next entry of that class begins.

    `added_*`: our order was resting; `removed_*`: our order took. Money is that of the instrument's currency.
    """

    from_date: date
    added_micro_per_lot: int
    removed_micro_per_lot: int
    fee_class: str = "standard"  # of instruments.toml
    to_date: date | None = None  # last day in force; without it, until the next entry
    added_e8_of_notional: int = 0
    removed_e8_of_notional: int = 0
    added_fill_min_micro: int = 0  # 0 is none
    removed_fill_min_micro: int = 0


def entries_of(venue, fee_class: str) -> list[tuple[int, Fees]]:
    """(position in the file, entry) of one class, by date."""
    found = [(row, entry) for row, entry in enumerate(venue.fees) if entry.fee_class == fee_class]
    return sorted(found, key=lambda held: held[1].from_date)


def fees_in_force(venue, fee_class: str, on: date) -> Fees | None:
    """The entry of a class on a date; None when there is none."""
    for _, entry in reversed(entries_of(venue, fee_class)):
        if entry.from_date <= on:
            return entry if entry.to_date is None or on <= entry.to_date else None
    return None


def fees_by_row(config) -> list[list[Fees]]:
    """By venue and row of `instruments`: the entry in force on the trading date; no fees for a row without currency."""
    on, found = trading_date(config), []
    classes = {instrument.fee_class for instrument in config.instruments}
    for venue in config.venues:
        in_force = {
            fee_class: fees_in_force(venue, fee_class, on) or Fees(on, 0, 0, fee_class) for fee_class in classes
        }
        found.append([in_force[instrument.fee_class] for instrument in config.instruments])
    return found


def check_fees(config, file) -> None:
    """Raise ConfigError at the first entry that contradicts itself or another, or that is missing."""
    for row, venue in enumerate(config.venues):
        for position, entry in enumerate(venue.fees):
            _check_entry(file, f"venue[{row}].fees[{position}]", entry)
        for fee_class in sorted({entry.fee_class for entry in venue.fees}):
            _check_dates(file, f"venue[{row}].fees", entries_of(venue, fee_class))
    check_in_force(config, file)


def check_in_force(config, file) -> None:
    """Raise ConfigError when an instrument has no fees at a venue on the trading date."""
    on = trading_date(config)
    for row, venue in enumerate(config.venues):
        for fee_class in sorted({instrument.fee_class for instrument in config.instruments if instrument.currency}):
            if fees_in_force(venue, fee_class, on) is None:
                dates = [_span(entry) for _, entry in entries_of(venue, fee_class)]
                expected = f"an entry of class {fee_class!r} in force on {on}"
                raise ConfigError(file, f"venue[{row}].fees", expected, ", ".join(dates) or "none of that class")


def _span(entry: Fees) -> str:
    return f"{entry.from_date} to {entry.to_date or 'the next'}"


def _check_entry(file, key: str, entry: Fees) -> None:
    for liquidity in ("added", "removed"):
        e8, per_lot = f"{liquidity}_e8_of_notional", f"{liquidity}_micro_per_lot"
        for field, limit in ((e8, E8_MAX), (per_lot, PER_LOT_MAX)):
            if abs(getattr(entry, field)) > limit:
                raise ConfigError(file, f"{key}.{field}", f"-{limit} to {limit}", str(getattr(entry, field)))
        minimum = getattr(entry, f"{liquidity}_fill_min_micro")
        least = 0 if min(getattr(entry, e8), getattr(entry, per_lot)) >= 0 else minimum
        if minimum < 0 or least > 0:
            expected = "0, or a minimum above 0 where no rate is a rebate"
            raise ConfigError(file, f"{key}.{liquidity}_fill_min_micro", expected, str(minimum))


def _check_dates(file, key: str, entries: list[tuple[int, Fees]]) -> None:
    for position, entry in entries:
        if entry.to_date is not None and entry.to_date < entry.from_date:
            raise ConfigError(file, f"{key}[{position}].to_date", f"{entry.from_date} or later", str(entry.to_date))
    for (first, before), (second, after) in zip(entries, entries[1:], strict=False):
        if after.from_date == before.from_date or (before.to_date is not None and after.from_date <= before.to_date):
            expected = f"a date after {before.to_date or before.from_date} (fees[{first}], same class)"
            raise ConfigError(file, f"{key}[{second}].from_date", expected, f"{after.from_date}: both would hold")
        if before.to_date is not None and after.from_date > before.to_date + ONE_DAY:
            expected = f"{before.to_date + ONE_DAY}, the day after fees[{first}] ends"
            raise ConfigError(file, f"{key}[{second}].from_date", expected, f"{after.from_date}: a gap")
