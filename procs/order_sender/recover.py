"""Recover: the state of a dead order_sender from its own journal, and the rings brought up to it.

Every journalled entry goes through the same functions as live: an order sent opens its slot, a cancel marks it, a
report is applied. What was sent and not answered is then swept to UNKNOWN, once; nothing is ever sent again. Reports
that the dead process journalled and did not publish are published; readers drop what they have.
"""

import numpy as np

from procs.order_sender.desk import SWEEP_LOST, me_of, reader_of, row_of, working_of
from procs.order_sender.entries import open_order
from procs.order_sender.life_cycle import is_open
from procs.order_sender.orders import ask_cancel, ask_reduce, slot_for, slot_of_order, slot_of_ref
from procs.order_sender.publish import keep_recent, publish_to, reader_wants, recent_addr
from procs.order_sender.reports import apply_report
from procs.order_sender.session import VENUE_SESSION_AT, VENUE_SESSION_WIDTH, start_sweep, want_session_state
from shm.atomics import address_of, copy_bytes, record_at
from shm.codes import INTENT_REDUCE, INTENT_REPLACE, REPORT_NEVER_ARRIVED, STATE_CANCEL_ONLY
from shm.counters import SENDER_OPEN_ORDERS
from shm.errors import JournalCorrupt
from shm.failpoint import failpoint
from shm.failpoints import FP_SENDER_REPLAYED, FP_SENDER_REPUBLISHED, reach
from shm.instance import gauge
from shm.jit import hot
from shm.journal import JOURNAL_CANCEL_SENT, JOURNAL_ORDER_SENT, JOURNAL_REPORT, JOURNAL_SESSION
from shm.journal_disk import KEEP
from shm.latest import latest_claim, latest_publish, latest_version
from shm.records.journal_end import JOURNAL_HEAD_BYTES
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.order import ORDER
from shm.records.report import REPORT
from shm.records.sent import SENT
from shm.records.session_entry import SESSION_ENTRY, SESSION_LOGGED_IN
from shm.records.working import WORKING
from shm.ring import ring_is_behind, ring_mark_behind

ORDER_BYTES = ORDER.itemsize


@hot
def _replay_order(desk, payload_addr, now_ns):
    order = record_at(payload_addr, ORDER)
    sent = record_at(payload_addr + ORDER_BYTES, SENT)
    if order["order_id"] > desk["order_id_last"]:
        desk["order_id_last"] = order["order_id"]
    if is_open(row_of(desk, slot_for(desk, sent["user_ref_num"]))["state"]) == 1:
        return 0
    original = -1
    if order["kind"] == INTENT_REPLACE:
        original = slot_of_order(desk, order["target_order_id"])
    slot = open_order(desk, order, sent["user_ref_num"], original, now_ns)
    row_of(desk, slot)["send_stamp_ns"] = sent["stamp_ns"]
    return 1


@hot
def _replay_cancel(desk, payload_addr):
    """A cancel, a reduce, or a mass cancel: that one names no order, and what it was to end is asked for again."""
    order = record_at(payload_addr, ORDER)
    user_ref_num = record_at(payload_addr + ORDER_BYTES, SENT)["user_ref_num"]
    if order["target_order_id"] == 0:
        desk["mass_ref_last"] = user_ref_num
        return
    slot = slot_of_ref(desk, user_ref_num)
    if slot < 0:
        return
    if order["kind"] == INTENT_REDUCE:
        ask_reduce(desk, slot, order["qty_lots"])
    else:
        ask_cancel(desk, slot)


@hot
def _replay_report(desk, payload_addr):
    report = record_at(payload_addr, REPORT)
    if report["kind"] == REPORT_NEVER_ARRIVED and slot_of_ref(desk, report["user_ref_num"]) == desk["orphan"]:
        desk["orphan"] = -1
    apply_report(desk, report)
    desk["report_seq"] = report["report_seq"]
    keep_recent(desk, payload_addr)


@hot
def _replay_session(desk, payload_addr):
    entry = record_at(payload_addr, SESSION_ENTRY)
    if entry["kind"] == SESSION_LOGGED_IN:  # a new venue session starts its numbers again
        desk["venue_seq"] = entry["venue_seq"]
        copy_bytes(desk["venue_session_addr"], payload_addr + VENUE_SESSION_AT, VENUE_SESSION_WIDTH)
    elif entry["venue_seq"] > desk["venue_seq"]:
        desk["venue_seq"] = entry["venue_seq"]


@hot
def replay_entry(desk, kind, payload_addr, now_ns):
    """Apply one journal entry of JOURNAL_* `kind`. Returns 1, or 0 when it could not be applied."""
    if kind == JOURNAL_ORDER_SENT:
        return _replay_order(desk, payload_addr, now_ns)
    if kind == JOURNAL_CANCEL_SENT:
        _replay_cancel(desk, payload_addr)
    elif kind == JOURNAL_REPORT:
        _replay_report(desk, payload_addr)
    elif kind == JOURNAL_SESSION:
        _replay_session(desk, payload_addr)
    return 1


@hot
def clear_working(desk):
    """Take the orders of a dead process out of the `working` table."""
    table = working_of(desk)
    for row in range(table["rows"]):
        if latest_version(table, row) != 0:
            record_at(latest_claim(table, row), WORKING)["order_id"] = 0
            latest_publish(table, row)


@hot
def last_published(end):
    """report_seq of the last record that was published in a ring; 0 when none ever was."""
    sequence = end["next_seq"] - 1
    if sequence < 0:
        return 0
    return record_at(end["slots_addr"] + (sequence & end["mask"]) * end["slot_bytes"], REPORT)["report_seq"]


@hot
def republish(desk, reader):
    """Publish to one reader what the journal has and its ring never had; too much for it marks the reader behind."""
    end = reader_of(desk, reader)
    if ring_is_behind(end) != 0:
        end["behind"] = 1
        return 0
    last_seq = last_published(end)
    if last_seq + 1 < desk["recent_first"]:
        ring_mark_behind(end)
        return 0
    copied = 0
    for report_seq in range(last_seq + 1, desk["report_seq"] + 1):
        address = recent_addr(desk, report_seq)
        if reader_wants(desk, reader, record_at(address, REPORT)["strategy_id"]) == 1:
            copied += publish_to(desk, reader, address)
    return copied


@hot
def finish_replay(desk):
    """After the last entry: nothing at or below the journal's order ids is taken again, and what is open is swept."""
    desk["order_id_replayed"] = desk["order_id_last"]
    gauge(me_of(desk), SENDER_OPEN_ORDERS, desk["orders_open"])  # the dead process may not have said its last word
    start_sweep(desk, SWEEP_LOST)
    want_session_state(desk, STATE_CANCEL_ONLY)
    for reader in range(desk["readers"]):
        republish(desk, reader)
        failpoint(FP_SENDER_REPUBLISHED)


@hot
def replay_entries(desk, entries_addr, count, entry_bytes):
    """Apply `count` whole entries, one behind the other. Returns how many, less when one could not be applied."""
    for row in range(count):
        address = entries_addr + row * entry_bytes
        head = record_at(address, JOURNAL_ENTRY)
        if replay_entry(desk, np.int64(head["kind"]), address + JOURNAL_HEAD_BYTES, head["now_ns"]) == 0:
            return row
    return count


def replay(state, reader) -> int:
    """Apply every entry of the journal that `reader` (shm/journal_reader.py) shows. Returns their number."""
    desk = state.desk[0]
    clear_working(desk)
    applied = 0
    for chunk in reader.chunks():
        done = replay_entries(desk, address_of(chunk), len(chunk), chunk.dtype.itemsize)
        applied += int(done)
        if done < len(chunk):
            raise JournalCorrupt(
                where=f"{reader.folder}, entry {applied}",
                expected="an order sent into a free slot",
                found="two open orders in one slot: the journal is not ours",
                do=KEEP,
            )
    reach(FP_SENDER_REPLAYED)
    finish_replay(desk)
    return applied
