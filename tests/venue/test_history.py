"""History: how records become plays, and the real session through the matching engine."""

import ctypes
import struct
import sys
from collections import Counter

import numpy as np
import pytest
from msgspec import structs

from config.load import Run, load
from procs.venue.book import best_price, book_orders, check
from procs.venue.history import (
    PLAY_ADD,
    PLAY_CROSS,
    PLAY_DELETE,
    PLAY_HIT,
    PLAY_OPEN,
    PLAY_PRINT,
    PLAY_REDUCE,
    PLAY_REPLACE,
    HistoryRefused,
    load_history,
    plan,
    read_records,
)
from procs.venue.playback import DONE, PLAYING
from procs.wire.big_endian import text_word
from shm.codes import SIDE_BUY, SIDE_SELL, TRADING_OPEN, TRADING_QUOTE_ONLY
from shm.jit import JIT_OFF
from shm.latest import latest_claim, latest_publish
from shm.records.channel import CHANNEL
from tests.support.data import shared_data
from tests.support.venue import Client, Rig, SimpleBook, messages_of
from tests.venue.test_order_entry import Desk, kinds

pytestmark = pytest.mark.timeout(300)  # a busy machine compiles for minutes

NAMES = {
    PLAY_ADD: "add",
    PLAY_REDUCE: "reduce",
    PLAY_DELETE: "delete",
    PLAY_REPLACE: "replace",
    PLAY_HIT: "hit",
    PLAY_PRINT: "print",
    PLAY_CROSS: "cross",
    PLAY_OPEN: "open",
}
LAST = 0x80
FILE = ("dbn", "esh4-glbx-mdp3-20231225.mbo.dbn.zst")
QUARTER = 250_000_000
BASE = 4_800_000_000_000


def records(text):
    """Rows of `action side price size order [last]`, prices in quarters above 4800."""
    rows = []
    for number, line in enumerate(text.strip().splitlines()):
        action, side, price, size, order, *last = line.split()
        flags = LAST if last else 0
        rows.append((action, side, BASE + int(price) * QUARTER, int(size), flags, int(order), 1000 + number))
    return rows


def plays_of(text):
    history = plan("ESH4", records(text))
    return [
        (NAMES[int(play["kind"])], int(play["order"]), int(play["qty"]), int(play["before"]), int(play["after"]))
        for play in history.plays
    ]


def test_a_fill_becomes_one_hit_and_its_cancel_nothing():
    assert plays_of(
        """
        A A 2 5 70 last
        T B 2 5 0
        F A 2 5 70
        C A 2 5 70 last
        """
    ) == [("add", 0, 5, 0, 5), ("hit", 0, 5, 5, 0)]


def test_a_partial_fill_is_told_by_a_modify_that_changes_nothing_more():
    assert plays_of(
        """
        A A 2 5 70 last
        T B 2 2 0
        F A 2 2 70
        M A 2 3 70 last
        M A 2 2 70 last
        M A 3 2 70 last
        """
    ) == [("add", 0, 5, 0, 5), ("hit", 0, 2, 5, 3), ("reduce", 0, 1, 3, 2), ("replace", 0, 2, 2, 2)]


def test_an_iceberg_prints_what_was_hidden_and_shows_its_next_slice_as_a_new_order():
    assert plays_of(
        """
        A B 1 2 70 last
        T A 1 13 0
        F B 1 13 70
        M B 1 2 70 last
        """
    ) == [("add", 0, 2, 0, 2), ("hit", 0, 2, 2, 0), ("print", -1, 11, 0, 0), ("add", 0, 2, 0, 2)]


def test_the_aggressors_own_record_is_not_a_resting_fill():
    assert plays_of(
        """
        A A 4 2 70 last
        A B 1 1 71 last
        T A 1 1 70
        F A 1 1 70
        F B 1 1 71
        C B 1 1 71
        M A 1 1 70 last
        """
    ) == [("add", 0, 2, 0, 2), ("add", 1, 1, 0, 1), ("hit", 1, 1, 1, 0), ("replace", 0, 1, 2, 1)]


def test_an_auction_reduces_both_sides_and_opens_a_book_that_was_crossed():
    text = """
        A B 9 3 70 last
        A A 1 2 71 last
        T N 5 2 0
        F N 5 2 70
        F N 5 2 71
        M B 9 1 70
        C A 1 2 71 last
        """
    assert [row[0] for row in plays_of(text)] == ["add", "add", "cross", "cross", "open"]
    assert plan("ESH4", records(text)).opens_later


def test_a_file_that_is_missing_or_no_history_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(HistoryRefused, match="nothing there"):
        load_history(tmp_path / "none.dbn.zst")
    path = tmp_path / "noise.dbn"
    path.write_bytes(struct.pack("<Q", 7) * 8)
    with pytest.raises(HistoryRefused):
        load_history(path)


def test_without_its_package_history_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "any.dbn.zst"
    path.write_bytes(b"any")
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    with pytest.raises(HistoryRefused, match=r"pip install 'quintet\[history\]'"):
        load_history(path)


# --- playing ---------------------------------------------------------------------------------------------------------


def replay_config():
    config = load("quintet", "dev")
    return structs.replace(config, run=Run(replay="history", symbol="ESH4", speed=0.0))


def tell_published(rig):
    """Do what feed_handler does: say that everything sent so far is published."""
    address = int(latest_claim(rig.channels[0], 0))
    row = np.frombuffer((ctypes.c_char * CHANNEL.itemsize).from_address(address), CHANNEL)[0]
    row["next_seq"] = rig.venue["exchange"]["tape"]["cursor"]["next_seq"]
    latest_publish(rig.channels[0], 0)


def play_all(rig, limit):
    phase = rig.venue["playback"]["words"]
    for _ in range(limit):
        tell_published(rig)
        rig.turn(ns=0)
        if phase["phase"] == DONE:
            return
    raise AssertionError(f"history did not end: play {phase['at']} of {phase['plays']}")


SMALL = """
    A B 0 5 70 last
    A A 2 5 71 last
    T B 2 2 0
    F A 2 2 71
    M A 2 3 71 last
    A A 1 4 72 last
    T B 1 4 0
    F A 1 4 72
    C A 1 4 72 last
    C B 0 5 70 last
"""


def small_rig(text=SMALL, **options):
    rows = [(*row[:6], 1_000_000_000 + 1000 * number) for number, row in enumerate(records(text))]
    return Rig(config=replay_config(), history=plan("ESH4", rows), **{"driven": True, **options})


def test_driven_history_sends_nothing_more_until_feed_handler_has_published():
    rig = small_rig()
    for _ in range(20):
        rig.turn(ns=0)
    assert rig.venue["playback"]["words"]["at"] == 0
    tell_published(rig)
    for _ in range(20):
        rig.turn(ns=0)
    assert rig.venue["playback"]["words"]["at"] == 1
    play_all(rig, 2000)
    assert best_price(rig.venue["exchange"]["books"], 4, SIDE_SELL) == 48_005_000
    assert best_price(rig.venue["exchange"]["books"], 4, SIDE_BUY) == 0
    assert rig.venue["playback"]["words"]["diverged"] == 0


def test_an_execution_of_history_meets_our_better_order_first_and_diverges():
    desk = Desk.__new__(Desk)
    desk.rig = small_rig()
    desk.client = Client(desk.rig)
    desk.client.log_in()
    desk.rig.turn(ns=0, turns=2)
    desk.client.packets()
    symbol = text_word("ESH4    ")
    desk.rig.venue["playback"]["words"]["phase"] = DONE  # hold history while the order enters
    assert kinds(desk.enter(1, SIDE_SELL, 48_002_500, 1, symbol=symbol)) == "A"
    desk.rig.venue["playback"]["words"]["phase"] = PLAYING
    play_all(desk.rig, 2000)
    answers = desk.client.answers()
    assert kinds(answers) == "E"
    assert (answers[0][1]["price_ticks"], chr(answers[0][1]["liquidity_flag"])) == (48_002_500, "A")
    assert desk.rig.venue["playback"]["words"]["diverged"] > 0
    rows = book_orders(desk.rig.venue["exchange"]["books"], 4, SIDE_SELL)
    assert [(price, qty) for price, _, qty, _ in rows] == [(48_005_000, 3)], "clipped to what history has left"


def final_truth(path):
    """Best prices, orders and lots that the file's own adds, cancels and modifies leave."""
    orders = {}
    for action, side, price, size, _, order, _ in read_records(path)[1]:
        if action in "AM":
            orders[order] = [side, price // 100_000, size]
        elif action == "C":
            orders[order][2] -= size
            if orders[order][2] == 0:
                del orders[order]
    return Counter((SIDE_BUY if side == "B" else SIDE_SELL, price, qty) for side, price, qty in orders.values())


@pytest.mark.skipif(JIT_OFF, reason="68,792 records: with the compiler only")
def test_the_real_session_without_members_ends_in_historys_own_book():
    path = shared_data(*FILE)
    history = load_history(path)
    assert history.symbol == "ESH4"
    rig = Rig(config=replay_config(), history=history, driven=True)
    assert rig.venue["exchange"]["tape"]["states"][4] == TRADING_QUOTE_ONLY
    play_all(rig, 400_000)
    books = rig.venue["exchange"]["books"]
    check(books)
    assert best_price(books, 4, SIDE_BUY) == 48_100_000
    assert best_price(books, 4, SIDE_SELL) == 48_102_500
    assert rig.venue["playback"]["words"]["diverged"] == 0
    found = Counter(
        (side, price, qty) for side in (SIDE_BUY, SIDE_SELL) for price, _, qty, _ in book_orders(books, 4, side)
    )
    assert found == final_truth(path)
    book = SimpleBook()
    for _, message in sorted(messages_of(rig.datagrams[0]).items()):
        book.apply(message)
    assert book.rows(4, SIDE_BUY)[:50] == [row[:3] for row in book_orders(books, 4, SIDE_BUY)[:50]]
    assert book.states[5] == TRADING_OPEN
