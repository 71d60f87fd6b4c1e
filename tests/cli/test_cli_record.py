"""`quintet orders | executions | decisions | chain | oms` on journals that this test wrote to disk."""

import json
import re

import pytest

from procs.oms.schema import FILE
from procs.runtime.paths import state_folder
from shm import codes
from tests.support.cli import call
from tests.support.record_bench import Scribe

pytestmark = pytest.mark.usefixtures("folders")


@pytest.fixture
def record(name):
    """Two epochs; in the newer: one working order, one filled by two trades, one replaced, one refused, one on its way."""
    old, new = Scribe(name, 7), Scribe(name, 8)
    old.order(101)
    old.report(codes.REPORT_ACCEPTED, 101)
    stamps = {"recv_stamp_ns": 1_000, "tick_stamp_ns": 1_250, "decide_stamp_ns": 2_500, "pass_stamp_ns": 2_900}
    sell = {"side": codes.SIDE_SELL, "instrument_id": 1}
    new.decision(order_id=201, intent_id=1201, qty_lots=100, limits_version=3, cause_seq=44, **stamps)
    new.order(201, publish_stamp_ns=3_000, stamp_ns=3_200, limits_version=3, **stamps)
    new.report(codes.REPORT_ACCEPTED, 201, venue_order_ref=900, venue_seq=1, ack_stamp_ns=60_000, send_stamp_ns=3_400)
    new.decision(order_id=202, intent_id=1202, **sell)
    new.order(202, **sell)
    new.report(codes.REPORT_ACCEPTED, 202, venue_seq=2, ack_stamp_ns=5, **sell)
    for match, lots, leaves in ((31, 60, 40), (32, 40, 0)):
        seq = new.report(
            codes.REPORT_EXECUTED,
            202,
            leaves,
            qty_lots=lots,
            cum_lots=100 - leaves,
            match_number=match,
            venue_seq=3,
            ack_stamp_ns=70_000,
            liquidity=codes.LIQUIDITY_ADDED,
            **sell,
        )
        new.fill(
            report_seq=seq,
            match_number=match,
            order_id=202,
            fill__price_ticks=1_000_000,
            fill__qty_lots=lots,
            fill__side=codes.SIDE_SELL,
            fee_micro=-2_000 * lots,
            instrument_id=1,
            position__position_lots=leaves - 100,
        )
    new.decision(
        code=codes.REJECT_COLLAR_FAR, scope=codes.LIMIT_SCOPE_ORDER, intent_id=1203, limit_value=50, found_value=75
    )
    new.decision(order_id=204, intent_id=1204, kind=codes.INTENT_REPLACE, target_intent_id=1201, qty_lots=10)
    new.quote(1201, venue_seq=77, microprice_milli=1_000_000_250, wanted_bid_ticks=1_000_000, wanted_bid_lots=100)
    for scribe in (old, new):
        scribe.write()
    answer = call("oms", "load", "--name", name, "--json")
    assert answer.json()["rows"] == {"decisions": 4, "orders": 3, "order_events": 8, "executions": 2, "fills": 2}
    return name


CHOICES = """
orders                                     : 201 202 204
orders --open                              : 201 204
orders --state filled                      : 202
orders --state passed                      : 204
orders --side sell                         : 202
orders --instrument QNTA                   : 201 204
orders --strategy strategy --instrument QNTB : 202
orders --strategy nobody                   :
orders --epoch 7                           : 101
orders --epoch all                         : 101 201 202 204
orders --epoch all --open --last 2         : 201 204
orders --last 1                            : 204
orders --since 2023-12-25T00:00:00.000004 --until 2023-12-25T00:00:00.000006 : 202
orders --since 00:00:00.000004             : 202 204
orders --until 1703462400000004000         : 201
orders --since 2023-12-26                  :
orders --at 00:00:00.000004                : 201
orders --at 2023-12-26 --open              : 201 204
orders --at 2023-12-26 --last 1            : 204
executions                                 : 202 202
executions --last 1                        : 202
executions --side buy                      :
executions --state done                    : 202 202
decisions                                  : 201 202 0 204
decisions --code refused                   : 0
decisions --code collar_far                    : 0
decisions --code pass --last 1             : 204
decisions --instrument QNTB                : 202
"""


def test_filters_choose(record):
    for line in CHOICES.strip().splitlines():
        words, _, found = line.rpartition(" :")
        answer = call(*words.split(), "--name", record, "--json")
        assert (answer.code, answer.err) == (0, ""), words
        assert [json.loads(row)["order_id"] for row in answer.out.splitlines()] == [int(n) for n in found.split()], (
            words
        )
        text = call(*words.split(), "--name", record).out.splitlines()
        assert len(text) == 1 + len(answer.out.splitlines()), words


def test_positions_of_the_past_come_from_the_record(record):
    answer = call("positions", "--at", "2023-12-26", "--name", record, "--json").json()
    (row,) = answer["rows"]
    assert (row["instrument"], row["position_lots"], row["fills"], row["sold_lots"]) == ("QNTB", -100, 2, 100)
    text = call("positions", "--at", "2023-12-26", "--name", record).out.splitlines()
    assert re.search(r"^strategy +QNTB +-100 +2 +0 +100 +0.00 +0.20 +USD$", text[1]), text
    assert call("positions", "--at", "2023-12-24", "--name", record).out == "no fills by then\n"
    assert "--at: expected 2026-01-31" in call("positions", "--at", "soon", "--name", record).err


MISTAKES = """
orders --state open        : --state: expected passed, sent, working
executions --state filled  : --state: expected done, broken, corrected
decisions --code toolarge  : --code: expected pass, refused, instrument
orders --since yesterday   : --since: expected 2026-01-31
orders --until 2026-13-01  : --until: expected 2026-01-31
orders --since 25:00       : --since: expected 2026-01-31
orders --last 0            : --last: expected a number above 0
orders --epoch newest      : --epoch: expected a number
"""


def test_a_filter_that_cannot_mean_anything_exits_2_and_says_what_it_may_be(record):
    for line in MISTAKES.strip().splitlines():
        words, _, sentence = line.partition(" : ")
        answer = call(*words.split(), "--name", record)
        assert answer.code == 2 and sentence.strip() in answer.err and answer.out == "", words


def test_rows_name_what_the_numbers_mean(record):
    lines = call("orders", "--name", record).out.splitlines()
    assert re.match(r"time +order +strategy +instrument +side +qty +price +done +average +open +state", lines[0])
    assert re.search(r"202 +strategy +QNTB +sell +100 +100.0000 +100 +100.0000 +0 +filled", lines[2])
    assert re.search(r"204 .* passed +201 +-$", lines[3]), "what it would replace is known by the intent"
    lines = call("executions", "--name", record).out.splitlines()
    assert re.search(r" 31 +202 +strategy +QNTB +sell +60 +100.0000 +added +-0.1200 +-60 +done$", lines[1])
    lines = call("decisions", "--code", "refused", "--name", record).out.splitlines()
    assert re.search(r"1203 +- +new +strategy +QNTA +buy +0 +- +collar_far +50 +75 +order +1$", lines[1])


def test_a_chain_has_every_stamp_as_its_distance_to_the_one_before(record):
    answer = call("chain", "201", "--name", record)
    assert answer.code == 0
    wanted = """
      tick received - 0 ns
      tick published +250 ns 250 ns
      intent decided +1.25 us 1.50 us intent 1201 [strategy 0]
      book after message 77: 300 at 99.9900, 200 at 100.0100; position +0
      signals microprice_milli 1,000,000,250, imbalance_1_ppm 0, imbalance_3_ppm 0, imbalance_5_ppm 0, flow_lots 0, \
volatility_milli 0, arrival_micro 0, decay_milli 0
      wanted bid 100 at 100.0000, no ask
      gate passed +400 ns 1.90 us new, pass, limits version 3 [risk_gate 0]
      order published +100 ns 2.00 us
      journalled +200 ns 2.20 us new buy 100 at 100.0000 day, reference 101 [order_sender 0]
      sent +200 ns 2.40 us
      bytes 0030554f000000654200000064514e54412020202000000000000f42403059504e4e20202020202020202020202020200000
      accepted +56.6 us 59.0 us working, venue reference 900, 100 open, venue sequence 1 [order_sender 1]
    """
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert lines[0].startswith("order 201: strategy buy 100 QNTA at 100.0000, working, 0 executed, 100 open")
    assert lines[2:] == [" ".join(line.split()) for line in wanted.strip().splitlines()]


ADDRESSES = """
201         : 201
intent:1201 : 201
match:32    : 202
ref:102     : 202
204         : 204
"""


def test_an_order_is_found_by_each_of_its_numbers_and_missing_links_are_said(record):
    for line in ADDRESSES.strip().splitlines():
        address, _, order = line.partition(" : ")
        found = call("chain", address.strip(), "--name", record, "--json").json()
        assert found["order"]["order_id"] == int(order), address
    answer = call("chain", "202", "--name", record)
    assert answer.code == 1, "no stamps were taken of it"
    assert "no tick caused it" in answer.out and "MISSING  gate passed: no stamp" in answer.out
    assert "MISSING  the strategy's journal does not have what it saw when it decided" in answer.out
    answer = call("chain", "204", "--name", record)
    assert answer.code == 1 and "MISSING  order_sender's journal does not have it" in answer.out
    answer = call("chain", "match:99", "--name", record)
    assert answer.code == 1 and "expected an order id, or intent:N" in answer.err
    assert call("chain", "101", "--name", record).code == 1
    assert call("chain", "101", "--epoch", "all", "--name", record, "--json").json()["order"]["epoch"] == 7


def test_check_passes_a_sound_record_and_says_where_another_contradicts(record):
    answer = call("oms", "check", "--name", record)
    assert answer.code == 1 and "FAULT  decisions" in answer.out and "order_id=101" in answer.out
    found = {row["check"]: row["found"] for row in call("oms", "check", "--name", record, "--json").json()["checks"]}
    assert [name for name, faults in found.items() if faults] == ["decisions"]


def test_without_a_record_or_behind_the_journals_it_says_what_to_do(record):
    (state_folder(record) / FILE).unlink()
    answer = call("orders", "--name", record)
    assert answer.code == 1 and "quintet oms load" in answer.err and answer.out == ""
    assert call("oms", "load", "--name", record).code == 0
    later = Scribe(record, 9)
    later.order(301)
    later.write()
    answer = call("orders", "--name", record)
    assert answer.code == 0 and "behind the journals: `quintet oms load` brings it up" in answer.err
    assert call("oms", "load", "--name", record, "--json").json()["entries"] == 1
    assert call("orders", "--name", record).err == ""
    answer = call("oms", "load", "--name", record + "x")
    assert answer.code == 1 and "found none" in answer.err
