"""Receive: the venue's bytes, cut into packets, counted, decoded, answered. Any cut of the stream gives the same."""

from procs.order_sender.answers import answer
from procs.order_sender.desk import PHASE_DOWN, PHASE_REPLAYING, SWEEP_EVIDENCE
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
from shm.counters import SENDER_HEARTBEATS, SENDER_MALFORMED
from shm.error_log import ERROR_SENDER_MALFORMED
from shm.instance import count, note_error
from shm.jit import hot
from shm.records.frame import FRAME_FLAG_CLOSED
from shm.records.session_entry import SESSION_PASSED, SESSION_QUERY_ANSWERED

STOP = 0  # the journal is full: the packet stays
TAKEN = 1


@hot
def _malformed(state, code, now_ns):
    count(state.me[0], SENDER_MALFORMED, 1)
    note_error(state.me[0], ERROR_SENDER_MALFORMED, code, state.desk[0]["venue_seq"])
    give_up(state, LOST_MALFORMED, now_ns)


@hot
def _sequenced(state, start, size, ack_stamp_ns, now_ns):
    """One numbered message: applied and journalled exactly once. Returns TAKEN or STOP."""
    settle_orphans(state, now_ns)
    desk = state.desk[0]
    if desk["orphan"] >= 0 or journal_room(state, ROOM_FOR_ONE_MESSAGE) == 0:
        return STOP
    event = state.event[0]
    code = decode_ouch_outbound(state.received, start + SOUP_HEAD_BYTES, size - SOUP_HEAD_BYTES, event)
    if code != WIRE_OK and code != WIRE_SKIPPED:
        _malformed(state, code, now_ns)
        return TAKEN
    venue_seq = desk["venue_seq"] + 1
    if code == WIRE_OK and event["kind"] == OUCH_ACCOUNT_REPLY:
        desk["venue_seq"] = venue_seq
        journal_session(state, SESSION_QUERY_ANSWERED, event["user_ref_num"], venue_seq, now_ns)
        if desk["phase"] == PHASE_REPLAYING:
            desk["next_ref_num"] = event["user_ref_num"]
            start_sweep(state, SWEEP_EVIDENCE)
        return TAKEN
    if code == WIRE_SKIPPED or answer(state, event, ack_stamp_ns, now_ns) == 0:
        desk["venue_seq"] = venue_seq
        journal_session(state, SESSION_PASSED, event["kind"], venue_seq, now_ns)
    settle_orphans(state, now_ns)
    return TAKEN


@hot
def _packet(state, start, size, ack_stamp_ns, now_ns):
    """One packet. Returns TAKEN or STOP."""
    kind = soup_type(state.received, start)
    if kind == SOUP_SEQUENCED:
        return _sequenced(state, start, size, ack_stamp_ns, now_ns)
    if kind == SOUP_SERVER_HEARTBEAT:
        count(state.me[0], SENDER_HEARTBEATS, 1)
    elif kind == SOUP_END_OF_SESSION:
        give_up(state, LOST_ENDED, now_ns)
    elif kind != SOUP_DEBUG and kind != SOUP_UNSEQUENCED:
        _malformed(state, WIRE_UNKNOWN_TYPE, now_ns)
    return TAKEN


@hot
def take_packets(state, ack_stamp_ns, now_ns):
    """Handle every whole packet in the receive buffer and keep the rest. Returns packets handled."""
    desk = state.desk[0]
    start = 0
    handled = 0
    while desk["phase"] != PHASE_DOWN:
        size = soup_next(state.received, start, desk["received_to"])
        if size < 0:
            _malformed(state, size, now_ns)
            break
        if size == 0 or _packet(state, start, size, ack_stamp_ns, now_ns) == STOP:
            break
        handled += 1
        start += size
    if start > 0 and desk["phase"] != PHASE_DOWN:
        left = desk["received_to"] - start
        for i in range(left):
            state.received[i] = state.received[start + i]
        desk["received_to"] = left
    return handled


@hot
def _append(state, row, size):
    """Put the bytes of an incoming frame behind what is there. Returns 0 when they do not fit."""
    desk = state.desk[0]
    if size < 0 or desk["received_to"] + size > state.received.size:
        return 0
    for i in range(size):
        state.received[desk["received_to"] + i] = state.port_in.frame_bytes[row, i]
    desk["received_to"] += size
    return 1


@hot
def receive(state, now_ns):
    """Take what poll_in brought. Returns frames and packets handled."""
    desk = state.desk[0]
    work = 0
    if desk["received_to"] > 0 and state.port_in.count[0] == 0:  # left over from the login, or from a full journal
        work += take_packets(state, desk["heard_stamp_ns"], now_ns)
    for row in range(state.port_in.count[0]):
        work += 1
        frame = state.port_in.frames[row]
        if desk["phase"] == PHASE_DOWN:
            break
        if frame["flags"] & FRAME_FLAG_CLOSED:
            give_up(state, LOST_CLOSED, now_ns)
            break
        desk["heard_stamp_ns"] = frame["stamp_ns"]
        if _append(state, row, frame["size"]) == 0:
            give_up(state, LOST_OVERRUN, now_ns)
            break
        work += take_packets(state, frame["stamp_ns"], now_ns)
    state.port_in.count[0] = 0
    return work
