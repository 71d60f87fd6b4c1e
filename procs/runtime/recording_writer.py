"""RecordingWriter: the background thread that takes entries out of memory and appends them to a part's file.

It never holds the hot thread up. When it cannot keep up, when the disk fails or has less than RESERVE_BYTES left, the
recording ends there and says so; trading goes on.
"""

import json
import os
import shutil
import threading
from collections import deque
from pathlib import Path

from procs.runtime.recorder import LOG_HEAD, LOG_TAIL, Recorder
from procs.runtime.recording_file import (
    BLOCK_END,
    BLOCK_ENTRIES,
    BLOCK_HEADER,
    BLOCK_READS,
    VERSION,
    next_path,
    write_block,
)
from shm.recording import end_recording
from shm.records.recording_entry import ENDED_CLOSED, ENDED_DISK, ENDED_NAMES

IDLE_SECONDS = 0.002
SPACE_EVERY_BYTES = 1 << 24
RESERVE_BYTES = 1 << 30  # journals come first on a disk that both share


class RecordingWriter(threading.Thread):
    """Writes one part. `path` is its file; `written` counts bytes."""

    def __init__(self, recorder: Recorder, folder: Path, header: dict, reserve_bytes: int = RESERVE_BYTES):
        super().__init__(name="recording", daemon=True)
        self.recorder, self.reserve_bytes = recorder, reserve_bytes
        self.path = next_path(folder, header["instance"])
        self.leave = threading.Event()
        self.reads: deque[bytes] = deque()
        self.written = self.looked = 0
        self.told = False
        self.file = open(self.path, "xb", buffering=0)
        self._block(BLOCK_HEADER, json.dumps({"version": VERSION, **header}).encode())

    def run(self) -> None:
        try:
            while not self.leave.is_set() and not self.recorder.r["ended"]:
                if not self._write_some():
                    self.leave.wait(IDLE_SECONDS)
            while self._write_some():
                pass
            end_recording(self.recorder.r, ENDED_CLOSED)
            ended = int(self.recorder.r["ended"])
            row = {"reason": ended, "text": ENDED_NAMES[ended], "entries": int(self.recorder.r["entries"])}
            self._block(BLOCK_END, json.dumps(row).encode())
            os.fsync(self.file.fileno())
        except OSError:
            end_recording(self.recorder.r, ENDED_DISK)
        finally:
            self.file.close()

    def wait(self) -> bool:
        """For cold parts that found no room. False when nobody will make any."""
        self.leave.wait(IDLE_SECONDS)
        return self.is_alive()

    def ended_text(self) -> str:
        """Why the recording ended before the role did, once; else empty."""
        ended = int(self.recorder.r["ended"])
        if ended in (0, ENDED_CLOSED) or self.told:
            return ""
        self.told = True
        return f"the recording ended at entry {int(self.recorder.r['entries'])}: {ENDED_NAMES[ended]}"

    def close(self) -> None:
        """Write what is left and the end. Caller: when the hot thread has left."""
        self.leave.set()
        self.join()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _block(self, kind: int, data: bytes) -> None:
        self.written += write_block(self.file, kind, data)

    def _write_some(self) -> int:
        """Whole entries up to the tail, after what readers had read by then. Returns the bytes."""
        recorder = self.recorder
        tail, head = int(recorder.words[LOG_TAIL]), int(recorder.words[LOG_HEAD])
        while self.reads:
            self._block(BLOCK_READS, self.reads.popleft())
        if tail == head:
            return 0
        self._look_at_space()
        mask = len(recorder.log) - 1
        begin, size = head & mask, tail - head
        first = min(size, len(recorder.log) - begin)
        data = recorder.log[begin : begin + first].tobytes() + recorder.log[: size - first].tobytes()
        self._block(BLOCK_ENTRIES, data)
        recorder.words[LOG_HEAD] = tail  # one aligned store, behind the copy: x86-64 keeps the order of both
        return size

    def _look_at_space(self) -> None:
        if self.looked and self.written - self.looked < SPACE_EVERY_BYTES:
            return
        self.looked = self.written
        if shutil.disk_usage(self.path.parent).free < self.reserve_bytes:
            end_recording(self.recorder.r, ENDED_DISK)
