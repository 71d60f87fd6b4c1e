"""Control for people: the whole matrix, the operator's verbs, scope names, and the latch that survives restarts.

Imports no numba. Words are read and written through an int64 view of the mapping: on x86-64 an aligned 8-byte access is
one instruction, and a call into the interpreter lies between any two of them. Hot code uses shm/control.py.

The latch is one JSON file in the state folder. It names scopes, not indices, so a changed topology cannot move a halt
to another strategy. Stopping writes the words first and the file second; going on, the file first and the words second.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from shm.codes import STATE_ACTIVE, STATE_HALTED, STATE_NAMES
from shm.errors import Fatal, SegmentTooSmall
from shm.records.control_end import (
    CANCEL_GENERATION_SHIFT,
    CANCEL_INSTRUMENT_MASK,
    CANCEL_SIDE_SHIFT,
    CANCEL_STRATEGY_MASK,
    CANCEL_STRATEGY_SHIFT,
    CONTROL_OPERATOR,
    CONTROL_WORDS_OFFSET,
    control_block_bytes,
    control_bytes,
)

LATCH_FILE = "control.json"
HISTORY_FILE = "control.jsonl"  # every act: when, what, by whom, why
LOCK_FILE = "control.lock"
LATCH_VERSION = 1
STATES = {name: state for state, name in STATE_NAMES.items()}


class ScopeUnknown(Fatal):
    """A scope text that names nothing in this configuration."""


class LatchUnreadable(Fatal):
    """The latch file exists and cannot be understood: nothing may trade until a person looked."""


class ScopeNames:
    """Scope texts and their indices: firm, then sessions, strategies and instruments in configuration order."""

    def __init__(self, sessions: list[str], strategies: list[str], instruments: list[str]):
        self.sessions, self.strategies, self.instruments = list(sessions), list(strategies), list(instruments)
        self.labels = ["firm"]
        self.labels += [f"session:{name}" for name in sessions]
        self.labels += [f"strategy:{name}" for name in strategies]
        self.labels += [f"instrument:{name}" for name in instruments]
        self._index = {label: index for index, label in enumerate(self.labels)}

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, text: str) -> int:
        """Index of `firm`, `session:NAME`, `strategy:NAME` or `instrument:SYMBOL`."""
        if text in self._index:
            return self._index[text]
        kind, colon, name = text.partition(":")
        known = {"session": self.sessions, "strategy": self.strategies, "instrument": self.instruments}.get(kind)
        if not colon or known is None:
            kinds = "firm, session:NAME, strategy:NAME or instrument:SYMBOL"
            raise ScopeUnknown(where="scope", expected=kinds, found=repr(text), do="name one of these")
        raise ScopeUnknown(
            where=f"scope {text}",
            expected=" or ".join(filter(None, known)) or "none",
            found=repr(name),
            do=f"name a known {kind}",
        )


class ControlWords:
    """The control object as a matrix of words. `memory` is the whole object, segment header included."""

    def __init__(self, memory, writers: list[str], scopes: ScopeNames):
        self.writers, self.scopes = list(writers), scopes
        needed = control_bytes(len(writers), len(scopes.sessions), len(scopes.strategies), len(scopes.instruments))
        view = memoryview(memory)
        if view.nbytes < needed:
            raise SegmentTooSmall(
                where="control object",
                expected=f"{needed} bytes for {len(writers)} writers and {len(scopes)} scopes",
                found=f"{view.nbytes} bytes",
                do="stop everything and start a new epoch: the configuration changed under a running fabric",
            )
        shape = (2, len(writers), control_block_bytes(len(scopes)) // 8)
        words = np.frombuffer(view, np.int64, offset=CONTROL_WORDS_OFFSET, count=shape[0] * shape[1] * shape[2])
        self._words, self._acks = words.reshape(shape)
        self._cancels = np.frombuffer(
            view, np.int64, offset=CONTROL_WORDS_OFFSET + words.nbytes, count=len(scopes.sessions)
        )

    def word(self, writer: int, scope: int) -> tuple[int, int]:
        """(generation, state) of one word; (0, 0) when that writer never spoke. A state out of range is HALTED."""
        word = int(self._words[writer, scope])
        if word == 0:
            return 0, 0
        return word >> 8, word & 255 if word & 255 in STATE_NAMES else STATE_HALTED

    def acknowledged(self, writer: int, scope: int) -> int:
        """Generation of that writer's word that the operator acknowledged last."""
        return int(self._acks[writer, scope])

    def in_force(self, writer: int, scope: int) -> int:
        """STATE_* that this writer imposes on this scope now; STATE_ACTIVE when it imposes nothing."""
        generation, state = self.word(writer, scope)
        if writer == CONTROL_OPERATOR:
            return state or STATE_HALTED
        return state if generation > self.acknowledged(writer, scope) else STATE_ACTIVE

    def effective(self, scope: int) -> int:
        """Strictest STATE_* of one scope over all writers; the firm's state is not folded in."""
        return max(self.in_force(writer, scope) for writer in range(len(self.writers)))

    def holders(self, scope: int) -> list[str]:
        """Names of the writers that keep this scope from ACTIVE."""
        return [name for writer, name in enumerate(self.writers) if self.in_force(writer, scope) != STATE_ACTIVE]

    def matrix(self) -> list[dict]:
        """One row a scope that is not ACTIVE or where somebody spoke, for status and --json."""
        rows = []
        for scope, label in enumerate(self.scopes.labels):
            opinions = {
                name: {
                    "state": STATE_NAMES[state],
                    "generation": generation,
                    "acknowledged": self.acknowledged(k, scope),
                }
                for k, name in enumerate(self.writers)
                for generation, state in [self.word(k, scope)]
                if generation
            }
            effective = self.effective(scope)
            if scope == 0 or opinions or effective != STATE_ACTIVE:
                rows.append(
                    {
                        "scope": label,
                        "state": STATE_NAMES[effective],
                        "held_by": self.holders(scope),
                        "writers": opinions,
                    }
                )
        return rows

    def writer_set(self, writer: int, scope: int, state: int) -> int:
        """Say `state` in the row of a cold writer, as `control_set` does in a hot one's. Returns the generation.

        Saying again what is in force changes nothing; after the operator acknowledged it, it counts again. Caller: the
        one process that owns this row, never the operator. Survives the writer's death.
        """
        if not CONTROL_OPERATOR < writer < len(self.writers):
            raise ValueError(f"writer_set: expected a writer other than the operator, found row {writer}")
        generation, said = self.word(writer, scope)
        if said == state and generation > self.acknowledged(writer, scope):
            return generation
        self._words[writer, scope] = (generation + 1) << 8 | state
        return generation + 1

    def operator_set(self, scope: int, state: int) -> None:
        """Store the operator's word. Caller: the holder of the operator's lock (`operator_lock`)."""
        generation, _ = self.word(CONTROL_OPERATOR, scope)
        self._words[CONTROL_OPERATOR, scope] = (generation + 1) << 8 | state

    def operator_acknowledge(self, scope: int) -> None:
        """Acknowledge every other writer's present generation; what they say from now on counts again."""
        for writer in range(1, len(self.writers)):
            generation, _ = self.word(writer, scope)
            self._acks[writer, scope] = generation

    def cancel_generation(self, session: int) -> int:
        """Generation of the operator's last cancel for a session; 0 before the first."""
        return int(self._cancels[session]) >> CANCEL_GENERATION_SHIFT

    def operator_cancel(self, session: int, strategy: int, instrument: int, side: int) -> int:
        """Store a cancel for a session's order_sender: of one strategy, instrument (-1 any), SIDE_* (0 any), or more.

        Returns its generation: order_sender's counter `sender_asked` shows it when it is done. Caller: the holder of
        the operator's lock, when the one before was done; this one takes its place. Raises ScopeUnknown for a number
        that the word cannot carry.
        """
        fits = -1 <= strategy < CANCEL_STRATEGY_MASK and -1 <= instrument < CANCEL_INSTRUMENT_MASK
        if not fits or side not in (0, 1, 2):
            raise ScopeUnknown(
                where="operator's cancel",
                expected=f"strategy and instrument below {CANCEL_STRATEGY_MASK} and {CANCEL_INSTRUMENT_MASK}, a side",
                found=f"strategy {strategy}, instrument {instrument}, side {side}",
                do="use `quintet cancel-all` with a scope",
            )
        generation = self.cancel_generation(session) + 1
        named = side << CANCEL_SIDE_SHIFT | strategy + 1 << CANCEL_STRATEGY_SHIFT | instrument + 1
        self._cancels[session] = generation << CANCEL_GENERATION_SHIFT | named
        return generation


# --- latch ---------------------------------------------------------------------------------------------------------


def latch_load(folder: Path) -> dict[str, dict]:
    """Latched scopes: label -> {state, reason, by, at_ns}; empty when nothing was ever latched."""
    path = Path(folder) / LATCH_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        content = json.loads(text)
        if content["version"] != LATCH_VERSION:
            raise ValueError(f"expected version {LATCH_VERSION}, found {content['version']!r}")
        scopes = dict(content["scopes"])
        for label, entry in scopes.items():
            if entry["state"] not in STATES:
                raise ValueError(f"{label}: unknown state {entry['state']!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LatchUnreadable(
            where=str(path),
            expected=f"a latch file of version {LATCH_VERSION}",
            found=f"{type(error).__name__}: {error}",
            do="everything stays HALTED: look at the file, move it away, then resume",
        ) from error
    return scopes


def latch_store(folder: Path, scopes: dict[str, dict]) -> None:
    """Replace the latch file durably: write, fsync, rename, fsync of the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / (LATCH_FILE + ".new")
    with open(draft, "w", encoding="utf-8") as file:
        json.dump({"version": LATCH_VERSION, "scopes": scopes}, file, indent=1, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, folder / LATCH_FILE)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def operator_lock(folder: Path):
    """One operator at a time: several commands may run at once, the operator's row has one writer. Blocks."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with open(Path(folder) / LOCK_FILE, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- the operator's verbs --------------------------------------------------------------------------------------------


def _note(folder: Path, scope: str, entry: dict) -> None:
    """A line for the record, on disk."""
    with open(Path(folder) / HISTORY_FILE, "a", encoding="utf-8") as file:
        file.write(json.dumps({"scope": scope, **entry}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _entry(state: int, reason: str, by: str) -> dict:
    return {"state": STATE_NAMES[state], "reason": reason, "by": by, "at_ns": time.time_ns()}


def operator_stop(words: ControlWords | None, folder: Path, scope: str, state: int, reason: str, by: str = "") -> None:
    """Put `scope` under `state` (REDUCING, CANCEL_ONLY, HALTED) and latch it. `words` None: no fabric is up.

    Never weakens what the operator already said. The words come first and take no lock: a full disk, a damaged latch
    file or another command never delays a halt.
    """
    if state == STATE_ACTIVE:
        raise ValueError("operator_stop: expected REDUCING, CANCEL_ONLY or HALTED, found ACTIVE; use operator_resume")
    index = words.scopes.index(scope) if words is not None else 0
    if words is not None:
        words.operator_set(index, max(state, words.in_force(CONTROL_OPERATOR, index)))
    with operator_lock(folder):
        try:
            latched = latch_load(folder)
        except LatchUnreadable as error:
            os.replace(Path(folder) / LATCH_FILE, Path(folder) / (LATCH_FILE + ".damaged"))
            latched = {"firm": _entry(STATE_HALTED, str(error), by)}
        if scope not in latched or STATES[latched[scope]["state"]] <= state:
            latched[scope] = _entry(state, reason, by)
            latch_store(folder, latched)
        _note(folder, scope, _entry(state, reason, by))
        if words is not None and words.in_force(CONTROL_OPERATOR, index) < state:  # a resume overtook the first store
            words.operator_set(index, state)


def operator_resume(
    words: ControlWords | None, folder: Path, scope: str, reason: str, by: str = "", state: int = STATE_ACTIVE
) -> None:
    """Make `scope` ACTIVE: unlatch it, then acknowledge what every writer says now, then the operator's own word.

    `state` REDUCING goes only so far, and latches that. Other scopes keep their state. A halt that a writer raises
    while this runs has a new generation and stays.
    """
    index = words.scopes.index(scope) if words is not None else None
    with operator_lock(folder):
        latched = latch_load(folder)
        _note(folder, scope, _entry(state, reason, by))
        before = latched.pop(scope, None)
        if state != STATE_ACTIVE:
            latched[scope] = _entry(state, reason, by)
        if before is not None or scope in latched:
            latch_store(folder, latched)
        if words is not None:
            words.operator_acknowledge(index)
            words.operator_set(index, state)


def control_restore(words: ControlWords, folder: Path) -> dict[str, dict]:
    """Give a fresh control object its start state: firm HALTED, latched scopes as latched, the rest ACTIVE.

    Caller: the fabric step, before any role starts. Returns the latch. An unreadable latch halts every scope.
    A latched scope that this configuration does not know stays in the file and is returned.
    """
    with operator_lock(folder):
        try:
            latched = latch_load(folder)
        except LatchUnreadable as error:
            latched = {"firm": _entry(STATE_HALTED, str(error), "")}
            for scope in range(len(words.scopes)):
                words.operator_set(scope, STATE_HALTED)
            return latched
        for scope, label in enumerate(words.scopes.labels):
            words.operator_set(scope, STATES[latched[label]["state"]] if label in latched else STATE_ACTIVE)
        words.operator_set(0, STATE_HALTED)
    return latched


def control_arm(words: ControlWords, folder: Path) -> dict | None:
    """Take the firm from its start state to what the latch says. Returns the firm's latch entry that still holds it.

    Caller: whoever found everything ready, when the configuration arms automatically; a person uses operator_resume.
    Raises LatchUnreadable: then nothing is armed.
    """
    with operator_lock(folder):
        held = latch_load(folder).get("firm")
        words.operator_set(0, STATES[held["state"]] if held else STATE_ACTIVE)
    return held


def latch_state(folder: Path, scope: str, state: int, reason: str, by: str, holds: Callable[[], bool]) -> bool:
    """Latch what a role says of `scope`, so that it survives a new epoch; a stricter state stays. Returns whether.

    Caller: that role, after its word. `holds()` is asked under the lock: an operator may have acknowledged it by then.
    """
    with operator_lock(folder):
        latched = latch_load(folder)
        if not holds() or STATES[latched.get(scope, {}).get("state", "ACTIVE")] > state:
            return False
        latch_store(folder, latched | {scope: _entry(state, reason, by)})
    return True


def latch_automatic(words: ControlWords, folder: Path) -> list[str]:
    """Latch each scope that a role halted and nobody acknowledged, so that the halt survives a new epoch.

    Caller: the supervisor or the monitor, now and then. Returns the scopes that were newly latched.
    """
    halted = {}
    for scope, label in enumerate(words.scopes.labels):
        names = [n for k, n in enumerate(words.writers) if k and words.in_force(k, scope) == STATE_HALTED]
        if names:
            halted[label] = _entry(STATE_HALTED, "automatic halt", ", ".join(names))
    if not halted:
        return []
    with operator_lock(folder):
        latched = latch_load(folder)
        fresh = [label for label in halted if latched.get(label, {}).get("state") != "HALTED"]
        # looked at again under the lock: an operator may have acknowledged it meanwhile
        fresh = [label for label in fresh if words.effective(words.scopes.index(label)) == STATE_HALTED]
        if fresh:
            latch_store(folder, latched | {label: halted[label] for label in fresh})
    return fresh
