"""What the venue refuses: a strategy over its limit is HALTED, over the firm's its session takes cancels only."""

import numpy as np
import pytest

import shm.codes as codes
from procs.risk_gate.holds import HELD_BURST, HELD_REJECTS
from procs.risk_gate.rows import REJECT_RING
from shm.error_log import ERROR_GATE_SESSION_REJECTS, ERROR_GATE_VENUE_REJECTS
from shm.latest import latest_read
from shm.records.error_row import ERROR_ROW
from shm.records.exposure import EXPOSURE
from shm.records.limits import LIMIT_NONE
from tests.support.gate import FIRM, NOW_NS, SESSION, STRATEGY_0, Gate, accepted, kinds, passed, view_at

STRATEGY_1 = STRATEGY_0 + 1
ROWS = {"strategy": 2, "firm": 4}  # rows of limits of two strategies and two instruments
SCOPES = {"strategy": codes.LIMIT_SCOPE_STRATEGY, "firm": codes.LIMIT_SCOPE_FIRM}
HELD = {"strategy": (STRATEGY_0, codes.STATE_HALTED), "firm": (SESSION, codes.STATE_CANCEL_ONLY)}
ERRORS = {"strategy": ERROR_GATE_VENUE_REJECTS, "firm": ERROR_GATE_SESSION_REJECTS}
both_scopes = pytest.mark.parametrize("scope", list(ROWS))


@pytest.fixture
def gate():
    return Gate()


def limit(gate, scope, most, window=100):
    gate.limit(ROWS[scope], venue_rejects_max=most, venue_rejects_window_ns=window)


def in_flight(gate, orders, strategy=0):
    """So many orders that the venue has not answered yet."""
    return [passed(gate, strategy=strategy)[1] for _ in range(orders)]


def refuse(gate, order, kind=codes.REPORT_REJECTED, at=None):
    """The venue's answer to an order; returns its report's number."""
    seq = gate.report(kind, order, now_ns=gate.now_ns if at is None else at)
    gate.step()
    return seq


def rejected(gate, times=1, strategy=0):
    """Orders that pass and are refused by the venue."""
    for _ in range(times):
        refuse(gate, passed(gate, strategy=strategy)[1])


def try_order(gate, strategy=0):
    """(code, scope, limit, found) of one intent; the code alone when it passes."""
    gate.intent(strategy)
    gate.step()
    found = gate.rejects(strategy)
    if not found:
        assert "new" in kinds(gate.orders())
        return codes.PASS
    return tuple(int(found[0][name]) for name in ("code", "scope", "limit_value", "found_value"))


def told(gate, code):
    """The two numbers of the gate's row of an error, and how often it was noted."""
    rows = [view_at(int(gate.me[0]["errors_addr"]) + row * 64, ERROR_ROW) for row in range(48)]
    (row,) = [row for row in rows if int(row["code"]) == code]
    return int(row["detail_a"]), int(row["detail_b"]), int(row["count"])


STORMS = """
what                         rejects at                  window  most  -> found
none                         -                           100     3     -> 0
below                        0,0                         100     3     -> 0
exactly at the limit         0,10,20                     100     3     -> 0
smallest breach              0,10,20,30                  100     3     -> 4
all at one time              0,0,0,0                     100     3     -> 4
gross                        0*40                        100     3     -> 40
just inside                  0,10,20,99                  100     3     -> 4
one left the window          0,10,20,100                 100     3     -> 0
the window slides            0,10,20,100,110,120,200     100     3     -> 0
and breaks on its way        0,10,20,100,105             100     3     -> 4
slow, for ever               0,34,68,102,136,170,204     100     3     -> 0
all out of the window        0,0,0,200,200,200           100     3     -> 0
a clock that runs back       50,40,30,20                 100     3     -> 4
back, and then beyond        50,0,0,150                  100     3     -> 0
one is too many              0,5                         100     1     -> 2
no limit                     0*40                        100     NONE  -> 0
no end of the window         0,900,5000,90000            NONE    3     -> 4
"""


@both_scopes
@pytest.mark.parametrize("line", STORMS.strip().splitlines()[1:])
def test_rejects_in_a_sliding_window_hold_at_one_more_than_the_limit(gate, scope, line):
    left, found = line.split("->")
    *_, times, window, most = left.split()
    words = {"NONE": LIMIT_NONE}
    limit(gate, scope, words[most] if most in words else int(most), words.get(window) or int(window))
    if "*" in times:
        at, _, many = times.partition("*")
        times = ",".join([at] * int(many))
    orders = in_flight(gate, 0 if times == "-" else len(times.split(",")))
    for order, at in zip(orders, times.split(","), strict=False):
        refuse(gate, order, at=NOW_NS + int(at))
    held_scope, state = HELD[scope]
    if int(found) == 0:
        assert gate.said(held_scope) == 0 and gate.errors() == [] and try_order(gate) == codes.PASS
        return
    assert gate.said(held_scope) == state and gate.errors() == [ERRORS[scope]], "told once"
    smallest = int(most) + 1
    assert told(gate, ERRORS[scope]) == (0, smallest, 1), "which strategy, how many"
    assert try_order(gate) == (codes.REJECT_VENUE_REJECTS, SCOPES[scope], int(most), int(found))


OTHER_ENDS = """
REPORT_EXPIRED         died here before any byte of it left
REPORT_NEVER_ARRIVED   never reached the venue
REPORT_CANCELED        accepted and cancelled
REPORT_UNKNOWN         nobody knows
REPORT_CANCEL_REJECTED a cancel that was refused
"""


@pytest.mark.parametrize("line", OTHER_ENDS.strip().splitlines())
def test_only_orders_that_the_venue_refused_count(gate, line):
    limit(gate, "strategy", 1)
    limit(gate, "firm", 1)
    for order in in_flight(gate, 6):
        refuse(gate, order, kind=getattr(codes, line.split()[0]))
    assert gate.said(STRATEGY_0) == gate.said(SESSION) == 0 and try_order(gate) == codes.PASS


def test_who_is_held_for_executions_and_for_rejects_is_held_for_both_after_a_restart(gate):
    gate.limit(2, venue_rejects_max=1, venue_rejects_window_ns=100, fill_window_ns=100, fill_lots_max=1)
    _, order = accepted(gate)
    rejected(gate, 2)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=2, leaves_lots=8, now_ns=gate.now_ns)
    gate.step()
    assert int(gate.exposure.strategies[0]["held"]) == HELD_BURST | HELD_REJECTS
    gate.restart()
    assert int(gate.exposure.strategies[0]["held"]) == HELD_BURST | HELD_REJECTS
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED


def test_a_refused_replace_counts_and_its_order_lives_on(gate):
    limit(gate, "strategy", 1)
    made, _ = accepted(gate)
    for _ in range(2):
        gate.replace(made, price_ticks=9_990)
        gate.step()
        (order,) = gate.orders()
        refuse(gate, order)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED
    gate.cancel(made)
    gate.step()
    assert gate.rejects() == [] and kinds(gate.orders())[0] == "cancel"


def test_a_reject_that_is_told_twice_or_of_an_order_that_nobody_has_or_that_lives_counts_once_or_never(gate):
    limit(gate, "firm", 1)
    (order,) = in_flight(gate, 1)
    refuse(gate, order)
    refuse(gate, order)  # the same again, under a number of its own
    seq = gate.report_seq
    gate.publish_report(seq - 1)  # the same record again
    gate.step()
    order["order_id"] += 1_000
    refuse(gate, order)
    _, alive = accepted(gate)
    refuse(gate, alive)
    assert gate.said(SESSION) == gate.said(STRATEGY_0) == 0
    rejected(gate)
    assert gate.said(SESSION) == codes.STATE_CANCEL_ONLY, "the second that counts"


def test_a_strategy_is_held_alone_and_goes_on_when_a_person_says_so(gate):
    limit(gate, "strategy", 2)
    rejected(gate, 2)
    assert gate.said(STRATEGY_0) == 0
    kept, order = accepted(gate)
    rejected(gate)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED and gate.said(SESSION) == gate.said(FIRM) == 0
    assert try_order(gate, 1) == codes.PASS, "the other strategy trades on"
    gate.step(times=4)
    cancels = [sent for sent in gate.orders() if int(sent["kind"]) == codes.INTENT_CANCEL]
    assert [int(sent["target_order_id"]) for sent in cancels] == [int(order["order_id"])], "its orders are cancelled"
    gate.now_ns += 10**9
    gate.top(), gate.channel()
    assert try_order(gate)[0] == codes.REJECT_VENUE_REJECTS, "no time lets it go on"
    gate.acknowledge(STRATEGY_0)
    assert try_order(gate) == codes.PASS
    rejected(gate, 2)
    assert gate.said(STRATEGY_0) == 0, "its count began again"
    rejected(gate)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED


def test_refused_in_the_window_before_a_person_let_it_go_on_is_forgiven_and_what_comes_after_counts(gate):
    limit(gate, "strategy", 2)
    orders = in_flight(gate, 9)
    for order in orders[:5]:
        refuse(gate, order)
    gate.acknowledge(STRATEGY_0)
    refuse(gate, orders[5])  # was on its way
    assert gate.said(STRATEGY_0) == 0
    assert try_order(gate) == codes.PASS
    refuse(gate, orders[6])
    refuse(gate, orders[7])
    assert gate.said(STRATEGY_0) == 0
    refuse(gate, orders[8])
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED


def test_over_the_firms_limit_the_session_takes_cancels_only_until_a_person_resumes_it(gate):
    limit(gate, "firm", 3)
    mine, _ = accepted(gate, strategy=1)
    rejected(gate, 2)
    rejected(gate, 1, strategy=1)
    orders = in_flight(gate, 2)
    assert gate.said(SESSION) == 0
    refuse(gate, orders[0])
    assert gate.said(SESSION) == codes.STATE_CANCEL_ONLY and gate.said(FIRM) == gate.said(STRATEGY_0) == 0
    wanted = (codes.REJECT_VENUE_REJECTS, codes.LIMIT_SCOPE_FIRM, 3, 4)
    assert try_order(gate) == wanted and try_order(gate, 1) == wanted
    gate.cancel(mine, strategy=1)
    gate.step()
    assert gate.rejects(1) == [] and "cancel" in kinds(gate.orders()), "a cancel is never refused"
    gate.now_ns += 10**9
    gate.top(), gate.channel()
    assert try_order(gate)[0] == codes.REJECT_VENUE_REJECTS, "no time lets it go on"
    gate.acknowledge(SESSION)
    refuse(gate, orders[1])  # was on its way
    assert try_order(gate, 1) == codes.PASS
    rejected(gate, 3)
    assert gate.said(SESSION) == 0, "the firm's count began again"
    rejected(gate)
    assert gate.said(SESSION) == codes.STATE_CANCEL_ONLY


def test_cancels_and_reduces_pass_while_strategy_and_session_are_held(gate):
    limit(gate, "strategy", 1)
    limit(gate, "firm", 1)
    first, _ = accepted(gate)
    second, _ = accepted(gate)
    orders = in_flight(gate, 2)
    for order in orders:
        gate.report(codes.REPORT_REJECTED, order, now_ns=gate.now_ns)
    gate.reduce(first, 5)
    gate.cancel(second)
    gate.step()
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED and gate.said(SESSION) == codes.STATE_CANCEL_ONLY
    assert gate.rejects() == [] and sorted(kinds(gate.orders())[:2]) == ["cancel", "reduce"]


@both_scopes
def test_a_restart_counts_each_reject_once(gate, scope):
    limit(gate, scope, 3)
    rejected(gate, 3)
    for _ in range(3):
        gate.restart()
        assert try_order(gate) == codes.PASS and gate.said(HELD[scope][0]) == 0
    gate.now_ns += 99
    rejected(gate)
    assert gate.said(HELD[scope][0]) == HELD[scope][1], "what came before the restarts counts"


@both_scopes
def test_rejects_that_left_the_window_while_the_gate_was_dead_count_no_more(gate, scope):
    limit(gate, scope, 3)
    rejected(gate, 3)
    gate.restart()
    gate.now_ns += 100
    rejected(gate, 3)
    assert gate.said(HELD[scope][0]) == 0 and gate.errors() == []


@both_scopes
def test_what_is_held_stays_held_over_restarts_until_a_person_resumes_it(gate, scope):
    limit(gate, scope, 3)
    held, state = HELD[scope]
    rejected(gate, 4)
    for _ in range(2):
        gate.restart()
        assert gate.said(held) == state
        assert try_order(gate) == (codes.REJECT_VENUE_REJECTS, SCOPES[scope], 3, 4)
    gate.acknowledge(held)
    assert try_order(gate) == codes.PASS
    gate.restart()
    assert gate.said(held) == 0 and try_order(gate) == codes.PASS, "a restart knows that a person let it go on"
    rejected(gate, 3)
    assert gate.said(held) == 0
    gate.restart()
    rejected(gate)
    assert gate.said(held) == state


@both_scopes
def test_a_storm_that_the_dead_gate_did_not_hear_is_held_when_it_comes_back(gate, scope):
    limit(gate, scope, 3)
    for order in in_flight(gate, 4):
        gate.report(codes.REPORT_REJECTED, order, publish=False, now_ns=gate.now_ns)
    gate.restart()
    assert gate.said(HELD[scope][0]) == HELD[scope][1] and gate.errors() == [ERRORS[scope]]
    assert told(gate, ERRORS[scope]) == (0, 4, 1)


@both_scopes
def test_a_person_who_resumed_while_the_gate_was_dead_has_to_do_it_again(gate, scope):
    limit(gate, scope, 1)
    rejected(gate, 2)
    gate.acknowledge(HELD[scope][0])
    gate.restart()
    assert gate.said(HELD[scope][0]) == HELD[scope][1] and try_order(gate)[0] == codes.REJECT_VENUE_REJECTS


def test_the_session_is_held_as_the_last_when_one_strategy_does_not_stop_alone(gate):
    limit(gate, "strategy", 2)
    limit(gate, "firm", 5)
    orders = in_flight(gate, 6)
    found = []
    for order in orders:
        refuse(gate, order)
        found.append((gate.said(STRATEGY_0), gate.said(SESSION)))
    halted, only = codes.STATE_HALTED, codes.STATE_CANCEL_ONLY
    assert found == [(0, 0), (0, 0), (halted, 0), (halted, 0), (halted, 0), (halted, only)]
    gate.acknowledge(STRATEGY_0)
    assert try_order(gate)[1] == codes.LIMIT_SCOPE_FIRM, "both must be resumed"
    gate.acknowledge(SESSION)
    assert try_order(gate) == codes.PASS


def test_a_limit_above_what_is_remembered_breaks_when_the_ring_is_full(gate):
    limit(gate, "strategy", LIMIT_NONE - 1, window=10**9)
    rejected(gate, REJECT_RING - 1)
    assert gate.said(STRATEGY_0) == 0
    rejected(gate)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED
    assert told(gate, ERROR_GATE_VENUE_REJECTS) == (0, REJECT_RING, 1)


def test_a_limit_that_was_lowered_counts_what_is_remembered_at_the_next_reject(gate):
    rejected(gate, 3)
    limit(gate, "strategy", 2)
    assert try_order(gate) == codes.PASS
    rejected(gate)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED


def test_what_is_counted_is_published_for_eyes(gate):
    limit(gate, "strategy", 5)
    limit(gate, "firm", 9)
    rejected(gate, 2)
    gate.now_ns += 50
    rejected(gate, 1)
    rejected(gate, 1, strategy=1)
    gate.now_ns += 50  # the first two leave the strategy's window

    def published(row):
        found = np.zeros(1, EXPOSURE)
        assert latest_read(gate.tables["exposure"][0], row, found.ctypes.data) > 0
        return int(found[0]["rejects_in_window"])

    for _ in range(12):
        gate.state.gate[0]["exposure_now_ns"] = 0  # no pause between two rows
        gate.step()
    assert [published(row) for row in (0, 2, 5)] == [0, 1, 2], "an instrument, the strategy, the firm"
