"""Invariants: what must hold after every step, whatever died. The numbers are those of FAULTS 9.2.

Every entry of the three journals is looked at once, when it appears; the venue's truth comes from VenueWitness.

INV-1   position = sum of the distinct executions in the venue's stream that were applied
INV-2   each execution id is journalled once, with the venue's terms
INV-3   nothing leaves without journal and approval (wire_witness.py)
INV-4   order ids, intent ids and references are never used twice
INV-5   worst-case exposure in the venue's ledger stays within the limit; the gate's own is never below the venue's
INV-6   under a halt only cancels are approved and sent
INV-8   a stale channel approves nothing new
INV-11  journals replay to the same state (the runner kills everything at the end)
INV-13  leaves >= 0, filled <= ordered
P6      what was closed as never arrived or never sent never shows up at the venue
"""

import hashlib
from collections import Counter

import numpy as np

from procs.risk_gate.state import parts_of
from procs.runtime.tables import tables_of
from procs.wire.big_endian import text_word
from shm.codes import (
    CHANNEL_FRESH,
    INTENT_NEW,
    INTENT_REPLACE,
    JOURNAL_DECISION,
    JOURNAL_FILL,
    JOURNAL_ORDER_SENT,
    JOURNAL_REPORT,
    PASS,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    SIDE_BUY,
    STATE_REDUCING,
)
from shm.records.channel import CHANNEL
from shm.records.decision import DECISION
from shm.records.fill import FILL
from shm.records.order import ORDER
from shm.records.position import POSITION
from shm.records.report import REPORT
from shm.records.sent import SENT
from shm.records.table_end import LATEST_ROWS_OFFSET
from tests.support.simulation.journal_tail import JournalTail, record
from tests.support.simulation.settings import LIMIT_LOTS
from tests.support.simulation.venue_witness import VenueWitness
from tests.support.simulation.wire_witness import WireWitness

JOURNALS = ("risk_gate", "order_sender", "position_keeper")


class LatestView:
    """A latest table through the fabric creator's mapping."""

    def __init__(self, fabric, name: str, dtype: np.dtype):
        table = tables_of(fabric.config)[name]
        segment = next(held for held in fabric._kept if held.full_name.endswith(f".{table.name}"))
        stride = 64 + 2 * dtype.itemsize
        shape = np.dtype({"names": ["version", "copies"], "formats": ["<i8", (dtype, 2)], "offsets": [0, 64],
                          "itemsize": stride})  # fmt: skip
        self.rows = np.frombuffer(segment.bytes, shape, table.rows, LATEST_ROWS_OFFSET)

    def row(self, number: int) -> np.void | None:
        """The newest value, None before the first."""
        version = int(self.rows["version"][number])
        return self.rows["copies"][number, version & 1] if version else None


class Invariants:
    """Hears of every step; raises AssertionError with what was expected and found."""

    def __init__(self, world, config):
        self.world, self.config = world, config
        symbols = [text_word(instrument.symbol) for instrument in config.instruments]
        self.instrument_of = {symbol: row for row, symbol in enumerate(symbols)}
        self.symbols = symbols
        self.venue = VenueWitness(world.venue.venue[0]["exchange"]["store"])
        self.sent: dict[int, np.void] = {}  # reference -> ORDER
        self.order_ids: set[int] = set()
        self.decisions: dict[int, np.void] = {}  # order id -> DECISION
        self.intent_ids: set[int] = set()
        self.wire = WireWitness(symbols, self.sent, self.decisions, lambda: self.entering)
        self.entering = False
        self.sleeping = False  # after a power loss only the wire is watched
        self.reported: set[tuple[int, int]] = set()
        self.kinds: Counter[int] = Counter()  # reports by REPORT_*: what the runs met
        self.filled: dict[tuple[int, int], int] = {}  # (match, order id) of the keeper's journal
        self.closed_unseen: set[int] = set()
        self.ref_of_order: dict[int, int] = {}
        self.report_seq = 0
        self.sums: dict[int, list[tuple[int, int, int]]] = {}  # instrument -> (report_seq, position, fills)
        self.digests = {name: hashlib.sha256() for name in JOURNALS}
        self.last_order_id = self.checks = 0

    def attach(self, fabric) -> None:
        """Follow a new life of the fabric."""
        self.fabric = fabric
        self.tails = {name: JournalTail(fabric, name, self.digests[name]) for name in JOURNALS}
        self.channels = LatestView(fabric, "channels", CHANNEL)
        self.positions = LatestView(fabric, "positions", POSITION)
        self.report_seq = 0
        names = ("firm", "session:order_sender", "strategy:strategy")
        self.scopes = [fabric.control.scopes.index(name) for name in names]
        self.control_seen = b""

    def hear(self, fd: int, data: bytes) -> None:
        """Bytes of order_sender on their way to the venue; what it journalled in the same step comes first."""
        if not self.sleeping:
            self.follow_sender()
        elif self.positions_agree():
            return
        self.wire.hear(fd, data)

    def positions_agree(self) -> bool:
        """Whether the positions are the venue's, in every instrument that traded."""
        rows = [(self.positions.row(self.instrument_of[symbol]), held) for symbol, held in self.venue.position.items()]
        return all(row is not None and int(row["position_lots"]) == held for row, held in rows)

    # --- before a step: what its role may know ---

    def before(self, name: str) -> None:
        """Remember what stops new orders at the start of a step."""
        if name == "order_sender" or name == "risk_gate":
            self.entering = self._may_enter()
            channel = self.channels.row(0)
            self.fresh = channel is not None and int(channel["state"]) == CHANNEL_FRESH

    def _may_enter(self) -> bool:
        """Whether control lets new orders pass. Looks closer only when a word changed."""
        words = self.fabric.control
        seen = words._words.tobytes() + words._acks.tobytes()
        if seen != self.control_seen:
            self.control_seen = seen
            self.allowed = max(words.effective(scope) for scope in self.scopes) <= STATE_REDUCING
        return self.allowed

    # --- after a step ---

    def after(self, seat) -> None:
        """What the step of a role left behind."""
        self.checks += 1
        if self.sleeping:
            return
        if seat.name == "risk_gate":
            self.follow_gate()
            if seat.alive:
                self.check_exposure(seat)
        elif seat.name == "order_sender":
            self.follow_sender()
        elif seat.name == "position_keeper":
            self.follow_keeper()
            self.check_positions()

    def after_venue(self, gate) -> None:
        """What the venue did."""
        self.checks += 1
        if self.venue.follow() == 0 or self.sleeping:
            return
        for ref in self.closed_unseen & self.venue.known:
            raise AssertionError(f"P6: reference {ref} was closed as never arrived, and the venue has it")
        for symbol in self.venue.position.keys() | {order.symbol for order in self.venue.orders.values()}:
            most, least = self.venue.worst(symbol)
            assert -LIMIT_LOTS <= least and most <= LIMIT_LOTS, f"INV-5: worst case {least} to {most} at the venue"
        if gate.alive:
            self.check_exposure(gate)

    def follow_gate(self) -> None:
        """New decisions."""
        for kind, _, payload in self.tails["risk_gate"].new():
            if kind != JOURNAL_DECISION:
                continue
            decision = record(payload, DECISION)
            if int(decision["code"]) != PASS or int(decision["kind"]) not in (INTENT_NEW, INTENT_REPLACE):
                continue
            order_id, intent_id = int(decision["order_id"]), int(decision["intent_id"])
            assert order_id not in self.decisions, f"INV-4: order id {order_id} given twice"
            assert intent_id not in self.intent_ids, f"INV-4: intent {intent_id} approved twice"
            assert order_id > self.last_order_id, f"INV-4: order id {order_id} after {self.last_order_id}"
            self.last_order_id = order_id
            self.intent_ids.add(intent_id)
            self.decisions[order_id] = decision
            assert self.entering, f"INV-6: order {order_id} approved under a halt"
            assert self.fresh, f"INV-8: order {order_id} approved on a stale channel"

    def follow_sender(self) -> None:
        """New entries of order_sender: orders sent, reports."""
        for kind, _, payload in self.tails["order_sender"].new():
            if kind == JOURNAL_ORDER_SENT:
                order, sent = record(payload, ORDER), record(payload, SENT, ORDER.itemsize)
                ref, order_id = int(sent["user_ref_num"]), int(order["order_id"])
                assert ref not in self.sent, f"INV-4: reference {ref} journalled twice"
                assert order_id not in self.order_ids, f"INV-4: order {order_id} journalled twice"
                self.sent[ref] = order
                self.order_ids.add(order_id)
            elif kind == JOURNAL_REPORT:
                self._take_report(record(payload, REPORT))

    def _take_report(self, report: np.void) -> None:
        seq, kind = int(report["report_seq"]), int(report["kind"])
        assert seq == self.report_seq + 1, f"report {seq} after {self.report_seq}"
        self.report_seq = seq
        self.kinds[kind] += 1
        assert int(report["leaves_lots"]) >= 0, f"INV-13: {report}"
        ref = int(report["user_ref_num"])
        if kind in (REPORT_NEVER_ARRIVED, REPORT_EXPIRED) and ref:
            self.closed_unseen.add(ref)
            assert ref not in self.venue.known, f"P6: the venue has reference {ref}, closed by report kind {kind}"
        if kind != REPORT_EXECUTED:
            return
        key = (int(report["match_number"]), ref)
        assert key not in self.reported, f"INV-2: execution {key} journalled twice"
        self.reported.add(key)
        told = self.venue.executions.get(key)
        assert told is not None, f"INV-2: execution {key} is not in the venue's stream"
        terms = (told.qty_lots, told.price_ticks, told.side, self.instrument_of[told.symbol], self.venue.seq_of[key])
        names = ("qty_lots", "price_ticks", "side", "instrument_id", "venue_seq")
        assert terms == tuple(int(report[name]) for name in names), f"INV-2: {told} became {report}"
        rows = self.sums.setdefault(int(report["instrument_id"]), [(0, 0, 0)])
        signed = told.qty_lots if told.side == SIDE_BUY else -told.qty_lots
        rows.append((seq, rows[-1][1] + signed, rows[-1][2] + 1))

    def follow_keeper(self) -> None:
        """New fills of position_keeper."""
        for kind, _, payload in self.tails["position_keeper"].new():
            if kind == JOURNAL_FILL:
                fill = record(payload, FILL)
                key = (int(fill["match_number"]), int(fill["order_id"]))
                assert key not in self.filled, f"INV-2: {key} applied twice"
                self.filled[key] = int(fill["qty_lots"])

    def check_positions(self) -> None:
        """INV-1, at the point of the stream that each row names."""
        for instrument, rows in self.sums.items():
            row = self.positions.row(instrument)
            if row is None:
                continue
            seq = int(row["reports_seq"])
            applied = next(held for held in reversed(rows) if held[0] <= seq)
            found = (int(row["position_lots"]), int(row["fills"]))
            assert found == applied[1:], f"INV-1: (position, fills) {found}, expected {applied[1:]} at report {seq}"

    def check_exposure(self, gate) -> None:
        """The gate's worst case is never better than the venue's: an order of unknown fate keeps its exposure."""
        accounts = parts_of(gate.state).exposure.instruments
        for symbol in self.venue.position.keys() | {order.symbol for order in self.venue.orders.values()}:
            most, least = self.venue.worst(symbol)
            account = accounts[self.instrument_of[symbol]]
            position = int(account["position"])
            ours = (position + int(account["open_buy"]), position - int(account["open_sell"]))
            assert ours[0] >= most and ours[1] <= least, f"P6: the gate counts {ours}, the venue {(most, least)}"

    # --- the end ---

    def check_end(self) -> None:
        """P3: the same executions everywhere, by their ids, and the same position."""
        told = set(self.venue.executions)
        assert self.reported == told, f"P3: {len(self.reported)} executions reported, {len(told)} told"
        kept = {(match, self.ref_of(order_id)) for match, order_id in self.filled}
        assert kept == told, f"P3: {len(kept)} executions in positions, {len(told)} told"
        for symbol, position in self.venue.position.items():
            row = self.positions.row(self.instrument_of[symbol])
            assert int(row["position_lots"]) == position, f"P3: position {int(row['position_lots'])}, venue {position}"
        assert not self.venue.orders, f"orders still open at the venue: {self.venue.orders}"

    def ref_of(self, order_id: int) -> int:
        """Reference of an order."""
        if len(self.ref_of_order) != len(self.sent):
            self.ref_of_order = {int(order["order_id"]): ref for ref, order in self.sent.items()}
        return self.ref_of_order[order_id]

    def digest(self) -> str:
        """One number for everything that left, that the venue said, that was journalled, and the positions."""
        total = hashlib.sha256()
        for part in (self.wire.digest, self.venue.digest, *self.digests.values()):
            total.update(part.digest())
        for instrument in range(len(self.config.instruments)):
            row = self.positions.row(instrument)
            total.update(row.tobytes() if row is not None else b"-")
        return total.hexdigest()[:32]
