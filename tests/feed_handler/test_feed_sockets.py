"""The role over real sockets on loopback: both groups, the request out, its answer in."""

import socket
import time

import pytest

from config.venues import Channel
from procs.feed_handler.poll import poll_in
from procs.feed_handler.sockets import FeedSockets
from procs.net.sockets import open_multicast_sender, open_udp_server
from procs.net.udp_kernel import poll_out
from shm.codes import CHANNEL_FRESH, CHANNEL_STALE
from shm.errors import QuintetError
from tests.support.feed_bench import MS, FeedBench
from tests.support.itch_flow import ItchFlow, datagram

SYMBOLS = ["AAAA", "BBBB"]
DEADLINE_S = 5.0


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def turn_until(bench, condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "nothing came within the deadline"
        bench.wait(MS)
        poll_in(bench.state)
        bench.step()
        poll_out(bench.state)


def test_lines_request_and_answer_travel_over_loopback():
    server = open_udp_server("127.0.0.1", 0)
    ports = free_port(), free_port()
    channel = Channel(
        group_a="239.192.77.1", port_a=ports[0], group_b="239.192.77.2", port_b=ports[1], interface="127.0.0.1",
        retransmission_host="127.0.0.1", retransmission_port=server.getsockname()[1], silence_ms=1000,
        arbitration_window_us=1000, request_messages_max=100, requests_per_second=100, requests_burst=10,
    )  # fmt: skip
    sockets = FeedSockets()
    bench = FeedBench(SYMBOLS, [{"AAAA"}], window_ns=1 * MS)
    flow = ItchFlow(1, SYMBOLS).open_day().trade(60)
    try:
        sockets.open_missing(bench.state.port_in, channel)
        line_a = open_multicast_sender(channel.group_a, channel.port_a, channel.interface)
        line_b = open_multicast_sender(channel.group_b, channel.port_b, channel.interface)
    except QuintetError as error:
        sockets.close()
        pytest.skip(f"no multicast on loopback here: {error}")
    bench.step()
    for place, raw in enumerate(flow.split(last=30)):
        (line_a, line_b)[place % 2].send(raw)  # what one line loses the other brings
    turn_until(bench, lambda: bench.channel()["next_seq"] == 31)
    assert bench.channel()["state"] == CHANNEL_FRESH
    line_b.send(datagram(len(flow.messages) + 1, []))
    turn_until(bench, lambda: bench.channel()["state"] == CHANNEL_STALE)
    deadline = time.monotonic() + DEADLINE_S
    while bench.channel()["state"] != CHANNEL_FRESH:
        assert time.monotonic() < deadline
        bench.wait(MS)
        poll_in(bench.state)
        bench.step()
        poll_out(bench.state)
        try:
            raw, client = server.recvfrom(2048)
        except BlockingIOError:
            continue
        first, count = int.from_bytes(raw[10:18], "big"), int.from_bytes(raw[18:20], "big")
        for answer in flow.split(first=first, last=first + count - 1):
            server.sendto(answer, client)
    bench.assert_books_equal(flow.books)
    for sock in (line_a, line_b, server):
        sock.close()
    sockets.close()
