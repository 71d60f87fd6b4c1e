"""risk_gate's step on scratch rings: what reports do to exposure, corrections, and a reader that is behind."""

import pytest

import shm.codes as codes
from procs.risk_gate.recover import apply_all
from procs.risk_gate.state import parts_of
from shm.atomics import address_of
from shm.control import control_state
from shm.counters import (
    GATE_BREAKS,
    GATE_UNKNOWN_REPORTS,
)
from shm.error_log import (
    ERROR_GATE_CORRUPT,
    ERROR_GATE_IMPOSSIBLE_REPORT,
    ERROR_GATE_OVERFILL,
    ERROR_GATE_POSITION_BREAK,
    ERROR_GATE_UNKNOWN_REPORT,
)
from shm.records.report import REPORT
from shm.ring import ring_caught_up_seq, ring_clear_behind, ring_mark_behind
from tests.support.gate import (
    FIRM,
    OPERATOR,
    Gate,
    accepted,
    counter,
    holding,
    kinds,
    np,
    passed,
)


@pytest.fixture
def gate():
    return Gate()


# --- reports ----------------------------------------------------------------------------------------------------------


def test_reports_are_applied_once_and_in_order(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=4, leaves_lots=6)
    gate.publish_report(1)
    gate.publish_report(0)
    gate.step()
    assert holding(gate) == (4, 6, 0, 1) == holding(gate, 0, 0)
    assert gate.errors() == []


def test_more_executed_than_open_halts_the_instrument(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=11, leaves_lots=0)
    gate.step()
    assert gate.errors() == [ERROR_GATE_OVERFILL] and holding(gate) == (11, 0, 0, 0)
    assert control_state(gate.control[0], 0, 0, 0) == codes.STATE_HALTED
    assert control_state(gate.control[0], 0, 0, 1) == codes.STATE_ACTIVE
    assert OPERATOR != int(gate.control[0]["writer"])


def test_a_fill_of_an_unknown_order_still_moves_the_position_and_is_noted(gate):
    gate.report(codes.REPORT_EXECUTED, order_id=77, qty_lots=5, side=codes.SIDE_SELL)
    gate.step()
    assert holding(gate) == (-5, 0, 0, 0) and gate.errors() == [ERROR_GATE_UNKNOWN_REPORT]
    assert counter(gate, GATE_UNKNOWN_REPORTS) == 1


def test_an_order_that_nobody_passed_is_adopted_counted_and_cancelled(gate):
    gate.report(codes.REPORT_ACCEPTED, order_id=77, intent_id=9, qty_lots=5, leaves_lots=5)
    gate.step()
    assert holding(gate) == (0, 5, 0, 1)
    gate.step(times=2)
    assert [int(order["target_order_id"]) for order in gate.orders()] == [77]


@pytest.mark.parametrize(
    "fields",
    [dict(instrument_id=2), dict(instrument_id=-1), dict(strategy_id=9), dict(side=0), dict(qty_lots=0)]
    + [dict(qty_lots=-3), dict(qty_lots=1 << 40), dict(kind=0), dict(kind=99), dict(strategy_id=1)],
    ids=str,
)
def test_an_impossible_report_changes_nothing_and_is_noted(gate, fields):
    _, order = accepted(gate)
    gate.report(**dict(kind=codes.REPORT_EXECUTED, order=order, qty_lots=3, leaves_lots=7) | fields)
    gate.step()
    assert holding(gate) == (0, 10, 0, 1) and gate.errors()[-1] == ERROR_GATE_IMPOSSIBLE_REPORT
    corrupt = ERROR_GATE_CORRUPT in gate.errors()
    assert corrupt == (set(fields) <= {"kind", "instrument_id"} or fields == dict(strategy_id=9))
    assert gate.said(FIRM) == (codes.STATE_HALTED if corrupt else 0), "what cannot be a report halts everything"


def test_the_end_of_an_order_that_lived_is_not_believed_from_a_rejection(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_NEVER_ARRIVED, order)
    gate.step()
    assert holding(gate) == (0, 10, 0, 1) and gate.errors() == [ERROR_GATE_IMPOSSIBLE_REPORT]


def test_an_unknown_fate_keeps_exposure_until_the_venue_speaks(gate):
    _, order = passed(gate)
    gate.report(codes.REPORT_UNKNOWN, order, leaves_lots=10)
    gate.step()
    assert holding(gate) == (0, 10, 0, 1)
    gate.report(codes.REPORT_NEVER_ARRIVED, order)
    gate.step()
    assert holding(gate) == (0, 0, 0, 0)


def test_a_broken_trade_moves_the_position_back_and_opens_nothing(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=10, leaves_lots=0)
    gate.report(codes.REPORT_BROKEN, order, qty_lots=10)
    gate.step()
    assert holding(gate) == (0, 0, 0, 0)


def test_a_different_position_at_the_same_report_is_a_break(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=4, leaves_lots=6)
    gate.step()
    for lots, seq, breaks in ((0, 1, 0), (9, 3, 0), (4, 2, 0), (5, 2, 1)):  # older, newer, equal, different
        gate.write("positions", 0, reports_seq=seq, position_lots=lots)
        gate.step(times=8)
        assert counter(gate, GATE_BREAKS) == breaks, (lots, seq)
    assert gate.errors() == [ERROR_GATE_POSITION_BREAK]
    assert control_state(gate.control[0], 0, 0, 0) == codes.STATE_REDUCING


# --- behind -----------------------------------------------------------------------------------------------------------


def caught_up(gate):
    """What the control thread does on EXIT_CATCH_UP, with the test's log in the place of the journal."""
    assert gate.state.exit_request[0] == codes.EXIT_CATCH_UP
    apply_all(gate.state, 0, np.frombuffer(bytearray(b"".join(gate.report_log)), REPORT))
    gate.state.exit_request[0] = 0


def test_a_reader_behind_passes_only_cancels_until_it_read_the_journal(gate):
    intent_id, order = accepted(gate)
    producer = gate.report_ends[0][0][0]
    ring_mark_behind(producer)
    gate.report(codes.REPORT_EXECUTED, order, publish=False, qty_lots=4, leaves_lots=6)
    gate.intent()
    gate.cancel(intent_id)
    gate.step()
    assert gate.codes() == [codes.REJECT_SENDER_BEHIND] and kinds(gate.orders()) == ["cancel"]
    caught_up(gate)
    assert ring_caught_up_seq(producer) == 2 and holding(gate) == (4, 6, 0, 1)
    ring_clear_behind(producer)
    passed(gate)


def test_a_gap_in_the_reports_is_never_skipped(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, publish=False, qty_lots=4, leaves_lots=6)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=6, leaves_lots=0)
    gate.intent()
    gate.step()
    assert gate.codes() == [codes.REJECT_SENDER_BEHIND] and holding(gate) == (0, 10, 0, 1)
    caught_up(gate)
    passed(gate)
    assert holding(gate) == (10, 10, 0, 1) and gate.errors() == []


def test_parts_behind_the_record_are_found_again(gate):
    assert parts_of(gate.state).exposure.slots.shape == (64,)
    assert address_of(parts_of(gate.state).desks) == int(gate.state.gate[0]["desks_addr"])


# --- corrections ------------------------------------------------------------------------------------------------------


def test_a_corrected_trade_moves_the_position_by_the_difference_and_a_broken_one_by_what_it_became(gate):
    _, order = accepted(gate, side=codes.SIDE_SELL)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=6, leaves_lots=4, match_number=77)
    gate.report(codes.REPORT_CORRECTED, order, qty_lots=2, leaves_lots=4, match_number=77, price_ticks=9_990)
    gate.step()
    assert holding(gate) == (-2, 0, 4, 1) and gate.errors() == []
    gate.report(codes.REPORT_CORRECTED, order, qty_lots=5, leaves_lots=4, match_number=77)
    gate.report(codes.REPORT_BROKEN, order, qty_lots=5, leaves_lots=4, match_number=77)
    gate.step()
    assert holding(gate) == (0, 0, 4, 1) and gate.errors() == []
    gate.report(codes.REPORT_CORRECTED, order, qty_lots=5, leaves_lots=4, match_number=77)
    gate.step()
    assert holding(gate) == (0, 0, 4, 1) and gate.errors() == [ERROR_GATE_IMPOSSIBLE_REPORT]


def test_a_correction_counts_in_the_total_of_a_replace_in_flight(gate):
    intent_id, order = accepted(gate, qty_lots=50)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=20, leaves_lots=30, match_number=1)
    gate.replace(intent_id, qty_lots=80)
    gate.step(times=2)
    assert holding(gate) == (20, 60, 0, 1)
    gate.report(codes.REPORT_CORRECTED, order, qty_lots=5, leaves_lots=30, match_number=1)
    gate.step()
    assert holding(gate) == (5, 75, 0, 1)


def test_a_restated_order_counts_at_the_venues_price_and_size(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_RESTATED, order, price_ticks=9_900, qty_lots=8, leaves_lots=8)
    gate.step()
    assert holding(gate) == (0, 8, 0, 1) and int(gate.exposure.firm[0]["value_buy"]) == 8 * 9_900 * 100
