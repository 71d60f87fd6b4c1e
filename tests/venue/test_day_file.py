"""Day files: plain and gzip, genuine and broken, streamed through blocks that are used again."""

import gzip
import os
import random
import struct

import numpy as np
import pytest

from procs.venue import day_blocks
from procs.venue.day_blocks import (
    BLOCK_BYTES,
    BLOCKS,
    DAY_BLOCKS,
    NUMBER_OFFSETS,
    DayReader,
    block_at,
    blocks_ended,
    give_block_back,
    prepare_blocks,
)
from procs.venue.day_file import DayRefused, DayStream, frames, is_day, read_directory
from procs.wire.itch.sizes import SIZE_OF
from tests.oracles.itch import NAMES
from tests.support.data import shared_data
from tests.support.itch_flow import ItchFlow

GENUINE = ("itch50", "20191230_open_1000.itch")


def framed(messages) -> bytes:
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)


def day_bytes(seed: int, events: int) -> bytes:
    return framed(ItchFlow(seed, ["AAA", "BBB"]).open_day().trade(events).messages)


def blocks_of(path) -> bytes:
    """What the hot thread sees of a file, taking the blocks one by one."""
    held = np.zeros(1, DAY_BLOCKS)
    blocks = held[0]
    prepare_blocks(blocks)
    reader, taken, out = DayReader(path, blocks), 0, b""
    while not blocks_ended(blocks, taken):
        reader.fill()
        size = int(block_at(blocks, taken))
        out += blocks["bytes"][taken % BLOCKS, :size].tobytes()
        taken += 1
        give_block_back(blocks, taken)
    reader.close()
    return out


@pytest.mark.parametrize("packed", ["plain", "gzip", "gzip members"])
def test_a_file_comes_out_as_it_went_in_however_it_is_packed(tmp_path, packed):
    raw = day_bytes(7, 3000) * 12  # a good block and a half
    assert BLOCK_BYTES < len(raw)
    content = raw
    if packed == "gzip":
        content = gzip.compress(raw)
    elif packed == "gzip members":
        content = b"".join(gzip.compress(raw[at : at + 100_001]) for at in range(0, len(raw), 100_001))
    path = tmp_path / "day.itch"
    path.write_bytes(content)
    assert blocks_of(path) == raw
    stream = DayStream(path)
    assert framed(frames(stream)) == raw
    stream.close()


def test_genuine_messages_pass_and_a_zero_size_ends_the_day(tmp_path):
    raw = shared_data(*GENUINE).read_bytes()
    assert is_day(shared_data(*GENUINE)) and blocks_of(shared_data(*GENUINE)) == raw
    ended = tmp_path / "ended.itch"
    ended.write_bytes(raw + b"\0\0")
    assert blocks_of(ended) == raw
    assert read_directory(ended).locates == {} and read_directory(ended).first_ns > 0


def test_blocks_hold_whole_frames_and_are_filled_no_further_than_they_are_taken(tmp_path, monkeypatch):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    raw = day_bytes(seed, 6000)
    monkeypatch.setattr(day_blocks, "BLOCK_BYTES", 4096)
    path = tmp_path / "day.itch"
    path.write_bytes(raw)
    held = np.zeros(1, DAY_BLOCKS)
    blocks = held[0]
    prepare_blocks(blocks)
    reader, rng, taken, out = DayReader(path, blocks), random.Random(seed), 0, b""
    while not blocks_ended(blocks, taken):
        for _ in range(rng.randrange(4)):
            reader.fill()
        assert int(blocks["words"]["ready"]) - taken <= BLOCKS
        while rng.random() < 0.7 and block_at(blocks, taken) > 0:
            piece = blocks["bytes"][taken % BLOCKS, : int(block_at(blocks, taken))].tobytes()
            at = 0
            while at < len(piece):
                at += 2 + int.from_bytes(piece[at : at + 2], "big")
            assert at == len(piece)
            out += piece
            taken += 1
            give_block_back(blocks, taken)
    assert out == raw


def refusal(path) -> str:
    with pytest.raises(DayRefused) as found:
        blocks_of(path)
    return str(found.value)


def test_a_cut_or_garbled_file_is_refused_with_its_byte(tmp_path):
    messages = ItchFlow(3, ["AAA"]).open_day().trade(500).messages
    raw, path = framed(messages), tmp_path / "day.itch"
    at = len(framed(messages[:100]))
    path.write_bytes(raw[:-3])
    last = len(framed(messages[:-1]))
    assert f"{path} byte {last}: expected a whole message, found {len(raw) - 3 - last} bytes" in refusal(path)
    path.write_bytes(raw[: at + 2] + b"?" + raw[at + 3 :])
    assert f"{path} byte {at}: expected an ITCH 5.0 message, found size" in refusal(path)
    path.write_bytes(raw[:at] + b"\x01\x00" + raw[at + 2 :])
    assert f"{path} byte {at}: expected a message" in refusal(path) and "size 256" in refusal(path)
    above = bytearray(raw)
    add = next(number for number, message in enumerate(messages) if message[:1] == b"A")
    above[len(framed(messages[:add])) + 2 + 11] = 0x40
    path.write_bytes(above)
    assert "with numbers below 2^62" in refusal(path)
    path.write_bytes(gzip.compress(raw)[:-200])
    assert "compressed byte" in refusal(path) and "the end of its gzip member" in refusal(path)
    packed = bytearray(gzip.compress(os.urandom(60_000)))
    packed[30_000] ^= 0xFF
    path.write_bytes(packed)
    assert "refused" not in refusal(path) and f"{path} " in refusal(path)


def test_no_file_and_files_of_other_kinds_are_told_apart(tmp_path):
    assert is_day(tmp_path / "none.itch") and not is_day(tmp_path / "none.dbn.zst")
    with pytest.raises(DayRefused, match="a readable ITCH 5.0 day file, found No such file"):
        read_directory(tmp_path / "none.itch")
    path = tmp_path / "other"
    for content in (b"", b"\0\0", b"# Readme", b"\x28\xb5\x2f\xfd0000"):
        path.write_bytes(content)
        assert not is_day(path), content
    for content in (b"\x1f\x8bnoise", gzip.compress(b"text")):
        path.write_bytes(content)
        with pytest.raises(DayRefused):
            read_directory(path)


def test_the_directory_is_what_stands_before_the_first_order(tmp_path):
    path = tmp_path / "day.itch"
    flow = ItchFlow(5, ["AAA", "BBB"]).open_day()
    before = flow.venue_ns
    flow.trade(50)
    path.write_bytes(gzip.compress(framed(flow.messages)))
    found = read_directory(path)
    assert found.locates == {"AAA": 1, "BBB": 2, "OTHER": 3} and found.first_ns > before
    flow = ItchFlow(5, ["AAA"]).open_day()
    flow.say("R", locate=9, symbol="AAA", qty_lots=100)
    path.write_bytes(framed(flow.messages))
    with pytest.raises(DayRefused, match="one locate for each symbol, found AAA with locate 9 beside 1"):
        read_directory(path)


def test_every_order_and_match_number_of_the_specification_is_moved():
    """Offsets from a second reading of the specification."""
    widths = {"Q": 8, "I": 4, "H": 2, "c": 1, "2s": 2, "4s": 4, "8s": 8}
    from tests.oracles.itch import BODIES

    for kind, (body, _) in BODIES.items():
        offset, found = 11, []
        parts = []
        while body:
            width = 2 if body[0].isdigit() else 1
            parts.append(body[:width])
            body = body[width:]
        for name, part in zip(NAMES[kind], parts, strict=True):
            if name in ("order_ref", "new_order_ref", "match_number") and (kind, name) != ("P", "order_ref"):
                found.append(offset)
            offset += widths[part]
        assert offset == SIZE_OF[kind]
        assert tuple(found) == NUMBER_OFFSETS.get(kind, ()), kind
