"""order_sender on scratch memory with a fake venue at the other end of its byte streams, and ways to crash it.

The bench is the gate (it writes orders), the readers (they read reports as real ones do: each report_seq is applied
once), the sockets (bytes move when `cycle` says so, in pieces if wanted) and the control thread's log-in.
"""

import numpy as np

from procs.order_sender.desk import PHASE_DOWN
from procs.order_sender.recover import replay
from procs.order_sender.session import H_APPLIED, H_FD, H_LEFTOVER, H_LOST, H_OFFER, H_TAKEN, H_VENUE_SEQ, say, word
from procs.order_sender.state import arrays_of, check, forget, open_state
from procs.order_sender.step import step
from procs.order_sender.wire_out import note_send
from shm.codes import INTENT_CANCEL, INTENT_NEW, INTENT_REDUCE, INTENT_REPLACE, SIDE_BUY, TIF_DAY
from shm.ends import journal_end_at
from shm.instance import stamp
from shm.journal import journal_drain, journal_open, journal_watermark
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.order_seal import seal_order
from shm.records.error_row import ERROR_ROW
from shm.records.frame import FRAME_BYTES, FRAME_FLAG_CLOSED
from shm.records.journal_end import journal_bytes, journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.order import ORDER
from shm.records.report import REPORT
from shm.records.working import WORKING
from shm.ring import (
    ring_advance,
    ring_caught_up,
    ring_claim,
    ring_is_behind,
    ring_peek,
    ring_publish,
    ring_release,
    ring_resume_consumer,
    ring_resume_producer,
)
from shm.scratch import (
    scratch_block,
    scratch_control,
    scratch_ids,
    scratch_me,
    scratch_ring,
    scratch_table,
)
from tests.support.ouch_venue import FakeVenue, packet
from tests.support.words import peek_record

SYMBOLS = ("QNTA", "QNTB")
GATE, KEEPER, STRATEGY = 0, 1, 2  # readers
PAYLOAD_BYTES = 256
COUNTER = np.dtype([("value", "<i8")])
NEVER_NS = 1 << 60
START_NS = 1_700_000_000_000_000_000


def report_dict(record):
    """A report as a dict of Python numbers."""
    return dict(zip(REPORT.names[:-1], record.item()[:-1], strict=True))


class Reader:
    """One consumer of reports: applies each report_seq once, in order."""

    def __init__(self, ends):
        self.ends, self.applied_seq, self.reports = ends, 0, []

    def read(self, limit=1 << 30):
        """Read what is there; returns the new reports as dicts."""
        fresh = []
        end = self.ends[0]
        while len(fresh) < limit and (address := ring_peek(end)):
            report = report_dict(peek_record(address, REPORT))
            ring_advance(end)
            if report["report_seq"] > self.applied_seq:
                self.applied_seq = report["report_seq"]
                fresh.append(report)
        ring_release(end)
        self.reports += fresh
        return fresh

    def catch_up(self, journal_reports):
        """Read the journal from the applied sequence on and tell the producer, as a reader behind does."""
        for report in journal_reports:
            if report["report_seq"] > self.applied_seq:
                self.applied_seq = report["report_seq"]
                self.reports.append(report)
        ring_caught_up(self.ends[0], self.applied_seq)

    @property
    def behind(self):
        return ring_is_behind(self.ends[0]) != 0


class SenderBench:
    """What survives a crash lives here; `state` is one life of the process."""

    def __init__(self, *, report_capacity=1024, order_capacity=256, journal_capacity=4096, working_rows=64, firm=""):
        self.me = scratch_me()  # its own counters, errors and histograms
        self.control = scratch_control(1, 2, len(SYMBOLS))
        self.block = scratch_block(journal_bytes(PAYLOAD_BYTES, journal_capacity))
        self.journal_capacity = journal_capacity
        self.orders, self.orders_in = scratch_ring(ORDER, order_capacity)
        self.reports = [scratch_ring(REPORT, report_capacity) for _ in range(3)]
        self.readers = [Reader(pair[1]) for pair in self.reports]
        self.working = scratch_table(WORKING, working_rows)
        self.venue = FakeVenue()
        self.firm = firm  # "": the venue has no mass cancel for us
        self.now_ns = START_NS
        self.next_order_id = 1
        self.decisions = 0  # entries in the gate's journal
        self.next_ref = 1
        self.lives = 0
        self.state = None
        self.to_sender = b""
        self.start()

    # --- lives ---

    def start(self):
        """A process starts: rings, journal and ids as they are in memory, everything private new."""
        self.lives += 1
        ring_resume_consumer(self.orders_in[0])
        for producer, _ in self.reports:
            ring_resume_producer(producer[0])
            producer[0]["behind"] = 0
        journal = self.open_journal()
        ids = scratch_ids(self.next_ref, 1 << 30)
        self.next_ref += 1000  # every life skips the rest of its block
        self.state = self.new_state(journal, ids)
        replay(self.state, self.reader())
        check(self.state)

    def open_journal(self):
        """The writer's end of the journal in memory; nothing of it is in files."""
        journal = journal_end_at(int(self.block.ctypes.data), PAYLOAD_BYTES, self.journal_capacity)
        on_disk = journal_watermark(journal[0])
        last = int(journal[0]["entries_addr"] + ((on_disk - 1) & journal[0]["mask"]) * journal[0]["entry_bytes"])
        journal_open(journal[0], on_disk, int(peek_record(last, JOURNAL_ENTRY)["crc"]) if on_disk else 0, 1)
        return journal

    def new_state(self, journal, ids):
        """Everything private of one life."""
        return open_state(
            me=self.me,
            control=self.control,
            journal=journal,
            ids=ids,
            orders_in=self.orders_in,
            reports_out=np.concatenate([producer for producer, _ in self.reports]),
            reader_strategy=[-1, -1, 0],
            working=self.working,
            symbols=SYMBOLS,
            heartbeat_ns=NEVER_NS,  # tests that are about time set their own
            silence_ns=NEVER_NS,
            unsent_ns=NEVER_NS,
            firm=self.firm,
        )

    def crash(self):
        """The process dies between two steps: bytes in its sockets are lost on our side, shared memory stays."""
        for reader, (producer, _) in enumerate(self.reports):
            producer[:] = arrays_of(self.state).reports[reader]
        self.venue.drop()
        self.to_sender = b""
        forget(self.state)
        self.state = None

    def restart(self):
        """Crash and start."""
        self.crash()
        self.start()

    def reader(self):
        """A reader of the journal's memory."""
        return JournalReader(
            "/nonexistent", JournalView(self.block, journal_entry_bytes(PAYLOAD_BYTES), self.journal_capacity)
        )

    def journal_entries(self):
        """(kind, payload) of every entry."""
        return [(int(head["kind"]), payload) for head, payload in self.reader().entries()]

    def journal_reports(self, strategy=None):
        """Reports in the journal as dicts."""
        found = []
        for kind, payload in self.journal_entries():
            if kind == 2:
                row = np.frombuffer(payload, REPORT)[0]
                report = report_dict(row)
                if strategy is None or report["strategy_id"] == strategy:
                    found.append(report)
        return found

    # --- session ---

    def connect(self):
        """The control thread logs in and offers the connection. Waits for the hot thread to be ready for one."""
        state = self.state
        for _ in range(40):
            if state.desk[0]["phase"] == PHASE_DOWN and state.desk[0]["sweep"] == 0:
                break
            self.step()
        applied = int(state.desk[0]["venue_seq"])
        if word(state.desk[0], H_LOST):
            assert word(state.desk[0], H_LOST) == word(state.desk[0], H_OFFER) == word(state.desk[0], H_TAKEN)
            assert applied == word(state.desk[0], H_APPLIED)
        self.venue.login(applied + 1)
        self.to_sender = b""
        say(state.desk[0], H_FD, 7)
        say(state.desk[0], H_VENUE_SEQ, applied)
        say(state.desk[0], H_LEFTOVER, 0)
        say(state.desk[0], H_OFFER, word(state.desk[0], H_OFFER) + 1)
        self.step()

    def ready(self):
        """Connect and go on until new orders may be sent."""
        self.connect()
        for _ in range(100):
            self.cycle()
            if self.phase == 3:
                return self
        raise AssertionError(f"never ready: phase {self.phase}")

    @property
    def phase(self):
        return int(self.state.desk[0]["phase"])

    def lose(self):
        """The venue's side of the connection closes."""
        self.venue.drop()
        self.to_sender = b""
        self.put_frame(b"", FRAME_FLAG_CLOSED)
        self.step()

    # --- bytes ---

    def put_frame(self, data, flags=0):
        """One frame from the socket."""
        port = self.state.port_in
        row = int(port.count[0])
        assert len(data) <= FRAME_BYTES and row < port.frames.size
        port.frame_bytes[row, : len(data)] = np.frombuffer(data, np.uint8)
        port.frames[row]["size"], port.frames[row]["flags"], port.frames[row]["line"] = len(data), flags, 0
        port.frames[row]["stamp_ns"] = self.stamp()
        port.count[0] = row + 1

    def stamp(self):
        return stamp(self.me[0])

    def pull(self):
        """What the venue said goes on the wire to us."""
        self.to_sender += self.venue.outgoing()

    def arrive(self, size=FRAME_BYTES):
        """At most `size` bytes of that reach our socket, as one frame."""
        if self.to_sender and self.phase != PHASE_DOWN:
            data, self.to_sender = self.to_sender[:size], self.to_sender[size:]
            self.put_frame(data)

    def send(self, size=1 << 30):
        """The socket takes at most `size` waiting bytes; the venue has them at once. Returns the bytes."""
        port = self.state.port_out
        first, last = int(port.taken[0]), int(port.frames[0]["size"])
        data = port.frame_bytes[0, first : min(last, first + size)].tobytes()
        if data:
            port.frames[0]["stamp_ns"] = self.stamp()
            port.taken[0] += len(data)
            if port.taken[0] == last:
                port.taken[0] = port.frames[0]["size"] = 0
            note_send(self.state.desk[0], len(data))
            self.venue.take(data)
        return data

    def step(self, advance_ns=1000):
        """One step and nothing else."""
        self.now_ns += advance_ns
        journal_drain_if_told(self)
        return step(self.state, self.now_ns)

    def cycle(self, *, read=1 << 30, write=1 << 30):
        """One turn of the loop with bytes moving both ways, and the invariants after it."""
        self.pull()
        self.arrive(min(read, FRAME_BYTES))
        self.step()
        self.send(write)
        check(self.state)

    def settle(self, cycles=60, **pieces):
        """Cycles until nothing moves any more."""
        for _ in range(cycles):
            self.cycle(**pieces)
            if not self.to_sender and self.venue.sent == len(self.venue.stream) and not self.waiting() and self.idle():
                break
        for reader in self.readers:
            reader.read()
        return self

    def idle(self):
        desk = self.state.desk[0]
        quiet = desk["held_head"] == desk["held_tail"] and desk["sweep"] == 0 and desk["received_to"] == 0
        return quiet and ring_peek(self.orders_in[0]) == 0

    def waiting(self):
        return int(self.state.port_out.frames[0]["size"] - self.state.port_out.taken[0])

    # --- the gate ---

    def _order(self, kind, **fields):
        address = ring_claim(self.orders[0], 0)
        assert address, "orders ring is full"
        order = peek_record(address, ORDER)
        for name in ORDER.names[1:]:
            order[name] = 0
        order["kind"] = kind
        order["publish_stamp_ns"] = self.stamp()
        for name, value in fields.items():
            order[name] = value
        self.decisions += 1
        order["decision_seq"] = fields.get("decision_seq", self.decisions)
        seal_order(address)
        ring_publish(self.orders[0])

    def new(
        self, *, qty=100, price=100_0000, side=SIDE_BUY, instrument=0, strategy=0, expires_ns=None, recv=0, flags=0
    ):
        """A new order passes the gate. Returns its order id."""
        order_id = self.next_order_id
        self.next_order_id += 1
        self._order(
            INTENT_NEW,
            order_id=order_id,
            intent_id=10_000 + order_id,
            qty_lots=qty,
            price_ticks=price,
            side=side,
            tif=TIF_DAY,
            instrument_id=instrument,
            strategy_id=strategy,
            recv_stamp_ns=recv,
            flags=flags,
            expires_ns=self.now_ns + 10**12 if expires_ns is None else expires_ns,
        )
        return order_id

    def replace(
        self, target, *, qty=100, price=101_0000, side=SIDE_BUY, instrument=0, strategy=0, expires_ns=None, flags=0
    ):
        """A replace passes the gate. Returns the new order's id."""
        order_id = self.next_order_id
        self.next_order_id += 1
        self._order(
            INTENT_REPLACE,
            order_id=order_id,
            target_order_id=target,
            intent_id=10_000 + order_id,
            target_intent_id=10_000 + target,
            qty_lots=qty,
            price_ticks=price,
            side=side,
            tif=TIF_DAY,
            instrument_id=instrument,
            strategy_id=strategy,
            flags=flags,
            expires_ns=self.now_ns + 10**12 if expires_ns is None else expires_ns,
        )
        return order_id

    def cancel(self, target, *, strategy=0):
        """A cancel passes the gate."""
        self._order(INTENT_CANCEL, target_order_id=target, intent_id=10_000 + target, strategy_id=strategy)

    def reduce(self, target, qty, *, strategy=0):
        """A reduce to a new total passes the gate."""
        self._order(
            INTENT_REDUCE, target_order_id=target, intent_id=10_000 + target, qty_lots=qty, strategy_id=strategy
        )

    # --- looking ---

    def row(self, order_id):
        """ORDER_ROW of an order, or None."""
        found = arrays_of(self.state).rows[arrays_of(self.state).rows["order_id"] == order_id]
        return found[0] if len(found) else None

    def ref(self, order_id):
        """Venue reference of an order."""
        return int(self.row(order_id)["user_ref_num"])

    def told(self, order_id, reader=GATE):
        """Reports of an order as a reader got them."""
        return [report for report in self.readers[reader].reports if report["order_id"] == order_id]

    def errors(self):
        """{code: count} of the hot thread's distinct errors."""
        rows = [peek_record(int(self.me[0]["errors_addr"]) + 64 * k, ERROR_ROW) for k in range(48)]
        return {int(row["code"]): int(row["count"]) for row in rows if row["code"]}

    def counter(self, counter_id):
        """Value of one counter."""
        return int(peek_record(int(self.me[0]["counters_addr"]) + 8 * counter_id, COUNTER)["value"])


def journal_drain_if_told(bench):
    """A copier that keeps up, unless the test holds it."""
    if not getattr(bench, "copier_held", False):
        journal_drain(arrays_of(bench.state).journal[0])


def venue_packet(kind: str, payload: bytes = b"") -> bytes:
    """One packet of the venue."""
    return packet(kind.encode(), payload)
