"""Entry journal: what goes to the venue stands in the journal before the first byte of it may leave."""

from procs.order_sender.desk import WORD, journal_of, me_of, row_of
from shm.atomics import copy_bytes, record_at
from shm.codes import INTENT_CANCEL
from shm.error_log import ERROR_SENDER_JOURNAL
from shm.failpoint import failpoint
from shm.failpoints import FP_CANCEL_JOURNALLED, FP_CANCEL_TAKEN, FP_MASS_CANCEL_JOURNALLED
from shm.instance import note_error, stamp
from shm.jit import hot
from shm.journal import JOURNAL_CANCEL_SENT, JOURNAL_ORDER_SENT, journal_claim, journal_commit, journal_lag
from shm.records.order import ORDER
from shm.records.sent import SENT

ORDER_BYTES = ORDER.itemsize
ENTRY_BYTES = ORDER_BYTES + SENT.itemsize


@hot
def _commit(desk, payload_addr, kind, user_ref_num, target_slot, now_ns):
    sent = record_at(payload_addr + ORDER_BYTES, SENT)
    at_ns = stamp(me_of(desk))
    sent["user_ref_num"] = user_ref_num
    sent["target_user_ref_num"] = 0
    if target_slot >= 0:
        sent["target_user_ref_num"] = row_of(desk, target_slot)["user_ref_num"]
    sent["stamp_ns"] = at_ns
    sent["connection"] = desk["connection"]
    sent["session_id"] = desk["session_id"]
    sent["reserved0"] = 0
    for k in range(3):
        sent["reserved"][k] = 0
    journal_commit(journal_of(desk), kind, ENTRY_BYTES, at_ns, now_ns)


@hot
def journal_order(desk, order_addr, user_ref_num, target_slot, now_ns):
    """Journal an order and the reference that it gets. Returns 1, or 0 with no room: then it must not be sent."""
    payload_addr = journal_claim(journal_of(desk))
    if payload_addr == 0:
        return 0
    copy_bytes(payload_addr, order_addr, ORDER_BYTES)
    _commit(desk, payload_addr, JOURNAL_ORDER_SENT, user_ref_num, target_slot, now_ns)
    return 1


@hot
def _claim_for_cancel(desk):
    """Room for a cancel, or 0: a full journal does not stop a cancel; it is counted."""
    payload_addr = journal_claim(journal_of(desk))
    if payload_addr == 0:
        note_error(me_of(desk), ERROR_SENDER_JOURNAL, journal_lag(journal_of(desk)), 0)
    return payload_addr


@hot
def journal_cancel(desk, slot, order_addr, now_ns):
    """Journal that a cancel or a reduce was asked for."""
    failpoint(FP_CANCEL_TAKEN)
    payload_addr = _claim_for_cancel(desk)
    if payload_addr != 0:
        copy_bytes(payload_addr, order_addr, ORDER_BYTES)
        _commit(desk, payload_addr, JOURNAL_CANCEL_SENT, row_of(desk, slot)["user_ref_num"], -1, now_ns)
        failpoint(FP_CANCEL_JOURNALLED)


@hot
def _empty_cancel(payload_addr):
    """The ORDER at `payload_addr`, made a cancel that says nothing else."""
    for at in range(0, ORDER_BYTES, 8):
        record_at(payload_addr + at, WORD)["value"] = 0
    order = record_at(payload_addr, ORDER)
    order["kind"] = INTENT_CANCEL
    return order


@hot
def journal_own_cancel(desk, slot, now_ns):
    """Journal a cancel that no gate asked for: of an order that we adopted, or at an operator's word."""
    payload_addr = _claim_for_cancel(desk)
    if payload_addr == 0:
        return
    order, row = _empty_cancel(payload_addr), row_of(desk, slot)
    order["target_order_id"] = row["order_id"]
    order["target_intent_id"] = row["intent_id"]
    order["instrument_id"] = row["instrument_id"]
    order["strategy_id"] = row["strategy_id"]
    order["side"] = row["side"]
    order["now_ns"] = now_ns
    _commit(desk, payload_addr, JOURNAL_CANCEL_SENT, row["user_ref_num"], -1, now_ns)


@hot
def journal_mass_cancel(desk, user_ref_num, instrument_id, now_ns):
    """Journal a mass cancel: a cancel that names no order, only an instrument, or none (-1)."""
    payload_addr = _claim_for_cancel(desk)
    if payload_addr == 0:
        return
    order = _empty_cancel(payload_addr)
    order["instrument_id"] = instrument_id
    order["strategy_id"] = -1
    order["now_ns"] = now_ns
    _commit(desk, payload_addr, JOURNAL_CANCEL_SENT, user_ref_num, -1, now_ns)
    failpoint(FP_MASS_CANCEL_JOURNALLED)
