"""Fill: the rows that the fabric step writes from the configuration before any role starts: instruments and limits."""

import numpy as np

from config.trading_date import trading_date
from procs.runtime.desks import desk_names
from shm.codes import (
    EXERCISE_AMERICAN,
    EXERCISE_EUROPEAN,
    KIND_EQUITY,
    KIND_FUTURE,
    KIND_OPTION,
    OPTION_CALL,
    OPTION_PUT,
    PERMIT_BUY,
    PERMIT_SELL,
    PERMIT_SHORT,
    SELF_TRADE_CANCEL,
    SELF_TRADE_REJECT,
)
from shm.records.instrument import INSTRUMENT
from shm.records.limits import LIMIT_NONE, LIMITS

MS = 1_000_000
KINDS = {"equity": KIND_EQUITY, "future": KIND_FUTURE, "option": KIND_OPTION}
OPTION_TYPES = {"": 0, "call": OPTION_CALL, "put": OPTION_PUT}
EXERCISES = {"": 0, "european": EXERCISE_EUROPEAN, "american": EXERCISE_AMERICAN}
PERMITS = {"buy": PERMIT_BUY, "sell": PERMIT_SELL, "short": PERMIT_SHORT}
SELF_TRADES = {"reject": SELF_TRADE_REJECT, "cancel": SELF_TRADE_CANCEL}
UNLIMITED = tuple(
    name
    for name in LIMITS.names
    if name not in ("version", "expires_ns", "standing_row", "reserved")  # a scope that has no such limit says so aloud
)


def instrument_rows(config) -> np.ndarray:
    """INSTRUMENT[n] by instrument_id. Locate and trading state stay 0 until the venue's directory names them."""
    rows, day = np.zeros(len(config.instruments), INSTRUMENT), trading_date(config)
    for row, instrument in zip(rows, config.instruments, strict=True):
        row["symbol"] = instrument.symbol.encode()
        row["currency"] = instrument.currency.encode()
        for field in ("quote_tick_ticks", "lot_lots", "price_ticks_max", "multiplier", "price_tick_micro"):
            row[field] = getattr(instrument, field)
        for band, held in enumerate(instrument.bands_on(day)):
            row["band_from_ticks"][band], row["band_tick_ticks"][band] = held.price_from_ticks, held.quote_tick_ticks
    rows["instrument_id"] = np.arange(len(rows))
    _fill_contracts(rows, config.instruments)
    return rows


def _fill_contracts(rows, instruments) -> None:
    """What each instrument is: an underlying names its own row."""
    ids = {instrument.symbol: row for row, instrument in enumerate(instruments)}
    for row, instrument in enumerate(instruments):
        held = rows[row]
        held["kind"] = KINDS[instrument.kind]
        held["option_type"] = OPTION_TYPES[instrument.option_type]
        held["exercise"] = EXERCISES[instrument.exercise]
        held["strike_ticks"] = instrument.strike_ticks
        held["underlying_id"] = ids.get(instrument.underlying, row)
        if instrument.expires is not None:
            held["expiry_ns"] = int(instrument.expires.timestamp()) * 1_000_000_000


def fill_limits(row, held) -> None:
    """Copy what a configured scope limits; milliseconds become nanoseconds, "none" LIMIT_NONE."""
    for name in LIMITS.names:
        value = getattr(held, name.replace("_ns", "_ms"), None)
        if name == "permitted" and value is not None:
            row[name] = sum({PERMITS[word] for word in value})
        elif name == "self_trade" and value is not None:
            row[name] = SELF_TRADES[value]
        elif value is not None:
            row[name] = LIMIT_NONE if value == "none" else value * (MS if "_ns" in name else 1)


def limit_rows(config) -> np.ndarray:
    """LIMITS[instruments + desks + 1]: instrument rows, strategy rows in topology order, the house's row, the firm's.

    The row of an instrument that nobody configured stays zero, and so does the house's: it rejects everything.
    """
    *strategies, _ = desks = desk_names(config)
    rows = np.zeros(len(config.instruments) + len(desks) + 1, LIMITS)
    for name in UNLIMITED:
        rows[name] = LIMIT_NONE
    for row, instrument in zip(rows, config.instruments, strict=False):
        if not instrument.configured:
            for name in LIMITS.names:
                row[name] = 0
            continue
        fill_limits(row, config.limits.instruments[instrument.symbol])
        row["fx_ppm"] = config.limits.fx_ppm.get(instrument.currency, 0)
    for row, name in zip(rows[len(config.instruments) :], strategies, strict=False):
        fill_limits(row, config.limits.strategies[name])
    fill_limits(rows[-1], config.limits.firm)
    for name in LIMITS.names:
        rows[-2][name] = 0
    rows["version"] = 1
    return rows
