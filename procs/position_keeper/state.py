"""State of position_keeper: its ends, and the private copy of every row that it publishes.

off  size  type   field             meaning of KEEPER, one record
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     instruments       rows of one strategy
  8     8  i8     live              1: reports come from a ring, so the mid of now is the mid of the fill
 16     8  i8     mark_next_ns      logic time of the next round of marks
 24     8  i8     mark_cursor       next row of this round; `rows` when it is done
 32     8  i8     snapshot_next_ns  logic time of the next round of snapshots
 40     8  i8     snapshot_cursor   next row of this round; `rows` when it is done
 48     8  i8     caught_up_stamp   latency time when the journal was last asked for
 56     8  i8     top_addr          private copy of one `tops` row
 64     8  i8     mark_every_ns     pause between rounds of marks
 72     8  i8     snapshot_every_ns pause between rounds of snapshots
 80     8  i8     rows_addr         address of `rows`
 88     8  i8     marks_addr        address of `marks`
 96    32  i8x4   reserved          zero
"""

from typing import NamedTuple

import numpy as np

from shm.atomics import address_of
from shm.records.pnl import PNL
from shm.records.position import POSITION
from shm.records.top import TOP

KEEPER = np.dtype(
    [
        ("instruments", "<i8"),
        ("live", "<i8"),
        ("mark_next_ns", "<i8"),
        ("mark_cursor", "<i8"),
        ("snapshot_next_ns", "<i8"),
        ("snapshot_cursor", "<i8"),
        ("caught_up_stamp", "<i8"),
        ("top_addr", "<i8"),
        ("mark_every_ns", "<i8"),
        ("snapshot_every_ns", "<i8"),
        ("rows_addr", "<i8"),
        ("marks_addr", "<i8"),
        ("reserved", "<i8", (4,)),
    ]
)

assert KEEPER.itemsize == 128

MARK_EVERY_NS = 100_000_000  # a fill marks its own row at once; this is for the rest
SNAPSHOT_EVERY_NS = 10_000_000_000  # bounds what a new life of the fabric reads again from order_sender's journal


class KeeperState(NamedTuple):
    """Rows are strategy_id * instruments + instrument_id unless said otherwise."""

    me: np.ndarray
    exit_request: np.ndarray
    reports: np.ndarray  # RING_END, consumer, a row for each order_sender
    positions: np.ndarray  # TABLE_END[1], writer
    pnl: np.ndarray  # TABLE_END[1], writer
    tops: np.ndarray  # TABLE_END[1]
    journal: np.ndarray  # JOURNAL_END[1]
    keeper: np.ndarray  # KEEPER[1]
    rows: np.ndarray  # POSITION
    marks: np.ndarray  # PNL
    unsaved: np.ndarray  # 1: changed since it was last in the journal
    units: np.ndarray  # by instrument: micro-units of one price tick of one lot
    fees: np.ndarray  # by session, two words: added, removed; micro-units a lot
    applied_seq: np.ndarray  # by order_sender: last report_seq applied
    memory: np.ndarray  # TOP[1]; keeper.top_addr


def state_of(*, me, reports, tables: dict, journal, config) -> KeeperState:
    """A KeeperState without any position. `tables`: TABLE_END arrays positions, pnl, tops."""
    instruments = len(config.instruments)
    strategies = len(config.topology.of_role("strategy"))
    count = strategies * instruments
    rows = np.zeros(count, POSITION)
    rows["instrument_id"] = np.arange(count) % instruments
    rows["strategy_id"] = np.arange(count) // instruments
    marks = np.zeros(count, PNL)
    memory = np.zeros(1, TOP)
    keeper = np.zeros(1, KEEPER)
    keeper["instruments"] = instruments
    keeper["live"] = 1
    keeper["top_addr"] = address_of(memory)
    keeper["rows_addr"], keeper["marks_addr"] = address_of(rows), address_of(marks)
    keeper["mark_cursor"] = keeper["snapshot_cursor"] = count
    keeper["mark_every_ns"] = MARK_EVERY_NS
    keeper["snapshot_every_ns"] = SNAPSHOT_EVERY_NS
    fees = [(venue.fee_added_micro_per_lot, venue.fee_removed_micro_per_lot) for venue in config.venues]
    return KeeperState(
        me=me,
        exit_request=np.zeros(1, np.int64),
        reports=reports,
        **tables,
        journal=journal,
        keeper=keeper,
        rows=rows,
        marks=marks,
        unsaved=np.zeros(count, np.int64),
        units=np.array([held.multiplier * held.price_tick_micro for held in config.instruments], np.int64),
        fees=np.array(fees, np.int64).reshape(-1),
        applied_seq=np.zeros(len(reports), np.int64),
        memory=memory,
    )
