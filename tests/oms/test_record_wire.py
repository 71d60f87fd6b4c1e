"""The bytes that a chain shows are those that the venue received; what a strategy journals is what it saw and wanted."""

import os
import random
import sqlite3

import numpy as np
import pytest

from procs.oms.chain import chain
from procs.oms.loader import Loader
from procs.oms.query import Filter, orders
from procs.oms.wire import wire_bytes
from procs.wire.soupbintcp.plain import UNSEQUENCED, cut, packet
from shm import codes
from shm.journal_kinds import CODE_NAMES, parts_of, plain
from shm.records.order import ORDER_FLAG_SHORT
from shm.records.quote import QUOTE
from shm.scratch import scratch_journal_reader
from tests.support.record_bench import Scribe, Trading
from tests.support.sender_bench import SYMBOLS, SenderBench
from tests.support.strategy_bench import StrategyBench

pytestmark = pytest.mark.usefixtures("folders")


def test_the_bytes_from_the_journal_are_the_bytes_that_left():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice, bench, left = random.Random(seed), SenderBench().ready(), bytearray()
    take = bench.venue.take
    bench.venue.take = lambda data: (left.extend(data), take(data))[1]
    placed = []
    for _ in range(120):
        given = {"qty": 100 * dice.randrange(1, 90), "price": 100 * dice.randrange(1, 1 << 24)}
        if placed and dice.random() < 0.5:
            at = dice.randrange(len(placed))
            side, instrument, target = placed[at]
            given |= {"flags": ORDER_FLAG_SHORT if side == codes.SIDE_SELL and dice.random() < 0.5 else 0}
            placed[at] = (side, instrument, bench.replace(target, side=side, instrument=instrument, **given))
        else:
            side, instrument = dice.choice((codes.SIDE_BUY, codes.SIDE_SELL)), dice.randrange(len(SYMBOLS))
            given |= {"flags": ORDER_FLAG_SHORT if side == codes.SIDE_SELL and dice.random() < 0.5 else 0}
            placed.append((side, instrument, bench.new(side=side, instrument=instrument, **given)))
        bench.settle()
        if len(placed) > 20:
            bench.cancel(placed.pop(0)[2])
            bench.settle()
    sent = [packet(kind, payload) for kind, payload in cut(left) if kind == UNSEQUENCED and payload[:1] in (b"O", b"U")]
    made = []
    for kind, payload in bench.journal_entries():
        if kind == codes.JOURNAL_ORDER_SENT:
            parts = parts_of(kind, payload)
            order, entry = plain("order", parts["order"]), plain("sent", parts["sent"])
            given = {name: order[name] for name in ("side", "tif", "qty_lots", "price_ticks")}
            given |= {
                "short": order["flags"] & ORDER_FLAG_SHORT,
                "user_ref_num": entry["user_ref_num"],
                "orig_user_ref_num": entry["target_user_ref_num"],
            }
            made.append(wire_bytes(order["kind"], given | {"symbol": SYMBOLS[order["instrument_id"]]}))
    assert len(sent) > 100 and made == sent


def _answer(bench: StrategyBench, intent) -> None:
    """The venue does what an intent asks."""
    kind, side = int(intent["kind"]), int(intent["side"])
    if kind == codes.INTENT_CANCEL:
        bench.report(codes.REPORT_CANCELED, int(intent["target_intent_id"]), side, leaves_lots=0)
    else:
        answer = codes.REPORT_ACCEPTED if kind == codes.INTENT_NEW else codes.REPORT_REPLACED
        given = {"price_ticks": int(intent["price_ticks"]), "leaves_lots": int(intent["qty_lots"])}
        bench.report(answer, int(intent["intent_id"]), side, **given)


def test_a_strategy_journals_what_it_saw_and_wanted_for_every_decision_that_became_intents():
    bench = StrategyBench(jump_sigmas=0.0)
    bench.fresh()
    seen = []
    for turn in range(1, 12):
        mid = 1_000_000 + 20_000 * (turn % 3)
        bench.book([(mid - 100, 300 + turn)], [(mid + 100, 200)], venue_seq=turn)
        bench.tick(venue_seq=turn)
        bench.step(turn * 1_000_000_000)
        intents = bench.intents()
        answered = intents
        while answered:
            for intent in answered:
                _answer(bench, intent)
            bench.step(turn * 1_000_000_000 + 1_000)
            answered = bench.intents()
        if intents:
            seen.append((turn, mid, intents))
    entries = [
        np.frombuffer(payload, QUOTE)[0]
        for head, payload in scratch_journal_reader(bench.state.journal[0]).entries()
        if head["kind"] == codes.JOURNAL_QUOTE
    ]
    assert len(seen) > 3 and len(entries) >= len(seen)
    by_first = {int(entry["first_intent_id"]): entry for entry in entries}
    for turn, mid, intents in seen:
        entry = by_first[int(intents[0]["intent_id"])]
        assert entry["last_intent_id"] == intents[-1]["intent_id"]
        assert entry["decide_stamp_ns"] == intents[0]["decide_stamp_ns"] and entry["now_ns"] == turn * 1_000_000_000
        assert (entry["bid_price_ticks"], entry["bid_qty_lots"]) == (mid - 100, 300 + turn)
        assert (entry["ask_price_ticks"], entry["ask_qty_lots"]) == (mid + 100, 200)
        assert entry["venue_seq"] == turn and entry["imbalance_1_ppm"] != 0
        wanted = {codes.SIDE_BUY: entry["wanted_bid_ticks"], codes.SIDE_SELL: entry["wanted_ask_ticks"]}
        for intent in intents:
            if intent["kind"] == codes.INTENT_NEW:
                assert intent["price_ticks"] == wanted[int(intent["side"])]


def test_a_journal_without_room_stops_no_decision():
    bench = StrategyBench()
    bench.fresh()
    journal = bench.state.journal[0]
    journal["capacity"] = 0  # no slot is ever free
    bench.book([(1_000_000, 300)], [(1_020_000, 200)])
    bench.tick()
    bench.step(1_000_000_000)
    assert len(bench.intents()) == 2 and journal["refusals"] == 1


def test_chains_of_random_orders_tell_everything_with_the_bytes_that_name_them():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    scribe = Scribe(f"wires-{os.getpid()}", 1)
    scribe.login()
    trading = Trading(scribe, seed)
    for _ in range(200):
        trading.turn()
    scribe.write()
    loader = Loader(scribe.name, None)
    loader.load()
    connection = loader.store.connection
    connection.row_factory = sqlite3.Row
    checked = 0
    for row in list(orders(connection, Filter(epoch=1)))[::5]:
        found = chain(connection, str(row["order_id"]))
        unknown = [said for said in found["missing"] if not said.endswith("no stamp")]  # these days stamp few answers
        assert unknown == [], found
        links = {link["step"]: link["details"] for link in found["links"]}
        assert (
            links["intent decided"]["signals"]["microprice_milli"] == row["price_ticks"] * 1000 + 7 or row["cum_lots"]
        )
        ((kind, payload),) = cut(bytearray.fromhex(links["sent"]["bytes"]))
        reference = payload[5:9] if payload[:1] == b"U" else payload[1:5]
        assert kind == UNSEQUENCED and int.from_bytes(reference, "big") == row["user_ref_num"]
        checked += 1
    assert checked > 10 and set(CODE_NAMES["order", "tif"].values()) >= {"day", "ioc"}
    loader.close()
