"""Reconcile: our record of one venue session against its drop copy, row by row, as both grow. No numba.

Whatever either side tells of an order or execution puts it under watch. It is compared when anything changed; what
agrees is let go at once. What does not is a break when it is due:

```
break                   what it says                                                              due
----------------------  ------------------------------------------------------------------------  ------------
execution_differs       both have the execution: with another side, size, price, liquidity, state  at once
execution_not_copied    we have an execution, the drop copy has not                                settled
execution_not_recorded  the drop copy has an execution, we have not                                settled
order_differs           another size is open, or it is closed for one side only                    settled
order_not_copied        the venue told us of an order, the drop copy did not                       settled
order_not_recorded      the drop copy has an order that we never had                               settled
position                the position that position_keeper has after an execution is not the one
                        that the executions before it and this one add up to                       settled
silence                 nothing was heard of the drop copy for `silence_ms`                        at once
```

Settled: `settle_ms` after the last of both sides spoke of it, in which the side that lacks it was read to its end. A
record that is itself behind therefore accuses nobody, and neither does a drop copy that is down, or has said nothing at
all since: it may be a heartbeat late. While a process whose journal we wait for is away (dead, hung, or in its first
seconds), it has GRACE_NS longer, ALLOWED_NS in all. What was told for want of a row is cleared when the row comes.
"""

import time
from dataclasses import astuple
from typing import NamedTuple

from config.venues import DropCopy
from procs.oms.copied import CopiedBook, CopiedExecution, CopiedOrder
from procs.oms.copy_session import CopySession
from procs.oms.kept import Kept
from procs.oms.names import Symbols
from procs.oms.store import Store
from procs.oms.venue_breaks import FIRM, About, VenueBreaks
from procs.wire.ouch.plain import read_outbound

GRACE_NS = 3_000_000_000
ALLOWED_NS = 10_000_000_000
ON_ITS_WAY_NS = 100_000_000  # what is heard of the drop copy sooner after our word may have been sent before it
EVENTS_MAX = 4_096  # own events of one step
SWEEP_NS = 50_000_000  # what nothing new was told of is looked at so often: it may have become due

OWN_EVENTS = """
SELECT e.seq, e.kind, e.order_id, e.user_ref_num, e.match_number, e.report_seq
  FROM order_events e WHERE e.epoch = ? AND e.instance = ? AND e.seq >= ? ORDER BY e.seq LIMIT ?
"""
OWN_ORDER = (
    "SELECT order_id, closed, leaves_lots, state, venue_order_ref, instrument_id, cum_lots FROM orders"
    " WHERE epoch = ? AND user_ref_num = ? AND session_id = ?"
)
OWN_ORIGINAL = (
    "SELECT p.user_ref_num FROM orders o JOIN orders p ON p.epoch = o.epoch AND p.order_id = o.parent_order_id"
    " WHERE o.epoch = ? AND o.order_id = ?"
)
OWN_EXECUTION = (
    "SELECT order_id, side, qty_lots, price_ticks, liquidity, state, instrument_id FROM executions"
    " WHERE epoch = ? AND instance = ? AND match_number = ? AND user_ref_num = ? ORDER BY seq DESC LIMIT 1"
)
# what a start has to look at again: everything in which both sides may differ
START = {
    "execution": """
SELECT x.match_number, x.user_ref_num FROM executions x LEFT JOIN copied_executions c ON c.epoch = x.epoch
   AND c.session_id = x.session_id AND c.match_number = x.match_number AND c.user_ref_num = x.user_ref_num
 WHERE x.epoch = :epoch AND x.session_id = :session AND (c.match_number IS NULL OR c.qty_lots != x.qty_lots
    OR c.price_ticks != x.price_ticks OR c.state != x.state)
UNION SELECT c.match_number, c.user_ref_num FROM copied_executions c
 WHERE c.epoch = :epoch AND c.session_id = :session AND NOT EXISTS (SELECT 1 FROM executions x WHERE x.epoch = c.epoch
   AND x.instance = :instance AND x.match_number = c.match_number AND x.user_ref_num = c.user_ref_num)
""",
    "order": """
SELECT o.user_ref_num FROM orders o WHERE o.epoch = :epoch AND o.session_id = :session AND o.closed = 0
UNION SELECT c.user_ref_num FROM copied_orders c
 WHERE c.epoch = :epoch AND c.session_id = :session AND c.state = 'open'
""",
}


class Watch(NamedTuple):
    """Something that was told of: monotonic times of the first and last word, and UTC of the first."""

    first_ns: int
    last_ns: int
    utc_ns: int


class Seen(NamedTuple):
    """One thing as both sides have it, in words; `kind`: the break that this would be; `lacks`: who may be late."""

    lacks: str
    kind: str
    recorded: str
    told: str
    order_id: int = 0
    instrument_id: int = -1


COPY, RECORD, EITHER, NEITHER = "copy", "record", "either", "neither"


class Read(NamedTuple):
    """How far a journal was read: all that was written before `through_ns`; its writer was away until `away_ns`."""

    through_ns: int
    away_ns: int


class Reconciler:
    """One venue session: the connection to its drop copy, what that told, and what is under watch."""

    def __init__(self, store: Store, epoch: int, session_id: int, instance: str, config: DropCopy, breaks: VenueBreaks):
        self.store, self.epoch, self.session_id, self.instance = store, epoch, session_id, instance
        self.config, self.breaks = config, breaks
        run = store.connection.execute
        query = "SELECT venue_session, next_seq FROM copies WHERE epoch = ? AND session_id = ?"
        venue_session, next_seq = run(query, (epoch, session_id)).fetchone() or ("", 1)
        self.session = CopySession(config, venue_session, next_seq)
        self.book = CopiedBook(epoch, session_id, self._find_order, self._find_execution)
        self.symbols = Symbols(store, epoch)
        self.kept = Kept(store, epoch, session_id, instance)
        self.begun_ns = time.monotonic_ns()
        self.malformed = self.agreed = 0
        self.own_seq = run(
            "SELECT coalesce(max(seq), -1) + 1 FROM order_events WHERE epoch = ? AND instance = ?", (epoch, instance)
        ).fetchone()[0]
        self.watched: dict[tuple, Watch] = {}
        self._sweep_ns = 0
        self._again()

    def step(self, order_sender: Read, keeper: Read) -> int:
        """Take what both sides have new, compare what is due. Returns the messages and events taken."""
        now_ns = time.monotonic_ns()
        touched = self._take_copy() | self._take_own(now_ns)
        utc_ns = time.time_ns()
        for key in touched:
            held = self.watched.get(key)
            self.watched[key] = Watch(now_ns, now_ns, utc_ns) if held is None else held._replace(last_ns=now_ns)
        sweep = now_ns >= self._sweep_ns
        self._compare_all(list(self.watched) if sweep else list(touched), order_sender)
        if sweep:  # a fifth of the time at most, however much is under watch
            spent_ns = time.monotonic_ns() - now_ns
            self._sweep_ns = now_ns + max(SWEEP_NS, 5 * spent_ns)
        self._positions(now_ns, keeper)
        self._silence(now_ns, utc_ns)
        return len(touched)

    def close(self) -> None:
        """End the connection."""
        self.session.close()

    # --- both sides -------------------------------------------------------------------------------------------------

    def _again(self) -> None:
        """Watch everything in which both sides may differ, from the store: at start nothing is remembered."""
        given = {"epoch": self.epoch, "session": self.session_id, "instance": self.instance}
        now_ns, utc_ns = time.monotonic_ns(), time.time_ns()
        for kind, query in START.items():
            for row in self.store.connection.execute(query, given).fetchall():
                self.watched[kind, *row] = Watch(now_ns, now_ns, utc_ns)
        for held in self.breaks.open.values():
            if held.session_id == self.session_id and held.kind in (*KINDS["execution"], *KINDS["order"]):
                match, reference = held.match_number, held.user_ref_num
                key = ("execution", match, reference) if match else ("order", reference)
                self.watched.setdefault(key, Watch(now_ns, now_ns, utc_ns))
            elif held.session_id == self.session_id and held.kind == "position":
                self.kept.again(held.order_id, now_ns)

    def _take_copy(self) -> set[tuple]:
        """Messages of the drop copy: applied, and stored with the number of the next one."""
        first_seq = self.session.next_seq
        messages = self.session.poll()
        if not messages:
            return set()
        touched: set[tuple] = set()
        for seq, message in enumerate(messages, first_seq):
            fields = read_outbound(message)
            if fields is None:
                self.malformed += 1
            else:
                touched.update(self.book.apply(seq, fields))
        with self.store.transaction():
            self.store.put("copied_orders", map(astuple, self.book.orders.values()), replace=True)
            self.store.put("copied_executions", map(astuple, self.book.executions.values()), replace=True)
            row = (self.epoch, self.session_id, self.session.venue_session, self.session.next_seq)
            self.store.put("copies", [row], replace=True)
        self.book.stored()
        return touched

    def _take_own(self, now_ns: int) -> set[tuple]:
        """What the journals brought: events of our orders behind the last one seen."""
        given = (self.epoch, self.instance, self.own_seq, EVENTS_MAX)
        touched: set[tuple] = set()
        for seq, kind, order_id, reference, match, report_seq in self.store.connection.execute(OWN_EVENTS, given):
            self.own_seq = seq + 1
            if not report_seq or not reference:
                continue
            touched.add(("order", reference))
            if kind in ("executed", "broken", "corrected"):
                touched.add(("execution", match, reference))
                self.kept.expect(report_seq, order_id, kind, now_ns)
            elif kind == "replaced":  # its original is closed by it
                originals = self.store.connection.execute(OWN_ORIGINAL, (self.epoch, order_id))
                touched |= {("order", original) for (original,) in originals}
        return touched

    def _find_order(self, reference: int) -> CopiedOrder | None:
        query = "SELECT * FROM copied_orders WHERE epoch = ? AND session_id = ? AND user_ref_num = ?"
        found = self.store.connection.execute(query, (self.epoch, self.session_id, reference)).fetchone()
        return None if found is None else CopiedOrder(*found)

    def _find_execution(self, match: int, reference: int) -> CopiedExecution | None:
        query = "SELECT * FROM copied_executions WHERE epoch = ? AND session_id = ? AND match_number = ?"
        query += " AND user_ref_num = ?"
        found = self.store.connection.execute(query, (self.epoch, self.session_id, match, reference)).fetchone()
        return None if found is None else CopiedExecution(*found)

    # --- comparing --------------------------------------------------------------------------------------------------

    def _compare_all(self, keys, order_sender: Read) -> None:
        """Compare what is under watch, executions first: what differs in one explains its order."""
        for key in [key for key in keys if key[0] == "execution"]:
            if self._compare(key, self._execution(key), order_sender):
                del self.watched[key]
        waits = {key[2] for key in self.watched if key[0] == "execution"}
        told = {held.user_ref_num for held in self.breaks.open.values() if held.kind in KINDS["execution"]}
        for key in [key for key in keys if key[0] == "order" and key[1] not in waits]:
            if key[1] in told or self._compare(key, self._order(key), order_sender):
                del self.watched[key]

    def _compare(self, key: tuple, seen: Seen, order_sender: Read) -> bool:
        """Judge one thing. Returns whether it need not be watched any more: it agrees, or it was told."""
        reference, match = (key[2], key[1]) if key[0] == "execution" else (key[1], 0)
        subject = f"match {match} of reference {reference}" if match else f"reference {reference}"
        for kind in KINDS[key[0]]:
            if kind != seen.kind and self.breaks.clear((self.session_id, kind, subject)) and match:
                self.watched.setdefault(("order", reference), self.watched[key])  # nothing explains it any more
        if not seen.kind:
            self.agreed += 1
            return True
        watch = self.watched[key]
        if not self._due(watch, seen, order_sender):
            return False
        scope = self._scope(seen.instrument_id, reference)
        about = About(reference, seen.order_id, match)
        self.breaks.tell((self.session_id, seen.kind, subject), scope, about, seen.recorded, seen.told, watch.utc_ns)
        return True

    def _due(self, watch: Watch, seen: Seen, order_sender: Read) -> bool:
        """Whether the difference can be no matter of time any more."""
        if seen.lacks == NEITHER:
            return True
        settle_ns = self.config.settle_ms * 1_000_000
        copied = max(watch.last_ns, self.session.logged_in_ns) + settle_ns <= self.session.drained_ns
        copied = copied and watch.last_ns + ON_ITS_WAY_NS <= self.session.heard_ns  # who is silent has not said no
        from_ns = max(watch.last_ns, order_sender.away_ns + GRACE_NS if order_sender.away_ns else 0)
        allowed = watch.first_ns + ALLOWED_NS <= time.monotonic_ns()
        recorded = allowed or from_ns + settle_ns <= order_sender.through_ns
        return (copied or seen.lacks == RECORD) and (recorded or seen.lacks == COPY)

    def _execution(self, key: tuple) -> Seen:
        """One execution as both sides have it."""
        _, match, reference = key
        own = self.store.connection.execute(OWN_EXECUTION, (self.epoch, self.instance, match, reference)).fetchone()
        held = self.book.execution(match, reference)
        told = "none"
        if held is not None:
            told = _trade(held.side, held.qty_lots, held.price_ticks, held.liquidity, held.state)
        if own is None:
            return Seen(RECORD, "execution_not_recorded" if held else "", "none", told)
        order_id, side, qty_lots, price_ticks, liquidity, state, instrument_id = own
        recorded = _trade(side, qty_lots, price_ticks, liquidity, state)
        if held is None:
            return Seen(COPY, "execution_not_copied", recorded, told, order_id, instrument_id)
        # where the states differ, a break or correction of the trade may still be on its way
        lacks = NEITHER if state == held.state else EITHER
        return Seen(lacks, "" if recorded == told else "execution_differs", recorded, told, order_id, instrument_id)

    def _order(self, key: tuple) -> Seen:
        """One order as both sides have it: what is open of it."""
        reference = key[1]
        own = self.store.connection.execute(OWN_ORDER, (self.epoch, reference, self.session_id)).fetchone()
        held = self.book.order(reference)
        told = "none" if held is None else _open(held.state != "open", held.leaves_lots, held.state)
        if own is None:
            lost = held is not None and held.state != "rejected"
            return Seen(RECORD, "order_not_recorded" if lost else "", "none", told)
        order_id, closed, leaves_lots, state, venue_order_ref, instrument_id, cum_lots = own
        recorded = _open(closed, leaves_lots, state)
        if held is None:
            kind = "order_not_copied" if venue_order_ref or cum_lots else ""
            return Seen(COPY, kind, recorded, told, order_id, instrument_id)
        agrees = (bool(closed), leaves_lots) == (held.state != "open", held.leaves_lots)
        return Seen(EITHER, "" if agrees else "order_differs", recorded, told, order_id, instrument_id)

    def _scope(self, instrument_id: int, reference: int) -> str:
        """The instrument that a break is about, from our record or the copy's; the firm when neither knows it."""
        symbol = self.symbols.get(instrument_id)
        if not symbol:
            copied = self.book.order(reference)
            symbol = copied.symbol if copied is not None else ""
        return f"instrument:{symbol}" if symbol else FIRM

    # --- positions and silence --------------------------------------------------------------------------------------

    def _positions(self, now_ns: int, keeper: Read) -> None:
        settle_ns = self.config.settle_ms * 1_000_000
        settled_ns, away_ns = keeper.through_ns - settle_ns, keeper.away_ns + GRACE_NS if keeper.away_ns else 0
        for place, wrong in self.kept.compare(settled_ns, away_ns, now_ns - ALLOWED_NS):
            symbol = self.symbols.get(place.instrument_id) or f"#{place.instrument_id}"
            key = (self.session_id, "position", f"strategy {place.strategy_id} in {symbol}")
            if wrong is None:
                self.breaks.clear(key)
            else:
                scope = self._scope(place.instrument_id, 0)
                about = About(order_id=wrong.order_id)
                self.breaks.tell(key, scope, about, wrong.expected, wrong.found, time.time_ns())

    def heard_age_ns(self, now_ns: int) -> int:
        """How long the drop copy has been silent; 0 before it spoke and before there was anything to speak of."""
        if not self.session.heard_ns and not self.own_seq:  # a fabric that starts: the venue may come later than we
            self.begun_ns = now_ns
        return now_ns - max(self.session.heard_ns, self.begun_ns)

    def silent(self, now_ns: int) -> bool:
        """Whether it has been silent for too long."""
        return self.heard_age_ns(now_ns) > self.config.silence_ms * 1_000_000

    def _silence(self, now_ns: int, utc_ns: int) -> None:
        key = (self.session_id, "silence", "the drop copy")
        if self.silent(now_ns):
            found = "the venue refused the log-in: " + self.session.refused if self.session.refused else "nothing"
            expected = f"a message or heartbeat within {self.config.silence_ms} ms"
            self.breaks.tell(key, FIRM, About(), expected, found, utc_ns - self.heard_age_ns(now_ns))
        elif self.session.logged_in_ns:
            self.breaks.clear(key)


KINDS = {
    "execution": ("execution_differs", "execution_not_copied", "execution_not_recorded"),
    "order": ("order_differs", "order_not_copied", "order_not_recorded"),
}
KINDS_ALL = (*KINDS["execution"], *KINDS["order"], "position", "silence")


def _trade(side: str, qty_lots: int, price_ticks: int, liquidity: str, state: str) -> str:
    if state == "broken":
        return "broken"
    return f"{side} {qty_lots} at {price_ticks} ticks, {liquidity}" + ("" if state == "done" else f", {state}")


def _open(closed: int, leaves_lots: int, state: str) -> str:
    return f"{state}" if closed else f"{state}, {leaves_lots} open"
