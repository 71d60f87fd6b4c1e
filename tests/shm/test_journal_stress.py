"""Journal under real processes: kill -9 in mid-append and mid-copy, readers beside a writer that rotates, cost."""

import mmap
import os
import random
import signal
import threading
import time

import numpy as np

from shm.atomics import address_of
from shm.ends import journal_end_at
from shm.jit import JIT_OFF
from shm.journal import journal_open
from shm.journal_disk import JournalCopier, JournalDisk, list_files
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.journal_end import journal_bytes, journal_entry_bytes
from shm.scratch import scratch_clock, scratch_journal
from tests.support.journal_work import append_until, payload_words, time_appends

PAYLOAD = 128
ENTRY = journal_entry_bytes(PAYLOAD)
CAPACITY = 64
FILE_ENTRIES = 200
KILLS = 8 if JIT_OFF else 40
ENTRIES = 800 if JIT_OFF else 12_000
DEADLINE_S = 60


class SharedJournal:
    """A journal whose memory outlives the process that writes it."""

    def __init__(self, folder):
        self.folder = folder
        self._map = mmap.mmap(-1, journal_bytes(PAYLOAD, CAPACITY) + 4096)
        memory = np.frombuffer(self._map, np.uint8)
        self.block = memory[4096:]
        self.words = memory[:64].view(np.int64)  # word 0: tail that the writer said it committed; 1: started

    def view(self):
        return JournalView(self.block, ENTRY, CAPACITY)

    def spawn(self, end_seq):
        """A process that recovers, then appends up to `end_seq` in a hot thread while it copies in another."""
        self.words[1] = 0
        child = os.fork()
        if child:
            return child
        try:
            self.write(end_seq)
            os._exit(0)
        except BaseException as error:
            os.write(2, f"writer: {error!r}\n".encode())
            os._exit(1)

    def write(self, end_seq):
        disk = JournalDisk(self.folder, ENTRY, FILE_ENTRIES)
        found = disk.recover()
        journal = journal_end_at(address_of(self.block), PAYLOAD, CAPACITY)
        tail = journal_open(journal[0], found.tail_seq, found.prev_crc, 1)
        assert tail >= self.words[0], f"acknowledged {self.words[0]}, found {tail}"
        copier = JournalCopier(self.view(), disk)
        self.words[1] = 1
        hot = threading.Thread(target=append_until, args=(journal[0], end_seq, address_of(self.words)), daemon=True)
        hot.start()
        while hot.is_alive() or copier.lag()[0]:
            copier.copy_some(random.randrange(1, CAPACITY))
        copier.close()


def check_chunk(chunk, sequence):
    """Assert that these are the entries from `sequence` on, as `append_until` writes them."""
    for entry in chunk:
        words = int(payload_words(sequence))
        assert entry["head"]["journal_seq"] == sequence + 1
        assert entry["head"]["payload_bytes"] == words * 8
        payload = entry["payload"][: words * 8].view(np.int64)
        assert payload[0] == sequence * 1_000_003 and payload[-1] == sequence * 1_000_003 + words - 1
        sequence += 1
    return sequence


def read_on(reader, sequence):
    for chunk in reader.chunks(sequence):
        sequence = check_chunk(chunk, sequence)
    return sequence


def warm():
    """Compile before forking, so that children start at once."""
    journal = scratch_journal(PAYLOAD, 4)
    word = np.zeros(8, np.int64)
    append_until(journal[0], 2, address_of(word))


def test_kill_9_of_the_writer_at_any_moment_loses_nothing_that_was_committed(tmp_path):
    warm()
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    shared = SharedJournal(tmp_path / "journal")
    reader = JournalReader(shared.folder, shared.view())
    applied = 0
    for trial in range(KILLS):
        child = shared.spawn(1 << 40)
        deadline = time.monotonic() + DEADLINE_S
        while shared.words[1] == 0:
            assert time.monotonic() < deadline, f"seed {seed} trial {trial}: the writer did not start"
            assert os.waitpid(child, os.WNOHANG)[0] == 0, f"seed {seed} trial {trial}: the writer failed"
        moment = time.perf_counter() + chance.random() * 0.02
        while time.perf_counter() < moment:
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        acknowledged = int(shared.words[0])
        if trial % 3 == 0:
            applied = read_on(reader, applied)
            assert applied >= acknowledged, f"seed {seed} trial {trial}"
    child = shared.spawn(int(shared.view().tail()) + 10)
    assert os.waitpid(child, 0)[1] == 0
    assert read_on(reader, applied) == shared.view().watermark == read_on(JournalReader(shared.folder), 0)
    print(f"{KILLS} kills, {shared.view().watermark} entries, {len(list_files(shared.folder))} files")
    assert shared.view().watermark > KILLS


def test_readers_beside_a_writer_that_wraps_and_rotates_see_every_entry_once(tmp_path):
    warm()
    shared = SharedJournal(tmp_path / "journal")
    child = shared.spawn(ENTRIES)
    readers = {"memory and disk": JournalReader(shared.folder, shared.view()), "disk": JournalReader(shared.folder)}
    seen = dict.fromkeys(readers, 0)
    deadline = time.monotonic() + DEADLINE_S
    while min(seen.values()) < ENTRIES:
        assert time.monotonic() < deadline, f"seen {seen}"
        for name, reader in readers.items():
            chunk = reader.read(seen[name], random.randrange(1, 90))
            seen[name] = check_chunk(chunk, seen[name])
    assert os.waitpid(child, 0)[1] == 0
    assert set(seen.values()) == {ENTRIES}
    assert len(list_files(shared.folder)) == -(-ENTRIES // FILE_ENTRIES)


def test_cost_of_an_append_is_printed():
    clock_addr = scratch_clock()
    journal = scratch_journal(PAYLOAD, 4096)
    spans = np.zeros(200 if JIT_OFF else 100_000, np.int64)
    time_appends(journal[0], clock_addr, PAYLOAD, spans[:100])
    time_appends(journal[0], clock_addr, PAYLOAD, spans)
    p50, p99, p99_9 = (int(np.percentile(spans, share)) for share in (50, 99, 99.9))
    print(f"append of {PAYLOAD} bytes with CRC32C, clock included: p50 {p50}, p99 {p99}, p99.9 {p99_9} ns")
    assert journal[0]["next_seq"] == len(spans) + min(100, len(spans))
    assert JIT_OFF or p50 < 1000
