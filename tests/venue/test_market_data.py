"""What the venue tells the world is what its books hold; what was lost can be asked for again."""

import numpy as np
import pytest

from procs.venue.book import book_orders, check
from procs.venue.memory_poll import poll_out
from procs.venue.settings import Settings
from procs.venue.step import close_session, end_session, step
from procs.wire.moldudp64.header import mold_count, mold_sequence
from shm.codes import SIDE_BUY, SIDE_SELL, TRADING_OPEN
from shm.counters import VENUE_MALFORMED
from shm.jit import JIT_OFF
from tests.support.venue import Rig, SimpleBook, messages_of

pytestmark = pytest.mark.timeout(300)  # a busy machine compiles for minutes

TURNS = 60 if JIT_OFF else 3000


def same_books(rig, messages):
    assert sorted(messages) == list(range(1, len(messages) + 1)), "numbers are not contiguous"
    book = SimpleBook()
    for sequence in sorted(messages):
        book.apply(messages[sequence])
    for instrument in range(len(rig.config.instruments)):
        for side in (SIDE_BUY, SIDE_SELL):
            expected = [row[:3] for row in book_orders(rig.venue["exchange"]["books"], instrument, side)]
            assert book.rows(instrument, side) == expected, (instrument, side)
    return book


def test_a_book_rebuilt_from_either_line_equals_the_venues():
    rig = Rig()
    rig.turn(turns=TURNS)
    check(rig.venue["exchange"]["books"])
    assert [bytes(datagram) for datagram in rig.datagrams[0]] == [bytes(datagram) for datagram in rig.datagrams[1]]
    book = same_books(rig, messages_of(rig.datagrams[1]))
    assert all(len(datagram) <= 1400 for datagram in rig.datagrams[0])
    assert set(book.kinds) >= set("SRHAEXDU")
    assert book.kinds["R"] == len(rig.config.instruments)
    assert set(book.states.values()) == {TRADING_OPEN}
    assert int(rig.venue["flow"]["words"]["events"]) > TURNS


def test_the_same_seed_gives_the_same_bytes():
    first, second = Rig(), Rig()
    for rig in (first, second):
        rig.turn(turns=40)
    assert [bytes(datagram) for datagram in first.datagrams[0]] == [bytes(datagram) for datagram in second.datagrams[0]]


def test_what_both_lines_lost_comes_from_retransmission():
    faults = Settings(loss_ppm=(150_000, 150_000), duplicate_ppm=(50_000, 50_000), reorder_ppm=(50_000, 50_000))
    rig = Rig(settings=faults)
    rig.turn(turns=TURNS)
    first, second = messages_of(rig.datagrams[0]), messages_of(rig.datagrams[1])
    messages = first | second
    sent = int(rig.venue["exchange"]["tape"]["cursor"]["next_seq"]) - 1
    missing = [sequence for sequence in range(1, sent + 1) if sequence not in messages]
    assert len(first) < sent and len(second) < sent
    assert missing, "nothing was lost on both lines: the test shows nothing"
    while missing:
        rig.request(missing[0], min(2000, missing[-1] - missing[0] + 1))
        rig.turn(ns=0, turns=12)
        answers = rig.replied()
        assert answers, missing[:3]
        messages |= messages_of(answers)
        missing = [sequence for sequence in range(1, sent + 1) if sequence not in messages]
    messages |= messages_of(rig.datagrams[0]) | messages_of(rig.datagrams[1])
    same_books(rig, messages)


def test_a_dead_line_says_nothing_and_the_other_goes_on():
    rig = Rig(settings=Settings(lines_off=(True, False)))
    rig.turn(turns=20)
    assert rig.datagrams[0] == []
    same_books(rig, messages_of(rig.datagrams[1]))


def test_requests_from_the_future_or_another_session_are_not_answered():
    rig = Rig()
    rig.turn(turns=5)
    sent = int(rig.venue["exchange"]["tape"]["cursor"]["next_seq"]) - 1
    rig.request(sent + 1, 10)
    rig.turn(ns=0)
    assert rig.replied() == []
    rig.venue["exchange"]["tape"]["words"]["session_lo"] += 1
    rig.request(1, 1)
    rig.venue["exchange"]["tape"]["words"]["session_lo"] -= 1
    rig.turn(ns=0)
    assert rig.replied() == []
    rig.request(sent, 10)
    rig.turn(ns=0)
    assert sorted(messages_of(rig.replied())) == [sent]


def test_a_second_of_logic_silence_gives_a_heartbeat_with_the_next_number():
    rig = Rig()
    rig.turn(turns=3)
    rig.venue["flow"]["words"]["gap_ns"] = 0
    rig.turn(ns=0, turns=2)
    before = len(rig.datagrams[0])
    rig.turn(ns=1_000_000_000)
    heartbeat = rig.datagrams[0][before]
    assert len(heartbeat) == 20
    assert mold_count(heartbeat) == 0
    assert mold_sequence(heartbeat) == max(messages_of(rig.datagrams[0])) + 1


def test_the_close_ends_the_session_on_both_lines():
    rig = Rig()
    rig.turn(turns=2)
    close_session(rig.state, rig.now_ns)
    poll_out(rig.state)
    end_session(rig.state, rig.now_ns)
    poll_out(rig.state)
    rig.hear()
    assert [mold_count(line[-1]) for line in rig.datagrams] == [0xFFFF, 0xFFFF]
    book = same_books(rig, messages_of(rig.datagrams[0]))
    assert book.kinds["S"] == 6


@pytest.mark.parametrize("size", [0, 19, 21])
def test_a_request_of_another_size_is_counted_as_malformed(size):
    rig = Rig()
    rig.turn()
    port = rig.state.requests_in
    port.frames[0]["size"] = size
    port.frame_bytes[0] = np.uint8(0)
    port.count[0] = 1
    step(rig.state, rig.now_ns)
    assert rig.counter(VENUE_MALFORMED) == 1
