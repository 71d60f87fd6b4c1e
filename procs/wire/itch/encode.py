"""Encode any ITCH 5.0 message that is decoded here, by the event's `kind`."""

from procs.wire.codes import WIRE_UNKNOWN_TYPE
from procs.wire.itch.add import encode_add, encode_add_attributed
from procs.wire.itch.directory import encode_directory
from procs.wire.itch.event import (
    ITCH_ADD,
    ITCH_ADD_ATTRIBUTED,
    ITCH_CANCEL,
    ITCH_DELETE,
    ITCH_DIRECTORY,
    ITCH_EXECUTED,
    ITCH_EXECUTED_PRICE,
    ITCH_REPLACE,
    ITCH_SYSTEM,
    ITCH_TRADE,
    ITCH_TRADING_ACTION,
)
from procs.wire.itch.executed import encode_executed, encode_executed_price
from procs.wire.itch.reduce import encode_cancel, encode_delete
from procs.wire.itch.replace import encode_replace
from procs.wire.itch.system import encode_system
from procs.wire.itch.trade import encode_trade
from procs.wire.itch.trading_action import encode_trading_action
from shm.jit import hot


@hot
def encode_itch(buf, offset, event):
    """Write `event` at `offset`. Returns the size or a negative code; nothing of use is written on a code."""
    kind = event["kind"]
    if kind == ITCH_ADD:
        return encode_add(buf, offset, event)
    if kind == ITCH_ADD_ATTRIBUTED:
        return encode_add_attributed(buf, offset, event)
    if kind == ITCH_EXECUTED:
        return encode_executed(buf, offset, event)
    if kind == ITCH_EXECUTED_PRICE:
        return encode_executed_price(buf, offset, event)
    if kind == ITCH_CANCEL:
        return encode_cancel(buf, offset, event)
    if kind == ITCH_DELETE:
        return encode_delete(buf, offset, event)
    if kind == ITCH_REPLACE:
        return encode_replace(buf, offset, event)
    if kind == ITCH_TRADE:
        return encode_trade(buf, offset, event)
    if kind == ITCH_SYSTEM:
        return encode_system(buf, offset, event)
    if kind == ITCH_DIRECTORY:
        return encode_directory(buf, offset, event)
    if kind == ITCH_TRADING_ACTION:
        return encode_trading_action(buf, offset, event)
    return WIRE_UNKNOWN_TYPE
