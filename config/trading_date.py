"""Trading date: the day whose fees and quoting steps are in force, for the whole life of a fabric."""

from datetime import UTC, date, datetime


def trading_date(config) -> date:
    """The fabric's trading date; before it was created, the UTC date on which logic time starts."""
    if config.run.trading_date is not None:
        return config.run.trading_date
    start_s = config.run.logic_start_ns // 1_000_000_000
    return (datetime.fromtimestamp(start_s, UTC) if start_s else datetime.now(UTC)).date()
