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
from shm.failpoint import failpoint
from shm.failpoints import FP_MESSAGE_DECODED, FP_QUERY_ANSWERED
from shm.instance import count, note_error
from shm.jit import hot
from shm.records.frame import FRAME, FRAME_BYTES, FRAME_FLAG_CLOSED
from shm.records.session_entry import SESSION_PASSED, SESSION_QUERY_ANSWERED

STOP = 0  # the journal is full: the packet stays
TAKEN = 1


@hot
def _sequenced(desk, received, start, size, ack_stamp_ns, now_ns):
    """One numbered message: applied and journalled exactly once. Returns TAKEN, STOP, or a codec's negative code."""
    settle_orphans(desk, now_ns)
    if desk["orphan"] >= 0 or journal_room(desk, ROOM_FOR_ONE_MESSAGE) == 0:
        return STOP
    event = event_of_wire(desk)
    code = decode_ouch_outbound(received, start + SOUP_HEAD_BYTES, size - SOUP_HEAD_BYTES, event)
    if code != WIRE_OK and code != WIRE_SKIPPED:
        return code
    failpoint(FP_MESSAGE_DECODED)
    if code == WIRE_OK and event["kind"] != OUCH_ACCOUNT_REPLY:
        if answer(desk, received, event, ack_stamp_ns, now_ns) == 1:
            return TAKEN
    kind, detail = SESSION_PASSED, event["kind"]
    if code == WIRE_OK and event["kind"] == OUCH_ACCOUNT_REPLY:
        kind, detail = SESSION_QUERY_ANSWERED, event["user_ref_num"]
        if desk["phase"] == PHASE_REPLAYING:
            failpoint(FP_QUERY_ANSWERED)
            desk["next_ref_num"] = event["user_ref_num"]
            start_sweep(desk, SWEEP_EVIDENCE)
    desk["venue_seq"] += 1
    journal_session(desk, kind, detail, desk["venue_seq"], now_ns)
    return TAKEN


@hot
def _take_frame(desk, row):
    """Put the bytes of an incoming frame behind what is there. Returns 0, or LOST_*."""
    frame = record_at(desk["frames_in_addr"] + row * FRAME_ROW_BYTES, FRAME)
    size = frame["size"]
    if frame["flags"] & FRAME_FLAG_CLOSED:
        return LOST_CLOSED
    if size < 0 or size > FRAME_BYTES or desk["received_to"] + size > desk["received_bytes"]:
        return LOST_OVERRUN
    desk["heard_stamp_ns"] = frame["stamp_ns"]
    copy_bytes(desk["received_addr"] + desk["received_to"], desk["bytes_in_addr"] + row * FRAME_BYTES, size)
    desk["received_to"] += size
    return 0


@hot
def _keep_rest(desk, received, start):
    """Bytes from `start` on become the first of the receive buffer."""
    left = desk["received_to"] - start
    for i in range(left):
        received[i] = received[start + i]
    desk["received_to"] = left


@hot
def receive(desk, received, now_ns):
    """Take what poll_in brought, and every whole packet that it completes. Returns frames and packets handled."""
    count_in = record_at(desk["frames_in_count_addr"], WORD)
    rows = count_in["value"]
    count_in["value"] = 0
    if desk["phase"] == PHASE_DOWN:
        return 0
    work = 0
    lost = 0
    code = 0
    for row in range(-1, rows):  # row -1: left over from the login, or from a full journal
        if row >= 0:
            lost = _take_frame(desk, row)
        start = 0
        while lost == 0:
            code = soup_next(received, start, desk["received_to"])
            if code <= 0:
                break
            size = code
            kind = soup_type(received, start)
            if kind == SOUP_SEQUENCED:
                code = _sequenced(desk, received, start, size, desk["heard_stamp_ns"], now_ns)
                if code <= 0:
                    break
            elif kind == SOUP_SERVER_HEARTBEAT:
                count(me_of(desk), SENDER_HEARTBEATS, 1)
            elif kind == SOUP_END_OF_SESSION:
                lost = LOST_ENDED
            elif kind != SOUP_DEBUG and kind != SOUP_UNSEQUENCED:
                code = WIRE_UNKNOWN_TYPE
                break
            start += size
            work += 1
        if code < 0:
            lost = LOST_MALFORMED
            count(me_of(desk), SENDER_MALFORMED, 1)
            note_error(me_of(desk), ERROR_SENDER_MALFORMED, code, desk["venue_seq"])
        if lost != 0:
            give_up(desk, lost, now_ns)
            break
        if start > 0:
            _keep_rest(desk, received, start)
    return work + rows
