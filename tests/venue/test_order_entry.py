"""A member's conversation with the venue: login, orders, executions, replay of its stream, and every refusal."""

import numpy as np
import pytest

from procs.venue.book import book_orders, check
from procs.venue.desk import CONNECTION_FREE
from procs.venue.input_log import logged
from procs.venue.ledger import account
from procs.venue.settings import Settings
from procs.wire.big_endian import text_word
from procs.wire.ouch import event as ouch
from procs.wire.ouch.account_query import encode_account_query
from procs.wire.ouch.cancel import encode_cancel
from procs.wire.ouch.enter import encode_enter
from procs.wire.ouch.event import (
    OUCH_CANCELED_IOC,
    OUCH_CANCELED_SUPERVISORY,
    OUCH_CANCELED_USER,
    OUCH_REJECT_HALTED,
    OUCH_REJECT_OTHER,
    OUCH_REJECT_REPLACE,
    OUCH_REJECT_SYMBOL,
    OUCH_TIF_DAY,
    OUCH_TIF_GTX,
    OUCH_TIF_IOC,
)
from procs.wire.ouch.mass_cancel import encode_mass_cancel
from procs.wire.ouch.replace import encode_replace
from procs.wire.soupbintcp.packet import SOUP_CLIENT_HEARTBEAT, SOUP_LOGOUT
from shm.codes import SIDE_BUY, SIDE_SELL, TRADING_HALTED
from shm.counters import VENUE_MALFORMED
from tests.oracles.matching import MatchingOracle
from tests.oracles.position import Fee
from tests.support.venue import Client, Rig, SimpleBook, login_sequence, messages_of

pytestmark = pytest.mark.timeout(300)  # a busy machine compiles for minutes

SYMBOL, OTHER_SYMBOL, EVERY_SYMBOL = text_word("QNTA    "), text_word("QNTB    "), text_word(" " * 8)
FIRM, OTHER_FIRM = (int.from_bytes(letters, "big") for letters in (b"QNTT", b"ELSE"))
FAR_BID, FAR_ASK = 900_000, 1_100_000
MONEY = ("position_lots", "bought_lots", "sold_lots", "bought_micro", "sold_micro", "fees_micro", "fills")
MONEY += ("added_lots", "added_micro", "added_fees_micro")


class Desk:
    """A venue without flow of its own after its first books, and one member who is logged in."""

    def __init__(self, **settings):
        self.rig = Rig(settings=Settings(**settings))
        self.rig.turn()
        self.rig.venue["flow"]["words"]["gap_ns"] = 0
        self.client = Client(self.rig)
        self.client.log_in()
        self.rig.turn()
        assert [letter for letter, _ in self.client.packets()] == ["A"]

    def enter(self, number, side, price, qty, tif=OUCH_TIF_DAY, symbol=SYMBOL):
        fields = dict(user_ref_num=number, side=side, price_ticks=price, qty_lots=qty, time_in_force=tif)
        fields |= dict(symbol=symbol, display=ord("Y"), capacity=ord("P"), sweep=ord("N"), cross_type=ord("N"))
        self.client.ouch(encode_enter, **fields)
        return self.hear()

    def replace(self, old, new, price, qty, tif=OUCH_TIF_DAY):
        fields = dict(orig_user_ref_num=old, user_ref_num=new, price_ticks=price, qty_lots=qty, time_in_force=tif)
        self.client.ouch(encode_replace, display=ord("Y"), sweep=ord("N"), **fields)
        return self.hear()

    def cancel(self, number, total=0):
        self.client.ouch(encode_cancel, user_ref_num=number, qty_lots=total)
        return self.hear()

    def mass_cancel(self, number, symbol=EVERY_SYMBOL, firm=FIRM):
        self.client.ouch(encode_mass_cancel, user_ref_num=number, symbol=symbol, firm=firm)
        return self.hear()

    def query(self):
        self.client.ouch(lambda raw, offset, event: encode_account_query(raw, offset))
        return self.hear()

    def hear(self):
        self.rig.turn()
        check(self.rig.venue["exchange"]["books"])
        return self.client.answers()

    def best(self, side):
        return book_orders(self.rig.venue["exchange"]["books"], 0, side)[0]

    def mine(self, side):
        rows = book_orders(self.rig.venue["exchange"]["books"], 0, side)
        return [(price, qty) for price, _, qty, owner in rows if owner == 1]


def kinds(answers):
    return "".join(kind for kind, _ in answers)


def test_an_order_is_accepted_with_the_reference_that_the_market_data_shows():
    desk = Desk()
    ((kind, answer),) = desk.enter(1, SIDE_BUY, FAR_BID, 300)
    assert kind == "A"
    assert (answer["user_ref_num"], answer["price_ticks"], answer["qty_lots"]) == (1, FAR_BID, 300)
    assert (answer["side"], answer["symbol"], chr(answer["order_state"])) == (SIDE_BUY, SYMBOL, "L")
    book = SimpleBook()
    for _, message in sorted(messages_of(desk.rig.datagrams[0]).items()):
        book.apply(message)
    assert book.orders[int(answer["order_ref"])] == [1, SIDE_BUY, FAR_BID, 300]


def test_an_aggressor_hears_accepted_then_its_executions_at_the_resting_prices():
    desk = Desk()
    price, _, qty, _ = desk.best(SIDE_SELL)
    answers = desk.enter(1, SIDE_BUY, price, 100, tif=OUCH_TIF_IOC)
    assert kinds(answers) == "AE" if qty >= 100 else kinds(answers).startswith("AE")
    executed = answers[1][1]
    assert (executed["price_ticks"], executed["user_ref_num"], chr(executed["liquidity_flag"])) == (price, 1, "R")
    row = desk.rig.venue["exchange"]["ledger"]["rows"][account(desk.rig.venue["exchange"]["ledger"], 1, 0)]
    assert (row["position_lots"], row["fills"], row["orders_open"]) == (100, kinds(answers).count("E"), 0)
    assert row["bought_micro"] == price * 100 * 100
    assert row["fees_micro"] == 3000 * 100


def test_what_an_immediate_order_leaves_is_canceled():
    desk = Desk()
    price = desk.best(SIDE_SELL)[0]
    answers = desk.enter(1, SIDE_BUY, price, 900_000, tif=OUCH_TIF_IOC)
    assert kinds(answers)[0] == "A" and kinds(answers)[-1] == "C"
    traded = sum(int(answer["qty_lots"]) for kind, answer in answers if kind == "E")
    assert answers[-1][1]["qty_lots"] == 900_000 - traded
    assert answers[-1][1]["reason"] == OUCH_CANCELED_IOC
    assert desk.mine(SIDE_BUY) == []


def test_two_members_orders_trade_with_each_other_and_both_hear_of_it():
    desk = Desk()
    price = desk.best(SIDE_BUY)[0] + 100
    assert kinds(desk.enter(1, SIDE_BUY, price, 200)) == "A"
    answers = desk.enter(2, SIDE_SELL, price, 200)
    assert kinds(answers) == "AEE"
    assert [(int(answer["user_ref_num"]), chr(answer["liquidity_flag"])) for _, answer in answers[1:]] == [
        (1, "A"),
        (2, "R"),
    ]
    assert answers[1][1]["match_number"] == answers[2][1]["match_number"]


REFUSALS = """
symbol     price     qty      tif  -> reason
QNTZ       1000000   100      0    -> OUCH_REJECT_SYMBOL
QNTA       1000000   0        0    -> OUCH_REJECT_QUANTITY
QNTA       1000000   1000000  0    -> OUCH_REJECT_QUANTITY
QNTA       1000050   100      0    -> OUCH_REJECT_PRICE
QNTA       0         100      0    -> OUCH_REJECT_PRICE
QNTA       1999999901 100     0    -> OUCH_REJECT_PRICE
QNTA       1000000   100      5    -> OUCH_REJECT_OTHER
"""


@pytest.mark.parametrize("line", REFUSALS.strip().splitlines()[1:])
def test_an_entry_that_is_not_valid_is_rejected_with_its_reason(line):
    words = line.replace("->", " ").split()
    desk = Desk()
    symbol = text_word(words[0].ljust(8))
    ((kind, answer),) = desk.enter(7, SIDE_BUY, int(words[1]), int(words[2]), tif=ord(words[3]), symbol=symbol)
    assert (kind, answer["user_ref_num"], answer["reason"]) == ("J", 7, getattr(ouch, words[4]))
    assert kinds(desk.query()) == "Q"
    assert desk.mine(SIDE_BUY) == []
    assert OUCH_TIF_GTX == ord("5")


def test_a_halted_instrument_takes_no_orders():
    desk = Desk()
    desk.rig.venue["exchange"]["tape"]["states"][0] = TRADING_HALTED
    ((kind, answer),) = desk.enter(1, SIDE_BUY, FAR_BID, 100)
    assert (kind, answer["reason"]) == ("J", OUCH_REJECT_HALTED)


def test_a_repeated_or_smaller_number_is_ignored():
    desk = Desk()
    assert kinds(desk.enter(5, SIDE_BUY, FAR_BID, 100)) == "A"
    assert desk.enter(5, SIDE_BUY, FAR_BID, 100) == []
    assert desk.enter(4, SIDE_BUY, FAR_BID, 100) == []
    assert desk.mine(SIDE_BUY) == [(FAR_BID, 100)]
    assert desk.query()[0][1]["user_ref_num"] == 6


def test_a_cancel_takes_all_or_the_difference_to_the_new_total():
    desk = Desk()
    desk.enter(1, SIDE_BUY, FAR_BID, 500)
    ((kind, answer),) = desk.cancel(1, total=200)
    assert (kind, answer["qty_lots"], answer["reason"]) == ("C", 300, OUCH_CANCELED_USER)
    assert desk.mine(SIDE_BUY) == [(FAR_BID, 200)]
    assert desk.cancel(1, total=300) == []
    ((kind, answer),) = desk.cancel(1)
    assert (kind, answer["qty_lots"]) == ("C", 200)
    assert desk.cancel(1) == [], "too late: nothing is said"
    assert desk.cancel(99) == []
    assert desk.mine(SIDE_BUY) == []


def test_a_smaller_total_keeps_the_place_in_the_queue():
    desk = Desk()
    desk.enter(1, SIDE_BUY, FAR_BID, 500)
    desk.enter(2, SIDE_BUY, FAR_BID, 100)
    books = desk.rig.venue["exchange"]["books"]
    before = [row[1] for row in book_orders(books, 0, SIDE_BUY) if row[3] == 1]
    assert kinds(desk.cancel(1, total=50)) == "C"
    assert [row[1] for row in book_orders(books, 0, SIDE_BUY) if row[3] == 1] == before
    assert desk.mine(SIDE_BUY) == [(FAR_BID, 50), (FAR_BID, 100)]


def test_a_smaller_total_counts_what_was_executed_under_every_number_of_the_order():
    desk = Desk()
    price = desk.best(SIDE_BUY)[0] + 100
    desk.enter(1, SIDE_BUY, price, 500)
    assert kinds(desk.enter(2, SIDE_SELL, price, 200)) == "AEE"
    assert kinds(desk.replace(1, 3, price, 600)) == "U"
    assert kinds(desk.enter(4, SIDE_SELL, price, 100)) == "AEE"
    ((kind, answer),) = desk.cancel(3, total=350)
    assert (kind, answer["qty_lots"]) == ("C", 250)
    assert desk.mine(SIDE_BUY) == [(price, 50)]
    ((kind, answer),) = desk.cancel(3, total=250)
    assert (kind, answer["qty_lots"]) == ("C", 50), "more than that was executed: all that is open goes"
    assert desk.mine(SIDE_BUY) == []


@pytest.mark.parametrize("symbol, left", [(EVERY_SYMBOL, 0), (SYMBOL, 1), (OTHER_SYMBOL, 3)])
def test_a_mass_cancel_ends_what_it_names_then_answers(symbol, left):
    desk = Desk()
    for number in range(1, 4):
        desk.enter(number, SIDE_BUY, FAR_BID, 100 * number)
    assert kinds(desk.enter(4, SIDE_BUY, FAR_BID, 100, symbol=OTHER_SYMBOL)) == "A"
    answers = desk.mass_cancel(9, symbol)
    assert kinds(answers) == "C" * (4 - left) + "X"
    assert {int(answer["reason"]) for kind, answer in answers if kind == "C"} == {OUCH_CANCELED_USER}
    answer = answers[-1][1]
    assert (answer["user_ref_num"], answer["firm"], answer["symbol"]) == (9, FIRM, symbol)
    assert len(desk.mine(SIDE_BUY)) == (3 if symbol == OTHER_SYMBOL else 0)
    assert desk.mass_cancel(9, symbol) == [], "its number is used"
    assert desk.query()[0][1]["user_ref_num"] == 10


@pytest.mark.parametrize(
    "fields, reason",
    [({"symbol": text_word("NOWHERE ")}, OUCH_REJECT_SYMBOL), ({"firm": OTHER_FIRM}, OUCH_REJECT_OTHER)],
)
def test_a_mass_cancel_that_is_not_valid_is_rejected_and_ends_nothing(fields, reason):
    desk = Desk()
    desk.enter(1, SIDE_BUY, FAR_BID, 100)
    ((kind, answer),) = desk.mass_cancel(2, **fields)
    assert (kind, answer["user_ref_num"], answer["reason"]) == ("J", 2, reason)
    assert desk.mine(SIDE_BUY) == [(FAR_BID, 100)]


def test_a_mass_cancel_leaves_other_members_orders_alone():
    desk = Desk()
    desk.enter(1, SIDE_BUY, FAR_BID, 100)
    books = desk.rig.venue["exchange"]["books"]
    others = [row for row in book_orders(books, 0, SIDE_BUY) if row[3] != 1]
    assert len(others) > 0
    desk.mass_cancel(2)
    assert book_orders(books, 0, SIDE_BUY) == others


def test_a_replacement_gets_a_new_reference_and_its_total_includes_what_was_executed():
    desk = Desk()
    price = desk.best(SIDE_BUY)[0] + 100
    first = desk.enter(1, SIDE_BUY, price, 500)[0][1]["order_ref"]
    assert kinds(desk.enter(2, SIDE_SELL, price, 200)) == "AEE"
    answers = desk.replace(1, 3, FAR_BID, 600)
    assert kinds(answers) == "U"
    answer = answers[0][1]
    assert (answer["orig_user_ref_num"], answer["user_ref_num"], answer["qty_lots"]) == (1, 3, 600)
    assert answer["order_ref"] > first
    assert (answer["side"], chr(answer["capacity"]), answer["symbol"]) == (SIDE_BUY, "P", SYMBOL)
    assert desk.mine(SIDE_BUY) == [(FAR_BID, 400)]
    assert desk.cancel(1) == []
    assert kinds(desk.cancel(3)) == "C"


def test_a_replacement_that_crosses_trades_after_it_was_confirmed():
    desk = Desk()
    desk.enter(1, SIDE_BUY, FAR_BID, 100)
    ask = desk.best(SIDE_SELL)[0]
    answers = desk.replace(1, 2, ask, 100)
    assert kinds(answers) == "UE"
    assert (answers[1][1]["user_ref_num"], answers[1][1]["price_ticks"]) == (2, ask)
    assert desk.mine(SIDE_BUY) == []


def test_a_replacement_of_a_dead_order_is_rejected_and_an_invalid_one_ends_the_order():
    desk = Desk()
    desk.enter(1, SIDE_BUY, FAR_BID, 100)
    desk.cancel(1)
    ((kind, answer),) = desk.replace(1, 2, FAR_BID, 100)
    assert (kind, answer["user_ref_num"], answer["reason"]) == ("J", 2, OUCH_REJECT_REPLACE)
    desk.enter(3, SIDE_BUY, FAR_BID, 100)
    ((kind, answer),) = desk.replace(3, 4, FAR_BID + 1, 100)
    assert (kind, answer["user_ref_num"], answer["qty_lots"]) == ("C", 3, 100)
    assert kinds(desk.enter(4, SIDE_BUY, FAR_BID, 100)) == "A", "the number of an invalid replacement is not used up"


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"username": "other"}, "A"),
        ({"password": "wrong"}, "A"),
        ({"session": "ELSEWHERE"}, "S"),
        ({"sequence": 99}, "S"),
    ],
)
def test_a_login_with_a_wrong_field_is_rejected_and_closed(fields, reason):
    rig = Rig()
    client = Client(rig)
    client.log_in(**fields)
    rig.turn(turns=2)
    assert [(letter, chr(raw[3])) for letter, raw in client.packets()] == [("J", reason)]
    assert rig.venue["exchange"]["desk"]["connections"][0]["state"] == CONNECTION_FREE


def test_a_new_connection_replays_the_stream_from_any_number():
    desk = Desk()
    for number in range(1, 6):
        desk.enter(number, SIDE_BUY, FAR_BID, 100 * number)
    again = Client(desk.rig, line=1)
    again.log_in(sequence=3)
    desk.rig.turn(turns=3)
    packets = again.packets()
    assert login_sequence(packets[0][1]) == 3
    assert [letter for letter, _ in packets] == ["A", "S", "S", "S"]
    connections = desk.rig.venue["exchange"]["desk"]["connections"]
    assert connections[0]["state"] == CONNECTION_FREE, "the new login takes the place of the old"
    desk.client.packets()
    assert desk.client.closed
    newest = Client(desk.rig, line=2)
    newest.log_in(sequence=0)
    desk.rig.turn(turns=3)
    packets = newest.packets()
    assert [letter for letter, _ in packets] == ["A"]
    assert login_sequence(packets[0][1]) == 6
    desk.client = newest
    assert kinds(desk.cancel(5)) == "C", "orders outlive their connection"


def test_orders_die_with_the_connection_where_that_is_wanted():
    desk = Desk(cancel_on_disconnect=True)
    desk.enter(1, SIDE_BUY, FAR_BID, 100)
    desk.enter(2, SIDE_SELL, FAR_ASK, 100)
    desk.client.empty(SOUP_LOGOUT)
    desk.rig.turn(turns=3)
    assert desk.mine(SIDE_BUY) == desk.mine(SIDE_SELL) == []
    again = Client(desk.rig, line=1)
    again.log_in(sequence=3)
    desk.rig.turn(turns=2)
    answers = again.answers()
    assert kinds(answers) == "CC"
    assert {int(answer["reason"]) for _, answer in answers} == {OUCH_CANCELED_SUPERVISORY}


def test_a_venue_that_refuses_orders_refuses_all_and_takes_cancels():
    desk = Desk(refuse_orders=True)
    for number, qty in ((1, 100), (2, 300)):
        ((kind, answer),) = desk.enter(number, SIDE_BUY, FAR_BID, qty)
        assert (kind, int(answer["reason"]), int(answer["user_ref_num"])) == ("J", OUCH_REJECT_OTHER, number)
    words = desk.rig.venue["exchange"]["desk"]["words"]
    words["refuse_orders"] = 0
    assert kinds(desk.enter(3, SIDE_BUY, FAR_BID, 100)) == kinds(desk.enter(4, SIDE_BUY, FAR_BID, 100)) == "A"
    words["refuse_orders"] = 1
    assert kinds(desk.replace(3, 5, FAR_BID, 200)) == "C", "what it would have replaced goes"
    assert kinds(desk.cancel(4)) == "C" and desk.mine(SIDE_BUY) == []


def test_bytes_in_any_pieces_give_the_same_answers():
    desk = Desk()
    event_bytes = bytearray()
    desk.client.send = event_bytes.extend
    for number in range(1, 4):
        desk.client.ouch(encode_cancel, user_ref_num=number, qty_lots=0)
    desk.client.ouch(lambda raw, offset, event: encode_account_query(raw, offset))
    desk.client.empty(SOUP_CLIENT_HEARTBEAT)
    del desk.client.send
    for byte in event_bytes:
        desk.client.send(bytes([byte]))
        desk.rig.turn(ns=0)
    assert kinds(desk.client.answers()) == "Q"


@pytest.mark.parametrize("raw", [b"\0\0", b"\xff\xffU", b"\0\3UXX", b"\0\1?", b"\0\2U\0"])
def test_bytes_that_mean_nothing_are_counted_and_never_stop_the_venue(raw):
    desk = Desk()
    desk.client.send(raw)
    desk.rig.turn(turns=2)
    assert desk.rig.counter(VENUE_MALFORMED) >= 1
    other = Client(desk.rig, line=3)
    other.log_in()
    desk.rig.turn(turns=2)
    assert other.packets()[0][0] == "A"


def test_the_ledger_equals_the_oracle_that_replays_the_input_log():
    desk = Desk()
    desk.rig.venue["flow"]["words"]["gap_ns"] = 200_000
    rng = np.random.default_rng(5)
    print("seed 5")
    for number in range(1, 120):
        side = SIDE_BUY if rng.integers(2) else SIDE_SELL
        touch = desk.best(SIDE_SELL if side == SIDE_BUY else SIDE_BUY)[0]
        away = 100 * int(rng.integers(-1, 3))
        desk.enter(number, side, touch - away if side == SIDE_BUY else touch + away, 100 * int(rng.integers(1, 6)))
        if number % 7 == 0:
            desk.cancel(number)
    exchange = desk.rig.venue["exchange"]
    rules = exchange["ledger"]["rules"]
    added, removed = ([Fee(int(rate)) for rate in rules[name]] for name in ("fee_added", "fee_removed"))
    oracle = MatchingOracle(rules["unit_micro"].tolist(), added, removed)
    oracle.replay(logged(exchange["log"]))
    row = exchange["ledger"]["rows"][account(exchange["ledger"], 1, 0)]
    expected = oracle.accounts[1, 0]
    assert {name: int(row[name]) for name in MONEY} == {name: getattr(expected, name) for name in MONEY}
    assert row["fills"] > 10
    for side in (SIDE_BUY, SIDE_SELL):
        assert book_orders(exchange["books"], 0, side) == oracle.rows(0, side)
