"""Kill: the firm HALTED by a signal or by a file, where no command can be run. Imports no numba.

SIGUSR1 to order_sender, to any other role or to the supervisor; a file `halt` in the state or the runtime folder, which
order_sender's control thread looks for every few milliseconds, and the supervisor too. The word is stored at once; the
latch on disk follows in a thread of its own, because its lock may be held by somebody who was stopped.

As long as the file is there nothing is armed, and `quintet resume` says so. Its first line is the reason.
"""

import contextlib
import os
import signal
import threading
from pathlib import Path

from shm.codes import STATE_HALTED
from shm.control_words import ControlWords, operator_stop
from shm.records.control_end import CONTROL_OPERATOR

HALT_FILE = "halt"
KILL_SIGNAL = signal.SIGUSR1
REASON_BYTES = 200


def halt_file(*folders: Path) -> Path | None:
    """The file that asks for a halt, if one of the folders has it. Cost: a stat each."""
    for folder in folders:
        path = os.path.join(folder, HALT_FILE)
        if os.path.lexists(path):
            return Path(path)
    return None


def file_reason(path: Path) -> str:
    """What the file says, for the latch."""
    try:
        with open(path, "rb") as file:
            first = file.read(REASON_BYTES).decode(errors="replace").splitlines()
    except OSError:
        first = []
    return f"file {path}: {first[0].strip()}" if first and first[0].strip() else f"file {path}"


@contextlib.contextmanager
def held_back():
    """Hold KILL_SIGNAL back, also in what is started meanwhile: it would end a process that cannot take it yet."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {KILL_SIGNAL})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Kill:
    """What one process does about signal and file. `look` is for its slow loop; `who` names it in the latch."""

    def __init__(self, state_folder: Path, runtime_folder: Path, who: str):
        self.folders = (Path(state_folder), Path(runtime_folder))
        self.who = who
        self.words: ControlWords | None = None
        self.signals = self.signals_told = 0

    def on_signal(self) -> None:
        """Halt on KILL_SIGNAL from now on, also on one that came while it was held back. Caller: the main thread."""
        signal.signal(KILL_SIGNAL, self._signalled)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {KILL_SIGNAL})

    def use(self, words: ControlWords) -> None:
        """From now on there is something to store the word in; a signal that came before counts."""
        self.words = words
        if self.signals:
            self._store()

    def _signalled(self, *_) -> None:
        self.signals += 1
        if self.words is not None:
            self._store()

    def _store(self) -> None:
        if self.words.in_force(CONTROL_OPERATOR, 0) != STATE_HALTED:
            self.words.operator_set(0, STATE_HALTED)

    def look(self, files: bool = True) -> str:
        """Halt if the file is there and the firm is not; latch what was halted. Returns why, once for each time.

        Caller: the loop of the process, every few milliseconds. Never blocks on the latch.
        """
        if self.words is None:
            return ""
        reason = ""
        if self.signals != self.signals_told:
            self.signals_told = self.signals
            reason = f"signal {KILL_SIGNAL.name} to {self.who}"
        elif files and (path := halt_file(*self.folders)) and self.words.in_force(CONTROL_OPERATOR, 0) != STATE_HALTED:
            reason = file_reason(path)
        if reason:
            self._store()
            words = (self.words, self.folders[0], "firm", STATE_HALTED, reason, self.who)
            threading.Thread(target=operator_stop, args=words, name="latch", daemon=True).start()
        return reason
