"""A short sale is told to the venue as one, on entry and on a replace; the journal has its mark, reports a plain side."""

from shm import codes
from shm.journal_kinds import parts_of
from shm.records.order import ORDER_FLAG_SHORT
from tests.support.sender_bench import SenderBench

BUY, SELL = codes.SIDE_BUY, codes.SIDE_SELL

TABLE = """
side  new    replace  -> letter of the order  of its replace
buy   long   long     -> B B
sell  long   long     -> S S
sell  short  short    -> T T
sell  long   short    -> S T
sell  short  long     -> T T
"""


def test_the_venue_hears_the_mark_that_the_gate_gave():
    for line in TABLE.strip().splitlines()[1:]:
        left, letters = line.split("->")
        side, *marks = left.split()
        first, second = (ORDER_FLAG_SHORT if mark == "short" else 0 for mark in marks)
        side = BUY if side == "buy" else SELL
        bench = SenderBench().ready()
        order_id = bench.new(side=side, flags=first)
        bench.settle()
        bench.replace(order_id, side=side, flags=second)
        bench.settle()
        assert [order.side for order in bench.venue.orders.values()] == letters.split(), line
        reports = bench.journal_reports()
        assert [int(r["kind"]) for r in reports] == [codes.REPORT_ACCEPTED, codes.REPORT_REPLACED], line
        assert {int(report["side"]) for report in reports} == {side}, line


def test_the_journal_has_the_mark_of_every_order():
    bench, wanted = SenderBench().ready(), [0, ORDER_FLAG_SHORT, 0]
    for flags in wanted:
        bench.new(side=SELL, flags=flags)
        bench.settle()
    entries = bench.journal_entries()
    sent = [parts_of(kind, payload)["order"] for kind, payload in entries if kind == codes.JOURNAL_ORDER_SENT]
    assert [int(order["flags"]) for order in sent] == wanted
