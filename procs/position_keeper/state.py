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
 96     8  i8     sessions          venue sessions
104     8  i8     totals_addr       address of `totals_held`
112    16  i8x2   reserved          zero
"""

from typing import NamedTuple

import numpy as np

from config.fees import fees_by_row
from procs.position_keeper.lots import QUEUE, lots_for
from procs.position_keeper.money import FEE_RULE
from procs.runtime.desks import desk_names
from procs.runtime.totals import total_rows, totals_of_pnl
from shm.atomics import address_of
from shm.records.pnl import PNL, SUMMED_WORDS
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
        ("sessions", "<i8"),
        ("totals_addr", "<i8"),
        ("reserved", "<i8", (2,)),
    ]
)

assert KEEPER.itemsize == 128

MARK_EVERY_NS = 100_000_000  # a fill marks its own row at once; this is for the rest
SNAPSHOT_EVERY_NS = 10_000_000_000  # bounds what a new life of the fabric reads again from order_sender's journal
LOTS_MAX = 65_536  # open FIFO lots of all rows together, 2 MB


class KeeperState(NamedTuple):
    """Rows are strategy_id * instruments + instrument_id unless said otherwise; the last strategy_id is the house."""

    me: np.ndarray
    exit_request: np.ndarray
    reports: np.ndarray  # RING_END, consumer, a row for each order_sender
    positions: np.ndarray  # TABLE_END[1], writer
    pnl: np.ndarray  # TABLE_END[1], writer
    totals: np.ndarray  # TABLE_END[1], writer
    tops: np.ndarray  # TABLE_END[1]
    journal: np.ndarray  # JOURNAL_END[1]
    keeper: np.ndarray  # KEEPER[1]
    rows: np.ndarray  # POSITION
    marks: np.ndarray  # PNL
    mark_words: np.ndarray  # the same memory, i8[rows, words]
    before: np.ndarray  # i8[SUMMED_WORDS]: a mark's summed words before it changes
    totals_held: np.ndarray  # TOTAL, private copy of `totals`
    total_words: np.ndarray  # the same memory, i8[rows, words]
    totals_of: np.ndarray  # i8[rows, 4]: rows of `totals` that a row adds to
    queues: np.ndarray  # QUEUE: open lots of each row
    pool: np.ndarray  # POOL[1]
    lots: np.ndarray  # LOT; pool.lots_addr
    unsaved: np.ndarray  # 1: changed since it was last in the journal
    units: np.ndarray  # by instrument: micro-units of one price tick of one lot
    fees: np.ndarray  # FEE_RULE, row (session * instruments + instrument) * 2 + (0 added, 1 removed)
    applied_seq: np.ndarray  # by order_sender: last report_seq applied
    memory: np.ndarray  # TOP[1]; keeper.top_addr


def fee_rules(config) -> np.ndarray:
    """FEE_RULE of every session, instrument and liquidity, in force on the trading date."""
    rules = []
    for by_row in fees_by_row(config):
        for fees in by_row:
            rules.append((fees.added_micro_per_lot, fees.added_e8_of_notional, fees.added_fill_min_micro, 0))
            rules.append((fees.removed_micro_per_lot, fees.removed_e8_of_notional, fees.removed_fill_min_micro, 0))
    return np.array(rules, FEE_RULE)


def state_of(*, me, reports, tables: dict, journal, config, lots_max: int = LOTS_MAX) -> KeeperState:
    """A KeeperState without any position. `tables`: TABLE_END arrays positions, pnl, totals, tops."""
    instruments = len(config.instruments)
    count = len(desk_names(config)) * instruments
    rows = np.zeros(count, POSITION)
    rows["instrument_id"] = np.arange(count) % instruments
    rows["strategy_id"] = np.arange(count) // instruments
    marks = np.zeros(count, PNL)
    marks["instrument_id"], marks["strategy_id"] = rows["instrument_id"], rows["strategy_id"]
    totals_held = total_rows(config)
    pool, lots = lots_for(lots_max)
    memory = np.zeros(1, TOP)
    keeper = np.zeros(1, KEEPER)
    keeper["instruments"] = instruments
    keeper["live"] = 1
    keeper["top_addr"] = address_of(memory)
    keeper["rows_addr"], keeper["marks_addr"] = address_of(rows), address_of(marks)
    keeper["sessions"], keeper["totals_addr"] = len(config.venues), address_of(totals_held)
    keeper["mark_cursor"] = keeper["snapshot_cursor"] = count
    keeper["mark_every_ns"] = MARK_EVERY_NS
    keeper["snapshot_every_ns"] = SNAPSHOT_EVERY_NS
    return KeeperState(
        me=me,
        exit_request=np.zeros(1, np.int64),
        reports=reports,
        **tables,
        journal=journal,
        keeper=keeper,
        rows=rows,
        marks=marks,
        mark_words=marks.view(np.int64).reshape(count, -1),
        before=np.zeros(SUMMED_WORDS, np.int64),
        totals_held=totals_held,
        total_words=totals_held.view(np.int64).reshape(len(totals_held), -1),
        totals_of=totals_of_pnl(config, np.zeros(instruments, np.int64)),
        queues=np.zeros(count, QUEUE),
        pool=pool,
        lots=lots,
        unsaved=np.zeros(count, np.int64),
        units=np.array([held.multiplier * held.price_tick_micro for held in config.instruments], np.int64),
        fees=fee_rules(config),
        applied_seq=np.zeros(len(reports), np.int64),
        memory=memory,
    )
