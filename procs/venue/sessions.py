"""Sessions: SoupBinTCP 3.0 on the venue's side. Bytes of connections in, OUCH requests out, answers on their way.

A connection must log in first; wrong name, password, session or number are answered and the connection closed. Its
sequenced stream starts at the number asked for (0: what is new) and is read from the store, so a replay and live
messages are one thing. A second of silence gives a heartbeat; a client silent for CLIENT_SILENCE_NS is dropped. Orders
outlive their connection unless `cancel_on_disconnect` says otherwise.
"""

import numpy as np

from procs.net.port import WORD_BYTES_ADDR, let_go, line_fd
from procs.net.replay_wire import close_queue
from procs.net.tcp_kernel import drop_waiting
from procs.venue.book import MEMBERS_MAX
from procs.venue.desk import (
    CONNECTION_CLOSING,
    CONNECTION_FREE,
    CONNECTION_LOGIN,
    CONNECTION_OPEN,
    CONNECTIONS_MAX,
    RECEIVE_BYTES,
)
from procs.venue.store import store_copy, store_seek
from procs.wire.soupbintcp.login import (
    LOGIN_NO_SESSION,
    LOGIN_NOT_AUTHORISED,
    PASSWORD_BYTES,
    SESSION_BYTES,
    USERNAME_BYTES,
    encode_login_accepted,
    encode_login_rejected,
    parse_login_request,
)
from procs.wire.soupbintcp.packet import (
    SOUP_CLIENT_HEARTBEAT,
    SOUP_DEBUG,
    SOUP_HEAD_BYTES,
    SOUP_LOGIN_REQUEST,
    SOUP_LOGOUT,
    SOUP_SERVER_HEARTBEAT,
    SOUP_UNSEQUENCED,
    encode_soup_empty,
    soup_next,
    soup_type,
)
from shm.atomics import copy_bytes
from shm.counters import VENUE_MALFORMED
from shm.instance import count
from shm.jit import hot
from shm.records.frame import FRAME_BYTES, FRAME_FLAG_CLOSED

HEARTBEAT_NS = 1_000_000_000
CLIENT_SILENCE_NS = 15_000_000_000
LOGIN_NS = 10_000_000_000  # a connection that does not log in within this time is closed
SPACE = ord(" ")

assert FRAME_BYTES * 2 <= RECEIVE_BYTES


@hot
def _connected(port, line):
    """1 while a socket, or the queue of a wire in memory, stands behind a line."""
    return line_fd(port, line) >= 0 or port.queues[line] != 0


@hot
def _open_connection(desk, out, line, at_ns):
    connection = desk["connections"][line]
    connection["state"] = CONNECTION_LOGIN
    connection["member"] = 0
    connection["used"] = 0
    connection["taken"] = 0
    connection["heard_ns"] = at_ns
    connection["sent_ns"] = at_ns
    connection["begun_ns"] = at_ns
    drop_waiting(out, line)


@hot
def _lose(desk, inward, out, line):
    """Forget a connection: its descriptor is let go of, its member is offline."""
    connection = desk["connections"][line]
    member = connection["member"]
    let_go(inward, line)
    let_go(out, line)
    if out.queues[line] != 0:  # a wire in memory: the other end hears of it as a client would
        close_queue(out.queues[line])
    inward.queues[line] = 0
    out.queues[line] = 0
    drop_waiting(out, line)
    connection["state"] = CONNECTION_FREE
    connection["member"] = 0
    if member > 0 and desk["members"][member]["connection"] == line:
        desk["members"][member]["connection"] = -1
        desk["members"][member]["lost"] = 1


@hot
def _member_of(desk):
    """Member whose name and password were asked with, or 0. Looks at every byte of every row."""
    found = 0
    for member in range(1, MEMBERS_MAX + 1):
        differs = 0
        for i in range(USERNAME_BYTES):
            differs |= int(desk["asked_username"][i]) ^ int(desk["usernames"][member, i])
        for i in range(PASSWORD_BYTES):
            differs |= int(desk["asked_password"][i]) ^ int(desk["passwords"][member, i])
        if differs == 0 and desk["members"][member]["enabled"]:
            found = member
    return found


@hot
def _session_fits(desk):
    """1 if the session asked for is blank or ours."""
    blank, same = 1, 1
    for i in range(SESSION_BYTES):
        letter = desk["asked_session"][i]
        blank = blank if letter == SPACE else 0
        same = same if letter == desk["session"][i] else 0
    return blank or same


@hot
def _refuse(desk, out, line, reason):
    out.frames[line]["size"] += encode_login_rejected(out.frame_bytes[line], out.frames[line]["size"], reason)
    desk["connections"][line]["state"] = CONNECTION_CLOSING


@hot
def _log_in(desk, store, out, line, offset, size):
    """Answer a login request. Returns the packet code: negative when it was malformed."""
    buf = desk["received"][line]
    asked = parse_login_request(
        buf, offset, size, desk["asked_username"], desk["asked_password"], desk["asked_session"]
    )
    if asked < 0:
        return asked
    member = _member_of(desk)
    if member == 0:
        _refuse(desk, out, line, LOGIN_NOT_AUTHORISED)
        return 1
    words = store["words"][member]
    if _session_fits(desk) == 0 or asked > words["count"] + 1:
        _refuse(desk, out, line, LOGIN_NO_SESSION)
        return 1
    old = desk["members"][member]["connection"]
    if old >= 0 and old != line:
        desk["connections"][old]["state"] = CONNECTION_CLOSING
        desk["connections"][old]["member"] = 0
    desk["members"][member]["connection"] = line
    desk["members"][member]["logins"] += 1
    desk["connections"][line]["member"] = member
    desk["connections"][line]["state"] = CONNECTION_OPEN
    _start_stream(store, member, desk["cursors"][line], asked)
    next_seq = desk["cursors"][line]["next_seq"]
    out.frames[line]["size"] += encode_login_accepted(
        out.frame_bytes[line], out.frames[line]["size"], desk["session"], next_seq
    )
    return 1


@hot
def _start_stream(store, member, cursor, asked):
    """Point a connection's cursor at the message asked for, or at the end of the stream."""
    if store_seek(store, member, cursor, asked) == 0:
        words = store["words"][member]
        cursor["next_seq"] = words["count"] + 1
        cursor["chunk"] = words["chunk"]
        cursor["offset"] = words["used"]


@hot
def _take_packet(desk, store, out, line, offset, size):
    """One whole packet that is not an order request. Returns a negative code when it was malformed."""
    connection = desk["connections"][line]
    kind = soup_type(desk["received"][line], offset)
    if kind == SOUP_CLIENT_HEARTBEAT or kind == SOUP_DEBUG:
        return 1
    if kind == SOUP_LOGOUT:
        connection["state"] = CONNECTION_CLOSING
        return 1
    if connection["state"] == CONNECTION_LOGIN and kind == SOUP_LOGIN_REQUEST:
        return _log_in(desk, store, out, line, offset, size)
    return -1


@hot
def next_request(desk, store, me, out, line):
    """Offset of the next OUCH request in the bytes received on a line (`request_bytes` long), or 0 when none is whole.

    Deals with every other packet on the way. A stream that cannot be followed any further is closed.
    """
    connection = desk["connections"][line]
    buf = desk["received"][line]
    while connection["state"] == CONNECTION_LOGIN or connection["state"] == CONNECTION_OPEN:
        start = connection["taken"]
        size = soup_next(buf, start, connection["used"])
        if size == 0:
            break
        if size < 0:
            count(me, VENUE_MALFORMED, 1)
            connection["state"] = CONNECTION_CLOSING
            break
        connection["taken"] = start + size
        if connection["state"] == CONNECTION_OPEN and soup_type(buf, start) == SOUP_UNSEQUENCED:
            connection["request_bytes"] = size - SOUP_HEAD_BYTES
            return start + SOUP_HEAD_BYTES
        if _take_packet(desk, store, out, line, start, size) < 0:
            count(me, VENUE_MALFORMED, 1)
    taken = connection["taken"]
    for i in range(taken, connection["used"]):  # less than one packet, rarely anything at all
        buf[i - taken] = buf[i]
    connection["used"] -= taken
    connection["taken"] = 0
    return 0


@hot
def receive_bytes(desk, me, inward, out):
    """Append every frame that came from connections to what is held of their streams. Returns the frames."""
    frames = inward.count[0]
    for row in range(frames):
        frame = inward.frames[row]
        line = np.int64(frame["line"])
        if line < 0 or line >= CONNECTIONS_MAX:
            continue
        connection = desk["connections"][line]
        if np.int64(frame["flags"]) & FRAME_FLAG_CLOSED:
            _lose(desk, inward, out, line)
            continue
        if connection["state"] == CONNECTION_FREE:
            _open_connection(desk, out, line, frame["stamp_ns"])
        connection["heard_ns"] = frame["stamp_ns"]
        size = frame["size"]
        if size < 0 or connection["used"] + size > RECEIVE_BYTES:
            count(me, VENUE_MALFORMED, 1)
            connection["state"] = CONNECTION_CLOSING
            continue
        target_addr = desk["words"]["receive_addr"] + line * RECEIVE_BYTES + connection["used"]
        copy_bytes(target_addr, inward.words[WORD_BYTES_ADDR] + row * FRAME_BYTES, size)
        connection["used"] += size
    inward.count[0] = 0
    return frames


@hot
def tend_connections(desk, store, inward, out, at_ns):
    """Streams, heartbeats, timeouts, ends. Returns the bytes put on the way."""
    total = 0
    for line in range(CONNECTIONS_MAX):
        connection = desk["connections"][line]
        state = connection["state"]
        if state == CONNECTION_FREE:
            if _connected(inward, line):
                _open_connection(desk, out, line, at_ns)
            continue
        if state == CONNECTION_CLOSING:
            if out.frames[line]["size"] == out.taken[line] or _connected(out, line) == 0:
                _lose(desk, inward, out, line)
            continue
        if _timed_out(connection, at_ns):
            _lose(desk, inward, out, line)
            continue
        if state == CONNECTION_OPEN:
            total += _fill(desk, store, out, line, at_ns)
    return total


@hot
def _timed_out(connection, at_ns):
    if connection["state"] == CONNECTION_LOGIN:
        return at_ns - connection["begun_ns"] > LOGIN_NS
    return at_ns - connection["heard_ns"] > CLIENT_SILENCE_NS


@hot
def _fill(desk, store, out, line, at_ns):
    """Move what fits from the member's stream into the transmit frame; a heartbeat when there was nothing for long."""
    connection = desk["connections"][line]
    frame = out.frames[line]
    used = frame["size"]
    target = out.words[WORD_BYTES_ADDR] + line * FRAME_BYTES + used
    size = store_copy(store, connection["member"], desk["cursors"][line], target, FRAME_BYTES - used, 1 << 30)
    if size == 0 and used == 0 and at_ns - connection["sent_ns"] >= HEARTBEAT_NS:
        size = encode_soup_empty(out.frame_bytes[line], 0, SOUP_SERVER_HEARTBEAT)
    if size > 0:
        frame["size"] = used + size
        connection["sent_ns"] = at_ns
    return size
