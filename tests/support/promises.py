"""The promises about orders, checked against what the journals hold and what the venue says. Incremental: cheap to ask.

P1 no byte of an order left before its journal entry and its risk approval, with equal terms
P2 no identifier was used twice
P3 every execution of the venue is reported once and booked once, and nothing else is
P6 an order closes on the venue's word, or on the proof that it never got there

`Promises` follows the three journals of a machine. `check_journals` is about them alone and may be asked at any moment;
`check_ledger` compares counts with the venue's ledger while trading goes on; `check_venue` compares every order and
every execution with the venue's own stream and input log, when nothing is open any more.
"""

import time
from collections import Counter
from typing import NamedTuple

import numpy as np

from procs.runtime.objects import journals_of
from procs.runtime.paths import runtime_folder, state_folder
from procs.venue.input_log import INPUT, INPUT_ENTER, INPUT_REPLACE
from shm.codes import (
    INTENT_NEW,
    INTENT_REPLACE,
    JOURNAL_CANCEL_SENT,
    JOURNAL_DECISION,
    JOURNAL_FILL,
    JOURNAL_ORDER_SENT,
    JOURNAL_REPORT,
    PASS,
    REPORT_BROKEN,
    REPORT_CANCELED,
    REPORT_CORRECTED,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    REPORT_REJECTED,
    REPORT_UNKNOWN,
)
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.decision import DECISION
from shm.records.fill import FILL
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.order import ORDER
from shm.records.report import REPORT
from shm.records.segment_header import SEGMENT_KIND_JOURNAL
from shm.records.sent import SENT
from tests.support.venue_stream import Message

SENT_ORDER = np.dtype([("order", ORDER), ("sent", SENT)])  # payload of JOURNAL_ORDER_SENT and JOURNAL_CANCEL_SENT
SETTLE_SECONDS = 10.0
OF_VENUE = (REPORT_EXECUTED, REPORT_CANCELED, REPORT_REJECTED)  # what closes an order, said by the venue


class Terms(NamedTuple):
    """What an order is."""

    intent_id: int
    instrument_id: int
    strategy_id: int
    kind: int
    side: int
    price_ticks: int
    qty_lots: int


class Approval(NamedTuple):
    """A PASS of the risk gate."""

    terms: Terms
    stamp_ns: int


class Entry(NamedTuple):
    """An order as order_sender journalled it before it left."""

    order_id: int
    terms: Terms
    stamp_ns: int
    now_ns: int
    expires_ns: int


class Execution(NamedTuple):
    """One side of a trade; both sides of a trade with ourselves have one match number."""

    match_number: int
    side: int
    price_ticks: int
    qty_lots: int


def _terms(record) -> Terms:
    return Terms(*(int(record[name]) for name in Terms._fields))


def _execution(record) -> Execution:
    return Execution(*(int(record[name]) for name in Execution._fields))


class Journal:
    """One journal of a machine, read on from where it was left."""

    def __init__(self, machine, instance: str):
        shape = journals_of(machine.config)[instance]
        segment = machine.snapshot.view.segment(shape.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY)
        view = JournalView(segment.bytes, journal_entry_bytes(shape.payload_bytes), shape.entries)
        folder = state_folder(machine.config.name) / "journal" / str(machine.fabric.epoch) / instance
        self.reader, self.next_seq = JournalReader(folder, view), 0

    def new(self):
        """(head, payload bytes) of each entry since the last call."""
        for head, payload in self.reader.entries(self.next_seq):
            self.next_seq += 1
            yield head, payload


class Promises:
    """What the journals of one machine hold so far, and what must be true of it."""

    def __init__(self, machine):
        self.machine = machine
        self.gate = Journal(machine, "risk_gate")
        self.sender = Journal(machine, "order_sender")
        self.keeper = Journal(machine, "position_keeper")
        self.approvals: dict[int, Approval] = {}  # by order id
        self.decided: set[tuple[int, int]] = set()  # (ring of the intents, its sequence)
        self.entries: dict[int, Entry] = {}  # by reference number
        self.order_ids: set[int] = set()
        self.mass_refs: set[int] = set()
        self.reports: list[np.void] = []
        self.report_seq = 0
        self.venue_seqs: dict[int, np.void] = {}  # report by number in the venue's stream
        self.executed: dict[tuple[int, int], Execution] = {}  # as reported, by (match number, side)
        self.booked: dict[tuple[int, int], Execution] = {}  # as booked by position_keeper

    # --- reading ---

    def refresh(self) -> None:
        """Read what is new, effects before causes; each entry is checked against those read before it."""
        fills = [np.frombuffer(p[: FILL.itemsize], FILL)[0] for h, p in self.keeper.new() if h["kind"] == JOURNAL_FILL]
        sent = list(self.sender.new())
        for head, payload in self.gate.new():
            if head["kind"] == JOURNAL_DECISION:
                self._take_decision(head, np.frombuffer(payload[: DECISION.itemsize], DECISION)[0])
        for head, payload in sent:
            if head["kind"] == JOURNAL_ORDER_SENT:
                self._take_order(head, np.frombuffer(payload[: SENT_ORDER.itemsize], SENT_ORDER)[0])
            elif head["kind"] == JOURNAL_CANCEL_SENT:
                self._take_cancel(np.frombuffer(payload[: SENT_ORDER.itemsize], SENT_ORDER)[0])
            elif head["kind"] == JOURNAL_REPORT:
                self._take_report(np.frombuffer(payload[: REPORT.itemsize], REPORT)[0])
        for fill in fills:
            self._take_fill(fill)

    def _take_decision(self, head, decision) -> None:
        cause = (int(decision["cause_ring"]), int(decision["cause_seq"]))
        if cause[0] != 255:  # not a cancel of the gate's own
            assert cause not in self.decided, f"P2: intent {cause} was decided twice: {decision}"
            self.decided.add(cause)
        order_id = int(decision["order_id"])
        if order_id != 0 and decision["code"] == PASS and decision["kind"] in (INTENT_NEW, INTENT_REPLACE):
            assert order_id not in self.approvals, f"P2: order id {order_id} was given twice: {decision}"
            self.approvals[order_id] = Approval(_terms(decision), int(head["stamp_ns"]))

    def _take_order(self, head, entry) -> None:
        order, ref = entry["order"], int(entry["sent"]["user_ref_num"])
        order_id, terms = int(order["order_id"]), _terms(order)
        assert ref not in self.entries and ref not in self.mass_refs, f"P2: reference {ref} was used twice"
        assert order_id not in self.order_ids, f"P2: order {order_id} was sent twice"
        approval = self.approvals.get(order_id)
        assert approval is not None, f"P1: order {order_id} was sent without a decision: {entry}"
        assert approval.terms == terms, f"P1: order {order_id}: approved {approval.terms}, sent {terms}"
        assert approval.stamp_ns <= head["stamp_ns"], f"P1: order {order_id} was approved after it was journalled"
        late = 0 < order["expires_ns"] < head["now_ns"]
        assert not late, f"order {order_id} was sent after its expiry"
        self.order_ids.add(order_id)
        stamps = (int(head["stamp_ns"]), int(head["now_ns"]), int(order["expires_ns"]))
        self.entries[ref] = Entry(order_id, terms, *stamps)

    def _take_cancel(self, entry) -> None:
        ref = int(entry["sent"]["user_ref_num"])
        if entry["order"]["target_order_id"] != 0:
            return
        assert ref not in self.entries and ref not in self.mass_refs, f"P2: reference {ref} was used twice"
        self.mass_refs.add(ref)

    def _take_report(self, report) -> None:
        assert report["report_seq"] == self.report_seq + 1, f"P3: report {report['report_seq']} after {self.report_seq}"
        self.report_seq += 1
        self.reports.append(report)
        venue_seq = int(report["venue_seq"])
        if venue_seq > 0:
            assert venue_seq not in self.venue_seqs, f"P3: message {venue_seq} of the venue was reported twice"
            self.venue_seqs[venue_seq] = report
        if report["kind"] == REPORT_EXECUTED:
            self._add("reported", self.executed, report)

    def _take_fill(self, fill) -> None:
        if fill["kind"] == REPORT_EXECUTED:
            self._add("booked", self.booked, fill)

    def _add(self, what: str, held: dict, record) -> None:
        key = (int(record["match_number"]), int(record["side"]))
        assert key not in held, f"P3: execution {key} was {what} twice"
        held[key] = _execution(record)

    # --- checks ---

    def check_journals(self) -> None:
        """What the journals say by themselves; position_keeper books in time what order_sender reported."""
        self.refresh()
        expected = set(self.executed)
        self._settle(lambda: expected <= set(self.booked), lambda: f"P3: not booked: {expected - set(self.booked)}")
        wrong = {key for key, booked in self.booked.items() if self.executed.get(key) != booked}
        assert not wrong, f"P3: booked and not reported so: {wrong}"

    def check_ledger(self) -> None:
        """Every execution that the venue's ledger counts now is reported in time, and no more than it counts then."""
        counted = self._ledger_fills()
        self._settle(
            lambda: len(self.executed) >= counted,
            lambda: f"P3: the venue counts {counted} executions, {len(self.executed)} are reported",
        )
        assert len(self.executed) <= self._ledger_fills(), "P3: more executions are reported than the venue counts"

    def _ledger_fills(self) -> int:
        return int(self.machine.snapshot.ledger()["fills"].sum())

    def _settle(self, condition, found) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, found()
            self.machine.poll()
            time.sleep(0.01)
            self.refresh()

    def check_venue(self, stream: list[Message]) -> None:
        """Every order and execution of the venue's stream against the journals. Caller: when no order is open."""
        self.refresh()
        self._check_inputs()
        self._check_orders(stream)
        self._check_executions(stream)
        self._check_fates(stream)

    def _check_inputs(self) -> None:
        """P1: each entry that reached the matching engine was journalled before, with equal terms."""
        log = np.fromfile(runtime_folder(self.machine.config.name) / "venue-input.log", INPUT)
        ours = log[(log["owner"] > 0) & np.isin(log["kind"], (INPUT_ENTER, INPUT_REPLACE))]
        assert len(ours) > 0, "the venue logged no order of ours"
        assert len(np.unique(ours["user_ref"])) == len(ours), "P2: an order reached the matching engine twice"
        for row in ours:
            entry = self.entries.get(int(row["user_ref"]))
            assert entry is not None, f"P1: reference {row['user_ref']} reached the venue and no journal"
            assert entry.now_ns <= row["now_ns"], (
                f"P1: order {entry.order_id} was at the venue before it was journalled"
            )
            assert entry.terms.price_ticks == row["price"], (entry, row)

    def _check_orders(self, stream: list[Message]) -> None:
        for message in stream:
            if message.kind not in "AU":
                continue
            entry = self.entries.get(message.fields["user_ref_num"])
            assert entry is not None, f"P1: the venue accepted what is in no journal: {message}"
            said = (message.fields["side"], message.fields["price_ticks"])
            assert said == (entry.terms.side, entry.terms.price_ticks), (message, entry)
            assert message.fields["qty_lots"] <= entry.terms.qty_lots, (message, entry)
            if message.kind == "A":
                assert message.fields["qty_lots"] == entry.terms.qty_lots, (message, entry)

    def _check_executions(self, stream: list[Message]) -> None:
        """P3 by execution ids: the venue's, order_sender's and position_keeper's are the same, each once."""
        said = Counter()
        for message in stream:
            if message.kind == "E":
                fields = message.fields
                side = self.entries[fields["user_ref_num"]].terms.side
                said[Execution(fields["match_number"], side, fields["price_ticks"], fields["qty_lots"])] += 1
        assert set(said.values()) <= {1}, "the venue itself executed twice"
        assert set(said) == set(self.executed.values()), f"P3: {_differs(said, self.executed.values())}"
        assert set(said) == set(self.booked.values()), f"P3: {_differs(said, self.booked.values())}"
        assert not any(r["kind"] in (REPORT_BROKEN, REPORT_CORRECTED) for r in self.reports), "none was taken back"

    def _check_fates(self, stream: list[Message]) -> None:
        """P6: what was called unsent or never arrived is unknown to the venue; what the venue ended, it ended."""
        lived = {m.fields["user_ref_num"]: m for m in stream if m.kind in "AUEC"}
        open_refs = set(self.entries)
        for report in self.reports:
            ref, kind = int(report["user_ref_num"]), int(report["kind"])
            if kind in (REPORT_NEVER_ARRIVED, REPORT_EXPIRED):
                assert ref not in lived, f"P6: what was called {kind} lived: {report}, {lived[ref]}"
                assert report["venue_seq"] == 0 or kind == REPORT_NEVER_ARRIVED, report
            elif kind == REPORT_UNKNOWN:
                assert report["leaves_lots"] > 0, f"P6: an unknown order was closed: {report}"
            elif kind in OF_VENUE:
                message = stream[int(report["venue_seq"]) - 1]
                assert message.fields["user_ref_num"] == ref and message.kind in "ECDJ", (message, report)
            if report["leaves_lots"] == 0:
                open_refs.discard(ref)
        replaced = {m.fields["orig_user_ref_num"] for m in stream if m.kind == "U"}
        left = open_refs - replaced
        assert not left, f"P6: nobody said what became of {sorted(left)}"


def _differs(said, held) -> str:
    missing, invented = set(said) - set(held), set(held) - set(said)
    return f"missing here {sorted(missing)[:5]}, not the venue's {sorted(invented)[:5]}"
