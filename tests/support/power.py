"""Power: a disk model beneath os.pwrite and the syncs. What was not synced when the power goes is kept or lost by chance.

Each write is remembered until a sync of its file. A loss puts each file back to what was synced, then lets a random
subset of the later writes through, sector by sector, in order. Renames and new files count as durable when they return:
the code under test syncs files before, and the folder after, a rename; a test of names looks at that.
"""

import os
import random
from pathlib import Path

SECTOR = 512


class PowerLost(BaseException):
    """Everything stops here. No code of ours may catch it as an error of the disk."""


class Power:
    """Install with `Power(monkeypatch, chance)`; `lose_at` calls from now, the power goes; `restore` for the next life."""

    def __init__(self, monkeypatch, chance: random.Random):
        self.chance = chance
        self.calls, self.lost_at = 0, -1
        self.pending: dict[str, list[tuple[int, bytes, bytes]]] = {}  # path -> (offset, before, after)
        real = {name: getattr(os, name) for name in ("pwrite", "fdatasync", "fsync")}

        def pwrite(handle, content, offset):
            self._count()
            path, size = os.readlink(f"/proc/self/fd/{handle}"), len(content)
            before = os.pread(handle, size, offset).ljust(size, b"\0")
            self.pending.setdefault(path, []).append((offset, before, bytes(content)))
            return real["pwrite"](handle, content, offset)

        def sync(name):
            def call(handle):
                self._count()
                self.pending.pop(os.readlink(f"/proc/self/fd/{handle}"), None)

            return call

        monkeypatch.setattr(os, "pwrite", pwrite)
        monkeypatch.setattr(os, "fdatasync", sync("fdatasync"))
        monkeypatch.setattr(os, "fsync", sync("fsync"))

    def lose_after(self, calls: int) -> None:
        """The power goes at the calls-th write or sync from now."""
        self.lost_at = self.calls + calls

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.lost_at:
            raise PowerLost

    def lose(self) -> int:
        """What is on the platters now. Returns how many sectors of unsynced writes were lost."""
        lost = 0
        for path, writes in self.pending.items():
            path = path.removesuffix(" (deleted)")
            name = next((found for found in (path, path.removesuffix(".new") + ".journal") if Path(found).exists()), "")
            if name:
                lost += self._lose_of(name, writes)
        self.pending.clear()
        self.lost_at = -1
        return lost

    def _lose_of(self, path: str, writes: list[tuple[int, bytes, bytes]]) -> int:
        lost = 0
        with open(path, "r+b") as file:
            for offset, before, _ in reversed(writes):
                file.seek(offset)
                file.write(before)
            share = self.chance.choice((0.0, 0.5, 0.9, 1.0))
            for offset, _, after in writes:
                at = 0
                while at < len(after):
                    size = min(SECTOR - (offset + at) % SECTOR, len(after) - at)
                    if self.chance.random() < share:
                        file.seek(offset + at)
                        file.write(after[at : at + size])
                    else:
                        lost += 1
                    at += size
        return lost
