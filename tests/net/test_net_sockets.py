"""Kernel backends over real sockets of the loopback interface: both multicast lines, streams in pieces, refusals."""

import errno
import select
import socket
import time
from typing import NamedTuple

import numpy as np
import pytest

from procs.net.errors import NoMulticastRoute, NoSuchInterface, PortInUse, VenueUnreachable
from procs.net.port import (
    WORD_DROPPED,
    WORD_ERRORS,
    WORD_LAST_ERRNO,
    WORD_TRUNCATED,
    FramePort,
    hand_over,
    open_port,
    take_back,
)
from procs.net.sockets import (
    accept_waiting,
    open_multicast_receiver,
    open_multicast_sender,
    open_tcp_connection,
    open_tcp_listener,
    open_udp_client,
    open_udp_server,
    peer_word,
)
from procs.net.tcp_kernel import drop_waiting
from procs.net.tcp_kernel import poll_in as tcp_poll_in
from procs.net.tcp_kernel import poll_out as tcp_poll_out
from procs.net.udp_kernel import poll_in as udp_poll_in
from procs.net.udp_kernel import poll_out as udp_poll_out
from shm.records.frame import FRAME_BYTES, FRAME_FLAG_CLOSED, FRAME_FLAG_TRUNCATED
from shm.scratch import scratch_me

LOOPBACK = "127.0.0.1"
DEADLINE_S = 5.0


class Ends(NamedTuple):
    """The part of a role's state that a backend sees."""

    me: np.ndarray
    port_in: FramePort
    port_out: FramePort


@pytest.fixture(scope="module")
def me():
    return scratch_me()


@pytest.fixture
def opened():
    sockets = []
    yield sockets
    for sock in sockets:
        sock.close()


def until(work):
    """Repeat `work` until it returns something true; fails after the deadline."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        result = work()
        if result:
            return result
    raise AssertionError(f"nothing within {DEADLINE_S} s")


def put(port, row, line, payload, peer=0):
    """One outgoing datagram."""
    port.frame_bytes[row, : len(payload)] = np.frombuffer(payload, np.uint8)
    port.frames[row]["size"] = len(payload)
    port.frames[row]["line"] = line
    port.peers[row] = peer
    port.count[0] = row + 1


def rows_of(port):
    """[(line, bytes)] of the rows received."""
    frames = port.frames[: port.count[0]]
    return [
        (int(f["line"]), bytes(port.frame_bytes[i, : min(int(f["size"]), FRAME_BYTES)])) for i, f in enumerate(frames)
    ]


def multicast_pair(opened, group):
    """(receiver, sender) on a free port of the group, or a skip that says why."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.bind((LOOPBACK, 0))
    number = port.getsockname()[1]
    port.close()
    try:
        receiver = open_multicast_receiver(group, number, LOOPBACK)
        opened.append(receiver)
        sender = open_multicast_sender(group, number, LOOPBACK)
        opened.append(sender)
        sender.send(b"hello")
    except OSError as error:
        pytest.skip(f"loopback multicast is not possible here: {error}")
    if not select.select([receiver], [], [], 1.0)[0]:
        pytest.skip("loopback multicast is not possible here: the datagram did not come back")
    receiver.recv(100)
    return receiver, sender


def test_both_multicast_lines_arrive_with_their_line_stamp_and_bytes(me, opened):
    pairs = [multicast_pair(opened, "239.255.77.1"), multicast_pair(opened, "239.255.77.2")]
    ends = Ends(me, open_port(rows=16, lines=2), open_port(rows=8, lines=2))
    for line, (receiver, sender) in enumerate(pairs):
        hand_over(ends.port_in, line, receiver.fileno())
        hand_over(ends.port_out, line, sender.fileno())
    payloads = [bytes([k]) * (100 + k) for k in range(6)]
    for k, payload in enumerate(payloads):
        put(ends.port_out, k, k & 1, payload)
    assert udp_poll_out(ends) == 6
    assert ends.port_out.count[0] == 0
    got = []

    def receive():
        udp_poll_in(ends)
        got.extend(rows_of(ends.port_in))
        return len(got) >= 6

    until(receive)
    assert [p for line, p in got if line == 0] == payloads[0::2]
    assert [p for line, p in got if line == 1] == payloads[1::2]
    assert (ends.port_in.frames["stamp_ns"][:1] >= ends.port_out.frames["stamp_ns"][0]).all()
    assert ends.port_in.words[WORD_ERRORS] == 0 and ends.port_out.words[WORD_DROPPED] == 0


def test_lines_share_the_rows_so_that_a_flood_on_one_silences_none(me, opened):
    servers = [open_udp_server(LOOPBACK, 0) for _ in range(2)]
    clients = [open_udp_client(*server.getsockname()) for server in servers]
    opened += servers + clients
    ends = Ends(me, open_port(rows=8, lines=2), open_port(rows=8, lines=2))
    for line, server in enumerate(servers):
        hand_over(ends.port_in, line, server.fileno())
    for k in range(50):
        clients[0].send(bytes([k]))
    clients[1].send(b"quiet")
    until(lambda: select.select(servers[1:], [], [], 0)[0])
    assert udp_poll_in(ends) == 5
    assert rows_of(ends.port_in)[4] == (1, b"quiet")


def test_a_server_answers_the_peer_of_the_request_through_another_port(me, opened):
    server = open_udp_server(LOOPBACK, 0)
    clients = [open_udp_client(*server.getsockname()) for _ in range(2)]
    opened += [server, *clients]
    ends = Ends(me, open_port(rows=4, lines=1), open_port(rows=4, lines=1))
    hand_over(ends.port_in, 0, server.fileno())
    hand_over(ends.port_out, 0, server.fileno())
    for k, client in enumerate(clients):
        client.send(b"request %d" % k)
        until(lambda: udp_poll_in(ends))
        assert ends.port_in.peers[0] == peer_word(*client.getsockname())
        put(ends.port_out, 0, 0, b"answer %d" % k, peer=int(ends.port_in.peers[0]))
        assert udp_poll_out(ends) == 1
    for k, client in enumerate(clients):
        until(lambda client=client: select.select([client], [], [], 0)[0])
        assert client.recv(100) == b"answer %d" % k


def test_a_datagram_longer_than_a_frame_is_flagged_and_the_next_one_is_whole(me, opened):
    server = open_udp_server(LOOPBACK, 0)
    client = open_udp_client(*server.getsockname())
    opened += [server, client]
    ends = Ends(me, open_port(rows=4, lines=1), open_port(rows=4, lines=1))
    hand_over(ends.port_in, 0, server.fileno())
    client.send(b"x" * (FRAME_BYTES + 1))
    client.send(b"y" * FRAME_BYTES)
    got = []

    def receive():
        udp_poll_in(ends)
        got.extend(int(f["flags"]) for f in ends.port_in.frames[: ends.port_in.count[0]])
        return len(got) == 2

    until(receive)
    assert got == [FRAME_FLAG_TRUNCATED, 0]
    assert ends.port_in.words[WORD_TRUNCATED] == 1


def test_lines_without_a_socket_and_impossible_rows_are_dropped_and_tallied(me, opened):
    server = open_udp_server(LOOPBACK, 0)
    client = open_udp_client(*server.getsockname())
    opened += [server, client]
    ends = Ends(me, open_port(rows=4, lines=2), open_port(rows=8, lines=2))
    hand_over(ends.port_out, 0, client.fileno())
    for row, line in enumerate((0, 1, -1, 2, 0, 0)):
        put(ends.port_out, row, line, b"ok %d" % row)
    ends.port_out.frames[4]["size"] = FRAME_BYTES + 1
    assert udp_poll_in(ends) == 0
    assert udp_poll_out(ends) == 2
    assert ends.port_out.words[WORD_DROPPED] == 4
    assert server.recv(100) == b"ok 0" and server.recv(100) == b"ok 5"
    take_back(ends.port_out, 0)
    put(ends.port_out, 0, 0, b"late")
    assert udp_poll_out(ends) == 0


def test_a_refused_datagram_is_a_tally_and_no_crash(me, opened):
    server = open_udp_server(LOOPBACK, 0)
    client = open_udp_client(*server.getsockname())
    opened.append(client)
    server.close()
    ends = Ends(me, open_port(rows=4, lines=1), open_port(rows=4, lines=1))
    hand_over(ends.port_in, 0, client.fileno())
    hand_over(ends.port_out, 0, client.fileno())
    put(ends.port_out, 0, 0, b"anybody?")
    udp_poll_out(ends)
    assert udp_poll_in(ends) == 0
    assert ends.port_in.words[WORD_LAST_ERRNO] == errno.ECONNREFUSED


def stream_pair(me, opened, lines=1):
    """(ends of the client, its socket's other side)."""
    listener = open_tcp_listener(LOOPBACK, 0)
    client = open_tcp_connection(*listener.getsockname())
    opened += [listener, client]
    other = until(lambda: accept_waiting(listener))[0]
    opened.append(other)
    port_in = open_port(rows=max(4, lines), lines=lines)
    ends = Ends(me, port_in, open_port(rows=lines, lines=lines, fds=port_in.fds))
    hand_over(ends.port_in, 0, client.fileno())
    return ends, client, other


def test_a_stream_arrives_whole_in_single_bytes_and_in_coalesced_pieces(me, opened):
    ends, _, other = stream_pair(me, opened)
    sent = bytes(range(256)) * 20
    for k in range(40):
        other.send(sent[k : k + 1])
        until(lambda: tcp_poll_in(ends))
        assert rows_of(ends.port_in) == [(0, sent[k : k + 1])]
    other.send(sent[40:])
    got = bytearray(sent[:40])

    def receive():
        tcp_poll_in(ends)
        for _, piece in rows_of(ends.port_in):
            got.extend(piece)
        return len(got) >= len(sent)

    until(receive)
    assert bytes(got) == sent
    assert tcp_poll_in(ends) == 0


def test_bytes_that_the_socket_does_not_take_wait_and_leave_in_order(me, opened):
    ends, client, other = stream_pair(me, opened)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    frame, written, read = ends.port_out.frames, 0, bytearray()
    stream = np.random.default_rng(7).integers(0, 256, 400_000).astype(np.uint8)
    waited = False

    def append():
        nonlocal written
        size = int(frame[0]["size"])
        room = min(FRAME_BYTES - size, stream.size - written)
        ends.port_out.frame_bytes[0, size : size + room] = stream[written : written + room]
        frame[0]["size"] = size + room
        written += room

    while written < stream.size:  # until the peer's buffer is full
        append()
        if tcp_poll_out(ends) == 0 or frame[0]["size"] > 0:
            waited = True
            break
    assert waited, "the stream was too short to fill the buffers"

    def drain():
        while select.select([other], [], [], 0)[0]:
            read.extend(other.recv(1 << 16))
        append()
        tcp_poll_out(ends)
        return len(read) == stream.size

    until(drain)
    assert bytes(read) == stream.tobytes()
    assert frame[0]["size"] == 0 and ends.port_out.taken[0] == 0


def test_a_closed_stream_gives_one_closed_frame_and_lets_go_of_its_descriptor(me, opened):
    ends, client, other = stream_pair(me, opened)
    other.send(b"last words")
    other.close()
    until(lambda: tcp_poll_in(ends))
    assert rows_of(ends.port_in) == [(0, b"last words")]
    until(lambda: tcp_poll_in(ends))
    assert ends.port_in.frames[0]["flags"] == FRAME_FLAG_CLOSED and ends.port_in.frames[0]["size"] == 0
    assert ends.port_in.fds[0] == -1 and ends.port_out.fds[0] == -1
    assert tcp_poll_in(ends) == 0
    ends.port_out.frames[0]["size"] = 10
    assert tcp_poll_out(ends) == 0
    drop_waiting(ends.port_out, 0)
    assert ends.port_out.frames[0]["size"] == 0


def test_the_control_thread_ends_a_living_stream_by_shutting_it_down(me, opened):
    ends, client, _ = stream_pair(me, opened)
    with pytest.raises(ValueError, match="still uses"):
        hand_over(ends.port_in, 0, client.fileno())
    client.shutdown(socket.SHUT_RDWR)
    until(lambda: tcp_poll_in(ends))
    assert ends.port_in.frames[0]["flags"] == FRAME_FLAG_CLOSED
    assert ends.port_in.fds[0] == -1


def test_a_reset_stream_is_closed_with_the_errno_noted(me, opened):
    ends, _, other = stream_pair(me, opened)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    other.close()
    until(lambda: tcp_poll_in(ends))
    assert ends.port_in.frames[0]["flags"] == FRAME_FLAG_CLOSED
    assert ends.port_in.words[WORD_LAST_ERRNO] == errno.ECONNRESET


def test_a_port_in_use_is_named_with_what_to_do(opened):
    listener = open_tcp_listener(LOOPBACK, 0)
    opened.append(listener)
    with pytest.raises(PortInUse, match="--name"):
        open_tcp_listener(LOOPBACK, listener.getsockname()[1])


def test_nobody_listening_and_a_foreign_interface_are_named_with_what_to_do(opened):
    listener = open_tcp_listener(LOOPBACK, 0)
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(VenueUnreachable, match="venues.toml"):
        open_tcp_connection(LOOPBACK, port)
    with pytest.raises(NoSuchInterface, match="ip -brief address"):
        open_udp_server("203.0.113.9", 9)


def test_streams_are_prepared_without_delay_and_with_an_end_for_unanswered_bytes(me, opened):
    _, client, other = stream_pair(me, opened)
    for sock in (client, other):
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 3000
        assert sock.gettimeout() == 0


def test_a_multicast_line_over_a_foreign_interface_says_what_to_do():
    with pytest.raises(NoMulticastRoute, match="venues.toml"):
        open_multicast_receiver("239.255.77.1", 0, "203.0.113.9")
    with pytest.raises(NoSuchInterface, match="ip -brief address"):
        open_multicast_sender("239.255.77.1", 26477, "203.0.113.9")
