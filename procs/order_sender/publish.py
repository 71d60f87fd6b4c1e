"""Publish: copies of reports in the readers' rings. A full ring marks its reader behind and never blocks.

The last reports are kept in private memory too: a reader that was behind and read the journal gets from there what it
still misses.
"""

from procs.order_sender.desk import REPORT_BYTES, me_of, reader_of, word_at
from shm.atomics import copy_bytes, record_at
from shm.failpoint import failpoint
from shm.failpoints import FP_REPORT_BETWEEN_READERS
from shm.instance import stamp
from shm.jit import hot
from shm.records.report import REPORT
from shm.ring import (
    ring_caught_up_seq,
    ring_claim,
    ring_claim_part,
    ring_clear_behind,
    ring_mark_behind,
    ring_publish,
)

EVERY_STRATEGY = -1  # reader_strategy of a ring that gets all reports


@hot
def reader_wants(desk, reader, strategy_id):
    """1 when reader `reader` gets reports of orders of `strategy_id`."""
    wanted = word_at(desk["reader_strategy_addr"], reader)["value"]
    if wanted == EVERY_STRATEGY or wanted == strategy_id:
        return 1
    return 0


@hot
def _copy_to_ring(desk, end, address, report_addr):
    target = record_at(address, REPORT)
    copy_bytes(address + 8, report_addr + 8, REPORT_BYTES - 8)
    target["publish_stamp_ns"] = stamp(me_of(desk))
    ring_publish(end)


@hot
def publish_to(desk, reader, report_addr):
    """Copy one report to one reader's ring; without room the reader is behind. Returns 1 when it was copied."""
    end = reader_of(desk, reader)
    if end["behind"] != 0:
        return 0
    address = ring_claim(end, 0)
    if address == 0:
        ring_mark_behind(end)
        return 0
    _copy_to_ring(desk, end, address, report_addr)
    return 1


@hot
def publish(desk, report_addr):
    """Copy the report at `report_addr` to every reader that wants it."""
    strategy_id = record_at(report_addr, REPORT)["strategy_id"]
    for reader in range(desk["readers"]):
        if reader_wants(desk, reader, strategy_id) == 1:
            publish_to(desk, reader, report_addr)
            failpoint(FP_REPORT_BETWEEN_READERS)


@hot
def recent_addr(desk, report_seq):
    """Address of a recent report. Caller: for recent_first <= report_seq <= the last."""
    return desk["recent_addr"] + (report_seq & (desk["recent_max"] - 1)) * REPORT_BYTES


@hot
def keep_recent(desk, report_addr):
    """Copy a report into the private ring of recent ones. Returns its address there."""
    report_seq = record_at(report_addr, REPORT)["report_seq"]
    address = recent_addr(desk, report_seq)
    copy_bytes(address, report_addr, REPORT_BYTES)
    if report_seq - desk["recent_first"] >= desk["recent_max"]:
        desk["recent_first"] = report_seq - desk["recent_max"] + 1
    return address


# --- readers behind --------------------------------------------------------------------------------------------------


@hot
def _missing_for(desk, reader, applied_seq):
    missing = 0
    for report_seq in range(applied_seq + 1, desk["report_seq"] + 1):
        report = record_at(recent_addr(desk, report_seq), REPORT)
        missing += reader_wants(desk, reader, report["strategy_id"])
    return missing


@hot
def refill(desk, reader):
    """Give a reader that is behind what it still misses, if it read the journal far enough. Returns reports copied.

    All or nothing: `behind` is cleared only when the ring is complete from the reader's own last sequence on. One try
    for each sequence that the reader names: it names another when it has read more of the journal.
    """
    end = reader_of(desk, reader)
    applied_seq = ring_caught_up_seq(end)
    if applied_seq + 1 < desk["recent_first"] or applied_seq > desk["report_seq"]:
        return 0
    if applied_seq == word_at(desk["refill_tried_addr"], reader)["value"]:
        return 0
    word_at(desk["refill_tried_addr"], reader)["value"] = applied_seq
    missing = _missing_for(desk, reader, applied_seq)
    if missing > 0 and (missing > end["capacity"] or ring_claim_part(end, missing - 1, 0) == 0):
        return 0
    word_at(desk["refill_tried_addr"], reader)["value"] = -1
    for report_seq in range(applied_seq + 1, desk["report_seq"] + 1):
        address = recent_addr(desk, report_seq)
        if reader_wants(desk, reader, record_at(address, REPORT)["strategy_id"]) == 1:
            _copy_to_ring(desk, end, ring_claim(end, 0), address)
    ring_clear_behind(end)
    return missing


@hot
def refill_readers(desk):
    """Look after every reader that is behind. Returns reports copied."""
    copied = 0
    for reader in range(desk["readers"]):
        if reader_of(desk, reader)["behind"] != 0:
            copied += refill(desk, reader)
    return copied
