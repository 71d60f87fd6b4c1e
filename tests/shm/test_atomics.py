"""Atomics: twins equal to intrinsics, and the ordering really in the machine code."""

import random
import time

import numpy as np
import pytest

from shm import atomics
from shm.atomics import (
    address_of,
    copy_bytes,
    cpu_pause,
    crc32c_word,
    cycles,
    fence_acquire,
    fence_release,
    leading_zeros,
    load_acquire,
    load_relaxed,
    monotonic_ns,
    mul_shift32,
    record_at,
    store_relaxed,
    store_release,
)
from shm.jit import JIT_OFF, hot
from shm.records.tick import TICK
from tests.support.words import peek_record

INTERESTING = [
    0,
    1,
    -1,
    2,
    63,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**53,
    2**62,
    2**63 - 1,
    -(2**31),
    -(2**62),
    -(2**63),
]


@hot
def loads(address):
    return load_acquire(address), load_relaxed(address)


@hot
def stores(address, value):
    store_release(address, value)
    store_relaxed(address + 8, value)


@hot
def everything_else(a, b):
    fence_acquire()
    fence_release()
    cpu_pause()
    return mul_shift32(a, b), leading_zeros(a), crc32c_word(b & 0xFFFFFFFF, a)


@hot
def times():
    return monotonic_ns(), cycles()


@hot
def copy(target, source, size):
    copy_bytes(target, source, size)


@hot
def turn_record(address, price):
    record = record_at(address, TICK)
    old = record["price_ticks"]
    record["price_ticks"] = price
    record["kind"] = 3
    return old


def twin(function):
    return getattr(function, "twin", function)


def random_words(seed, count=200):
    rng = random.Random(seed)
    return INTERESTING + [rng.randrange(-(2**63), 2**63) >> rng.randrange(64) for _ in range(count)]


def test_words_stored_by_one_are_loaded_by_the_other():
    memory = np.zeros(2, np.int64)
    address = address_of(memory)
    for value in random_words(1):
        stores(address, value)
        assert memory.tolist() == [value, value]
        assert twin(load_acquire)(address) == twin(load_relaxed)(address + 8) == value
        twin(store_release)(address, value ^ 5)
        assert loads(address) == (value ^ 5, value ^ 5)
        twin(store_relaxed)(address, value)
        assert loads(address)[1] == value


def test_arithmetic_twins_equal_the_intrinsics():
    others = random_words(3)
    random.Random(4).shuffle(others)
    for a, b in zip(random_words(2), others, strict=True):
        product = (a * b) >> 32
        high, zeros, crc = everything_else(a, b)
        if -(2**63) <= product < 2**63:
            assert high == twin(mul_shift32)(a, b) == product
        assert high == twin(mul_shift32)(a, b)
        assert zeros == twin(leading_zeros)(a)
        assert crc == twin(crc32c_word)(b & 0xFFFFFFFF, a)


def test_crc32c_gives_the_published_check_values():
    def crc32c(data):
        crc = 0xFFFFFFFF
        for offset in range(0, len(data), 8):
            crc = everything_else(int.from_bytes(data[offset : offset + 8], "little", signed=True), crc)[2]
        return crc ^ 0xFFFFFFFF

    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_leading_zeros_of_edges():
    assert [everything_else(value, 0)[1] for value in (0, 1, -1, 2**62)] == [64, 63, 0, 1]


def test_copies_are_equal_and_exact():
    source, target = np.arange(64, dtype=np.uint8), np.zeros(66, np.uint8)
    for function in (copy, twin(copy_bytes)):
        target[:] = 255
        function(address_of(target) + 1, address_of(source), 64)
        assert target[1:65].tolist() == source.tolist() and target[0] == target[65] == 255


def test_a_record_view_reads_and_writes_the_memory_itself():
    ticks = np.zeros(2, TICK)
    ticks[1]["price_ticks"] = 77
    address = address_of(ticks) + TICK.itemsize
    assert turn_record(address, -5) == 77
    assert (ticks[1]["price_ticks"], ticks[1]["kind"]) == (-5, 3) and not ticks[0].tobytes().strip(b"\0")
    view = twin(record_at)(address, TICK)
    view["qty_lots"] = 9
    assert ticks[1]["qty_lots"] == 9 == peek_record(address, TICK)["qty_lots"]


def test_the_clocks_run_forward_and_monotonic_is_the_systems():
    before = time.monotonic_ns()
    (first, cycle), (second, later) = times(), times()
    assert before <= first <= second <= time.monotonic_ns()
    assert later > cycle


def test_address_of_refuses_memory_with_holes():
    with pytest.raises(ValueError, match="contiguous"):
        address_of(np.zeros(8, np.int64)[::2])


def test_every_intrinsic_has_a_twin():
    intrinsics = [name for name, value in vars(atomics).items() if type(value).__name__ == "_Intrinsic"]
    assert JIT_OFF or len(intrinsics) >= 13
    assert all(callable(vars(atomics)[name].twin) for name in intrinsics)


@pytest.mark.skipif(JIT_OFF, reason="looks at compiled code")
def test_ordering_is_in_the_intermediate_code():
    from numba import njit

    @njit
    def ordered(address):
        store_release(address, load_acquire(address) + 1)
        fence_acquire()
        fence_release()
        store_relaxed(address, load_relaxed(address))

    ordered(address_of(np.zeros(1, np.int64)))
    text = next(iter(ordered.inspect_llvm().values()))
    for line in (
        "load atomic i64,",
        "acquire, align 8",
        "store atomic i64",
        "release, align 8",
        "fence acquire",
        "fence release",
        "monotonic, align 8",
    ):
        assert line in text, f"{line} is not in the LLVM code:\n{text}"


@pytest.mark.skipif(JIT_OFF, reason="looks at compiled code")
def test_a_relaxed_load_is_not_hoisted_out_of_a_loop():
    from numba import njit

    @njit
    def wait(address, tries):
        for turn in range(tries):
            if load_relaxed(address) != 0:
                return turn
        return -1

    assert wait(address_of(np.zeros(1, np.int64)), 3) == -1
    code = next(iter(wait.inspect_asm().values()))
    assert code, "no machine code"
    text = next(iter(wait.inspect_llvm().values()))
    body = [block for block in text.split("\n\n") if "load atomic i64" in block]
    assert body and all("br " in block or "br label" in block for block in body)
