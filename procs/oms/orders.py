"""Orders: entries of an order_sender's journal become rows of orders, events, executions, sessions and breaks.

`OrderBook.apply` is the only place where a row of `orders` changes. What contradicts is applied as it is told and has a
row of `breaks` beside it:

```
break            what it says
---------------  ------------------------------------------------------------------------------
illegal_event    the life cycle does not allow this event in the state that the order was in
overfill         an execution is larger than what the order had open
leaves           the open size that a report names is not what was open less what it took
cum              the executed size that a report names is not what was executed and what it adds
unknown_order    the venue names an order that is not in the record
unknown_trade    a trade that was never reported is broken or corrected
report_seq       a report does not follow the one before
duplicate_order  an order is sent that is already in the record
entry            an entry of a kind or size that this version does not know
```
"""

from collections import namedtuple
from dataclasses import make_dataclass
from operator import attrgetter

import numpy as np

from procs.oms.decode import rows, select
from procs.oms.schema import columns
from procs.oms.states import REPLACE_DIES, event_of, step
from shm.codes import JOURNAL_CANCEL_SENT, JOURNAL_ORDER_SENT, JOURNAL_REPORT, JOURNAL_SESSION, ORDER_ID_EXTERNAL
from shm.records.order import ORDER_FLAG_SHORT

ORDER_COLUMNS = columns("orders")
EVENT_COLUMNS = columns("order_events")
EXECUTION_COLUMNS = columns("executions")
KNOWN_KINDS = (JOURNAL_ORDER_SENT, JOURNAL_CANCEL_SENT, JOURNAL_REPORT, JOURNAL_SESSION)
CLOSED_KEPT_MAX = 65_536  # rows kept in memory between transactions: some 100 MB at most
OPENING_KINDS = ("accepted", "replaced")
VENUE_KINDS = (*OPENING_KINDS, "executed")  # that mean an open order or a trade: never without an order of ours

SENT_FIELDS = (
    "order_id target_order_id intent_id price_ticks qty_lots expires_ns now_ns recv_stamp_ns tick_stamp_ns"
    " decide_stamp_ns pass_stamp_ns publish_stamp_ns limits_version instrument_id strategy_id kind side tif flags"
).split()
REPORT_FIELDS = (
    "report_seq order_id intent_id venue_order_ref match_number user_ref_num old_order_id price_ticks qty_lots"
    " leaves_lots cum_lots venue_ns venue_seq now_ns recv_stamp_ns tick_stamp_ns decide_stamp_ns pass_stamp_ns"
    " order_stamp_ns send_stamp_ns ack_stamp_ns publish_stamp_ns instrument_id strategy_id kind side liquidity"
    " session_id reason"
).split()


EXECUTION_FIELDS = tuple(name for name in EXECUTION_COLUMNS if name in REPORT_FIELDS)


# rows that change, with their table's columns as attributes
OrderRow = make_dataclass("OrderRow", ORDER_COLUMNS, slots=True)
ExecutionRow = make_dataclass("ExecutionRow", EXECUTION_COLUMNS, slots=True)
order_values = attrgetter(*ORDER_COLUMNS)
execution_values = attrgetter(*EXECUTION_COLUMNS)


# an order or a cancel as journalled before it left: fields of records order and sent; a report: those of its record
Sent = namedtuple("Sent", (*SENT_FIELDS, "user_ref_num", "stamp_ns", "session_id"))
Report = namedtuple("Report", REPORT_FIELDS)


class OrderBook:
    """The orders of one order_sender in one epoch, as of the last entry applied.

    `find_order(order_id)` and `find_execution(match_number, order_id)` give a stored row or None. After `apply`, the
    rows to store are in `changed`, `events`, `executions`, `sessions` and `breaks` until `stored` is called.
    """

    def __init__(self, epoch: int, instance: str, report_seq: int, find_order, find_execution):
        self.epoch, self.instance, self.report_seq = epoch, instance, report_seq
        self._find_order, self._find_execution = find_order, find_execution
        self.held: dict[int, OrderRow | None] = {}
        self.stored()

    def stored(self) -> None:
        """Everything is in the store: begin anew."""
        self.changed: dict[int, OrderRow] = {}
        self.events: list[tuple] = []
        self.executions: list[ExecutionRow] = []
        self.sessions: list[tuple] = []
        self.breaks: dict[tuple[int, str, int], tuple] = {}
        if len(self.held) > CLOSED_KEPT_MAX:
            self.held = {number: row for number, row in self.held.items() if row is not None and not row.closed}

    def order(self, order_id: int) -> OrderRow | None:
        """The row of an order, None when there is none."""
        if order_id not in self.held:
            self.held[order_id] = self._find_order(order_id) if order_id else None
        return self.held[order_id]

    def apply(self, chunk: np.ndarray, first_seq: int) -> None:
        """Apply the entries of `chunk`, of which the first has sequence `first_seq`."""
        stamps, times = chunk["head"]["stamp_ns"].tolist(), chunk["head"]["now_ns"].tolist()
        todo: list = [None] * len(chunk)
        for kind, act in ((JOURNAL_ORDER_SENT, self._on_order), (JOURNAL_CANCEL_SENT, self._on_cancel)):
            found, parts = select(chunk, kind)
            if found:
                added = ("user_ref_num", "stamp_ns", "session_id")
                orders = rows("order", parts["order"], tuple(SENT_FIELDS))
                for at, order, sent in zip(found, orders, rows("sent", parts["sent"], added), strict=True):
                    todo[at] = (act, Sent._make(order + sent))
        found, parts = select(chunk, JOURNAL_REPORT)
        if found:
            for at, values in zip(found, rows("report", parts["report"], tuple(REPORT_FIELDS)), strict=True):
                todo[at] = (self._on_report, Report._make(values))
        found, parts = select(chunk, JOURNAL_SESSION)
        if found:
            given = {"epoch": self.epoch, "instance": self.instance, "seq": [first_seq + at for at in found]}
            given |= {"now_ns": [times[at] for at in found], "stamp_ns": [stamps[at] for at in found]}
            self.sessions += rows("session_entry", parts["session_entry"], columns("sessions"), **given)
        sessions = set(found)
        for at, entry in enumerate(todo):
            if entry is not None:
                entry[0](first_seq + at, stamps[at], entry[1])
            elif at not in sessions:
                kind = int(chunk["head"]["kind"][at])
                expected = f"an entry of kinds {KNOWN_KINDS}, whole"
                self._break(first_seq + at, "entry", 0, 0, expected, f"kind {kind}")

    # --- what was sent ------------------------------------------------------------------------------------------------

    def _on_order(self, seq: int, stamp_ns: int, sent: Sent) -> None:
        if sent.kind == "reduce":
            self._on_cancel(seq, stamp_ns, sent)
            return
        row = self.order(sent.order_id)
        if row is not None:
            self._break(seq, "duplicate_order", sent.order_id, 0, "an order that is new", f"one that is {row.state}")
            return
        row = OrderRow(
            epoch=self.epoch,
            order_id=sent.order_id,
            instance=self.instance,
            session_id=sent.session_id,
            intent_id=sent.intent_id,
            user_ref_num=sent.user_ref_num,
            venue_order_ref=0,
            kind=sent.kind,
            parent_order_id=sent.target_order_id,
            strategy_id=sent.strategy_id,
            instrument_id=sent.instrument_id,
            side=sent.side,
            short=int(sent.flags & ORDER_FLAG_SHORT != 0),
            tif=sent.tif,
            price_ticks=sent.price_ticks,
            qty_lots=sent.qty_lots,
            leaves_lots=sent.qty_lots,
            cum_lots=0,
            executed_lots=0,
            value_ticks=0,
            state="sent",
            pending="",
            closed=0,
            reason=0,
            limits_version=sent.limits_version,
            expires_ns=sent.expires_ns,
            first_ns=sent.now_ns,
            last_ns=sent.now_ns,
            report_seq=0,
            recv_stamp_ns=sent.recv_stamp_ns,
            tick_stamp_ns=sent.tick_stamp_ns,
            decide_stamp_ns=sent.decide_stamp_ns,
            pass_stamp_ns=sent.pass_stamp_ns,
            order_stamp_ns=sent.publish_stamp_ns,
            sent_stamp_ns=sent.stamp_ns,
            send_stamp_ns=0,
            ack_stamp_ns=0,
        )
        self.held[row.order_id] = self.changed[row.order_id] = row
        self._sent_event(seq, stamp_ns, f"{sent.kind}_sent", row, sent)
        original = self.order(sent.target_order_id)
        if original is not None:
            self._move(seq, original, "REPLACE_SENT")

    def _on_cancel(self, seq: int, stamp_ns: int, sent: Sent) -> None:
        if not sent.target_order_id:  # all orders of an instrument or session: their answers say which
            self._sent_event(seq, stamp_ns, "mass_cancel_sent", None, sent)
            return
        kind = "reduce" if sent.kind == "reduce" else "cancel"
        row = self.order(sent.target_order_id)
        if row is None:
            self._break(seq, "unknown_order", sent.target_order_id, 0, "an order of the record", f"{kind} of another")
        else:
            self._move(seq, row, f"{kind.upper()}_SENT")
            row.last_ns = max(row.last_ns, sent.now_ns)
        self._sent_event(seq, stamp_ns, f"{kind}_sent", row, sent)

    def _sent_event(self, seq: int, stamp_ns: int, kind: str, row: OrderRow | None, sent: Sent) -> None:
        self.events.append(
            (
                self.epoch,
                self.instance,
                seq,
                sent.order_id or sent.target_order_id,
                kind,
                row.state if row else "",
                row.pending if row else "",
                0,
                sent.price_ticks,
                sent.qty_lots,
                row.leaves_lots if row else 0,
                row.cum_lots if row else 0,
                sent.intent_id,
                sent.user_ref_num,
                row.venue_order_ref if row else 0,
                0,
                0,
                0,
                0,
                sent.now_ns,
                stamp_ns,
                sent.decide_stamp_ns,
                sent.pass_stamp_ns,
                sent.publish_stamp_ns,
                0,
                0,
            )
        )

    # --- what came back -----------------------------------------------------------------------------------------------

    def _on_report(self, seq: int, stamp_ns: int, report: Report) -> None:
        if report.report_seq != self.report_seq + 1:
            self._break(seq, "report_seq", report.order_id, 0, f"report {self.report_seq + 1}", str(report.report_seq))
        self.report_seq = report.report_seq
        row = self.order(report.order_id)
        if row is None and report.kind == "expired" and report.order_id:
            row = self._died_before_it_was_numbered(report)
        elif row is None and (report.order_id or report.kind in VENUE_KINDS):
            self._break(seq, "unknown_order", report.order_id, report.match_number, "an order of ours", report.kind)
            if report.order_id >= ORDER_ID_EXTERNAL and report.kind in OPENING_KINDS:
                row = self._adopted(report)
                self._change(seq, row, report)
        elif row is not None:
            self._change(seq, row, report)
        if report.kind == "executed":
            self._execute(seq, row, report)
        elif report.kind in ("broken", "corrected"):
            self._amend(seq, row, report)
        self.events.append(
            (
                self.epoch,
                self.instance,
                seq,
                report.order_id,
                report.kind,
                row.state if row else "",
                row.pending if row else "",
                report.reason,
                report.price_ticks,
                report.qty_lots,
                report.leaves_lots,
                report.cum_lots,
                report.intent_id,
                report.user_ref_num,
                report.venue_order_ref,
                report.match_number,
                report.report_seq,
                report.venue_seq,
                report.venue_ns,
                report.now_ns,
                stamp_ns,
                report.decide_stamp_ns,
                report.pass_stamp_ns,
                report.order_stamp_ns,
                report.send_stamp_ns,
                report.ack_stamp_ns,
            )
        )

    def _died_before_it_was_numbered(self, report: Report) -> OrderRow:
        """An order that order_sender refused before its journal had it: the report that says so is all there is."""
        row = OrderRow(
            **{name: getattr(report, name) for name in ORDER_COLUMNS if name in Report._fields and name != "kind"},
            epoch=self.epoch,
            instance=self.instance,
            kind="",
            parent_order_id=0,
            short=0,
            tif="",
            executed_lots=0,
            value_ticks=0,
            state="expired",
            pending="",
            closed=1,
            limits_version=0,
            expires_ns=0,
            first_ns=report.now_ns,
            last_ns=report.now_ns,
            sent_stamp_ns=0,
        )
        self.held[row.order_id] = self.changed[row.order_id] = row
        return row

    def _adopted(self, report: Report) -> OrderRow:
        """An order of our session that none of ours entered: order_sender made it known by its acknowledgement."""
        row = self._died_before_it_was_numbered(report)
        row.kind, row.state, row.closed = "external", "external", 0
        return row

    def _change(self, seq: int, row: OrderRow, report: Report) -> None:
        """Apply a report to its order: the report is believed, and what contradicts is told."""
        kind = report.kind
        if kind in ("executed", "canceled"):
            self._check_sizes(seq, row, report)
        legal = self._move(seq, row, event_of(kind, report.leaves_lots), report.match_number)
        row.cum_lots = report.cum_lots
        row.last_ns, row.report_seq = max(row.last_ns, report.now_ns), report.report_seq
        row.ack_stamp_ns = row.ack_stamp_ns or report.ack_stamp_ns
        row.send_stamp_ns = report.send_stamp_ns or row.send_stamp_ns
        row.venue_order_ref = report.venue_order_ref or row.venue_order_ref
        row.reason = report.reason or row.reason
        if legal:
            if kind in ("accepted", "replaced", "restated"):
                row.price_ticks, row.qty_lots = report.price_ticks, report.qty_lots
            row.leaves_lots = 0 if row.closed else report.leaves_lots
        if kind == "replaced":
            original = self.order(report.old_order_id)
            if original is not None:
                self._move(seq, original, "REPLACED_AWAY")
                original.last_ns = max(original.last_ns, report.now_ns)
        elif kind in REPLACE_DIES and row.parent_order_id:
            original = self.order(row.parent_order_id)
            if original is not None:
                self._move(seq, original, "REPLACE_DIED")

    def _check_sizes(self, seq: int, row: OrderRow, report: Report) -> None:
        """An execution or cancellation takes its size from what is open, no more and no less."""
        left_lots = row.leaves_lots - report.qty_lots
        number, match = row.order_id, report.match_number
        if report.kind == "executed":
            if left_lots < 0:
                self._break(seq, "overfill", number, match, f"at most {row.leaves_lots} lots", str(report.qty_lots))
            if report.cum_lots != row.cum_lots + report.qty_lots:
                self._break(seq, "cum", number, match, str(row.cum_lots + report.qty_lots), str(report.cum_lots))
        if report.leaves_lots != max(0, left_lots) and not row.closed:
            self._break(seq, "leaves", number, match, str(max(0, left_lots)), str(report.leaves_lots))

    def _move(self, seq: int, row: OrderRow, event: str, match_number: int = 0) -> bool:
        """Change an order's state by an event. Returns whether the life cycle allows it."""
        self.changed[row.order_id] = row
        if not event:
            self._break(seq, "entry", row.order_id, match_number, "a kind of report that is known", "another")
            return False
        before = f"{row.state} {row.pending}".strip()
        row.state, row.pending, legal = step(event, row.state, row.pending)
        if row.state in ("filled", "canceled", "replaced", "rejected", "expired", "never_arrived") and not row.closed:
            row.closed, row.leaves_lots = 1, 0
        if not legal:
            found = f"{event.lower()} of an order that is {before}"
            self._break(seq, "illegal_event", row.order_id, match_number, "an event that can be", found)
        return legal

    def _execute(self, seq: int, row: OrderRow | None, report: Report) -> None:
        """A trade: stored whatever the life cycle says, because the position is real."""
        if row is not None:
            row.executed_lots += report.qty_lots
            row.value_ticks += report.qty_lots * report.price_ticks
        self.executions.append(
            ExecutionRow(
                **{name: getattr(report, name) for name in EXECUTION_FIELDS},
                epoch=self.epoch,
                instance=self.instance,
                seq=seq,
                first_price_ticks=report.price_ticks,
                first_qty_lots=report.qty_lots,
                state="done",
                amended_seq=0,
            )
        )

    def _amend(self, seq: int, row: OrderRow | None, report: Report) -> None:
        """A trade is broken or corrected: its row says how it stands now."""
        trade = self._trade(report.match_number, report.order_id)
        if trade is None or trade.state == "broken":
            found = f"{report.kind} of trade {report.match_number}"
            self._break(seq, "unknown_trade", report.order_id, report.match_number, "a trade that stands", found)
            return
        before_lots, before_ticks = trade.qty_lots, trade.qty_lots * trade.price_ticks
        trade.state, trade.amended_seq = report.kind, report.report_seq
        trade.qty_lots = 0 if report.kind == "broken" else report.qty_lots
        trade.price_ticks = trade.price_ticks if report.kind == "broken" else report.price_ticks
        if row is not None:
            row.executed_lots += trade.qty_lots - before_lots
            row.value_ticks += trade.qty_lots * trade.price_ticks - before_ticks

    def _trade(self, match_number: int, order_id: int) -> ExecutionRow | None:
        """The execution with this match number, of this order if both sides were ours; newest first."""
        mine = [held for held in reversed(self.executions) if held.match_number == match_number]
        for held in mine:
            if held.order_id == order_id or not order_id:
                return held
        found = self._find_execution(match_number, order_id)
        if found is not None:
            self.executions.append(found)
        return found

    def _break(self, seq: int, kind: str, order_id: int, match_number: int, expected: str, found: str) -> None:
        row = (self.epoch, self.instance, seq, kind, order_id, match_number, expected, found)
        self.breaks.setdefault((seq, kind, order_id), row)
