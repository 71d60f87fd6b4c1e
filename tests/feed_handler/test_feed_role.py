"""The role as the runtime sees it: open on scratch memory, warm-up, sockets of the control thread."""

import pytest

from config.load import load
from procs.feed_handler import sockets
from procs.feed_handler.__main__ import ROLE, _key, _parts
from procs.feed_handler.arbitration import LINE_A, LINE_B, LINE_RETRANSMISSION
from procs.feed_handler.book_check import check
from procs.runtime.wiring import ScratchWiring
from shm.codes import CHANNEL_STALE


@pytest.fixture
def wiring():
    return ScratchWiring(load(profile="dev", name="feedtest"), "feed_handler")


def test_the_role_opens_on_scratch_memory_and_warms_up_through_its_branches(wiring):
    state = ROLE.open_(wiring)
    ROLE.warm_up(state)
    parts = _parts[_key(state)]
    check(parts.book)
    feed = state.feed[0]
    assert feed["messages"] == 17 and feed["recovered"] > 0 and feed["gaps"] == 2
    assert parts.instruments[0]["suspect"] == 1


def test_recover_says_stale_before_any_socket_is_open(wiring):
    state = ROLE.open_(wiring)
    ROLE.recover(wiring, state)
    assert state.feed[0]["state"] == CHANNEL_STALE and state.feed[0]["stale_stamp_ns"] > 0
    assert list(state.port_in.fds) == [-1, -1, -1]


def test_tend_hands_over_one_descriptor_a_line_and_close_leaves(wiring, monkeypatch):
    opened = []

    class FakeSocket:
        def __init__(self, *arguments):
            opened.append(arguments)
            self.number = 100 + len(opened)

        def fileno(self):
            return self.number

        def close(self):
            opened.remove(opened[0])

    monkeypatch.setattr(sockets, "open_multicast_receiver", FakeSocket)
    monkeypatch.setattr(sockets, "open_udp_client", FakeSocket)
    state = ROLE.open_(wiring)
    ROLE.tend(wiring, state)
    ROLE.tend(wiring, state)
    assert [int(state.port_in.fds[line]) for line in (LINE_A, LINE_B, LINE_RETRANSMISSION)] == [101, 102, 103]
    assert len(opened) == 3
    ROLE.close(wiring, state)
    assert opened == []
