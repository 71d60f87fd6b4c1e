"""The checks of the promises see what they are for: each breach in a small account of three orders is told."""

import numpy as np
import pytest

from procs.venue.input_log import INPUT, INPUT_ENTER
from shm.codes import (
    INTENT_NEW,
    PASS,
    REPORT_ACCEPTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_NEVER_ARRIVED,
    REPORT_UNKNOWN,
    SIDE_BUY,
)
from shm.records.decision import DECISION
from shm.records.fill import FILL
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.report import REPORT
from tests.support.promises import SENT_ORDER, Account
from tests.support.venue_stream import Message

PRICE, QTY = 1_000_000, 100


def record(dtype, **fields) -> np.void:
    """One record with the given fields, the rest zero; `order__x` names a field of a part."""
    made = np.zeros(1, dtype)[0]
    for name, value in fields.items():
        part, _, inner = name.partition("__")
        if inner:
            made[part][inner] = value
        else:
            made[part] = value
    return made


def head(stamp_ns: int) -> np.void:
    return record(JOURNAL_ENTRY, stamp_ns=stamp_ns, now_ns=stamp_ns)


def decision(n: int, **changes) -> np.void:
    terms = {"kind": INTENT_NEW, "side": SIDE_BUY, "price_ticks": PRICE, "qty_lots": QTY, "code": PASS}
    return record(DECISION, **{"order_id": n, "intent_id": n, "cause_seq": n, "cause_ring": 1, **terms, **changes})


def sent(n: int, **changes) -> np.void:
    terms = {"kind": INTENT_NEW, "side": SIDE_BUY, "price_ticks": PRICE, "qty_lots": QTY, "order_id": n, "intent_id": n}
    fields = {f"order__{name}": value for name, value in terms.items()}
    return record(SENT_ORDER, **{**fields, "sent__user_ref_num": 10 + n, **changes})


def report(seq: int, n: int, kind: int, **changes) -> np.void:
    fields = {"report_seq": seq, "order_id": n, "user_ref_num": 10 + n, "kind": kind, "side": SIDE_BUY}
    return record(REPORT, **{**fields, "price_ticks": PRICE, "qty_lots": QTY, **changes})


def fill(n: int, match: int) -> np.void:
    fields = {"order_id": n, "match_number": match, "side": SIDE_BUY, "price_ticks": PRICE, "qty_lots": QTY}
    return record(FILL, kind=REPORT_EXECUTED, **fields)


def message(seq: int, kind: str, n: int, **fields) -> Message:
    terms = {"user_ref_num": 10 + n, "side": SIDE_BUY, "price_ticks": PRICE, "qty_lots": QTY}
    return Message(seq, kind, {**terms, **fields})


STREAM = [message(1, "A", 1), message(2, "E", 1, match_number=7), message(3, "A", 2), message(4, "C", 2)]


@pytest.fixture
def account():
    """Order 1 is filled, order 2 is cancelled, order 3 never arrived."""
    held = Account()
    for n in (1, 2, 3):
        held.take_decision(head(n), decision(n))
        held.take_order(head(10 + n), sent(n))
    held.take_report(report(1, 1, REPORT_ACCEPTED, venue_seq=1, leaves_lots=QTY))
    held.take_report(report(2, 1, REPORT_EXECUTED, venue_seq=2, match_number=7))
    held.take_report(report(3, 2, REPORT_ACCEPTED, venue_seq=3, leaves_lots=QTY))
    held.take_report(report(4, 2, REPORT_CANCELED, venue_seq=4))
    held.take_report(report(5, 3, REPORT_UNKNOWN, leaves_lots=QTY))
    held.take_report(report(6, 3, REPORT_NEVER_ARRIVED))
    held.take_fill(fill(1, 7))
    return held


def entered(n: int, **changes) -> np.ndarray:
    fields = {"kind": INPUT_ENTER, "owner": 1, "user_ref": 10 + n, "price": PRICE, "now_ns": 10_000}
    return np.array([record(INPUT, **{**fields, **changes})], INPUT)


def test_an_account_without_a_breach_passes(account):
    account.check_booked()
    account.check_stream(STREAM)
    account.check_inputs(np.concatenate([entered(1), entered(2)]))


@pytest.mark.parametrize(
    ("breach", "told"),
    [
        (lambda a: a.take_order(head(20), sent(4)), "P1: order 4 was sent without a decision"),
        (lambda a: (a.take_decision(head(4), decision(4)), a.take_order(head(5), sent(4, order__qty_lots=QTY + 1))),
         "P1: order 4: approved"),
        (lambda a: (a.take_decision(head(9), decision(4)), a.take_order(head(5), sent(4))), "P1: order 4 was approved"),
        (lambda a: a.check_inputs(entered(9)), "P1: reference 19 reached the venue"),
        (lambda a: a.check_inputs(entered(1, now_ns=1)), "P1: order 1 was at the venue before"),
        (lambda a: a.check_inputs(np.concatenate([entered(1), entered(1)])), "P2: an order reached"),
        (lambda a: a.take_order(head(20), sent(1)), "P2: reference 11 was used twice"),
        (lambda a: a.take_order(head(20), sent(1, sent__user_ref_num=99)), "P2: order 1 was sent twice"),
        (lambda a: a.take_decision(head(9), decision(1, cause_seq=9)), "P2: order id 1 was given twice"),
        (lambda a: a.take_decision(head(9), decision(9, cause_seq=1)), "P2: intent .* was decided twice"),
        (lambda a: a.take_report(report(8, 1, REPORT_ACCEPTED)), "P3: report 8 after 6"),
        (lambda a: a.take_report(report(7, 1, REPORT_ACCEPTED, venue_seq=1)), "P3: message 1 .* reported twice"),
        (lambda a: a.take_report(report(7, 1, REPORT_EXECUTED, match_number=7)), "P3: .* reported twice"),
        (lambda a: a.take_fill(fill(1, 7)), "P3: .* booked twice"),
        (lambda a: (a.take_fill(fill(1, 8)), a.check_booked()), "P3: booked and not reported"),
        (lambda a: a.check_stream([*STREAM, message(5, "E", 1, match_number=8)]), "P3: missing here"),
        (lambda a: (a.booked.clear(), a.check_stream(STREAM)), "P3: missing here"),
        (lambda a: a.check_stream([*STREAM, message(5, "A", 3)]), "P6: what was called 12 lived"),
        (lambda a: (a.take_decision(head(1), decision(4)), a.take_order(head(5), sent(4)), a.check_stream(STREAM)),
         "P6: nobody said what became"),
        (lambda a: (a.take_report(report(7, 2, REPORT_UNKNOWN)), a.check_stream(STREAM)), "P6: an unknown order was closed"),
    ],
)  # fmt: skip
def test_each_breach_is_told(account, breach, told):
    with pytest.raises(AssertionError, match=told):
        breach(account)
