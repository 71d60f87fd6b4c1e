"""What entries of an order_sender's journal make of an order, as tables that a trader can read."""

import os

import pytest

from procs.oms.loader import Loader
from shm import codes
from tests.support.record_bench import Scribe, dump

pytestmark = pytest.mark.usefixtures("folders")
REPORTS = {
    name.removeprefix("REPORT_").lower(): value for name, value in vars(codes).items() if name.startswith("REPORT_")
}

# Order 101 buys 100 at 100.0000. Fields as name=value; then state, pending, open, done, value/1000 and breaks after it.
SCENARIOS = """
# an order lives and dies
sent                                                 : sent           -        100    0      0
accepted                                             : working        -        100    0      0
executed  qty=40 leaves=60 cum=40 match=1            : working        -         60   40  40000
cancel                                               : working        cancel    60   40  40000
executed  qty=10 leaves=50 cum=50 match=2            : working        cancel    50   50  50000
canceled  qty=50 leaves=0 cum=50                     : canceled       -          0   50  50000

# filled before the acceptance is known
sent                                                 : sent           -        100    0      0
executed  qty=100 leaves=0 cum=100 match=1           : filled         -          0  100 100000

# a reduction takes a part away, the order stays
sent                                                 : sent           -        100    0      0
accepted                                             : working        -        100    0      0
reduce    qty=70                                     : working        reduce   100    0      0
canceled  qty=30 leaves=70                           : working        -         70    0      0

# one message that cancels everything: each order's end is told by a report of its own
sent                                                 : sent           -        100    0      0
accepted                                             : working        -        100    0      0
mass                                                 : working        -        100    0      0
canceled  qty=100 leaves=0                           : canceled       -          0    0      0

# rejected, expired, never arrived
sent                                                 : sent           -        100    0      0
rejected  leaves=0 reason=3                          : rejected       -          0    0      0

sent                                                 : sent           -        100    0      0
expired   leaves=0 reason=26                         : expired        -          0    0      0

sent                                                 : sent           -        100    0      0
unknown   leaves=100                                 : unknown        -        100    0      0
never_arrived leaves=0                               : never_arrived  -          0    0      0

# unknown, then the replay says that it lives, with the cancel still on its way
sent                                                 : sent           -        100    0      0
cancel                                               : sent           cancel   100    0      0
unknown   leaves=100                                 : unknown        cancel   100    0      0
accepted                                             : working        cancel   100    0      0
cancel_pending                                       : working        cancel   100    0      0
cancel_rejected                                      : working        -        100    0      0

# accepted and dead at once
sent                                                 : sent           -        100    0      0
accepted  leaves=0                                   : canceled       -          0    0      0

# restated: the venue's price and size
sent                                                 : sent           -        100    0      0
accepted                                             : working        -        100    0      0
restated  qty=80 leaves=80 price=990000              : working        -         80    0      0
executed  qty=80 leaves=0 cum=80 match=1 price=990000 : filled        -          0   80  79200

# a trade is corrected, then broken: the order's executions stand as the venue says
sent                                                 : sent           -        100    0      0
accepted                                             : working        -        100    0      0
executed  qty=40 leaves=60 cum=40 match=1            : working        -         60   40  40000
corrected qty=40 leaves=60 cum=40 match=1 price=980000 : working      -         60   40  39200
executed  qty=60 leaves=0 cum=100 match=2            : filled         -          0  100  99200
broken    qty=40 leaves=0 cum=60 match=1             : filled         -          0   60  60000

# contradictions are kept and told
sent                                                 : sent           -        100    0      0
accepted                                             : working        -        100    0      0
executed  qty=150 leaves=0 cum=150 match=1           : filled         -          0  150 150000 overfill

sent                                                 : sent           -        100    0      0
canceled  qty=100 leaves=0                           : canceled       -          0    0      0
executed  qty=10 leaves=0 cum=10 match=1             : canceled       -          0   10  10000 illegal_event,overfill

sent                                                 : sent           -        100    0      0
executed  qty=10 leaves=80 cum=10 match=1            : working        -         80   10  10000 leaves

sent                                                 : sent           -        100    0      0
executed  qty=10 leaves=90 cum=30 match=1            : working        -         90   10  10000 cum

sent                                                 : sent           -        100    0      0
broken    qty=10 leaves=100 match=7                  : sent           -        100    0      0 illegal_event,unknown_trade

sent                                                 : sent           -        100    0      0
accepted  skip=1                                     : working        -        100    0      0 report_seq

sent                                                 : sent           -        100    0      0
sent                                                 : sent           -        100    0      0 duplicate_order
"""
FIELDS = {"qty": "qty_lots", "cum": "cum_lots", "match": "match_number", "price": "price_ticks", "reason": "reason"}


def scenarios():
    blocks = [block for block in SCENARIOS.strip().split("\n\n")]
    return [[line for line in block.splitlines() if not line.startswith("#")] for block in blocks]


def play(scribe: Scribe, words: list[str]) -> None:
    """One line of a scenario."""
    kind, given = words[0], {key: int(value) for key, _, value in (word.partition("=") for word in words[1:])}
    fields = {FIELDS[key]: value for key, value in given.items() if key in FIELDS}
    if kind == "sent":
        scribe.order(101)
    elif kind == "cancel":
        scribe.cancel(101)
    elif kind == "mass":
        scribe.cancel(0)
    elif kind == "reduce":
        scribe.cancel(101, kind=codes.INTENT_REDUCE, **fields)
    else:
        scribe.report_seq += given.get("skip", 0)
        scribe.report(REPORTS[kind], 101, given.get("leaves", 100), **fields)


@pytest.mark.parametrize("lines", scenarios(), ids=lambda lines: " ".join(line.split()[0] for line in lines))
def test_a_scenario_line_by_line(lines):
    scribe = Scribe(f"orders-{os.getpid()}", 1)
    said: set[tuple] = set()
    for line in lines:
        done, _, wanted = line.partition(":")
        play(scribe, done.split())
        scribe.write()
        loader = Loader(scribe.name, None)  # every line by a writer of its own: nothing lives in its memory only
        loader.cursors = {key: (next_seq, False) for key, (next_seq, _) in loader.cursors.items()}
        loader.load()
        connection = loader.store.connection
        query = "SELECT state, pending, leaves_lots, executed_lots, value_ticks / 1000, closed FROM orders WHERE order_id = 101"
        (row,) = connection.execute(query).fetchall()
        state, pending, leaves, executed, value, *kinds = wanted.split()
        assert row[:5] == (state, pending.strip("-"), int(leaves), int(executed), int(value)), line
        assert row[5] == (state not in ("sent", "working", "unknown")), line
        breaks = {tuple(held) for held in connection.execute("SELECT seq, kind FROM breaks")}
        assert sorted(kind for _, kind in breaks - said) == sorted(kinds[0].split(",") if kinds else []), line
        said = breaks
        events = connection.execute("SELECT count(*) FROM order_events").fetchone()[0]
        loader.close()
    doubled = sum(1 for _, kind in said if kind == "duplicate_order")
    assert events == len(lines) - doubled, "every entry is an event"


def test_every_kind_of_report_and_entry_is_in_the_scenarios():
    kinds = {line.split()[0] for lines in scenarios() for line in lines}
    assert set(REPORTS) - kinds == {"replaced"}  # below, with two orders


def make(scribe: Scribe) -> dict[str, list[tuple]]:
    scribe.write()
    loader = Loader(scribe.name, None)
    loader.load()
    found = dump(loader.store.connection)
    rows = loader.store.connection.execute(
        "SELECT order_id, state, pending, leaves_lots, cum_lots, executed_lots, parent_order_id FROM orders ORDER BY order_id"
    ).fetchall()
    loader.close()
    return {**found, "short": [tuple(row) for row in rows]}


def test_a_replacement_takes_the_place_of_its_original_and_carries_its_executions_on():
    scribe = Scribe(f"replace-{os.getpid()}", 1)
    scribe.order(101)
    scribe.report(codes.REPORT_ACCEPTED, 101)
    scribe.report(codes.REPORT_EXECUTED, 101, 60, qty_lots=40, cum_lots=40, match_number=1)
    scribe.order(102, kind=codes.INTENT_REPLACE, target_order_id=101, qty_lots=150)
    scribe.report(codes.REPORT_REPLACED, 102, 110, qty_lots=150, cum_lots=40, old_order_id=101)
    scribe.report(codes.REPORT_EXECUTED, 102, 0, qty_lots=110, cum_lots=150, match_number=2)
    found = make(scribe)
    assert found["short"] == [(101, "replaced", "", 0, 40, 40, 0), (102, "filled", "", 0, 150, 110, 101)]
    assert found["breaks"] == []


def test_a_replacement_that_dies_leaves_its_original_working():
    for kind in (codes.REPORT_REJECTED, codes.REPORT_NEVER_ARRIVED, codes.REPORT_EXPIRED):
        scribe = Scribe(f"replace{kind}-{os.getpid()}", 1)
        scribe.order(101)
        scribe.report(codes.REPORT_ACCEPTED, 101)
        scribe.order(102, kind=codes.INTENT_REPLACE, target_order_id=101)
        scribe.report(kind, 102, 0)
        found = make(scribe)
        assert found["short"][0] == (101, "working", "", 100, 0, 0, 0) and found["breaks"] == []


def test_what_the_venue_says_about_an_order_that_is_not_ours_is_kept_and_told():
    scribe = Scribe(f"foreign-{os.getpid()}", 1)
    scribe.login()
    scribe.report(codes.REPORT_EXECUTED, 0, 0, intent_id=0, qty_lots=5, match_number=9, user_ref_num=77)
    scribe.report(codes.REPORT_CANCELED, 0, 0, intent_id=0, user_ref_num=77)
    found = make(scribe)
    assert [(row[3], row[5]) for row in found["breaks"]] == [("unknown_order", 9)]
    assert len(found["executions"]) == 1 and len(found["order_events"]) == 2 and found["orders"] == []
    assert found["sessions"][0][4:6] == ("logged_in", "SESSION001")


def test_an_external_order_is_an_order_with_a_break_beside_it():
    scribe, number = Scribe(f"external-{os.getpid()}", 1), codes.ORDER_ID_EXTERNAL + 1
    fields = {"strategy_id": 1, "user_ref_num": 77, "intent_id": number}
    scribe.report(codes.REPORT_ACCEPTED, number, 100, **fields)
    scribe.report(codes.REPORT_EXECUTED, number, 60, qty_lots=40, cum_lots=40, match_number=9, **fields)
    open_one = number + 1
    scribe.report(codes.REPORT_ACCEPTED, open_one, 100, **fields | {"intent_id": open_one, "user_ref_num": 78})
    scribe.report(codes.REPORT_CANCELED, number, 0, qty_lots=60, cum_lots=40, **fields)
    found = make(scribe)
    assert found["short"] == [(number, "canceled", "", 0, 40, 40, 0), (open_one, "external", "", 100, 0, 0, 0)]
    assert [row[3] for row in found["breaks"]] == ["unknown_order"] * 2


def test_an_order_that_died_before_it_was_numbered_is_an_order_all_the_same():
    scribe = Scribe(f"unsent-{os.getpid()}", 1)
    scribe.report(codes.REPORT_EXPIRED, 101, 0, user_ref_num=0, reason=codes.REJECT_SESSION)
    found = make(scribe)
    assert found["short"] == [(101, "expired", "", 0, 0, 0, 0)] and found["breaks"] == []


def test_a_mass_cancel_is_an_event_and_its_answers_close_the_orders():
    scribe = Scribe(f"mass-{os.getpid()}", 1)
    scribe.order(101)
    scribe.report(codes.REPORT_ACCEPTED, 101)
    scribe.cancel(0, user_ref_num=9, instrument_id=-1, strategy_id=-1)
    scribe.report(codes.REPORT_CANCELED, 101, 0)
    found = make(scribe)
    assert found["breaks"] == [] and found["short"] == [(101, "canceled", "", 0, 0, 0, 0)]
    assert [row[4] for row in found["order_events"]] == ["new_sent", "accepted", "mass_cancel_sent", "canceled"]


def test_a_kind_of_entry_that_nobody_knows_is_told_with_its_place():
    scribe = Scribe(f"kind-{os.getpid()}", 1)
    scribe.order(101)
    for instance in ("order_sender", "risk_gate", "position_keeper"):
        scribe.noted.setdefault(instance, []).append((77, 5, b"\0" * 64))
    found = make(scribe)
    assert [(row[1], row[2], row[3]) for row in found["breaks"]] == [
        ("order_sender", 1, "entry"),
        ("position_keeper", 0, "entry"),
        ("risk_gate", 0, "entry"),
    ]
