"""Day: the trading date, by which dated rules and fees are chosen."""

from datetime import UTC, date, datetime

from msgspec import structs


def trading_date(config) -> date:
    """The fabric's trading date; before it was created, the UTC date on which logic time starts."""
    if config.run.trading_date is not None:
        return config.run.trading_date
    start_s = config.run.logic_start_ns // 1_000_000_000
    return (datetime.fromtimestamp(start_s, UTC) if start_s else datetime.now(UTC)).date()


def with_trading_date(config):
    """The configuration with its trading date fixed, for the life of a fabric."""
    return structs.replace(config, run=structs.replace(config.run, trading_date=trading_date(config)))
