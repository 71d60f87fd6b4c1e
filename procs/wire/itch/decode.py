"""Decode any ITCH 5.0 message: type and size first, then the one function that knows the type."""

from procs.wire.big_endian import has_room
from procs.wire.codes import WIRE_NO_ROOM, WIRE_SKIPPED, WIRE_UNKNOWN_TYPE, WIRE_WRONG_SIZE
from procs.wire.itch.add import decode_add, decode_add_attributed
from procs.wire.itch.directory import decode_directory
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
from procs.wire.itch.executed import decode_executed, decode_executed_price
from procs.wire.itch.head import decode_head
from procs.wire.itch.reduce import decode_cancel, decode_delete
from procs.wire.itch.replace import decode_replace
from procs.wire.itch.sizes import ITCH_SIZES
from procs.wire.itch.system import decode_system
from procs.wire.itch.trade import decode_trade
from procs.wire.itch.trading_action import decode_trading_action
from shm.jit import hot


@hot
def decode_itch(buf, offset, size, event):
    """Decode the message of `size` bytes at `offset` into `event`, an ITCH_EVENT row.

    Returns WIRE_OK, WIRE_SKIPPED (head decoded, the type is in the specification but not needed here), or a negative
    code, after which `event` holds nothing usable. Units: price_ticks 1e-4 USD, qty_lots shares.
    """
    if size < 1:
        return WIRE_WRONG_SIZE
    if not has_room(buf, offset, size):
        return WIRE_NO_ROOM
    kind = buf[offset]
    expected = ITCH_SIZES[kind]
    if expected == 0:
        return WIRE_UNKNOWN_TYPE
    if expected != size:
        return WIRE_WRONG_SIZE
    decode_head(buf, offset, event)
    if kind == ITCH_ADD:
        return decode_add(buf, offset, event)
    if kind == ITCH_DELETE:
        return decode_delete(buf, offset, event)
    if kind == ITCH_REPLACE:
        return decode_replace(buf, offset, event)
    if kind == ITCH_EXECUTED:
        return decode_executed(buf, offset, event)
    if kind == ITCH_CANCEL:
        return decode_cancel(buf, offset, event)
    if kind == ITCH_ADD_ATTRIBUTED:
        return decode_add_attributed(buf, offset, event)
    if kind == ITCH_EXECUTED_PRICE:
        return decode_executed_price(buf, offset, event)
    return _decode_rare(kind, buf, offset, event)


@hot
def _decode_rare(kind, buf, offset, event):
    if kind == ITCH_TRADE:
        return decode_trade(buf, offset, event)
    if kind == ITCH_TRADING_ACTION:
        return decode_trading_action(buf, offset, event)
    if kind == ITCH_DIRECTORY:
        return decode_directory(buf, offset, event)
    if kind == ITCH_SYSTEM:
        return decode_system(buf, offset, event)
    return WIRE_SKIPPED
