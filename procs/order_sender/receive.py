"""Receive: the venue's bytes, cut into packets, counted, decoded, answered. Any cut of the stream gives the same."""

from procs.order_sender.answers import answer
from procs.order_sender.desk import (
    FRAME_ROW_BYTES,
    PHASE_DOWN,
    PHASE_REPLAYING,
    SWEEP_EVIDENCE,
    WORD,
    event_of_wire,
    me_of,
)
from procs.order_sender.reports import ROOM_FOR_ONE_MESSAGE, journal_room, settle_orphans
from procs.order_sender.session import (
    LOST_CLOSED,
    LOST_ENDED,
    LOST_MALFORMED,
    LOST_OVERRUN,
    give_up,
    journal_session,
    start_sweep,
)
from procs.wire.codes import WIRE_OK, WIRE_SKIPPED, WIRE_UNKNOWN_TYPE
from procs.wire.ouch.event import OUCH_ACCOUNT_REPLY
from procs.wire.ouch.outbound import decode_ouch_outbound
from procs.wire.soupbintcp.packet import (
    SOUP_DEBUG,
    SOUP_END_OF_SESSION,
    SOUP_HEAD_BYTES,
    SOUP_SEQUENCED,
    SOUP_SERVER_HEARTBEAT,
    SOUP_UNSEQUENCED,
    soup_next,
    soup_type,
)
from shm.atomics import copy_bytes, record_at
from shm.counters import SENDER_HEARTBEATS, SENDER_MALFORMED
from shm.error_log import ERROR_SENDER_MALFORMED
from shm.instance import count, note_error
from shm.jit import hot
from shm.records.frame import FRAME, FRAME_BYTES, FRAME_FLAG_CLOSED
from shm.records.session_entry import SESSION_PASSED, SESSION_QUERY_ANSWERED

STOP = 0  # the journal is full: the packet stays
TAKEN = 1


@hot
def _malformed(desk, code, now_ns):
    count(me_of(desk), SENDER_MALFORMED, 1)
    note_error(me_of(desk), ERROR_SENDER_MALFORMED, code, desk["venue_seq"])
    give_up(desk, LOST_MALFORMED, now_ns)


@hot
def _sequenced(desk, received, start, size, ack_stamp_ns, now_ns):
    """One numbered message: applied and journalled exactly once. Returns TAKEN or STOP."""
    settle_orphans(desk, now_ns)
    if desk["orphan"] >= 0 or journal_room(desk, ROOM_FOR_ONE_MESSAGE) == 0:
        return STOP
    event = event_of_wire(desk)
    code = decode_ouch_outbound(received, start + SOUP_HEAD_BYTES, size - SOUP_HEAD_BYTES, event)
    if code != WIRE_OK and code != WIRE_SKIPPED:
        _malformed(desk, code, now_ns)
        return TAKEN
    venue_seq = desk["venue_seq"] + 1
    if code == WIRE_OK and event["kind"] == OUCH_ACCOUNT_REPLY:
        desk["venue_seq"] = venue_seq
        journal_session(desk, SESSION_QUERY_ANSWERED, event["user_ref_num"], venue_seq, now_ns)
        if desk["phase"] == PHASE_REPLAYING:
            desk["next_ref_num"] = event["user_ref_num"]
            start_sweep(desk, SWEEP_EVIDENCE)
        return TAKEN
    if code == WIRE_SKIPPED or answer(desk, event, ack_stamp_ns, now_ns) == 0:
        desk["venue_seq"] = venue_seq
        journal_session(desk, SESSION_PASSED, event["kind"], venue_seq, now_ns)
    settle_orphans(desk, now_ns)
    return TAKEN


@hot
def _packet(desk, received, start, size, ack_stamp_ns, now_ns):
    """One packet. Returns TAKEN or STOP."""
    kind = soup_type(received, start)
    if kind == SOUP_SEQUENCED:
        return _sequenced(desk, received, start, size, ack_stamp_ns, now_ns)
    if kind == SOUP_SERVER_HEARTBEAT:
        count(me_of(desk), SENDER_HEARTBEATS, 1)
    elif kind == SOUP_END_OF_SESSION:
        give_up(desk, LOST_ENDED, now_ns)
    elif kind != SOUP_DEBUG and kind != SOUP_UNSEQUENCED:
        _malformed(desk, WIRE_UNKNOWN_TYPE, now_ns)
    return TAKEN


@hot
def take_packets(desk, received, ack_stamp_ns, now_ns):
    """Handle every whole packet in the receive buffer and keep the rest. Returns packets handled."""
    start = 0
    handled = 0
    while desk["phase"] != PHASE_DOWN:
        size = soup_next(received, start, desk["received_to"])
        if size < 0:
            _malformed(desk, size, now_ns)
            break
        if size == 0 or _packet(desk, received, start, size, ack_stamp_ns, now_ns) == STOP:
            break
        handled += 1
        start += size
    if start > 0 and desk["phase"] != PHASE_DOWN:
        left = desk["received_to"] - start
        for i in range(left):
            received[i] = received[start + i]
        desk["received_to"] = left
    return handled


@hot
def _append(desk, row, size):
    """Put the bytes of an incoming frame behind what is there. Returns 0 when they do not fit."""
    if size < 0 or desk["received_to"] + size > desk["received_bytes"]:
        return 0
    copy_bytes(desk["received_addr"] + desk["received_to"], desk["bytes_in_addr"] + row * FRAME_BYTES, size)
    desk["received_to"] += size
    return 1


@hot
def receive(desk, received, now_ns):
    """Take what poll_in brought. Returns frames and packets handled."""
    count_in = record_at(desk["frames_in_count_addr"], WORD)
    work = 0
    if desk["received_to"] > 0 and count_in["value"] == 0:  # left over from the login, or from a full journal
        work += take_packets(desk, received, desk["heard_stamp_ns"], now_ns)
    for row in range(count_in["value"]):
        work += 1
        frame = record_at(desk["frames_in_addr"] + row * FRAME_ROW_BYTES, FRAME)
        if desk["phase"] == PHASE_DOWN:
            break
        if frame["flags"] & FRAME_FLAG_CLOSED:
            give_up(desk, LOST_CLOSED, now_ns)
            break
        desk["heard_stamp_ns"] = frame["stamp_ns"]
        if _append(desk, row, frame["size"]) == 0:
            give_up(desk, LOST_OVERRUN, now_ns)
            break
        work += take_packets(desk, received, frame["stamp_ns"], now_ns)
    count_in["value"] = 0
    return work
