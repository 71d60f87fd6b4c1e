"""Client to venue, whole messages: decode by type, encode by the event's `kind`."""

from procs.wire.big_endian import has_room
from procs.wire.codes import WIRE_NO_ROOM, WIRE_OK, WIRE_UNKNOWN_TYPE, WIRE_WRONG_SIZE
from procs.wire.ouch.account_query import encode_account_query
from procs.wire.ouch.appendage import decode_appendage
from procs.wire.ouch.cancel import decode_cancel, encode_cancel
from procs.wire.ouch.enter import decode_enter, encode_enter
from procs.wire.ouch.entry_switch import decode_entry_switch, encode_entry_switch
from procs.wire.ouch.event import (
    OUCH_ACCOUNT_QUERY,
    OUCH_CANCEL,
    OUCH_DISABLE_ENTRY,
    OUCH_ENABLE_ENTRY,
    OUCH_ENTER,
    OUCH_MASS_CANCEL,
    OUCH_MODIFY,
    OUCH_REPLACE,
)
from procs.wire.ouch.mass_cancel import decode_mass_cancel, encode_mass_cancel
from procs.wire.ouch.modify import decode_modify, encode_modify
from procs.wire.ouch.parts import clear_event
from procs.wire.ouch.replace import decode_replace, encode_replace
from procs.wire.ouch.sizes import OUCH_INBOUND_FIXED
from shm.jit import hot


@hot
def decode_ouch_inbound(buf, offset, size, event):
    """Decode the client's message of `size` bytes at `offset` into `event`, an OUCH_EVENT row.

    Returns WIRE_OK or a negative code, after which `event` holds nothing usable.
    """
    if size < 1:
        return WIRE_WRONG_SIZE
    if not has_room(buf, offset, size):
        return WIRE_NO_ROOM
    kind = buf[offset]
    fixed = OUCH_INBOUND_FIXED[kind]
    if fixed == 0:
        return WIRE_UNKNOWN_TYPE
    if size < fixed:
        return WIRE_WRONG_SIZE
    clear_event(event)
    event["kind"] = kind
    code = decode_appendage(buf, offset, fixed, size, event)
    if code != WIRE_OK:
        return code
    if kind == OUCH_ENTER:
        return decode_enter(buf, offset, event)
    if kind == OUCH_REPLACE:
        return decode_replace(buf, offset, event)
    if kind == OUCH_CANCEL:
        return decode_cancel(buf, offset, event)
    return _decode_rare(kind, buf, offset, event)


@hot
def _decode_rare(kind, buf, offset, event):
    if kind == OUCH_MODIFY:
        return decode_modify(buf, offset, event)
    if kind == OUCH_MASS_CANCEL:
        return decode_mass_cancel(buf, offset, event)
    if kind == OUCH_DISABLE_ENTRY or kind == OUCH_ENABLE_ENTRY:
        return decode_entry_switch(buf, offset, event)
    return WIRE_OK  # the account query is its letter


@hot
def encode_ouch_inbound(buf, offset, event):
    """Write the client's message at `offset`. Returns the size or a negative code."""
    kind = event["kind"]
    if kind == OUCH_ENTER:
        return encode_enter(buf, offset, event)
    if kind == OUCH_REPLACE:
        return encode_replace(buf, offset, event)
    if kind == OUCH_CANCEL:
        return encode_cancel(buf, offset, event)
    if kind == OUCH_ACCOUNT_QUERY:
        return encode_account_query(buf, offset)
    return _encode_rare(kind, buf, offset, event)


@hot
def _encode_rare(kind, buf, offset, event):
    if kind == OUCH_MODIFY:
        return encode_modify(buf, offset, event)
    if kind == OUCH_MASS_CANCEL:
        return encode_mass_cancel(buf, offset, event)
    if kind == OUCH_DISABLE_ENTRY or kind == OUCH_ENABLE_ENTRY:
        return encode_entry_switch(buf, offset, kind, event)
    return WIRE_UNKNOWN_TYPE
