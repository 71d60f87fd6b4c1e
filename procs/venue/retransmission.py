"""Retransmission server: answers MoldUDP64 requests from the store, each with as many datagrams as it asks for.

A request waits in a small table and is served a few datagrams a step, so that a late joiner's long request never holds
up the market data itself. A request for what was not sent yet, or from a full table, is dropped: the asker asks again.
"""

import numpy as np

from procs.net.port import WORD_BYTES_ADDR
from procs.venue.market_data import DATAGRAM_BYTES_MAX, STREAM
from procs.venue.store import CURSOR, store_copy, store_keeps, store_seek
from procs.wire.codes import WIRE_OK
from procs.wire.moldudp64.header import (
    MOLD_HEADER_BYTES,
    check_mold_request,
    mold_count,
    mold_sequence,
    mold_session_hi,
    mold_session_lo,
    write_mold_header,
)
from shm.jit import hot
from shm.records.frame import FRAME_BYTES

REQUESTS_MAX = 8
REPLIES_MAX = 8  # datagrams in one step
LINE_REPLIES = 2  # of the datagram port, behind the two multicast lines

WAITING = np.dtype([("peer", "<i8"), ("left", "<i8")])  # whom, and how many messages; 0 is a free row


REQUESTS = np.dtype([("waiting", WAITING, (REQUESTS_MAX,)), ("cursors", CURSOR, (REQUESTS_MAX,))])


@hot
def take_request(requests, tape, store, frame_bytes, size, peer):
    """Note one request datagram. Returns 1 taken, 0 nothing to answer or no room, or a negative WIRE_* code."""
    code = check_mold_request(frame_bytes, size)
    if code != WIRE_OK:
        return code
    words = tape["words"]
    if mold_session_hi(frame_bytes) != words["session_hi"] or mold_session_lo(frame_bytes) != words["session_lo"]:
        return 0
    sequence = mold_sequence(frame_bytes)
    left = min(mold_count(frame_bytes), tape["cursor"]["next_seq"] - sequence)  # nothing that was not sent yet
    if left <= 0:
        return 0
    for row in range(REQUESTS_MAX):
        if requests["waiting"][row]["left"] == 0 and store_seek(store, STREAM, requests["cursors"][row], sequence):
            requests["waiting"][row]["peer"] = peer
            requests["waiting"][row]["left"] = left
            return 1
    return 0


@hot
def send_replies(requests, tape, store, port):
    """Answer waiting requests, round and round, at most REPLIES_MAX datagrams. Returns the datagrams."""
    sent = 0
    for turn in range(REPLIES_MAX):
        at = turn % REQUESTS_MAX
        row = port.count[0]
        if requests["waiting"][at]["left"] == 0 or row >= port.frames.shape[0]:
            continue
        if store_keeps(store, STREAM, requests["cursors"][at]["chunk"]) == 0:
            requests["waiting"][at]["left"] = 0  # its chunk is used again: the asker is told nothing
            continue
        _reply(requests, tape, store, port, at, row)
        port.count[0] = row + 1
        sent += 1
    return sent


@hot
def _reply(requests, tape, store, port, at, row):
    waiting = requests["waiting"][at]
    cursor = requests["cursors"][at]
    first = cursor["next_seq"]
    target = port.words[WORD_BYTES_ADDR] + row * FRAME_BYTES + MOLD_HEADER_BYTES
    size = store_copy(store, STREAM, cursor, target, DATAGRAM_BYTES_MAX - MOLD_HEADER_BYTES, waiting["left"])
    words = tape["words"]
    write_mold_header(port.frame_bytes[row], words["session_hi"], words["session_lo"], first, cursor["copied"])
    waiting["left"] -= cursor["copied"]
    port.frames[row]["line"] = LINE_REPLIES
    port.frames[row]["size"] = MOLD_HEADER_BYTES + size
    port.frames[row]["flags"] = 0
    port.peers[row] = waiting["peer"]
