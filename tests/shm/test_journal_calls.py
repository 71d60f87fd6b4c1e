"""EIO, ENOSPC and short writes at the N-th call of a run, for every N: fatal at once, never tried again, nothing lost."""

import os

import pytest

from shm.errors import JournalWriteFailed
from shm.journal import journal_failed
from tests.support.journal import JournalBench, check_entry

PAYLOAD_BYTES, FILE_ENTRIES, ENTRIES = 64, 10, 25
CALLS = ("pwrite", "fdatasync", "fsync", "posix_fallocate", "rename", "mkdir")
EIO, ENOSPC, SHORT = 5, 28, 0


class Disk:
    """Counts the calls that write, and lets the N-th of them fail."""

    def __init__(self, monkeypatch):
        self.made: list[str] = []
        self.fail_at, self.number = -1, 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._seam(name, getattr(os, name)))

    def _seam(self, name: str, real):
        def call(*arguments, **named):
            self.made.append(name)
            if len(self.made) - 1 != self.fail_at:
                return real(*arguments, **named)
            if self.number == SHORT and name == "pwrite":
                return real(arguments[0], bytes(arguments[1])[:-9], arguments[2])
            raise OSError(self.number or EIO, os.strerror(self.number or EIO))

        return call


def run(bench: JournalBench) -> None:
    """Start, append ENTRIES entries, copy them in small batches over three files."""
    bench.start()
    while bench.ends[0]["next_seq"] < ENTRIES:
        bench.append(min(4, ENTRIES - int(bench.ends[0]["next_seq"])))
        bench.copier.copy_some(3)
    while bench.copier.copy_some():
        pass


def new_bench(folder) -> JournalBench:
    return JournalBench(folder, PAYLOAD_BYTES, 32, FILE_ENTRIES)


def calls_of_a_sound_run(folder, monkeypatch) -> list[str]:
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        bench = new_bench(folder)
        run(bench)
        bench.stop()
    return disk.made


@pytest.mark.parametrize("number", [EIO, ENOSPC, SHORT], ids=["EIO", "ENOSPC", "short write"])
def test_the_nth_call_fails_for_every_n(tmp_path, monkeypatch, number):
    made = calls_of_a_sound_run(tmp_path / "sound", monkeypatch)
    assert set(made) == set(CALLS), "a sound run makes each of them"
    for fail_at, name in enumerate(made):
        if number == SHORT and name != "pwrite":
            continue
        what = f"call {fail_at}, {name}"
        bench = new_bench(tmp_path / f"{number}.{fail_at}")
        with monkeypatch.context() as patch:
            disk = Disk(patch)
            disk.fail_at, disk.number = fail_at, number
            with pytest.raises(JournalWriteFailed):
                run(bench)
            assert len(disk.made) == fail_at + 1, f"{what}: something was written after the failure"
            if bench.copier is not None:
                for _ in range(3):
                    with pytest.raises(JournalWriteFailed):
                        bench.copier.copy_some()
                assert len(disk.made) == fail_at + 1, f"{what}: it was tried again"
                assert journal_failed(bench.ends[0]) == (number or EIO), what
        check_nothing_lost(bench, what)


def check_nothing_lost(bench: JournalBench, what: str) -> None:
    """A start on a sound disk has all of memory; a power loss takes nothing from before the watermark."""
    appended = int(bench.ends[0]["next_seq"]) if bench.copier is not None else 0
    watermark = bench.view().watermark
    assert bench.start() == appended, what
    while bench.copier.copy_some():
        pass
    seen = 0
    for head, payload in bench.reader(memory=False).entries():
        check_entry(head, payload, seen, PAYLOAD_BYTES)
        seen += 1
    assert seen == appended >= watermark, what
    bench.stop()
