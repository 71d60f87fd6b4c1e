"""The order connection cut at every byte of every message, in both directions: by the peer, and by our own death.

After each cut the venue trades what it has, we come back, and then: at most one live order of each that was asked for,
every execution counted once, the gate's exposure the venue's. Meanwhile nothing of unknown fate was given free.
"""

import pytest

from procs.order_sender.session import H_LOST, word
from shm.codes import REPORT_EXECUTED
from shm.jit import JIT_OFF
from tests.support.order_loop import OrderLoop

QTY = 60
CUTS_A_LOOP = 50  # then a new one: its rings and journals are not endless
STRIDE = 25 if JIT_OFF else 1
PACKET_BYTES = {"order": 50, "cancel": 12, "replace": 43}


def begin_order(loop):
    return loop.new(qty_lots=QTY)


def begin_cancel(loop):
    target = loop.new(qty_lots=QTY)
    loop.settle()
    loop.cancel(target)
    return target


def begin_replace(loop):
    target = loop.new(qty_lots=QTY)
    loop.settle()
    return loop.replace(target, qty_lots=QTY + 10, price_ticks=9_990)


BEGIN = {"order": begin_order, "cancel": begin_cancel, "replace": begin_replace}


def end_connection(loop, how):
    """The peer hangs up, or our process is killed and comes back."""
    if how == "closed":
        loop.bench.lose()
        assert word(loop.bench.state.desk[0], H_LOST) > 0
    else:
        loop.bench.restart()


def check_afterwards(loop, live_before):
    """Come back; compare with the venue; end what is left, so that the next cut begins with nothing open."""
    for order in loop.live()[live_before:]:
        loop.execute(order.ref, 10)
    loop.bench.ready()
    loop.settle()
    assert len(loop.live()) <= live_before + 1, "two orders of one intent"
    assert loop.exposure() == loop.venue_exposure()
    executed = [r["match_number"] for r in loop.bench.readers[1].reports if r["kind"] == REPORT_EXECUTED]
    assert sorted(executed) == sorted(loop.executions), "each execution reported once"
    for order in loop.live():
        loop.bench.venue.cancel(order.ref)
    loop.settle()
    assert loop.exposure()[1:] == (0, 0, 0) and loop.live() == []


def groups(cuts):
    return [cuts[first : first + CUTS_A_LOOP] for first in range(0, len(cuts), CUTS_A_LOOP)]


@pytest.mark.parametrize("how", ["closed", "killed"])
@pytest.mark.parametrize("message", BEGIN)
def test_cut_at_each_byte_of_what_we_send(message, how):
    for cuts in groups(range(0, PACKET_BYTES[message] + 1, STRIDE)):
        loop = OrderLoop()
        for cut in cuts:
            BEGIN[message](loop)
            loop.bench.step()
            assert loop.bench.waiting() == PACKET_BYTES[message]
            loop.bench.send(cut)
            before = loop.exposure()
            end_connection(loop, how)
            for _ in range(40):
                loop.bench.step()
            loop.decide()
            assert loop.exposure() == before, f"byte {cut}: exposure given free without evidence"
            check_afterwards(loop, 0)


@pytest.mark.parametrize("how", ["closed", "killed"])
def test_cut_at_each_byte_of_what_the_venue_answers(how):
    """Accepted, a part executed, replaced, the rest cancelled: four messages, one stream of bytes."""
    size, cut = 1 << 30, 0
    loop = OrderLoop()
    while cut <= size:
        if cut and cut % (CUTS_A_LOOP * STRIDE) == 0:
            loop = OrderLoop()
        target = loop.new(qty_lots=QTY)
        loop.bench.step()
        loop.bench.send()
        (order,) = loop.live()
        loop.execute(order.ref, 20)
        loop.bench.venue.modify(order.ref, 30)
        loop.bench.venue.cancel(order.ref, 5, "Z")
        loop.bench.pull()
        size = len(loop.bench.to_sender)
        loop.bench.arrive(cut)
        loop.bench.step()
        loop.bench.to_sender = b""
        end_connection(loop, how)
        assert target > 0 and len(loop.live()) == 1
        check_afterwards(loop, 0)
        cut += STRIDE
    print(f"{how}: cut at each of {size} bytes of the venue's answers")
