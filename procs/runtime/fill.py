"""Fill: the rows that the fabric step writes from the configuration before any role starts: instruments and limits."""

import numpy as np

from shm.records.instrument import INSTRUMENT
from shm.records.limits import LIMIT_NONE, LIMITS

MS = 1_000_000
UNLIMITED = tuple(
    name
    for name in LIMITS.names
    if name not in ("version", "reserved")  # a scope that has no such limit says so aloud
)


def instrument_rows(config) -> np.ndarray:
    """INSTRUMENT[n] by instrument_id. Locate and trading state stay 0 until the venue's directory names them."""
    rows = np.zeros(len(config.instruments), INSTRUMENT)
    for row, instrument in zip(rows, config.instruments, strict=True):
        row["symbol"] = instrument.symbol.encode()
        row["currency"] = instrument.currency.encode()
        for field in ("quote_tick_ticks", "lot_lots", "price_ticks_max", "multiplier", "price_tick_micro"):
            row[field] = getattr(instrument, field)
    rows["instrument_id"] = np.arange(len(rows))
    return rows


def limit_rows(config) -> np.ndarray:
    """LIMITS[instruments + strategies + 1]: instrument rows, strategy rows in topology order, the firm's row.

    The row of an instrument that nobody configured stays zero: it rejects everything.
    """
    strategies = [instance.name for instance in config.topology.of_role("strategy")]
    rows = np.zeros(len(config.instruments) + len(strategies) + 1, LIMITS)
    for name in UNLIMITED:
        rows[name] = LIMIT_NONE
    for row, instrument in zip(rows, config.instruments, strict=False):
        if not instrument.configured:
            for name in UNLIMITED:
                row[name] = 0
            continue
        held = config.limits.instruments[instrument.symbol]
        for field in ("qty_lots_max", "notional_micro_max", "collar_bps", "position_lots_max", "open_orders_max"):
            row[field] = getattr(held, field)
        row["age_ns_max"] = held.age_ms_max * MS
        row["channel_silence_ns_max"] = held.channel_silence_ms_max * MS
    for row, name in zip(rows[len(config.instruments) :], strategies, strict=False):
        held = config.limits.strategies[name]
        for field in ("strategy_lots_max", "open_orders_max", "rate_orders_max"):
            row[field] = getattr(held, field)
        row["rate_window_ns"] = held.rate_window_ms * MS
    firm = config.limits.firm
    rows[-1]["open_orders_max"] = firm.open_orders_max
    rows[-1]["rate_orders_max"] = firm.rate_orders_max
    rows[-1]["rate_window_ns"] = firm.rate_window_ms * MS
    rows["version"] = 1
    return rows
