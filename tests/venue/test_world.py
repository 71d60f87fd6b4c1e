"""The venue on real sockets of this host: multicast lines, retransmission, a TCP session."""

import socket
import time

import numpy as np
import pytest

from config.load import load
from procs.net.sockets import open_multicast_receiver
from procs.venue.poll import poll_in, poll_out
from procs.venue.step import step
from procs.venue.world import World
from procs.wire.moldudp64.header import write_mold_header
from procs.wire.soupbintcp.login import encode_login_request, padded_text
from tests.support.venue import Rig, messages_of

DEADLINE_S = 20.0
pytestmark = pytest.mark.timeout(300)  # a busy machine compiles for minutes


class Stand:
    """One venue with its sockets open; `until` turns its loop until something is true."""

    def __init__(self):
        self.rig = Rig(config=load("venue-world-test", "dev"))
        channel = self.rig.config.venues[0].channel
        self.line = open_multicast_receiver(channel.group_a, channel.port_a, channel.interface)
        self.world = World(self.rig.config, self.rig.state)

    def until(self, what):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            self.rig.now_ns += 1_000_000
            poll_in(self.rig.state)
            step(self.rig.state, self.rig.now_ns)
            poll_out(self.rig.state)
            self.world.tend()
            found = what()
            if found:
                return found
        raise AssertionError(f"not within {DEADLINE_S} s")

    def close(self):
        self.line.close()
        self.world.close()


@pytest.fixture
def stand():
    made = Stand()
    yield made
    made.close()


def drain(sock):
    """Everything that has arrived at a socket."""
    found = []
    while True:
        try:
            raw = sock.recv(65536)
        except BlockingIOError:
            return found
        found.append(raw)
        if not raw:
            return found


def test_the_lines_carry_the_session_and_lost_messages_can_be_asked_for(stand):
    held = {}

    def hear():
        held.update(messages_of([np.frombuffer(raw, np.uint8) for raw in drain(stand.line)]))
        return len(held) > 200

    stand.until(hear)
    channel = stand.rig.config.venues[0].channel
    asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asker.setblocking(False)
    asker.connect((channel.retransmission_host, channel.retransmission_port))
    request = np.zeros(20, np.uint8)
    write_mold_header(request, *stand.rig.session_words(), 5, 100)
    asker.send(request.tobytes())
    again = {}

    def answered():
        again.update(messages_of([np.frombuffer(raw, np.uint8) for raw in drain(asker)]))
        return len(again) == 100

    stand.until(answered)
    asker.close()
    assert again == {sequence: held[sequence] for sequence in range(5, 105)}


def test_a_client_logs_in_over_tcp_is_let_go_of_and_can_come_again(stand):
    session = stand.rig.config.venues[0].session
    raw = np.zeros(64, np.uint8)
    texts = (padded_text(session.username, 6), padded_text(session.password, 10), padded_text("", 10))
    size = encode_login_request(raw, 0, *texts, 1)
    for _ in range(3):
        client = socket.create_connection((session.host, session.port))
        client.setblocking(False)
        client.sendall(raw[:size].tobytes())
        answer = stand.until(lambda client=client: drain(client))
        assert answer[0][2:3] == b"A"
        client.close()
        stand.until(lambda: not stand.world.connections)
    assert stand.rig.venue["exchange"]["desk"]["members"][1]["logins"] == 3
