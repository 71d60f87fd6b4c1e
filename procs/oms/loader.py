"""Loader: reads every journal of a fabric, in all its lives, into the record, a batch a step.

Of the living epoch it takes only what is behind the watermark, on disk: a power loss can then never take from the
journals what the record has. Journals of earlier lives are read to their end once. A journal that cannot be read on is
a break row and is left alone until the next start; the others go on.
"""

import time
from typing import NamedTuple

import numpy as np

from procs.oms.decode import rows, select
from procs.oms.names import configuration_of, rows_of
from procs.oms.orders import OrderBook
from procs.oms.schema import columns
from procs.oms.store import Store
from procs.runtime.journals import NoSuchJournal, Place, Source, find
from procs.runtime.paths import state_folder
from shm.codes import JOURNAL_DECISION, JOURNAL_FILL, JOURNAL_QUOTE, JOURNAL_SNAPSHOT, LIMIT_SCOPE_NAMES
from shm.errors import JournalCorrupt, JournalGone

BATCH_ENTRIES = 4_096  # entries in one transaction: 60 ms of work, so that a stop is heard
LOOK_SECONDS = 1.0  # how often folders are searched for journals that were not there
ROLES = ("strategy", "risk_gate", "order_sender", "position_keeper")  # that write journals of which the record is made


class Taken(NamedTuple):
    """What one step did: entries read, breaks found, and the logic time of the newest entry."""

    entries: int
    breaks: int
    now_ns: int


NOTHING = Taken(0, 0, 0)


class Followed:
    """One journal, where the record stands in it, and for an order_sender's its orders."""

    def __init__(self, place: Place, next_seq: int):
        self.place, self.next_seq = place, next_seq
        self.source: Source | None = None
        self.book: OrderBook | None = None
        self.stuck = False

    def close(self) -> None:
        """Let go of files and memory; `source` is opened anew when it is read again."""
        if self.source is not None:
            self.source.__exit__()
            self.source = None


class Loader:
    """Brings the record of fabric `name` up to its journals. `live` is the epoch that runs now, None when none does."""

    def __init__(self, name: str, live: int | None):
        self.name, self.live = name, live
        self.store = Store(state_folder(name))
        self.cursors = self.store.cursors()
        self.named = self.store.named_epochs()
        self.journals: dict[tuple[int, str], Followed] = {}
        self._looked = 0.0

    def close(self) -> None:
        """Give up the record and the journals."""
        for journal in self.journals.values():
            journal.close()
        self.store.close()

    def step(self) -> Taken:
        """Take a batch of the living epoch's journals, or when there is nothing, of one earlier one."""
        if not self._looked or time.monotonic() - self._looked >= LOOK_SECONDS:
            self._look()
        found = [self._take(journal) for key, journal in self.journals.items() if key[0] == self.live]
        if not any(taken.entries for taken in found):
            for key in [key for key in self.journals if key[0] != self.live]:
                taken = self._take(self.journals[key])
                if taken.entries or taken.breaks:
                    found.append(taken)
                    break
        return Taken(
            sum(taken.entries for taken in found),
            sum(taken.breaks for taken in found),
            max((taken.now_ns for taken in found), default=0),
        )

    def load(self) -> int:
        """Take everything that is there now. Returns the number of entries."""
        self._look()
        entries = 0
        while (taken := self.step()) != NOTHING:
            entries += taken.entries
        return entries

    def behind(self) -> int:
        """Entries of the living epoch that are journalled and not in the record."""
        count = 0
        for (epoch, _), journal in self.journals.items():
            source = journal.source
            if epoch == self.live and source is not None and source.view is not None and source.view.started:
                count += max(0, source.view.tail() - journal.next_seq)
        return count

    def place(self, instance: str) -> tuple[int, int] | None:
        """(first entry that is not in the record, the journal's tail) of an instance of the living epoch.

        None before its journal can be read.
        """
        journal = self.journals.get((self.live, instance))
        if journal is None or journal.source is None or journal.source.view is None or not journal.source.view.started:
            return None
        return journal.next_seq, journal.source.view.tail()

    def end_live(self) -> None:
        """Nobody writes any more: where a journal of the living epoch is in the record to its end, say so."""
        for (epoch, _), journal in list(self.journals.items()):
            source = journal.source
            if epoch != self.live or journal.stuck or source is None or source.view is None:
                continue
            if source.view.started and source.view.watermark == source.view.tail() == journal.next_seq:
                self._end(journal)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Find journals that are not followed yet."""
        self._looked = time.monotonic()
        try:
            places = find(self.name, None, None)
        except NoSuchJournal:
            return
        for place in places:
            key = (place.epoch, place.instance)
            next_seq, ended = self.cursors.get(key, (0, False))
            ended = ended and place.epoch != self.live  # its roles may have been started again
            if key not in self.journals and not ended and place.instance.partition(".")[0] in ROLES:
                self.journals[key] = Followed(place, next_seq)

    def _take(self, journal: Followed) -> Taken:
        """One batch of one journal, applied and stored in one transaction with its cursor."""
        if journal.stuck:
            return NOTHING
        place = journal.place
        live = place.epoch == self.live
        try:
            if not self._open(journal, live):
                return NOTHING
            chunk = self._read(journal, live)
        except (JournalCorrupt, JournalGone) as error:
            return self._give_up(journal, error)
        if not len(chunk):
            if not live:
                self._end(journal)
            return NOTHING
        try:
            with self.store.transaction():
                self._name(place.epoch)
                breaks = self._apply(journal, chunk)
                self.store.move_cursor(place.epoch, place.instance, journal.next_seq + len(chunk), False)
        except BaseException:
            journal.book = None  # it is ahead of the record: read it back
            self.named = self.store.named_epochs()
            raise
        journal.next_seq += len(chunk)
        if journal.book is not None:
            journal.book.stored()
        return Taken(len(chunk), breaks, int(chunk["head"]["now_ns"][-1]))

    def _open(self, journal: Followed, live: bool) -> bool:
        """Whether the journal can be read now: that of a living epoch only through its memory, which says how far."""
        if journal.source is not None and (not live or journal.source.view is not None):
            return True
        journal.close()
        journal.source = Source(self.name, journal.place, live)
        return not live or journal.source.view is not None

    def _read(self, journal: Followed, live: bool) -> np.ndarray:
        limit = BATCH_ENTRIES
        if live:
            view = journal.source.view
            limit = min(limit, view.watermark - journal.next_seq) if view.started else 0
        if limit <= 0:
            return np.empty(0)
        return journal.source.reader.read(max(journal.next_seq, journal.source.first_seq()), limit)

    def _end(self, journal: Followed) -> None:
        """The epoch is over and its journal is in the record: never look at it again."""
        key = (journal.place.epoch, journal.place.instance)
        with self.store.transaction():
            self._name(journal.place.epoch)
            self.store.move_cursor(*key, journal.next_seq, True)
        self.cursors[key] = (journal.next_seq, True)
        journal.close()
        del self.journals[key]

    def _give_up(self, journal: Followed, error: Exception) -> Taken:
        """A journal that is damaged or gone from here on: what was read stays, a break says why there is no more."""
        place, journal.stuck = journal.place, True
        row = (place.epoch, place.instance, journal.next_seq, "journal", 0, 0, "a journal that can be read", str(error))
        with self.store.transaction():
            self.store.put("breaks", [row], replace=True)
        journal.close()
        return Taken(0, 1, 0)

    def _name(self, epoch: int) -> None:
        """Store what the epoch's numbers are called, once it can be known."""
        if epoch in self.named:
            return
        config = configuration_of(self.name, epoch)
        if config is not None:
            for table, held in rows_of(config, epoch).items():
                self.store.put(table, held)
            self.named.add(epoch)

    def _apply(self, journal: Followed, chunk: np.ndarray) -> int:
        """Rows of one batch. Returns the number of breaks."""
        place = journal.place
        role = place.instance.partition(".")[0]
        if role == "order_sender":
            return self._apply_orders(journal, chunk)
        given = {"epoch": place.epoch, "instance": place.instance}
        apply = {"risk_gate": self._apply_decisions, "strategy": self._apply_quotes}.get(role, self._apply_fills)
        known = apply(journal, chunk, given)
        others = sorted(set(range(len(chunk))) - set(known))
        for at in others:
            head = chunk["head"][at]
            found = f"kind {head['kind']} with {head['payload_bytes']} bytes"
            row = (place.epoch, place.instance, journal.next_seq + at, "entry", 0, 0, f"an entry of {role}", found)
            self.store.put("breaks", [row])
        return len(others)

    def _apply_decisions(self, journal: Followed, chunk: np.ndarray, given: dict) -> list[int]:
        """Decisions as they are. Returns the places of the entries that were read."""
        found, parts = select(chunk, JOURNAL_DECISION)
        if found:
            records = parts["decision"]
            given = {**given, "seq": [journal.next_seq + at for at in found]}
            given["scope"] = [LIMIT_SCOPE_NAMES.get(scope, "") for scope in records["scope"].tolist()]
            self.store.put("decisions", rows("decision", records, columns("decisions"), **given))
        return found

    def _apply_quotes(self, journal: Followed, chunk: np.ndarray, given: dict) -> list[int]:
        """What strategies saw, as it is. Returns the places of the entries that were read."""
        found, parts = select(chunk, JOURNAL_QUOTE)
        if found:
            given = {**given, "seq": [journal.next_seq + at for at in found]}
            self.store.put("quotes", rows("quote", parts["quote"], columns("quotes"), **given))
        return found

    def _apply_orders(self, journal: Followed, chunk: np.ndarray) -> int:
        if journal.book is None:
            journal.book = self.store.book(journal.place.epoch, journal.place.instance)
        journal.book.apply(chunk, journal.next_seq)
        self.store.put_book(journal.book)
        return len(journal.book.breaks)

    def _apply_fills(self, journal: Followed, chunk: np.ndarray, given: dict) -> list[int]:
        """Fills as they are; of the position rows beside them, and of snapshots, the newest of each."""
        newest: dict[tuple[int, int], tuple] = {}
        heads, known = chunk["head"], []
        held = []
        for kind in (JOURNAL_FILL, JOURNAL_SNAPSHOT):
            found, parts = select(chunk, kind)
            known += found
            if not found:
                continue
            fields = columns("positions")
            positions = rows("position", parts["position"], fields, epoch=journal.place.epoch)
            held += zip(found, positions, strict=True)
            if kind == JOURNAL_FILL:
                extra = {
                    "seq": [journal.next_seq + at for at in found],
                    "position_lots": parts["position"]["position_lots"].tolist(),
                    "now_ns": heads["now_ns"][found].tolist(),
                    "stamp_ns": heads["stamp_ns"][found].tolist(),
                }
                self.store.put("fills", rows("fill", parts["fill"], columns("fills"), **given, **extra))
        for _, row in sorted(held):
            newest[row[1], row[2]] = row
        self.store.put("positions", newest.values(), replace=True)
        return known
