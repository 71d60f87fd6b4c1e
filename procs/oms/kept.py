"""Kept: whether the position that position_keeper has after each execution is what our executions add up to. No numba.

Executions come in the order of their reports; each is held against position_keeper's row for the same report, so no
moment need be found at which both stand still. After a trade was broken or corrected, and after a start, the sum is
taken anew from the record. A row that did not come in time is still looked for: reduced trading may bring no other
execution that could show that both agree again.
"""

from collections import deque
from typing import NamedTuple

from procs.oms.store import Store


class Place(NamedTuple):
    """What a position is kept for."""

    strategy_id: int
    instrument_id: int


class Expected(NamedTuple):
    """An execution, break or correction that position_keeper will have a row for."""

    report_seq: int
    order_id: int
    kind: str
    seen_ns: int


class Wrong(NamedTuple):
    """A position that is not what it should be."""

    order_id: int
    expected: str
    found: str


EXECUTION = (
    "SELECT strategy_id, instrument_id, CASE side WHEN 'buy' THEN first_qty_lots ELSE -first_qty_lots END"
    " FROM executions WHERE epoch = ? AND order_id = ? AND report_seq = ?"
)
SUM = (
    "SELECT coalesce(sum(CASE side WHEN 'buy' THEN qty_lots ELSE -qty_lots END), 0) FROM executions"
    " WHERE epoch = ? AND strategy_id = ? AND instrument_id = ? AND session_id = ? AND report_seq <= ?"
    " AND order_id != 0"
)
LAST = (
    "SELECT x.report_seq, x.order_id FROM executions x JOIN executions o ON o.epoch = x.epoch"
    " AND o.session_id = x.session_id AND o.strategy_id = x.strategy_id AND o.instrument_id = x.instrument_id"
    " WHERE o.epoch = ? AND o.session_id = ? AND o.order_id = ? AND x.order_id != 0"
    " ORDER BY x.report_seq DESC LIMIT 1"
)
AMENDED = (
    "SELECT 1 FROM executions x JOIN executions l ON l.epoch = x.epoch AND l.session_id = x.session_id"
    " AND l.strategy_id = x.strategy_id AND l.instrument_id = x.instrument_id"
    " WHERE l.epoch = ? AND l.session_id = ? AND l.report_seq = ? AND x.amended_seq > l.report_seq LIMIT 1"
)
FILL = (
    "SELECT position_lots FROM fills WHERE epoch = ? AND session_id = ? AND report_seq = ? AND order_id = ?"
    " ORDER BY seq DESC LIMIT 1"
)


class Kept:
    """Positions of one venue session, execution by execution."""

    def __init__(self, store: Store, epoch: int, session_id: int, instance: str):
        self.store, self.epoch, self.session_id, self.instance = store, epoch, session_id, instance
        self.waiting: deque[Expected] = deque()
        self.positions: dict[Place, int] = {}  # what the executions up to the last one compared add up to
        self.lacking: dict[Place, tuple[Expected, int]] = {}  # told for want of a row: (execution, position after it)

    def expect(self, report_seq: int, order_id: int, kind: str, seen_ns: int) -> None:
        """An execution of ours, or a change of one, is in the record."""
        if order_id:  # what nobody ordered is in nobody's position
            self.waiting.append(Expected(report_seq, order_id, kind, seen_ns))

    def again(self, order_id: int, seen_ns: int) -> None:
        """A break of an earlier life stands for the place of `order_id`: look at its last execution once more.

        Not where a trade was changed after it: then the next execution takes the sum anew.
        """
        run = self.store.connection.execute
        last = run(LAST, (self.epoch, self.session_id, order_id)).fetchone()
        if last is not None and run(AMENDED, (self.epoch, self.session_id, last[0])).fetchone() is None:
            self.expect(*last, "executed", seen_ns)

    def compare(self, settled_ns: int, away_ns: int, allowed_ns: int) -> list[tuple[Place, Wrong | None]]:
        """What can be said now, in order: (place, what is wrong or None).

        An execution whose row is not there waits until `settled_ns` is behind its sight and behind `away_ns`, or until
        it was seen before `allowed_ns`.
        """
        found: list[tuple[Place, Wrong | None]] = []
        for place, (held, lots) in list(self.lacking.items()):
            kept = self._row(held)
            if kept is not None:
                found.append(self._told(place, held, lots, kept))
        while self.waiting:
            held = self.waiting[0]
            kept = self._row(held)
            due = (held.seen_ns <= settled_ns and away_ns <= settled_ns) or held.seen_ns <= allowed_ns
            if kept is None and not due:
                break
            self.waiting.popleft()
            found += self._judge(held, kept)
        return found

    def _judge(self, held: Expected, kept: tuple | None) -> list[tuple[Place, Wrong | None]]:
        run = self.store.connection.execute
        trade = run(EXECUTION, (self.epoch, held.order_id, held.report_seq)).fetchone()
        if trade is None:  # a break or correction: the next execution takes the sum anew
            self.positions.clear()
            return []
        place = Place(*trade[:2])
        if place in self.positions:
            self.positions[place] += trade[2]
        elif any(later.kind != "executed" for later in self.waiting):
            return []  # the record has changes of trades that position_keeper may not have yet
        else:
            given = (self.epoch, *place, self.session_id, held.report_seq)
            self.positions[place] = run(SUM, given).fetchone()[0]
        return [self._told(place, held, self.positions[place], kept)]

    def _row(self, held: Expected) -> tuple | None:
        given = (self.epoch, self.session_id, held.report_seq, held.order_id)
        return self.store.connection.execute(FILL, given).fetchone()

    def _told(self, place: Place, held: Expected, lots: int, kept: tuple | None) -> tuple[Place, Wrong | None]:
        self.lacking.pop(place, None)
        if kept is not None and kept[0] == lots:
            return place, None
        if kept is None:
            self.lacking[place] = held, lots
        what = "none" if kept is None else f"{kept[0]:+}"
        return place, Wrong(held.order_id, f"{lots:+} after report {held.report_seq}", what)
