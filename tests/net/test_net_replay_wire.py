"""The wire in memory behaves as the sockets do: order, fan-out, answers, back-pressure, close."""

from typing import NamedTuple

import numpy as np
import pytest

from procs.net.port import WORD_DROPPED, FramePort, open_port
from procs.net.replay_wire import close_queue, listen, open_queue, poll_in, poll_out, speak, stream_poll_out
from shm.records.frame import FRAME_FLAG_CLOSED
from shm.scratch import scratch_me


class Ends(NamedTuple):
    """The part of a role's state that a backend sees."""

    me: np.ndarray
    port_in: FramePort
    port_out: FramePort


@pytest.fixture(scope="module")
def me():
    return scratch_me()


def ends(me, *, rows=8, lines=2):
    return Ends(me, open_port(rows=rows, lines=lines), open_port(rows=rows, lines=lines))


def put(port, row, line, payload, peer=0):
    port.frame_bytes[row, : len(payload)] = np.frombuffer(payload, np.uint8)
    port.frames[row]["size"] = len(payload)
    port.frames[row]["line"] = line
    port.peers[row] = peer
    port.count[0] = row + 1


def rows_of(port):
    frames = port.frames[: port.count[0]]
    return [(int(f["line"]), bytes(port.frame_bytes[i, : f["size"]])) for i, f in enumerate(frames)]


def test_every_reader_of_a_line_sees_every_frame_in_order(me):
    sender, readers = ends(me), [ends(me), ends(me)]
    queues = [open_queue(capacity=8) for _ in range(2)]
    for line, queue in enumerate(queues):
        speak(sender.port_out, line, queue)
        for reader in readers:
            listen(reader.port_in, line, queue)
    for k in range(6):
        put(sender.port_out, k, k & 1, b"frame %d" % k)
    assert poll_out(sender) == 6 and sender.port_out.count[0] == 0
    for reader in readers:
        assert poll_in(reader) == 6
        assert rows_of(reader.port_in) == [(k & 1, b"frame %d" % k) for k in (0, 2, 4, 1, 3, 5)]
        assert poll_in(reader) == 0


def test_an_answer_reaches_the_queue_that_the_question_named(me):
    server, clients = ends(me, lines=1), [ends(me, lines=1), ends(me, lines=1)]
    requests = open_queue(capacity=8)
    listen(server.port_in, 0, requests)
    for client in clients:
        answers = open_queue(capacity=8)
        listen(client.port_in, 0, answers)
        speak(client.port_out, 0, requests, reply_addr=answers)
    for k, client in enumerate(clients):
        put(client.port_out, 0, 0, b"request %d" % k)
        poll_out(client)
    assert poll_in(server) == 2
    for row, (_, request) in enumerate(rows_of(server.port_in)):
        put(server.port_out, row, 0, request.replace(b"request", b"answer"), peer=int(server.port_in.peers[row]))
    assert poll_out(server) == 2
    for k, client in enumerate(clients):
        assert poll_in(client) == 1
        assert rows_of(client.port_in) == [(0, b"answer %d" % k)]


def test_a_full_queue_drops_datagrams_and_makes_a_stream_wait(me):
    sender, reader = ends(me, lines=1), ends(me, lines=1)
    queue = open_queue(capacity=4)
    speak(sender.port_out, 0, queue)
    listen(reader.port_in, 0, queue)
    for k in range(6):
        put(sender.port_out, k, 0, b"%d" % k)
    assert poll_out(sender) == 4
    assert sender.port_out.words[WORD_DROPPED] == 2
    sender.port_out.frame_bytes[0, :4] = np.frombuffer(b"wait", np.uint8)
    sender.port_out.frames[0]["size"] = 4
    assert stream_poll_out(sender) == 0 and sender.port_out.frames[0]["size"] == 4
    assert poll_in(reader) == 4
    assert stream_poll_out(sender) == 4 and sender.port_out.frames[0]["size"] == 0
    assert poll_in(reader) == 1 and rows_of(reader.port_in) == [(0, b"wait")]


def test_a_queue_wraps_many_times_without_losing_order(me):
    sender, reader = ends(me, lines=1), ends(me, lines=1)
    queue = open_queue(capacity=4)
    speak(sender.port_out, 0, queue)
    listen(reader.port_in, 0, queue)
    for turn in range(50):
        for k in range(3):
            put(sender.port_out, k, 0, b"%d.%d" % (turn, k))
        assert poll_out(sender) == 3
        assert poll_in(reader) == 3
        assert [payload for _, payload in rows_of(reader.port_in)] == [b"%d.%d" % (turn, k) for k in range(3)]


def test_a_closed_queue_ends_with_one_closed_frame_behind_the_last_bytes(me):
    sender, reader = ends(me, lines=1), ends(me, lines=1)
    queue = open_queue(capacity=4)
    speak(sender.port_out, 0, queue)
    listen(reader.port_in, 0, queue)
    put(sender.port_out, 0, 0, b"last")
    poll_out(sender)
    close_queue(queue)
    assert poll_in(reader) == 2
    assert rows_of(reader.port_in)[0] == (0, b"last")
    assert reader.port_in.frames[1]["flags"] == FRAME_FLAG_CLOSED
    assert poll_in(reader) == 0
    put(sender.port_out, 0, 0, b"too late")
    assert poll_out(sender) == 0
