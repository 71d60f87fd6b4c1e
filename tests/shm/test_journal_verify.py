"""Any change to a journal's files is found: bytes altered, entries removed, repeated or moved, files removed."""

import random

import numpy as np
import pytest

from shm.journal_disk import list_files
from shm.journal_verify import verify
from shm.journal_view import entry_crcs, entry_dtype
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_file import JOURNAL_FILE_ENTRIES_OFFSET
from tests.support.journal import JournalBench

ENTRIES, FILE_ENTRIES, PAYLOAD_BYTES = 47, 10, 64
ENTRY_BYTES = journal_entry_bytes(PAYLOAD_BYTES)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Five files with 47 entries, the last one not full: {name: bytes}."""
    bench = JournalBench(tmp_path_factory.mktemp("journal"), PAYLOAD_BYTES, 16, FILE_ENTRIES)
    bench.start()
    while bench.ends[0]["next_seq"] < ENTRIES:
        bench.append(min(7, ENTRIES - int(bench.ends[0]["next_seq"])))
        bench.copier.copy_some()
    bench.stop()
    return {path.name: path.read_bytes() for _, path in list_files(bench.folder)}


@pytest.fixture
def folder(written, tmp_path):
    """A private copy of the files."""
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def place(sequence: int) -> tuple[str, int]:
    """(file name, offset) of an entry."""
    first = sequence // FILE_ENTRIES * FILE_ENTRIES
    return f"{first:020d}.journal", JOURNAL_FILE_ENTRIES_OFFSET + (sequence - first) * ENTRY_BYTES


def edit(folder, sequence: int, change) -> None:
    """Let `change` work on the bytes of one entry."""
    name, at = place(sequence)
    content = bytearray((folder / name).read_bytes())
    entry = content[at : at + ENTRY_BYTES]
    change(entry)
    content[at : at + ENTRY_BYTES] = entry
    (folder / name).write_bytes(content)


def test_a_sound_journal_is_sound(folder):
    verdict = verify(folder)
    assert verdict.problem == ""
    assert (verdict.first_seq, verdict.tail_seq, verdict.files, verdict.torn_bytes) == (0, ENTRIES, 5, 0)


def test_a_journal_whose_oldest_files_were_retired_is_sound_from_there_on(folder):
    (folder / place(0)[0]).unlink()
    (folder / place(10)[0]).unlink()
    verdict = verify(folder)
    assert verdict.problem == "" and (verdict.first_seq, verdict.tail_seq) == (20, ENTRIES)


def test_no_journal_at_all_has_no_entries(tmp_path):
    assert verify(tmp_path).tail_seq == 0


def test_every_flipped_bit_of_a_sampled_entry_is_found(folder, written):
    """Bits that carry something: head without its reserved word, payload in whole words."""
    sequence = 23
    name, at = place(sequence)
    payload_words = -(-int.from_bytes(written[name][at + 44 : at + 48], "little") // 8)
    carried = [*range(0, 56), *range(64, 64 + 8 * payload_words)]
    missed = []
    for byte in carried:
        for bit in range(8):
            (folder / name).write_bytes(written[name])
            edit(folder, sequence, lambda entry, byte=byte, bit=bit: entry.__setitem__(byte, entry[byte] ^ 1 << bit))
            if not verify(folder).problem:
                missed.append((byte, bit))
    assert missed == []


@pytest.mark.parametrize("sequence", range(ENTRIES - 1))
def test_an_entry_that_was_wiped_is_found_when_it_is_not_the_last(folder, sequence):
    edit(folder, sequence, lambda entry: entry.__setitem__(slice(None), bytes(ENTRY_BYTES)))
    assert f"entry {sequence}" in verify(folder).problem


def test_random_removals_repeats_moves_and_swaps_of_entries_are_found(folder, written):
    seed = 20_261_121
    print(f"seed {seed}")
    rng = random.Random(seed)
    for turn in range(120):
        for name, content in written.items():
            (folder / name).write_bytes(content)
        one, other = sorted(rng.sample(range(ENTRIES - 1), 2))
        name_one, at_one = place(one)
        name_other, at_other = place(other)
        entry_one = written[name_one][at_one : at_one + ENTRY_BYTES]
        entry_other = written[name_other][at_other : at_other + ENTRY_BYTES]
        if turn % 3 == 0:  # moved: the places are changed
            edit(folder, one, lambda entry, new=entry_other: entry.__setitem__(slice(None), new))
            edit(folder, other, lambda entry, new=entry_one: entry.__setitem__(slice(None), new))
        elif turn % 3 == 1:  # repeated over another
            edit(folder, other, lambda entry, new=entry_one: entry.__setitem__(slice(None), new))
        else:  # taken out, the rest of the file moved up
            content = bytearray(written[name_one])
            del content[at_one : at_one + ENTRY_BYTES]
            (folder / name_one).write_bytes(content + bytes(ENTRY_BYTES))
        assert verify(folder).problem, f"turn {turn}: entries {one} and {other}"


def test_an_edit_with_a_crc_of_its_own_breaks_the_chain(folder):
    """Somebody rewrites a payload and its crc: the next entry still names the old one."""

    def forge(entry):
        record = np.frombuffer(bytes(entry), entry_dtype(ENTRY_BYTES)).copy()
        record["head"]["now_ns"] += 1
        record["head"]["crc"] = entry_crcs(record)
        entry[:] = record.tobytes()

    edit(folder, 31, forge)
    assert "chain" in verify(folder).problem


@pytest.mark.parametrize("first", (10, 20, 30))
def test_a_file_that_is_missing_in_the_middle_is_found(folder, first):
    (folder / place(first)[0]).unlink()
    assert f"expected a file that starts at entry {first}" in verify(folder).problem


def test_a_file_behind_one_that_is_not_full_is_found(folder):
    edit(folder, 39, lambda entry: entry.__setitem__(slice(None), bytes(ENTRY_BYTES)))
    assert "it follows" in verify(folder).problem


def test_a_torn_tail_is_told_from_damage(folder):
    edit(folder, ENTRIES, lambda entry: entry.__setitem__(slice(0, 40), b"\x55" * 40))
    verdict = verify(folder)
    assert verdict.problem == "" and verdict.tail_seq == ENTRIES and verdict.torn_bytes == 40


def test_fewer_entries_than_the_watermark_says_are_a_problem(folder):
    assert "watermark 48" in verify(folder, watermark=ENTRIES + 1).problem
    assert verify(folder, watermark=ENTRIES).problem == ""


def test_what_a_living_writer_is_about_to_write_is_not_judged(folder):
    """A copier's write may show its later pages before its earlier ones for microseconds."""
    edit(folder, 45, lambda entry: entry.__setitem__(slice(None), bytes(ENTRY_BYTES)))
    assert verify(folder, watermark=45).problem == ""
    assert "entry 45" in verify(folder, watermark=46).problem
    assert "entry 45" in verify(folder).problem
