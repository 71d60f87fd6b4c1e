"""Venue breaks: what is told when our record and a venue's drop copy differ, and what it does to trading. No numba.

A break is opened once for what it is about (its key). It reduces trading in its instrument, or in the firm where nobody
can say which: oms says REDUCING in its own row of `control`, and nothing else - it never trades, and never edits what
it records. It ends in one of two ways: both sides agree again and it is cleared, or the operator resumes the scope,
which acknowledges it. When no break of a scope is left, oms takes its word back. Its word survives its death.

Order of writing: the word in `control` first, then the row. A process that dies between them finds the break again.
"""

import time
from dataclasses import astuple, dataclass
from typing import NamedTuple

from procs.oms.schema import columns
from procs.oms.store import Store
from shm.codes import STATE_ACTIVE, STATE_REDUCING
from shm.control_words import ControlWords

FIRM = "firm"
HOLD_NS = (
    3_000_000_000  # after a start no word is taken back: a break that was not stored in time is found again by then
)


class About(NamedTuple):
    """Numbers of what a break is about; 0 where there is none."""

    user_ref_num: int = 0
    order_id: int = 0
    match_number: int = 0


@dataclass(slots=True)
class Break:
    """A row of `venue_breaks`, in the order of its columns."""

    epoch: int
    number: int
    session_id: int
    kind: str
    subject: str
    scope: str
    user_ref_num: int
    order_id: int
    match_number: int
    expected: str
    found: str
    first_ns: int
    told_ns: int
    cleared_ns: int = 0
    acknowledged_ns: int = 0
    generation: int = 0

    @property
    def holds(self) -> bool:
        """Whether it still reduces trading."""
        return not self.cleared_ns and not self.acknowledged_ns


assert Break.__slots__ == columns("venue_breaks")


class Alarms:
    """oms's row of `control`. A machine that is replayed or loaded without a fabric has none: `words` None."""

    def __init__(self, words: ControlWords | None, writer: int = 0):
        self.words, self.writer = words, writer

    def reduce(self, scope: str) -> int:
        """Say REDUCING for a scope. Returns the word's generation."""
        return self._say(scope, STATE_REDUCING)

    def release(self, scope: str) -> None:
        """Take REDUCING back."""
        if self.words is not None and self.words.in_force(self.writer, self._index(scope)) != STATE_ACTIVE:
            self._say(scope, STATE_ACTIVE)

    def in_force(self) -> set[str]:
        """Scopes that our word keeps from ACTIVE now, also one of an earlier life."""
        if self.words is None:
            return set()
        labels = self.words.scopes.labels
        return {label for row, label in enumerate(labels) if self.words.in_force(self.writer, row) != STATE_ACTIVE}

    def acknowledged(self, scope: str, generation: int) -> bool:
        """Whether the operator acknowledged that generation of our word."""
        return self.words is not None and self.words.acknowledged(self.writer, self._index(scope)) >= generation > 0

    def _say(self, scope: str, state: int) -> int:
        return 0 if self.words is None else self.words.writer_set(self.writer, self._index(scope), state)

    def known(self, scope: str) -> str:
        """The scope, or the firm where `control` has no such scope."""
        return FIRM if self.words is not None and scope not in self.words.scopes.labels else scope

    def _index(self, scope: str) -> int:
        return self.words.scopes.index(self.known(scope))


class VenueBreaks:
    """Breaks of the living epoch that are not cleared, by key. Shared by all sessions: they share the scopes."""

    def __init__(self, store: Store, epoch: int, alarms: Alarms):
        self.store, self.epoch, self.alarms = store, epoch, alarms
        query = "SELECT * FROM venue_breaks WHERE epoch = ? AND cleared_ns = 0 ORDER BY number"
        rows = store.connection.execute(query, (epoch,)).fetchall()
        self.open: dict[tuple, Break] = {key_of(held): held for held in (Break(*row) for row in rows)}
        query = "SELECT coalesce(max(number), 0) FROM venue_breaks WHERE epoch = ?"
        self.last = store.connection.execute(query, (epoch,)).fetchone()[0]
        self._used = alarms.in_force() | {held.scope for held in self.open.values()}  # scopes whose word may be ours
        self._release_ns = time.monotonic_ns() + HOLD_NS
        self._changed: dict[int, Break] = {}

    def holding(self) -> int:
        """How many still reduce trading."""
        return sum(held.holds for held in self.open.values())

    def tell(self, key: tuple, scope: str, about: About, expected: str, found: str, first_ns: int) -> bool:
        """Open the break (session, kind, subject), or change what it says while open. Returns whether it is new."""
        held = self.open.get(key)
        if held is not None:
            if (held.expected, held.found) != (expected, found):
                held.expected, held.found = expected, found
                self._changed[held.number] = held
            return False
        self.last += 1
        scope = self.alarms.known(scope)
        made = Break(self.epoch, self.last, *key, scope, *about, expected, found, first_ns, time.time_ns())
        made.generation = self.alarms.reduce(scope)
        self._used.add(scope)
        self.open[key] = self._changed[made.number] = made
        return True

    def clear(self, key: tuple) -> bool:
        """Both sides agree about `key` (again). Returns whether that was a break."""
        held = self.open.pop(key, None)
        if held is None:
            return False
        held.cleared_ns = time.time_ns()
        self._changed[held.number] = held
        return True

    def tend(self) -> None:
        """Note what the operator acknowledged, store what changed, take back words that nothing needs any more."""
        now_ns = time.time_ns()
        for held in self.open.values():
            if held.holds and self.alarms.acknowledged(held.scope, held.generation):
                held.acknowledged_ns = now_ns
                self._changed[held.number] = held
        if self._changed:
            with self.store.transaction():
                self.store.put("venue_breaks", map(astuple, self._changed.values()), replace=True)
            self._changed = {}
        needed = {held.scope for held in self.open.values() if held.holds}
        if time.monotonic_ns() < self._release_ns:
            self._used |= needed
            return
        for scope in sorted(self._used - needed):
            self.alarms.release(scope)
        self._used = needed


def key_of(held: Break) -> tuple:
    """(session, kind, subject): a break of the same thing is the same break."""
    return held.session_id, held.kind, held.subject
