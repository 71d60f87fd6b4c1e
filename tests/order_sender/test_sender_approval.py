"""The last hop: what risk_gate did not approve does not leave, whatever stands in the ring."""

import numpy as np
import pytest

from shm.codes import (
    REJECT_ALREADY_CANCELLING,
    REJECT_HALTED,
    REJECT_NOT_APPROVED,
    REPORT_EXPIRED,
    STATE_ACTIVE,
    STATE_HALTED,
)
from shm.control import control_set, control_state
from shm.error_log import ERROR_SENDER_DUPLICATE, ERROR_SENDER_NOT_APPROVED
from shm.order_seal import is_sealed, order_seal, seal_order
from shm.records.order import ORDER
from shm.scratch import scratch_control_as
from tests.support.sender_bench import SenderBench
from tests.support.words import peek_record

NOT_SEALED = {"ring_seq", "recv_stamp_ns", "tick_stamp_ns", "decide_stamp_ns", "pass_stamp_ns", "publish_stamp_ns"}
NOT_SEALED |= {"now_ns", "seal", "reserved"}
SEALED = [name for name in ORDER.names if name not in NOT_SEALED]


@pytest.fixture
def bench():
    bench = SenderBench()
    bench.ready()
    return bench


def newest(bench, back=1):
    """(address, record) of the order published `back` records ago."""
    end = bench.orders[0]
    address = int(end["slots_addr"] + ((end["next_seq"] - back) & end["mask"]) * end["slot_bytes"])
    return address, peek_record(address, ORDER)


def session(bench):
    return int(control_state(bench.control[0], 0, -1, -1))


def told(bench, order_id):
    return [(report["kind"], report["reason"]) for report in bench.told(order_id)]


def crc32c(data: bytes) -> int:
    """CRC-32C as the standard writes it: bit by bit, reflected, all ones first and last."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_the_seal_is_the_crc32c_of_everything_but_stamps_and_padding():
    assert crc32c(b"123456789") == 0xE3069283, "the check value of CRC-32C"
    memory = np.zeros(1, ORDER)
    random = np.random.default_rng(5)
    memory.view(np.uint8)[:] = random.integers(0, 256, ORDER.itemsize)
    order = memory[0]
    bytes_of = memory.tobytes()
    passed = int(order["flags"]).to_bytes(8, "little") + bytes_of[120:144] + bytes_of[152:160]
    words = bytes_of[8:72] + (crc32c(passed) ^ 0xFFFFFFFF).to_bytes(8, "little")
    address = memory.__array_interface__["data"][0]
    assert order_seal(address) == crc32c(words)
    seal_order(address)
    assert is_sealed(address) == 1 and int(order["seal"]) == crc32c(words)


@pytest.mark.parametrize("name", SEALED)
def test_a_record_that_was_changed_after_its_approval_is_refused_and_halts_the_session(bench, name):
    bench.new()
    _, order = newest(bench)
    order[name] += 1
    found = int(order["order_id"])
    bench.settle()
    assert bench.venue.orders == {}, "nothing of it left"
    assert told(bench, found) == [(REPORT_EXPIRED, REJECT_NOT_APPROVED)]
    assert session(bench) == STATE_HALTED and bench.errors()[ERROR_SENDER_NOT_APPROVED] > 0
    after = bench.new()
    bench.settle()
    assert told(bench, after)[-1] == (REPORT_EXPIRED, REJECT_HALTED)
    assert bench.venue.orders == {}


@pytest.mark.parametrize("bit", range(0, 64, 7))
def test_any_bit_of_size_and_price_breaks_the_seal(bench, bit):
    for name in ("qty_lots", "price_ticks"):
        bench.new()
        address, order = newest(bench)
        assert is_sealed(address) == 1
        order[name] ^= np.int64(1) << bit if bit < 63 else np.int64(-(1 << 63))
        assert is_sealed(address) == 0
        order[name] ^= np.int64(1) << bit if bit < 63 else np.int64(-(1 << 63))
        assert is_sealed(address) == 1


def test_stamps_are_not_sealed_and_an_untouched_order_leaves(bench):
    order_id = bench.new()
    address, order = newest(bench)
    order["publish_stamp_ns"] += 5
    assert is_sealed(address) == 1
    bench.settle()
    assert len(bench.venue.orders) == 1 and session(bench) == STATE_ACTIVE and bench.row(order_id) is not None


def test_an_order_that_is_changed_while_it_is_held_is_refused_too(bench):
    bench.new()
    bench.step()
    bench.send(1)  # the socket takes one byte: the next order has to wait in the ring
    held = bench.new()
    bench.step()
    assert told(bench, held) == []
    newest(bench)[1]["qty_lots"] *= 10
    bench.settle()
    assert told(bench, held) == [(REPORT_EXPIRED, REJECT_NOT_APPROVED)] and session(bench) == STATE_HALTED
    assert [order.qty for order in bench.venue.orders.values()] == [100]


def test_an_old_record_that_comes_again_is_not_the_next_decision(bench):
    first = bench.new()
    bench.settle()
    bench._order(1, **{name: newest(bench)[1][name].copy() for name in SEALED if name != "kind"})  # sealed as it was
    bench.settle()
    assert len(bench.venue.orders) == 1 and session(bench) == STATE_HALTED
    assert len(told(bench, first)) == 1, "its id is that of a living order: nothing may say that it died"


def test_an_old_decision_under_a_new_id_is_refused(bench):
    bench.new()
    bench.settle()
    order_id = bench.next_order_id
    bench._order(
        1, **{name: newest(bench)[1][name].copy() for name in SEALED if name != "kind"} | {"order_id": order_id}
    )
    bench.settle()
    assert told(bench, order_id) == [(REPORT_EXPIRED, REJECT_NOT_APPROVED)]
    assert len(bench.venue.orders) == 1 and session(bench) == STATE_HALTED


def test_an_id_that_does_not_rise_halts_though_it_is_sealed(bench):
    order_id = bench.new()
    bench.settle()
    bench.next_order_id = order_id
    bench.new()
    bench.settle()
    assert len(bench.venue.orders) == 1 and session(bench) == STATE_HALTED
    assert bench.errors()[ERROR_SENDER_DUPLICATE] == 1 and len(told(bench, order_id)) == 1


@pytest.mark.parametrize("target", [0, -3, 888_888])
def test_a_replace_without_a_parent_that_was_approved_is_refused_and_halts(bench, target):
    order_id = bench.replace(target)
    bench.settle()
    assert told(bench, order_id) == [(REPORT_EXPIRED, REJECT_NOT_APPROVED)]
    assert bench.venue.orders == {} and session(bench) == STATE_HALTED


@pytest.mark.parametrize("verb", ["cancel", "reduce"])
def test_a_cancel_or_reduce_is_carried_out_whatever_its_seal_and_the_session_halts(bench, verb):
    order_id = bench.new()
    bench.settle()
    bench.cancel(order_id) if verb == "cancel" else bench.reduce(order_id, 40)
    newest(bench)[1]["seal"] ^= 1
    bench.settle()
    assert session(bench) == STATE_HALTED
    (order,) = bench.venue.orders.values()
    assert order.qty == 40 or not order.live


def test_a_cancel_of_a_held_order_still_meets_it(bench):
    bench.new()
    bench.step()
    bench.send(1)
    held = bench.new()
    bench.cancel(held)
    bench.settle()
    assert told(bench, held) == [(REPORT_EXPIRED, REJECT_ALREADY_CANCELLING)] and session(bench) == STATE_ACTIVE


def test_a_ring_whose_next_slot_can_never_be_read_halts_the_session(bench):
    end = bench.orders[0]
    peek_record(int(end["next_addr"]), ORDER)["ring_seq"] = end["next_seq"] + 7
    bench.settle()
    assert session(bench) == STATE_HALTED and bench.errors()[ERROR_SENDER_NOT_APPROVED] == 1


def test_after_a_person_looked_the_next_approved_order_leaves(bench):
    bench.new()
    newest(bench)[1]["price_ticks"] += 100
    bench.settle()
    control = bench.control[0]
    offset = int(control["writer"] * control["block_bytes"] + 8)  # what the session's own word said
    word = peek_record(int(control["words_addr"]) + offset, np.dtype([("word", "<i8")]))["word"]
    peek_record(int(control["acks_addr"]) + offset, np.dtype([("word", "<i8")]))["word"] = word >> 8
    control_set(scratch_control_as(bench.control, 0)[0], 1, STATE_ACTIVE)
    bench.new()
    bench.settle()
    assert len(bench.venue.orders) == 1
