"""Files cut, flipped, zeroed, swapped, repeated, missing, extra, renamed: refused, or a tail cut where it begins."""

import os
import random

import numpy as np
import pytest

from shm.journal_view import entry_crcs, entry_dtype
from shm.records.journal_file import JOURNAL_FILE_ENTRIES_OFFSET
from tests.support.journal_damage import (
    ENTRIES,
    ENTRY_BYTES,
    FILE_BYTES,
    FILE_ENTRIES,
    ask,
    check,
    place,
    put,
    written,
)

SECTOR = 512
TURNS = 100
BYTE_STEP = 5  # of sampled entries; another bit at each


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """What is on the disk is what was written: syncing a thousand damaged copies would only take time."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return written(tmp_path_factory.mktemp("sound"))


def changed(sound: dict[str, bytes], name: str, content: bytes) -> dict[str, bytes]:
    return {**sound, name: bytes(content)}


def test_the_sound_journal_is_sound(sound, tmp_path):
    put(tmp_path / "copy", sound)
    assert ask(tmp_path / "copy") == (ENTRIES, ENTRIES, ENTRIES)


def test_the_last_file_cut_at_every_byte_of_its_last_two_entries(sound, tmp_path):
    name, at = place(ENTRIES - 2)
    for size in range(at, at + 2 * ENTRY_BYTES + 1):
        check(tmp_path / "copy", sound, changed(sound, name, sound[name][:size]), f"cut at {size - at}")


SAMPLED = [0, FILE_ENTRIES - 1, FILE_ENTRIES, 33, 39, 40, ENTRIES - 2, ENTRIES - 1]


@pytest.mark.parametrize("sequence", SAMPLED)
def test_bits_of_sampled_entries_flipped(sound, tmp_path, sequence):
    name, at = place(sequence)
    for byte in range(sequence % BYTE_STEP, ENTRY_BYTES, BYTE_STEP):
        content = bytearray(sound[name])
        content[at + byte] ^= 1 << (byte + sequence) % 8
        check(tmp_path / "copy", sound, changed(sound, name, content), f"entry {sequence}, byte {byte}")


@pytest.mark.soak
@pytest.mark.parametrize("sequence", SAMPLED)
def test_every_bit_of_sampled_entries_flipped(sound, tmp_path, sequence):
    name, at = place(sequence)
    for bit in range(8 * ENTRY_BYTES):
        content = bytearray(sound[name])
        content[at + bit // 8] ^= 1 << bit % 8
        check(tmp_path / "copy", sound, changed(sound, name, content), f"entry {sequence}, bit {bit}")


def test_every_bit_of_one_entrys_head_flipped(sound, tmp_path):
    name, at = place(43)
    for bit in range(56 * 8):
        content = bytearray(sound[name])
        content[at + bit // 8] ^= 1 << bit % 8
        check(tmp_path / "copy", sound, changed(sound, name, content), f"bit {bit}")


def test_every_bit_of_a_file_header_flipped_is_refused(sound, tmp_path):
    for name, bits in ((place(0)[0], range(0, 64 * 8, 7)), (place(ENTRIES - 1)[0], range(64 * 8))):
        for bit in bits:
            content = bytearray(sound[name])
            content[bit // 8] ^= 1 << bit % 8
            put(tmp_path / "copy", changed(sound, name, content))
            assert ask(tmp_path / "copy") == (-1, -1, -1), f"{name}, bit {bit}"


def test_random_sectors_zeroed_swapped_repeated_and_overwritten(sound, tmp_path):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    names = sorted(sound)
    sectors = FILE_BYTES // SECTOR
    for turn in range(TURNS):
        after = {name: bytearray(content) for name, content in sound.items()}
        kind = chance.choice(("zero", "swap", "repeat", "noise"))
        for _ in range(chance.randrange(1, 4)):
            name, other = chance.choice(names), chance.choice(names)
            one, two = (SECTOR * chance.randrange(1, sectors) for _ in range(2))  # headers have their own test
            held = after[name][one : one + SECTOR]
            if kind == "zero":
                after[name][one : one + SECTOR] = bytes(SECTOR)
            elif kind == "noise":
                after[name][one : one + SECTOR] = chance.randbytes(SECTOR)
            else:
                after[name][one : one + SECTOR] = after[other][two : two + SECTOR]
                if kind == "swap":
                    after[other][two : two + SECTOR] = held
        files = {name: bytes(content) for name, content in after.items()}
        check(tmp_path / "copy", sound, files, f"seed {seed}, turn {turn}, {kind}")


def test_a_file_missing_extra_renamed_or_cut_is_refused(sound, tmp_path):
    names = sorted(sound)
    cases = {f"{name} missing": {k: v for k, v in sound.items() if k != name} for name in names[1:-1]}
    cases |= {
        "two names swapped": {**sound, names[1]: sound[names[2]], names[2]: sound[names[1]]},
        "a copy under a name between": {**sound, f"{15:020d}.journal": sound[names[1]]},
        "a copy under a name behind": {**sound, f"{50:020d}.journal": sound[names[4]]},
        "an empty file behind": {**sound, f"{50:020d}.journal": b""},
        "an empty file in the middle": {**sound, names[2]: b""},
        "the middle cut to its header": {**sound, names[2]: sound[names[2]][:JOURNAL_FILE_ENTRIES_OFFSET]},
        "the last but one cut to its header": {**sound, names[3]: sound[names[3]][:JOURNAL_FILE_ENTRIES_OFFSET]},
    }
    for what, files in cases.items():
        put(tmp_path / "copy", files)
        found = ask(tmp_path / "copy")
        assert found.verified == -1, f"{what}: {found}"
        needless = what == "a copy under a name between"  # every entry is found without it
        assert found.read == (ENTRIES if needless else -1), f"{what}: {found}"
        assert found.recovered == -1 or what == "the middle cut to its header", f"{what}: {found}"


def test_without_its_oldest_files_it_is_sound_from_there_on_and_asking_for_them_says_gone(sound, tmp_path):
    put(tmp_path / "copy", {name: content for name, content in sound.items() if name != place(0)[0]})
    assert ask(tmp_path / "copy") == (ENTRIES, -1, ENTRIES)


def forged(content: bytes, at: int, field: str, difference: int) -> bytes:
    """The file with one field of an entry's head changed and the crc made anew, as somebody would who knows how."""
    entry = np.frombuffer(content[at : at + ENTRY_BYTES], entry_dtype(ENTRY_BYTES)).copy()
    entry["head"][field] += difference
    entry["head"]["crc"] = entry_crcs(entry)
    return content[:at] + entry.tobytes() + content[at + ENTRY_BYTES :]


@pytest.mark.parametrize("sequence", [3, 29, 30, 31, 39, 40, ENTRIES - 2])
def test_an_edit_with_a_crc_of_its_own_breaks_the_chain_for_every_reader(sound, tmp_path, sequence):
    name, at = place(sequence)
    check(tmp_path / "copy", sound, changed(sound, name, forged(sound[name], at, "now_ns", 1)), f"entry {sequence}")


def test_one_entry_deleted_and_the_rest_moved_up_with_new_numbers_breaks_the_chain(sound, tmp_path):
    """The forger gives what follows in the file its new sequence and crc, but not the crc before it."""
    name, at = place(42)
    content = sound[name][:at] + sound[name][at + ENTRY_BYTES :] + bytes(ENTRY_BYTES)
    for sequence in range(42, ENTRIES - 1):
        content = forged(content, place(sequence)[1], "journal_seq", -1)
    put(tmp_path / "copy", changed(sound, name, content))
    assert ask(tmp_path / "copy") == (-1, -1, -1)


def test_two_entries_moved_into_each_others_place_with_new_numbers_break_the_chain(sound, tmp_path):
    for one, other in ((41, 44), (32, 45), (5, 6)):
        (name, at), (name_other, at_other) = place(one), place(other)
        files = dict(sound)
        first, second = sound[name][at : at + ENTRY_BYTES], sound[name_other][at_other : at_other + ENTRY_BYTES]
        files[name] = files[name][:at] + second + files[name][at + ENTRY_BYTES :]
        files[name_other] = files[name_other][:at_other] + first + files[name_other][at_other + ENTRY_BYTES :]
        files[name] = forged(files[name], at, "journal_seq", one - other)
        files[name_other] = forged(files[name_other], at_other, "journal_seq", other - one)
        check(tmp_path / "copy", sound, files, f"{one} and {other}")
