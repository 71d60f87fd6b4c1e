"""A streamed day through the venue: strangers pass as they are, seats go through the engine, members meet both."""

import ctypes
import struct

import numpy as np
import pytest
from msgspec import structs

from config.instruments import stranger
from config.load import Run, load
from procs.venue import day as day_module
from procs.venue.book import book_orders, check
from procs.venue.day_blocks import DayReader
from procs.venue.day_file import read_directory
from procs.venue.playback import DONE, PLAYING, WAITING
from procs.venue.settings import Settings
from procs.wire.big_endian import text_word
from procs.wire.ouch.enter import encode_enter
from procs.wire.ouch.event import OUCH_TIF_DAY
from shm.atomics import address_of
from shm.codes import CHANNEL_FRESH, SIDE_BUY, SIDE_SELL, STATE_HALTED
from shm.control import SCOPE_FIRM, control_set
from shm.counters import VENUE_DIVERGED, VENUE_HISTORY_DONE
from shm.latest import latest_claim, latest_publish, latest_read
from shm.records.channel import CHANNEL
from shm.records.ledger import LEDGER
from tests.oracles import itch
from tests.support.itch_flow import ItchFlow
from tests.support.venue import Client, Rig, messages_of

pytestmark = pytest.mark.timeout(300)
MOVED = 1 << 62
NUMBERS = ("order_ref", "new_order_ref", "match_number")


class DayRig:
    """A venue that plays `messages`; the feed_handler beside it publishes whatever it hears."""

    def __init__(self, tmp_path, messages, *, config=None, driven=True, settings=None):
        self.path = tmp_path / "day.itch"
        self.path.write_bytes(b"".join(struct.pack(">H", len(message)) + message for message in messages))
        self.config = config or load("quintet", "dev")
        self.config = structs.replace(self.config, run=Run(replay=str(self.path), speed=0))
        directory = read_directory(self.path)
        self.rig = Rig(config=self.config, settings=settings, history=directory, driven=driven)
        self.day = self.rig.venue["day"]
        self.reader = DayReader(self.path, self.day["blocks"])
        self.heard = 0

    def hear(self):
        """feed_handler's row: everything that arrived is published."""
        held = messages_of(self.rig.datagrams[0])
        self.heard = max(held, default=0)
        row = np.zeros(1, CHANNEL)
        row["state"], row["next_seq"] = CHANNEL_FRESH, self.heard + 1
        ctypes.memmove(int(latest_claim(self.rig.channels[0], 0)), address_of(row), CHANNEL.itemsize)
        latest_publish(self.rig.channels[0], 0)

    def turn(self, turns=1):
        for _ in range(turns):
            self.reader.fill()
            self.rig.turn(1000)
            self.hear()

    def run(self, turns=4000):
        for _ in range(turns):
            self.turn()
            if self.rig.counter(VENUE_HISTORY_DONE):
                self.turn(3)
                return
        raise AssertionError(f"not done: {self.day['words']}, phase {self.phase}")

    @property
    def phase(self):
        return int(self.rig.venue["playback"]["words"]["phase"])

    def sent(self):
        """Every message in order, one to a number."""
        held = messages_of(self.rig.datagrams[0])
        assert sorted(held) == list(range(1, len(held) + 1))
        return [held[number] for number in range(1, len(held) + 1)]


def plain(message):
    """(kind, fields without numbers, times and tracking) of one message."""
    code, fields = itch.read(message)
    assert code == itch.WHOLE, message
    numbers = {name: fields.pop(name) for name in NUMBERS if name in fields}
    fields.pop("tracking")
    return chr(fields.pop("kind")), fields, numbers


def flow_of(symbols, seed=11, events=600):
    flow = ItchFlow(seed, symbols).open_day().trade(events)
    flow.say("S", event_code=ord("M"))
    flow.say("S", event_code=ord("C"))
    return flow


def test_a_day_of_strangers_passes_byte_for_byte_but_for_its_numbers(tmp_path):
    flow = flow_of(["AAA", "BBB"])
    held = DayRig(tmp_path, flow.messages)
    held.run()
    sent = held.sent()
    assert len(sent) == len(flow.messages)
    for before, after in zip(flow.messages, sent, strict=True):
        kind, fields, numbers = plain(before)
        told = plain(after)
        assert told[:2] == (kind, fields)
        moved = {name: number | MOVED for name, number in numbers.items() if (kind, name) != ("P", "order_ref")}
        assert told[2] == {**numbers, **moved}
    assert held.rig.counter(VENUE_DIVERGED) == 0 and held.phase == DONE
    datagrams = len([raw for raw in held.rig.datagrams[0] if len(raw) > 20])
    assert datagrams < len(sent) / 20, "many to a datagram"


def test_seats_go_through_the_engine_and_their_books_end_as_the_day_says(tmp_path):
    flow = flow_of(["QNTB", "AAA", "QNTA", "BBB"], seed=12, events=900)
    held = DayRig(tmp_path, flow.messages)
    held.run()
    sent = held.sent()
    assert len(sent) == len(flow.messages)
    for before, after in zip(flow.messages, sent, strict=True):
        kind, fields, numbers = plain(before)
        told_kind, told_fields, told_numbers = plain(after)
        seat = fields["locate"] in (1, 3) and kind not in "SRH"
        for name in ("venue_ns", *(["note"] if kind == "F" else [])):
            if seat:
                told_fields[name] = fields.get(name)
        if seat and kind in "FEC":  # attribution is not kept; an execution is E at the displayed price, else C
            told_kind = kind if (kind, told_kind) in (("F", "A"), ("C", "E")) else told_kind
            fields, told_fields = (
                {k: v for k, v in f.items() if k in ("locate", "qty_lots")} for f in (fields, told_fields)
            )
        if seat and kind == "X" and told_kind == "D":
            told_kind, fields, told_fields = "X", {}, {}
        assert (told_kind, told_fields) == (kind, fields)
        assert all(number < MOVED for number in told_numbers.values()) if seat else True
        assert set(numbers) == set(told_numbers) or kind in "XCE"
    exchange = held.rig.venue["exchange"]
    check(exchange["books"])
    for seat, row in ((1, 0), (0, 2)):
        for side in (SIDE_BUY, SIDE_SELL):
            expected = [
                (price, qty)
                for price, _, _ in flow.books.levels(row, side)
                for _, qty in flow.books.queue(row, side, price)
            ]
            assert [(price, qty) for price, _, qty, _ in book_orders(exchange["books"], seat, side)] == expected
    assert held.rig.counter(VENUE_DIVERGED) == 0
    assert held.day["orders"]["held"] == sum(row in (0, 2) for row, _, _ in flow.books.where.values())


def test_the_directory_is_sent_before_anybody_is_armed_and_nothing_before_it_is_heard(tmp_path):
    flow = flow_of(["QNTA", "AAA"])
    held = DayRig(tmp_path, flow.messages)
    control_set(held.rig.state.control[0], SCOPE_FIRM, STATE_HALTED)
    for _ in range(40):
        held.reader.fill()
        held.rig.turn(1000)
    assert messages_of(held.rig.datagrams[0]) == {} and len(held.rig.datagrams[0]) >= 1, "heartbeats alone"
    held.turn(30)
    first = next(number for number, message in enumerate(flow.messages) if message[:1] in b"AF")
    assert held.heard == first and held.phase == WAITING


def test_a_pause_stops_behind_its_message_and_goes_on_when_raised(tmp_path):
    flow = flow_of(["QNTA", "AAA", "BBB"], events=400)
    held = DayRig(tmp_path, flow.messages, settings=Settings(pause_at=30))
    held.turn(200)
    assert held.heard == 30 == len(held.sent())
    for stop in (31, 32, 90, 333):
        held.day["words"]["pause_at"] = stop
        held.turn(200)
        assert held.heard == stop and held.phase == PLAYING
    held.day["words"]["pause_at"] = 0
    held.run()
    assert held.heard == len(flow.messages)


def test_in_driven_time_the_venue_never_runs_further_ahead_than_its_window(tmp_path):
    flow = flow_of(["AAA", "BBB"], events=6000)
    held = DayRig(tmp_path, flow.messages)
    held.turn(8)
    seen = held.heard
    assert held.phase == PLAYING
    for _ in range(200):
        held.reader.fill()
        held.rig.turn(1000)
    assert held.rig.venue["playback"]["words"]["next_seq"] == seen + 1
    ahead = max(messages_of(held.rig.datagrams[0])) - seen
    assert day_module.WINDOW <= ahead < day_module.WINDOW + 1200
    held.run()
    assert len(held.sent()) == len(flow.messages)


def test_in_scaled_time_messages_go_when_they_are_due(tmp_path):
    flow = flow_of(["AAA"], events=300)
    held = DayRig(tmp_path, flow.messages, driven=False)
    held.turn(40)
    words = held.rig.venue["playback"]["words"]
    first = next(number for number, message in enumerate(flow.messages) if message[:1] in b"AF")
    for number in (first + 10, first + 150):
        due_ns = plain(flow.messages[number])[1]["venue_ns"] + int(words["offset_ns"])
        held.rig.now_ns = due_ns - 1001
        held.turn()
        held.rig.now_ns = due_ns - 1000
        held.turn(2)
        assert held.heard in (number + 1, number + 2)


def test_a_member_trades_with_the_day_and_the_ledger_row_is_the_instruments_id(tmp_path):
    config = load("quintet", "dev")
    config = structs.replace(config, instruments=(stranger("OLD"), *config.instruments))
    flow = ItchFlow(1, ["AAA", "QNTA"]).open_day()
    best = flow.add(1, SIDE_SELL, 300, 1_000_200)
    flow.add(0, SIDE_SELL, 100, 1_000_300)
    entered = len(flow.messages)
    flow.say("E", locate=2, order_ref=best, qty_lots=200, match_number=5)
    flow.say("D", locate=2, order_ref=best)
    held = DayRig(tmp_path, flow.messages, config=config, settings=Settings(pause_at=entered))
    held.turn(60)
    client = Client(held.rig)
    client.log_in()
    held.turn()
    fields = dict(user_ref_num=1, side=SIDE_SELL, price_ticks=1_000_100, qty_lots=100, time_in_force=OUCH_TIF_DAY)
    fields |= dict(symbol=text_word("QNTA"), display=ord("Y"), capacity=ord("P"), sweep=ord("N"), cross_type=ord("N"))
    client.ouch(encode_enter, **fields)
    client.ouch(encode_enter, **{**fields, "user_ref_num": 2, "symbol": text_word("AAA")})
    client.ouch(encode_enter, **{**fields, "user_ref_num": 3, "symbol": text_word("QNTB")})
    held.turn(5)
    assert [kind for kind, _ in client.answers()] == ["A", "J", "J"], "no seat, and a seat that the day does not name"
    held.day["words"]["pause_at"] = 0
    held.run()
    ((kind, executed),) = client.answers()
    assert (kind, executed["price_ticks"], executed["qty_lots"]) == ("E", 1_000_100, 100), "ours was the better price"
    assert held.rig.counter(VENUE_DIVERGED) == 1, "history's order kept what we sold"
    row = np.zeros(1, LEDGER)
    assert latest_read(held.rig.ledger[0], 1, address_of(row)) > 0
    assert (row[0]["instrument_id"], row[0]["position_lots"], row[0]["fills"]) == (1, -100, 1)
    books = held.rig.venue["exchange"]["books"]
    assert book_orders(books, 0, SIDE_SELL) == [] and held.day["orders"]["held"] == 0
