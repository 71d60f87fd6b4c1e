"""A part of a recording on disk: every flipped bit is found, a torn end is not an error, a full disk ends it honestly."""

import json
import random

import numpy as np
import pytest

from procs.runtime.recorder import CALL_LAST, Recorder
from procs.runtime.recording_file import (
    BLOCK_END,
    BLOCK_ENTRIES,
    BLOCK_HEADER,
    NoSuchRecording,
    RecordingDamaged,
    blocks,
    entries_in,
    find_parts,
    head_of,
    items_in,
)
from procs.runtime.recording_writer import RecordingWriter
from shm.records.recording_entry import ENDED_CLOSED, ENDED_DISK, ITEM_IMAGE

HEADER = {"instance": "strategy", "epoch": 3}


def written(folder, entries: int, **options):
    """(writer, payloads) of a part with that many entries, closed."""
    recorder = Recorder(1 << 23)
    writer = RecordingWriter(recorder, folder, HEADER, **options)
    writer.start()
    payloads = [bytes([number % 251]) * (1 + 13 * number % 400) for number in range(entries)]
    for number, payload in enumerate(payloads):
        recorder.begin()
        recorder.put(ITEM_IMAGE, number, number * 7, payload)
        recorder.commit(CALL_LAST, writer.wait)
    writer.close()
    return writer, payloads


def all_entries(path) -> list[bytes]:
    return [entry for _, kind, data in blocks(path) if kind == BLOCK_ENTRIES for entry in entries_in(data)]


def test_what_was_logged_is_read_again_in_order_with_its_header_and_its_end(tmp_path):
    writer, payloads = written(tmp_path, 300)
    (part,) = find_parts(tmp_path)
    assert part.path == writer.path and part.instance == "strategy" and part.header["epoch"] == 3
    entries = all_entries(part.path)
    assert [int(head_of(entry)["number"]) for entry in entries] == list(range(300))
    for number, entry in enumerate(entries):
        (item,) = items_in(entry[64:])
        assert (item.kind, item.index, item.key, item.payload) == (ITEM_IMAGE, number, number * 7, payloads[number])
    kinds = [kind for _, kind, _ in blocks(part.path)]
    assert kinds[0] == BLOCK_HEADER and kinds[-1] == BLOCK_END
    end = json.loads([data for _, kind, data in blocks(part.path) if kind == BLOCK_END][0])
    assert end["reason"] == ENDED_CLOSED and end["entries"] == 300


def test_a_second_life_of_an_instance_is_another_part(tmp_path):
    written(tmp_path, 1)
    written(tmp_path, 2)
    assert [len(all_entries(part.path)) for part in find_parts(tmp_path, "strategy")] == [1, 2]
    with pytest.raises(NoSuchRecording, match="a recording of risk_gate"):
        find_parts(tmp_path, "risk_gate")


@pytest.mark.parametrize("seed", [1, 2])
def test_any_flipped_bit_is_found_and_its_block_named(tmp_path, seed):
    print("seed", seed)
    draw = random.Random(seed)
    writer, _ = written(tmp_path, 40)
    whole = writer.path.read_bytes()
    starts = [offset for offset, _, _ in blocks(writer.path)]
    for _ in range(200):
        at = draw.randrange(len(whole))
        block = max(start for start in starts if start <= at)
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << draw.randrange(8)
        writer.path.write_bytes(spoilt)
        with pytest.raises(RecordingDamaged, match=f"block at byte {block}"):
            all_entries(writer.path)


def test_a_part_that_is_cut_anywhere_gives_the_whole_entries_before_the_cut(tmp_path):
    writer, _ = written(tmp_path, 40)
    whole, entries = writer.path.read_bytes(), all_entries(writer.path)
    for cut in range(0, len(whole), 97):
        writer.path.write_bytes(whole[:cut])
        found = all_entries(writer.path)
        assert found == entries[: len(found)]


def test_a_disk_without_room_ends_the_recording_and_says_so_once(tmp_path):
    writer, _ = written(tmp_path, 3, reserve_bytes=1 << 62)
    assert int(writer.recorder.r["ended"]) == ENDED_DISK
    assert "the disk was full" in writer.ended_text()
    assert writer.ended_text() == ""
    end = json.loads([data for _, kind, data in blocks(writer.path) if kind == BLOCK_END][0])
    assert end["reason"] == ENDED_DISK


def test_a_disk_that_fails_ends_the_recording_and_the_role_goes_on(tmp_path):
    recorder = Recorder(1 << 23)
    writer = RecordingWriter(recorder, tmp_path, HEADER)
    writer.file.close()
    writer.file = open("/dev/full", "wb", buffering=0)
    writer.start()
    recorder.begin()
    recorder.put(ITEM_IMAGE, 0, 0, np.arange(100).tobytes())
    recorder.commit(CALL_LAST, writer.wait)
    writer.join(10)
    assert not writer.is_alive()
    assert int(recorder.r["ended"]) == ENDED_DISK
    recorder.begin()
    recorder.put(ITEM_IMAGE, 0, 0, b"x")
    recorder.commit(CALL_LAST, writer.wait)
    assert "the disk was full or failed" in writer.ended_text()
