"""Venue to client, whole messages: decode by type, encode by the event's `kind`."""

from procs.wire.big_endian import has_room
from procs.wire.codes import WIRE_NO_ROOM, WIRE_OK, WIRE_UNKNOWN_TYPE, WIRE_WRONG_SIZE
from procs.wire.ouch.accepted import decode_accepted, decode_replaced, encode_accepted, encode_replaced
from procs.wire.ouch.account_query import encode_account_reply
from procs.wire.ouch.appendage import decode_appendage
from procs.wire.ouch.broken import decode_broken, encode_broken
from procs.wire.ouch.cancel_answer import encode_cancel_pending, encode_cancel_reject
from procs.wire.ouch.canceled import (
    AIQ_CANCELED_SHORT_BYTES,
    decode_aiq_canceled,
    decode_canceled,
    encode_aiq_canceled,
    encode_canceled,
)
from procs.wire.ouch.correction import decode_correction, encode_correction
from procs.wire.ouch.entry_switch import decode_entry_switch_reply, encode_entry_switch_reply
from procs.wire.ouch.event import (
    OUCH_ACCEPTED,
    OUCH_ACCOUNT_REPLY,
    OUCH_AIQ_CANCELED,
    OUCH_BROKEN,
    OUCH_CANCEL_PENDING,
    OUCH_CANCEL_REJECT,
    OUCH_CANCELED,
    OUCH_CORRECTION,
    OUCH_DISABLE_ENTRY_REPLY,
    OUCH_ENABLE_ENTRY_REPLY,
    OUCH_EXECUTED,
    OUCH_MASS_CANCEL_REPLY,
    OUCH_MODIFIED,
    OUCH_PRIORITY,
    OUCH_REJECTED,
    OUCH_REPLACED,
    OUCH_RESTATED,
    OUCH_SYSTEM,
)
from procs.wire.ouch.executed import decode_executed, encode_executed
from procs.wire.ouch.mass_cancel import decode_mass_cancel_reply, encode_mass_cancel_reply
from procs.wire.ouch.modified import decode_modified, encode_modified
from procs.wire.ouch.parts import clear_event, decode_head
from procs.wire.ouch.priority import decode_priority, encode_priority
from procs.wire.ouch.rejected import decode_rejected, encode_rejected
from procs.wire.ouch.restated import decode_restated, encode_restated
from procs.wire.ouch.sizes import OUCH_OUTBOUND_FIXED
from procs.wire.ouch.system import decode_system, encode_system
from shm.jit import hot


@hot
def decode_ouch_outbound(buf, offset, size, event):
    """Decode the venue's message of `size` bytes at `offset` into `event`, an OUCH_EVENT row.

    Returns WIRE_OK or a negative code, after which `event` holds nothing usable.
    """
    if size < 1:
        return WIRE_WRONG_SIZE
    if not has_room(buf, offset, size):
        return WIRE_NO_ROOM
    kind = buf[offset]
    fixed = OUCH_OUTBOUND_FIXED[kind]
    if fixed == 0:
        return WIRE_UNKNOWN_TYPE
    if kind == OUCH_AIQ_CANCELED and size == AIQ_CANCELED_SHORT_BYTES:
        fixed = size
    if size < fixed:
        return WIRE_WRONG_SIZE
    clear_event(event)
    event["kind"] = kind
    code = decode_appendage(buf, offset, fixed, size, event)
    if code != WIRE_OK:
        return code
    if kind == OUCH_ACCEPTED:
        return decode_accepted(buf, offset, event)
    if kind == OUCH_EXECUTED:
        return decode_executed(buf, offset, event)
    if kind == OUCH_CANCELED:
        return decode_canceled(buf, offset, event)
    if kind == OUCH_REPLACED:
        return decode_replaced(buf, offset, event)
    if kind == OUCH_REJECTED:
        return decode_rejected(buf, offset, event)
    return _decode_rare(kind, buf, offset, size, event)


@hot
def _decode_rare(kind, buf, offset, size, event):
    if kind == OUCH_CANCEL_PENDING or kind == OUCH_CANCEL_REJECT or kind == OUCH_ACCOUNT_REPLY:
        return decode_head(buf, offset, event)
    if kind == OUCH_SYSTEM:
        return decode_system(buf, offset, event)
    if kind == OUCH_RESTATED:
        return decode_restated(buf, offset, event)
    if kind == OUCH_PRIORITY:
        return decode_priority(buf, offset, event)
    if kind == OUCH_MODIFIED:
        return decode_modified(buf, offset, event)
    if kind == OUCH_BROKEN:
        return decode_broken(buf, offset, event)
    if kind == OUCH_AIQ_CANCELED:
        return decode_aiq_canceled(buf, offset, size, event)
    return _decode_desk(kind, buf, offset, event)


@hot
def _decode_desk(kind, buf, offset, event):
    if kind == OUCH_CORRECTION:
        return decode_correction(buf, offset, event)
    if kind == OUCH_MASS_CANCEL_REPLY:
        return decode_mass_cancel_reply(buf, offset, event)
    return decode_entry_switch_reply(buf, offset, event)  # the two that are left


@hot
def encode_ouch_outbound(buf, offset, event):
    """Write the venue's message at `offset`. Returns the size or a negative code."""
    kind = event["kind"]
    if kind == OUCH_ACCEPTED:
        return encode_accepted(buf, offset, event)
    if kind == OUCH_EXECUTED:
        return encode_executed(buf, offset, event)
    if kind == OUCH_CANCELED:
        return encode_canceled(buf, offset, event)
    if kind == OUCH_REPLACED:
        return encode_replaced(buf, offset, event)
    if kind == OUCH_REJECTED:
        return encode_rejected(buf, offset, event)
    if kind == OUCH_CANCEL_PENDING:
        return encode_cancel_pending(buf, offset, event)
    if kind == OUCH_CANCEL_REJECT:
        return encode_cancel_reject(buf, offset, event)
    return _encode_rare(kind, buf, offset, event)


@hot
def _encode_rare(kind, buf, offset, event):
    if kind == OUCH_ACCOUNT_REPLY:
        return encode_account_reply(buf, offset, event)
    if kind == OUCH_SYSTEM:
        return encode_system(buf, offset, event)
    if kind == OUCH_RESTATED:
        return encode_restated(buf, offset, event)
    if kind == OUCH_PRIORITY:
        return encode_priority(buf, offset, event)
    if kind == OUCH_MODIFIED:
        return encode_modified(buf, offset, event)
    if kind == OUCH_BROKEN:
        return encode_broken(buf, offset, event)
    if kind == OUCH_AIQ_CANCELED:
        return encode_aiq_canceled(buf, offset, event)
    return _encode_desk(kind, buf, offset, event)


@hot
def _encode_desk(kind, buf, offset, event):
    if kind == OUCH_CORRECTION:
        return encode_correction(buf, offset, event)
    if kind == OUCH_MASS_CANCEL_REPLY:
        return encode_mass_cancel_reply(buf, offset, event)
    if kind == OUCH_DISABLE_ENTRY_REPLY or kind == OUCH_ENABLE_ENTRY_REPLY:
        return encode_entry_switch_reply(buf, offset, kind, event)
    return WIRE_UNKNOWN_TYPE
