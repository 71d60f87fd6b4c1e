"""A drop copy over real connections: log-ins, replay from any number, faults, silence, a client that comes and goes."""

import json
import random
import time

import numpy as np
import pytest
from msgspec import structs

from config.load import load
from procs.oms.copy_session import CopySession
from procs.venue.drop_copy import FAULT_LOG, DropCopy, Stream
from procs.venue.settings import Settings
from procs.venue.store import CHUNK_BYTES, STORE, prepare_store, store_append, store_extend
from procs.wire.soupbintcp.plain import cut, login_request
from shm.atomics import address_of
from tests.support.copy_bench import outbound

QUIET = Settings()


class Messages(list):
    """A stream of which the test decides what is new."""

    def new(self) -> list[bytes]:
        taken = list(self)
        self.clear()
        return taken


@pytest.fixture
def told() -> Messages:
    return Messages()


@pytest.fixture
def venue(told, tmp_path):
    config = structs.replace(load().venues[0].drop_copy, port=0)
    made = DropCopy(config, told, "SESSION001", tmp_path)
    made.config = structs.replace(config, port=made.listener.getsockname()[1])
    yield made
    made.close()


def executed(match: int) -> bytes:
    return outbound("E", venue_ns=match, user_ref_num=match + 7, qty_lots=100, price_ticks=50_000, match_number=match)


def hear(venue: DropCopy, session: CopySession, count: int, settings: Settings = QUIET) -> list[bytes]:
    """Turn both sides until the client has `count` messages."""
    found, deadline = [], time.monotonic() + 10
    while len(found) < count or not session.drained_ns:
        found += session.poll()
        venue.tend(settings)
        assert time.monotonic() < deadline, (len(found), count, session.refused)
    return found


def test_a_stream_in_the_store_is_read_whole_across_its_chunks():
    held, sent = np.zeros(1, STORE), []
    prepare_store(held[0])
    store_extend(held[0])
    stream = Stream(held[0], 1)
    assert stream.new() == []
    for number in range(2 * CHUNK_BYTES // 800 + 50):
        message = np.zeros(801, np.uint8)
        message[0], message[1:9] = ord("S"), np.array([number], np.int64).view(np.uint8)
        assert store_append(held[0], 1, address_of(message), 801 - number % 7) > 0
        sent.append(message[1 : 801 - number % 7].tobytes())
        if number % 100 == 0:
            assert stream.new() == sent
            sent = []
    assert stream.new() == sent and stream.chunk == 2


def test_every_message_arrives_in_order_however_often_the_client_goes_and_comes(venue, told):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice, sent, found, next_seq = random.Random(seed), [], [], 1
    for _ in range(8):
        told += (fresh := [executed(len(sent) + k) for k in range(dice.randrange(40))])
        sent += fresh
        session = CopySession(venue.config, dice.choice(("", "SESSION001")), next_seq)
        found += hear(venue, session, len(sent) - len(found))
        next_seq = session.next_seq
        assert session.venue_session == "SESSION001" and next_seq == len(sent) + 1
        session.close()
    assert found == sent
    whole = CopySession(venue.config, "", 1)
    assert hear(venue, whole, len(sent)) == sent, "and any number can be asked for again"
    whole.close()


@pytest.mark.parametrize(
    ("fields", "session", "sequence", "reason"),
    [
        ({"username": "other"}, "", 1, "A"),
        ({"password_file": "given"}, "", 1, "A"),
        ({}, "YESTERDAY", 1, "S"),
        ({}, "", 5, "S"),
    ],
)
def test_a_wrong_log_in_is_refused_with_the_reason_and_not_tried_again_at_once(
    venue, fields, session, sequence, reason, tmp_path
):
    (tmp_path / "secret").write_text("wrong\n")
    fields = {name: str(tmp_path / "secret") if value == "given" else value for name, value in fields.items()}
    client = CopySession(structs.replace(venue.config, **fields), session, sequence)
    deadline = time.monotonic() + 10
    while not client.refused:
        assert client.poll() == [] and time.monotonic() < deadline
        venue.tend(QUIET)
    assert client.refused == reason and not client.logged_in_ns
    for _ in range(20):
        assert client.poll() == []
        venue.tend(QUIET)
    assert venue.clients == []


def test_the_client_can_ask_for_nothing_and_rubbish_ends_its_connection(venue, told):
    session = CopySession(venue.config, "", 1)
    told.append(executed(1))
    hear(venue, session, 1)
    session._sock.send(login_request("x", "y", "", 1))  # a second log-in, then a packet of no length
    venue.tend(QUIET)
    assert len(venue.clients) == 1
    session._sock.send(b"\0\0")
    deadline = time.monotonic() + 10
    while venue.clients:
        venue.tend(QUIET)
        assert time.monotonic() < deadline
    assert cut(bytearray(b"\0\0")) is None
    session.close()


def test_faults_change_so_many_executions_and_nothing_else(venue, told, tmp_path):
    order = outbound("A", user_ref_num=1, symbol="QNTA", side_letter="B", qty_lots=500, price_ticks=1)
    session = CopySession(venue.config, "", 1)
    told += [order, executed(1), executed(2), executed(3)]
    assert hear(venue, session, 3, Settings(copy_fault="drop", copy_faults=1)) == [order, executed(2), executed(3)]
    told += [executed(4), order]
    altered = hear(venue, session, 2, Settings(copy_fault="price", copy_faults=2))
    assert altered == [executed(4)[:17] + (50_100).to_bytes(8, "big") + executed(4)[25:], order]
    told += [executed(5), executed(6)]
    altered = hear(venue, session, 2, Settings(copy_fault="quantity", copy_faults=3))
    assert altered == [executed(5)[:13] + (101).to_bytes(4, "big") + executed(5)[17:], executed(6)]
    told += [executed(7)]
    assert hear(venue, session, 2, Settings(copy_fault="duplicate", copy_faults=4)) == [executed(7)] * 2
    told += [executed(8), executed(9)]
    late = Settings(copy_fault="delay", copy_faults=5, copy_delay_ms=50)
    assert hear(venue, session, 2, late) == [executed(9), executed(8)]
    rows = [json.loads(line) for line in (tmp_path / FAULT_LOG).read_text().splitlines()]
    assert [(row["fault"], row["match_number"]) for row in rows] == [
        ("drop", 1), ("price", 4), ("quantity", 5), ("duplicate", 7), ("delay", 8),
    ]  # fmt: skip
    session.close()


def test_a_silent_copy_says_nothing_at_all_and_then_everything(venue, told):
    session = CopySession(venue.config, "", 1)
    told.append(executed(1))
    hear(venue, session, 1)
    heard_ns = session.heard_ns
    told.append(executed(2))
    for _ in range(50):
        venue.tend(Settings(copy_silent=True))
        assert session.poll() == []
    assert session.heard_ns == heard_ns
    assert hear(venue, session, 1) == [executed(2)]
    session.close()
