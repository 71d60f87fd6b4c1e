"""Rows of limits while the gate runs: taken over at the next look, journalled word by word, overrides that end alone."""

import itertools

import numpy as np
import pytest

import shm.codes as codes
from procs.risk_gate.limits_again import limits_again
from procs.risk_gate.state import parts_of
from procs.risk_gate.utilisation import PUBLISH_EVERY_NS
from shm.latest import latest_read
from shm.records.exposure import EXPOSURE
from shm.records.limit_change import LIMIT_CHANGE, LIMIT_EXPIRED, LIMIT_TAKEN
from shm.records.limits import LIMIT_NONE, LIMITS, POSITIVE
from tests.oracles.windows import Sent
from tests.support.gate import INSTRUMENT_LIMITS, NOW_NS, Gate, accepted

FIRM_ROW = 5  # two instruments, two strategies, the house, the firm
BEFORE, SECOND = 1000, 1_000_000_000


@pytest.fixture
def gate():
    return Gate()


def changes(gate):
    """(row, field, before, after, version, cause) of every journalled change, in order."""
    found = gate.entries(codes.JOURNAL_LIMITS, LIMIT_CHANGE)[0]
    return [
        (int(c["row"]), LIMITS.names[c["field"]], int(c["before"]), int(c["after"]), int(c["version"]), int(c["cause"]))
        for c in found
    ]


def standing(gate, slot, row, **fields):
    """What follows the override of instrument row `row`."""
    lasting = dict.fromkeys(POSITIVE, LIMIT_NONE) | INSTRUMENT_LIMITS | {"standing_row": row} | fields
    gate.write("standing", slot, **lasting)


def passes(gate, qty_lots, **fields):
    """Whether an order of that size passes, and if not, by which code."""
    gate.intent(qty_lots=qty_lots, **fields)
    gate.step()
    refused = gate.codes()
    gate.orders()
    return refused[0] if refused else codes.PASS


def exposure(gate, row):
    """The published row, once every row had its turn."""
    for _ in range(8):
        gate.now_ns += PUBLISH_EVERY_NS
        gate.step()
    found = np.zeros(1, EXPOSURE)
    assert latest_read(gate.tables["exposure"][0], row, found.ctypes.data) > 0
    return found[0]


def test_a_changed_row_decides_the_next_intent_and_stands_in_the_journal_before_its_decision(gate):
    assert passes(gate, 500) == codes.PASS
    gate.limit(0, qty_lots_max=400, version=2)
    assert passes(gate, 500) == codes.REJECT_QTY_MAX
    assert changes(gate) == [(0, "qty_lots_max", 1000, 400, 2, LIMIT_TAKEN)]
    kinds = [int(gate.head(sequence)["kind"]) for sequence in range(3)]
    assert kinds == [codes.JOURNAL_DECISION, codes.JOURNAL_LIMITS, codes.JOURNAL_DECISION]


def test_every_changed_word_has_an_entry_and_the_unchanged_none(gate):
    passes(gate, 1)
    gate.limit(0, qty_lots_max=400, collar_far_bps=9, locate_lots=7, version=2)
    passes(gate, 1)
    assert [change[1] for change in changes(gate)] == ["qty_lots_max", "collar_far_bps", "locate_lots"]
    gate.limit(0, qty_lots_max=400, collar_far_bps=9, locate_lots=7, version=2)
    passes(gate, 1)
    assert len(changes(gate)) == 3, "a row that says the same again"


def test_a_decision_names_the_newest_version_of_its_three_rows(gate):
    gate.limit(1, version=9)  # another instrument: not of this decision
    gate.limit(2, version=4)
    gate.limit(4, version=7)
    passes(gate, 1)
    assert int(gate.decisions()[0][-1]["limits_version"]) == 7


def test_an_idle_gate_takes_rows_over_too(gate):
    passes(gate, 1)
    gate.limit(4, open_orders_max=3, version=2)
    assert int(exposure(gate, FIRM_ROW)["limits_version"]) == 2
    assert changes(gate) == [(FIRM_ROW, "open_orders_max", 100, 3, 2, LIMIT_TAKEN)]


def test_a_change_that_the_journal_has_no_room_for_is_not_traded_on_until_it_has():
    gate = Gate(journal=8)
    passes(gate, 500)
    gate.limit(0, qty_lots_max=400, version=2)
    while int(gate.journal[0]["next_seq"]) < 8:
        gate.intent(qty_lots=0)
        gate.limit(0, qty_lots_max=400 - int(gate.journal[0]["next_seq"]), version=2)
        gate.step(drain=False)
    gate.codes()
    gate.limit(0, qty_lots_max=300, version=3)
    gate.intent(qty_lots=1)
    gate.step(drain=False)
    assert gate.codes() == [codes.REJECT_NO_LIMITS]
    gate.step()  # the disk catches up
    assert passes(gate, 301) == codes.REJECT_QTY_MAX and passes(gate, 300) == codes.PASS


# --- overrides -----------------------------------------------------------------------------------------------------


def test_an_override_ends_by_itself_at_its_time_and_not_before(gate):
    passes(gate, 1)
    standing(gate, 3, 0, version=3)
    gate.limit(0, qty_lots_max=1800, version=2, expires_ns=NOW_NS + SECOND, standing_row=3)
    assert passes(gate, 1500) == codes.PASS
    gate.now_ns = NOW_NS + SECOND - 1
    assert passes(gate, 400) == codes.PASS
    gate.limit(1, version=1)  # nobody wrote the row: it ends without any process but the gate
    gate.now_ns = NOW_NS + SECOND
    gate.top()
    assert passes(gate, 1001) == codes.REJECT_QTY_MAX
    last = changes(gate)[-2:]
    assert last == [
        (0, "qty_lots_max", 1800, 1000, 3, LIMIT_EXPIRED),
        (0, "expires_ns", NOW_NS + SECOND, 0, 3, LIMIT_EXPIRED),
    ]
    assert int(gate.decisions()[0][-1]["limits_version"]) == 3


def test_a_clock_that_goes_back_does_not_bring_an_override_back(gate):
    standing(gate, 0, 0, version=3)
    gate.limit(0, qty_lots_max=1800, version=2, expires_ns=NOW_NS + SECOND, standing_row=0)
    passes(gate, 1500)
    gate.now_ns = NOW_NS + SECOND
    gate.step()
    gate.now_ns = NOW_NS
    assert passes(gate, 1500) == codes.REJECT_QTY_MAX


def test_an_idle_gate_ends_overrides_too(gate):
    standing(gate, 0, 0, version=3)
    gate.limit(0, qty_lots_max=1800, version=2, expires_ns=NOW_NS + SECOND, standing_row=0)
    passes(gate, 1500)
    gate.now_ns = NOW_NS + SECOND
    assert int(exposure(gate, 0)["limits_version"]) == 3


@pytest.mark.parametrize("wrong", ["never written", "another row's", "out of range", "an override itself", "unset"])
def test_where_nothing_follows_an_override_the_scope_trades_nothing_afterwards(gate, wrong):
    slot = 64 if wrong == "out of range" else 3
    if wrong == "another row's":
        standing(gate, 3, 1)
    if wrong == "an override itself":
        standing(gate, 3, 0, expires_ns=NOW_NS + 9 * SECOND)
    if wrong == "unset":
        standing(gate, 3, 0, open_orders_max=0)
    gate.limit(0, qty_lots_max=1800, version=2, expires_ns=NOW_NS + SECOND, standing_row=slot)
    order_id, order = accepted(gate, qty_lots=5)
    gate.now_ns = NOW_NS + SECOND
    gate.top()
    assert passes(gate, 1) == codes.REJECT_NO_LIMITS
    gate.cancel(order_id)
    gate.step()
    assert [int(one["kind"]) for one in gate.orders()] == [codes.INTENT_CANCEL], "a cancel passes all the same"
    gate.limit(0, version=4)
    assert passes(gate, 1) == codes.PASS, "a row that a person wrote since"


def test_an_override_that_ended_before_anybody_looked_never_holds(gate):
    standing(gate, 0, 0, version=3)
    gate.limit(0, qty_lots_max=1800, version=2, expires_ns=NOW_NS - 1, standing_row=0)
    assert passes(gate, 1500) == codes.REJECT_QTY_MAX


def test_overrides_of_several_scopes_end_each_at_its_own_time(gate):
    for row, after in ((0, 2), (1, 1)):
        standing(gate, row, row, version=3)
        gate.limit(row, qty_lots_max=1800, version=2, expires_ns=NOW_NS + after * SECOND, standing_row=row)
    for second, refused in ((0, []), (1, [1]), (2, [0, 1])):
        gate.now_ns = NOW_NS + second * SECOND
        for row in (0, 1):
            gate.top(row)
            code = passes(gate, 1001, instrument_id=row)
            assert (code == codes.REJECT_QTY_MAX) == (row in refused), (second, row, code)
            gate.restart()  # what is open keeps counting, the positions' limits are far


# --- after a restart -----------------------------------------------------------------------------------------------


def again(gate):
    """As `recover`: copies start from the configuration and the journalled changes."""
    rows = np.zeros(6, LIMITS)
    for row in range(6):
        source = gate.configured[row]
        rows[row] = source
    limits_again(gate.state, rows, gate.entries(codes.JOURNAL_LIMITS, LIMIT_CHANGE)[0])


def configured(gate):
    rows = np.zeros(6, LIMITS)
    for row in range(6):
        latest_read(gate.tables["limits"][0], row, rows[row : row + 1].ctypes.data)
    return rows


def test_what_changed_while_the_gate_was_dead_is_journalled_with_what_it_decided_by_before(gate):
    gate.configured = configured(gate)
    passes(gate, 1)
    gate.limit(0, qty_lots_max=400, version=2)
    passes(gate, 1)
    gate.limit(0, qty_lots_max=300, version=3)
    gate.state = gate.new_state()
    again(gate)
    gate.now_ns += PUBLISH_EVERY_NS
    exposure(gate, 0)
    assert changes(gate) == [
        (0, "qty_lots_max", 1000, 400, 2, LIMIT_TAKEN),
        (0, "qty_lots_max", 400, 300, 3, LIMIT_TAKEN),
    ]
    parts = parts_of(gate.state)
    assert parts.exposure.accounts["limits_code"].tolist() == [codes.PASS] * 4 + [codes.REJECT_NO_LIMITS, codes.PASS]


def test_a_restart_without_a_change_journals_nothing(gate):
    gate.configured = configured(gate)
    passes(gate, 1)
    gate.state = gate.new_state()
    again(gate)
    exposure(gate, 0)
    assert changes(gate) == []


# --- what is published -----------------------------------------------------------------------------------------------


def test_published_sums_are_those_that_decide(gate):
    gate.limit(2, rate_window_ns=SECOND, burst_window_ns=SECOND // 2, burst_lots_max=10**6)
    sent = Sent()
    ids = []
    for qty, pause in ((10, 0), (20, SECOND // 4), (30, SECOND // 2), (40, 0)):
        gate.now_ns += pause
        gate.top()
        gate.channel()
        ids.append(gate.intent(qty_lots=qty))
        sent.note(gate.now_ns, qty)
        gate.step()
    gate.cancel(ids[0])
    sent.note(gate.now_ns)
    gate.step()
    for _ in range(30):  # until everything has left every window
        row, now = exposure(gate, 2), gate.now_ns
        at = int(row["now_ns"])
        assert now - at < 8 * PUBLISH_EVERY_NS
        orders = sent.orders_inside(at, SECOND)
        messages, cancels = sent.messages_inside(at, SECOND), sent.cancels_inside(at, SECOND)
        found = tuple(int(row[name]) for name in ("orders_in_window", "messages_in_window", "cancels_in_window"))
        assert found == (orders, messages, cancels)
        assert int(row["burst_lots"]) == sent.lots_inside(at, SECOND // 2)
        assert (int(row["open_orders"]), int(row["open_buy_micro"])) == (4, 100 * 10_000 * 100)
        gate.now_ns += SECOND // 20
        gate.beat()
    assert found == (0, 0, 0) and int(row["burst_lots"]) == 0


def test_rows_are_published_in_turns_and_not_more_often_than_said(gate):
    gate.step()
    seen = []
    for _ in range(12):
        before = [latest(gate, row) for row in range(6)]
        gate.step(times=5)
        seen.append(sum(latest(gate, row) for row in range(6)) - sum(before))
        gate.now_ns += PUBLISH_EVERY_NS
    assert seen == [0] + [1] * 11
    assert [latest(gate, row) for row in range(6)] == [2] * 6, list(itertools.islice(seen, 3))


def latest(gate, row):
    """Version of a published row."""
    return latest_read(gate.tables["exposure"][0], row, np.zeros(1, EXPOSURE).ctypes.data)
