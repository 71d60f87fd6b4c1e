"""A venue on scratch memory, its world in memory queues, and simple readers of what it says."""

import ctypes

import numpy as np

from config.load import load
from procs.net.port import open_port
from procs.net.replay_wire import listen, open_queue, speak, wire_receive, wire_send, wire_send_waiting
from procs.venue.memory_poll import poll_in, poll_out
from procs.venue.settings import Settings
from procs.venue.state import new_state
from procs.venue.step import step
from procs.venue.store import store_extend
from procs.wire.itch.decode import decode_itch
from procs.wire.itch.event import ITCH_EVENT
from procs.wire.moldudp64.blocks import mold_check
from procs.wire.moldudp64.header import MOLD_END_OF_SESSION, mold_sequence, write_mold_header
from procs.wire.ouch.event import OUCH_EVENT
from procs.wire.ouch.outbound import decode_ouch_outbound
from procs.wire.soupbintcp.login import encode_login_request, padded_text, parse_login_accepted
from procs.wire.soupbintcp.packet import SOUP_HEAD_BYTES, SOUP_UNSEQUENCED, encode_soup_empty, soup_next, soup_seal
from shm.codes import CLOCK_DRIVEN
from shm.records.channel import CHANNEL
from shm.records.journal_end import JOURNAL_END
from shm.records.ledger import LEDGER
from shm.scratch import scratch_clock, scratch_control, scratch_me, scratch_table

START_NS = 1_700_000_000_000_000_000


class Rig:
    """One venue and the far ends of its lines. `turn(ns)` is one cycle of the loop, logic time `ns` later."""

    def __init__(self, *, config=None, settings=None, history=None, driven=False, journals=None):
        self.config = config or load("quintet", "dev")
        clock_addr = scratch_clock(CLOCK_DRIVEN, logic_start_ns=START_NS)
        self.me = scratch_me(clock_addr)
        self.ledger = scratch_table(LEDGER, len(self.config.instruments))
        self.channels = scratch_table(CHANNEL, 1)
        self.state = new_state(
            self.config,
            settings or Settings(),
            history,
            "TEST",
            me=self.me,
            control=scratch_control(1, 1, len(self.config.instruments)),
            ledger=self.ledger,
            channels=self.channels,
            pages=np.zeros(0, np.int64),
            journals=np.zeros(0, JOURNAL_END) if journals is None else journals,
        )
        self.venue = self.state.venue[0]
        self.venue["playback"]["words"]["clock_addr"] = clock_addr
        self.venue["playback"]["words"]["driven"] = int(driven)
        self.now_ns = START_NS
        self.lines = [open_queue(capacity=1024) for _ in range(2)]
        self.heard = open_port(rows=512, lines=2)
        for line, queue in enumerate(self.lines):
            speak(self.state.lines_out, line, queue)
            listen(self.heard, line, queue)
        self.requests, self.replies = open_queue(capacity=64), open_queue(capacity=1024)
        self.asker, self.answers = open_port(rows=16, lines=1), open_port(rows=512, lines=1)
        listen(self.state.requests_in, 0, self.requests)
        speak(self.asker, 0, self.requests, reply_addr=self.replies)
        listen(self.answers, 0, self.replies)
        self.datagrams = [[], []]

    def turn(self, ns=1_000_000, turns=1):
        for _ in range(turns):
            self.now_ns += ns
            store_extend(self.venue["exchange"]["store"])
            poll_in(self.state)
            step(self.state, self.now_ns)
            poll_out(self.state)
            self.hear()

    def counter(self, counter_id):
        """Value of one counter of the venue."""
        return ctypes.c_int64.from_address(int(self.me[0]["counters_addr"]) + 8 * counter_id).value

    def hear(self):
        while wire_receive(self.heard, self.me[0]):
            for row in range(int(self.heard.count[0])):
                frame = self.heard.frames[row]
                self.datagrams[int(frame["line"])].append(self.heard.frame_bytes[row, : frame["size"]].copy())

    def request(self, sequence, count):
        """Ask the retransmission server; the answers come with `replied`."""
        write_mold_header(self.asker.frame_bytes[0], *self.session_words(), sequence, count)
        self.asker.frames[0]["line"], self.asker.frames[0]["size"] = 0, 20
        self.asker.count[0] = 1
        wire_send(self.asker, self.me[0])

    def session_words(self):
        words = self.venue["exchange"]["tape"]["words"]
        return int(words["session_hi"]), int(words["session_lo"])

    def replied(self):
        found = []
        while wire_receive(self.answers, self.me[0]):
            for row in range(int(self.answers.count[0])):
                found.append(self.answers.frame_bytes[row, : self.answers.frames[row]["size"]].copy())
        return found


def messages_of(datagrams):
    """{sequence: message bytes} of the given datagrams, each checked."""
    found = {}
    for datagram in datagrams:
        count = mold_check(datagram, len(datagram))
        assert count >= 0, f"malformed datagram, code {count}"
        if count in (0, MOLD_END_OF_SESSION):
            continue
        offset, sequence = 20, mold_sequence(datagram)
        for number in range(count):
            size = int(datagram[offset]) << 8 | int(datagram[offset + 1])
            found[sequence + number] = bytes(datagram[offset + 2 : offset + 2 + size])
            offset += 2 + size
    return found


class SimpleBook:
    """The market as a receiver sees it: one dictionary of orders, in order of arrival."""

    def __init__(self):
        self.orders = {}  # ref -> [locate, side, price, qty]
        self.states = {}
        self.kinds = {}

    def apply(self, message):
        event = np.zeros(1, ITCH_EVENT)[0]
        assert decode_itch(np.frombuffer(message, np.uint8), 0, len(message), event) > 0
        kind, ref = chr(int(event["kind"])), int(event["order_ref"])
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind == "A":
            assert ref not in self.orders
            self.orders[ref] = [int(event[name]) for name in ("locate", "side", "price_ticks", "qty_lots")]
        elif kind in "ECX":
            self.orders[ref][3] -= int(event["qty_lots"])
            assert self.orders[ref][3] >= 0, ref
            if self.orders[ref][3] == 0:
                del self.orders[ref]
        elif kind == "D":
            del self.orders[ref]
        elif kind == "U":
            locate, side, _, _ = self.orders.pop(ref)
            self.orders[int(event["new_order_ref"])] = [
                locate, side, int(event["price_ticks"]), int(event["qty_lots"])
            ]  # fmt: skip
        elif kind == "H":
            self.states[int(event["locate"])] = int(event["trading_state"])

    def rows(self, instrument, side):
        """(price, ref, qty) of one side, best first, oldest first at a price."""
        held = [
            (price, ref, qty)
            for ref, (locate, held_side, price, qty) in self.orders.items()
            if (locate, held_side) == (instrument + 1, side)
        ]
        return sorted(held, key=lambda row: -row[0] if side == 1 else row[0])


class Client:
    """A member's connection: bytes both ways over memory queues, packets and answers decoded."""

    def __init__(self, rig, line=0):
        self.rig = rig
        self.out, self.back = open_port(rows=1, lines=1), open_port(rows=64, lines=1)
        there, back = open_queue(capacity=256), open_queue(capacity=1024)
        speak(self.out, 0, there)
        listen(rig.state.orders_in, line, there)
        speak(rig.state.orders_out, line, back)
        listen(self.back, 0, back)
        self.stream = bytearray()
        self.closed = False

    def send(self, raw):
        frame = self.out.frames[0]
        self.out.frame_bytes[0, : len(raw)] = np.frombuffer(bytes(raw), np.uint8)
        frame["size"] = len(raw)
        assert wire_send_waiting(self.out, self.rig.me[0]) == len(raw)

    def log_in(self, username="qntet", password="simulated", session="", sequence=1):
        raw = np.zeros(64, np.uint8)
        texts = (padded_text(username, 6), padded_text(password, 10), padded_text(session, 10))
        self.send(raw[: encode_login_request(raw, 0, *texts, sequence)])

    def ouch(self, encode, **fields):
        """Send one OUCH request made by `encode` from the given fields, unsequenced."""
        event = np.zeros(1, OUCH_EVENT)[0]
        for name, value in fields.items():
            event[name] = value
        raw = np.zeros(128, np.uint8)
        size = encode(raw, SOUP_HEAD_BYTES, event)
        assert size > 0, size
        self.send(raw[: soup_seal(raw, 0, SOUP_UNSEQUENCED, size)])

    def empty(self, kind):
        raw = np.zeros(4, np.uint8)
        self.send(raw[: encode_soup_empty(raw, 0, kind)])

    def packets(self):
        """(type letter, bytes) of every whole packet that has come."""
        while wire_receive(self.back, self.rig.me[0]):
            for row in range(int(self.back.count[0])):
                self.closed |= bool(self.back.frames[row]["flags"] & 1)
                self.stream += bytes(self.back.frame_bytes[row, : self.back.frames[row]["size"]])
        found = []
        while self.stream:
            buf = np.frombuffer(bytes(self.stream) + bytes(64), np.uint8)
            size = soup_next(buf, 0, len(self.stream))
            if size <= 0:
                break
            found.append((chr(self.stream[2]), bytes(self.stream[:size])))
            del self.stream[:size]
        return found

    def answers(self):
        """Decoded sequenced messages: (kind letter, event row)."""
        found = []
        for letter, raw in self.packets():
            if letter == "S":
                event = np.zeros(1, OUCH_EVENT)[0]
                buf = np.frombuffer(raw, np.uint8)
                assert decode_ouch_outbound(buf, SOUP_HEAD_BYTES, len(raw) - SOUP_HEAD_BYTES, event) > 0
                found.append((chr(int(event["kind"])), event))
        return found


def login_sequence(raw):
    """Next sequence number of a login accepted packet."""
    return parse_login_accepted(np.frombuffer(raw, np.uint8), 0, len(raw), np.zeros(10, np.uint8))
