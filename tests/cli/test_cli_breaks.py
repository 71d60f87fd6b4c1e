"""`quintet breaks` on a record that this test wrote."""

import json
import re

import pytest

from procs.oms.schema import columns
from procs.oms.store import Store
from procs.runtime.paths import state_folder
from tests.support.cli import call

pytestmark = pytest.mark.usefixtures("folders")
SECOND_NS = 1_000_000_000
TOLD_NS = 1_703_462_400 * SECOND_NS  # 2023-12-25 00:00:00 UTC

BREAKS = """
epoch  number  kind                  scope            match  cleared  acknowledged
    7       1  execution_differs     instrument:QNTA     11        0             0
    8       1  execution_not_copied  instrument:QNTA     21        2             0
    8       2  order_differs         instrument:QNTB      0        0             5
    8       3  silence               firm                 0        0             0
"""

CHOICES = """
                              : 1 : 1 2 3
--state open                  : 1 : 3
--state cleared               : 0 : 1
--state acknowledged          : 0 : 2
--kind order_differs          : 0 : 2
--instrument QNTA             : 0 : 1
--last 1                      : 1 : 3
--epoch 7                     : 1 : 1
--epoch all --state open      : 1 : 1 3
--epoch 9                     : 0 :
"""


@pytest.fixture
def record(name):
    store = Store(state_folder(name))
    with store.transaction():
        for line in BREAKS.strip().splitlines()[1:]:
            epoch, number, kind, scope, match, cleared, acknowledged = line.split()
            row = dict.fromkeys(columns("venue_breaks"), 0)
            row |= {
                "epoch": int(epoch),
                "number": int(number),
                "kind": kind,
                "scope": scope,
                "match_number": int(match),
            }
            row |= {"subject": f"match {match}", "expected": "buy 100", "found": "none", "order_id": 5}
            row |= {"first_ns": TOLD_NS - SECOND_NS // 2, "told_ns": TOLD_NS}
            row["cleared_ns"] = TOLD_NS + int(cleared) * SECOND_NS if int(cleared) else 0
            row["acknowledged_ns"] = TOLD_NS + int(acknowledged) * SECOND_NS if int(acknowledged) else 0
            store.put("venue_breaks", [tuple(row.values())])
        store.move_cursor(8, "order_sender", 4, True)
    store.close()
    return name


def test_filters_choose_and_the_exit_says_whether_a_break_is_open(record):
    for line in CHOICES.strip("\n").splitlines():
        words, code, numbers = line.split(" :")
        answer = call("breaks", *words.split(), "--name", record, "--json")
        assert (answer.code, answer.err) == (int(code), ""), words
        assert [json.loads(row)["number"] for row in answer.out.splitlines()] == [int(n) for n in numbers.split()], (
            words
        )


def test_a_row_says_what_both_sides_have_how_soon_it_was_told_and_how_it_ended(record):
    lines = call("breaks", "--name", record).out.splitlines()
    assert re.match(r"told +break +kind +scope +about +our record +drop copy +after +state", lines[0])
    wanted = (
        r"2023-12-25 00:00:00.000000 +1 +execution_not_copied +instrument:QNTA +match 21, order 5 +buy 100 +none"
        r" +0.500 s +cleared after 2.0 s$"
    )
    assert re.match(wanted, lines[1]), lines[1]
    assert lines[2].endswith("acknowledged after 5.0 s") and re.search(r"silence +firm .* open$", lines[3])
    assert call("breaks", "--epoch", "9", "--name", record).out == "no breaks\n"


def test_contradictions_of_journals_are_told_beside_them(record):
    store = Store(state_folder(record))
    with store.transaction():
        store.put("breaks", [(8, "order_sender", 6, "cum", 5, 21, "100", "90")])
    store.close()
    answer = call("breaks", "--name", record)
    assert answer.code == 1 and "entries of journals that contradict what came before:" in answer.out
    assert re.search(r"order_sender 6 +cum +5 +21 +100 +90$", answer.out.rstrip())
    shown = call("breaks", "--state", "cleared", "--name", record, "--json").out.splitlines()
    assert [json.loads(row)["kind"] for row in shown] == ["execution_not_copied"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--state closed", "--state: expected open, acknowledged, cleared"),
        ("--kind oddity", "--kind: expected execution_differs"),
        ("--last 0", "--last: expected a number above 0"),
        ("--epoch newest", "--epoch: expected a number"),
    ],
)
def test_a_filter_that_cannot_mean_anything_exits_2(record, words, sentence):
    answer = call("breaks", *words.split(), "--name", record)
    assert answer.code == 2 and sentence in answer.err and answer.out == ""


def test_without_a_record_it_says_how_to_make_one(name):
    assert "quintet oms load" in call("breaks", "--name", name).err
