"""Integers and texts of the wire: compiled accesses equal their byte-by-byte twins and Python's own conversions."""

import numpy as np
import pytest

from procs.wire import big_endian
from procs.wire.big_endian import (
    fits_u32,
    has_room,
    read_u16,
    read_u32,
    read_u48,
    read_u64,
    text_word,
    word_text,
    write_u16,
    write_u32,
    write_u48,
    write_u64,
)
from shm.jit import hot

READERS = {2: "read_u16", 4: "read_u32", 6: "read_u48", 8: "read_u64"}


@hot
def read_any(size, buf, offset):
    if size == 2:
        return read_u16(buf, offset)
    if size == 4:
        return read_u32(buf, offset)
    if size == 6:
        return read_u48(buf, offset)
    return read_u64(buf, offset)


@hot
def write_any(size, buf, offset, value):
    if size == 2:
        write_u16(buf, offset, value)
    elif size == 4:
        write_u32(buf, offset, value)
    elif size == 6:
        write_u48(buf, offset, value)
    else:
        write_u64(buf, offset, value)


@pytest.mark.parametrize("size", READERS)
def test_numbers_of_every_width_at_every_offset_read_as_python_reads_them(size):
    rng = np.random.default_rng(size)
    twin = getattr(big_endian, READERS[size] + "_bytewise")
    for turn in range(200):
        buf = rng.integers(0, 256, 24).astype(np.uint8)
        if turn < 4:
            buf[:] = (0, 255, 127, 128)[turn]
        for offset in (0, 1, 5, 24 - size):
            raw = buf[offset : offset + size].tobytes()
            expected = int.from_bytes(raw, "big", signed=size == 8)
            assert read_any(size, buf, offset) == expected, (size, raw.hex())
            assert twin(buf, offset) == expected


@pytest.mark.parametrize("size", READERS)
def test_written_numbers_touch_their_bytes_only(size):
    twin = getattr(big_endian, READERS[size].replace("read", "write") + "_bytewise")
    for value in (0, 1, 255, 256, (1 << (8 * size - 1)) - 1):
        written, by_twin = np.full(12, 0xEE, np.uint8), np.full(12, 0xEE, np.uint8)
        write_any(size, written, 3, value)
        twin(by_twin, 3, value)
        expected = b"\xee" * 3 + value.to_bytes(size, "big") + b"\xee" * (9 - size)
        assert written.tobytes() == by_twin.tobytes() == expected


def test_room_is_refused_for_every_range_that_leaves_the_array():
    buf = np.zeros(10, np.uint8)
    rows = [(0, 10, True), (10, 0, True), (9, 1, True), (9, 2, False), (11, 0, False), (-1, 1, False), (0, -1, False)]
    rows += [(0, 2**62, False), (2**62, 2**62, False)]
    for offset, size, expected in rows:
        assert has_room(buf, offset, size) == expected, (offset, size)


def test_four_bytes_hold_zero_to_their_maximum():
    assert [bool(fits_u32(v)) for v in (-1, 0, 2**32 - 1, 2**32)] == [False, True, True, False]


def test_texts_are_words_and_back():
    assert word_text(text_word("AAPL")) == "AAPL"
    assert text_word("AAPL    ") == text_word("AAPL") == int.from_bytes(b"AAPL    ", "big")
    assert word_text(text_word("LUDP", size=4), size=4) == "LUDP"
    assert word_text(-1) == "????????"
    with pytest.raises(ValueError, match="at most 8"):
        text_word("TOOLONGNAME")
