"""State of order_sender: every array of the hot thread, allocated once at open. No sockets here."""

from typing import NamedTuple

import numpy as np

from procs.net.port import FramePort, open_port
from procs.order_sender.desk import DESK, PHASE_DOWN, SWEEP_NONE
from procs.order_sender.entries import USER_REF_MAX
from procs.order_sender.life_cycle import ORDER_STATE_CLOSED, STATE_NAMES
from procs.order_sender.order_row import ORDER_ROW
from procs.order_sender.session import H_WORDS, VENUE_SESSION_BYTES, VENUE_SESSION_WIDTH
from procs.order_sender.transmit import PACKET_BYTES_MAX
from procs.wire.big_endian import text_word
from procs.wire.ouch.event import OUCH_EVENT
from shm.atomics import address_of
from shm.int_map import int_map
from shm.records.report import REPORT

ORDERS_MAX = 8192  # orders remembered, open and closed: eight seconds of closed ones at 1,000 orders/s; 2 MiB
RECENT_MAX = 4096  # reports kept for readers behind: as deep as the deepest ring; 1 MiB
TRADES_MAX = 16384  # executions that a broken trade may still name; 384 KiB
RECEIVED_BYTES = 1 << 17  # the longest packet, and as much again while the journal is full
FRAMES_IN = 8

assert RECENT_MAX & (RECENT_MAX - 1) == 0 and ORDERS_MAX & (ORDERS_MAX - 1) == 0 and TRADES_MAX & (TRADES_MAX - 1) == 0
assert RECEIVED_BYTES > 0xFFFF + 2


class State(NamedTuple):
    """Arrays only. Owned by the hot thread, except the control thread's hand-over words and `leftover`."""

    me: np.ndarray  # INSTANCE_END[1]
    exit_request: np.ndarray  # int64[1]
    desk: np.ndarray  # DESK[1]
    control: np.ndarray  # CONTROL_END[1]
    journal: np.ndarray  # JOURNAL_END[1]
    ids: np.ndarray  # int64 words of the identifier block (shm/ids.py)
    orders_in: np.ndarray  # RING_END[1]
    reports_out: np.ndarray  # RING_END[readers]
    reader_strategy: np.ndarray  # int64[readers]: row of the strategy, EVERY_STRATEGY for the others
    refill_tried: np.ndarray  # int64[readers]: sequence that a reader behind named at the last try
    working: np.ndarray  # TABLE_END[1]
    working_rows: np.ndarray  # int64[rows]: stack of free rows of `working`
    rows: np.ndarray  # ORDER_ROW[ORDERS_MAX]
    free: np.ndarray  # int64[ORDERS_MAX]: queue of free slots, longest closed first
    held: np.ndarray  # int64[orders ring, 2]: ring sequence of a held order, 1 when it was cancelled
    by_order_id: np.ndarray  # map order id -> slot
    by_ref: np.ndarray  # map user_ref_num -> slot
    trade_of: np.ndarray  # map match number -> row of `trades`
    trades: np.ndarray  # int64[TRADES_MAX, 3]: match number, lots, price
    recent: np.ndarray  # REPORT[RECENT_MAX]
    recent_addr: np.ndarray  # int64[1]
    draft: np.ndarray  # REPORT[1]
    draft_addr: np.ndarray  # int64[1]
    event: np.ndarray  # OUCH_EVENT[1]
    symbols: np.ndarray  # int64[instruments]: symbol as on the wire
    port_in: FramePort
    port_out: FramePort
    tx: np.ndarray  # uint8[FRAME_BYTES]: row 0 of port_out
    spare: np.ndarray  # uint8[PACKET_BYTES_MAX]
    received: np.ndarray  # uint8[RECEIVED_BYTES]
    leftover: np.ndarray  # uint8[RECEIVED_BYTES]: bytes behind the login's answer
    hand_over: np.ndarray  # int64[H_WORDS]
    hand_over_addr: np.ndarray  # int64[1]
    venue_session: np.ndarray  # uint8[16]: the venue's name of the session, as logged in
    venue_session_addr: np.ndarray  # int64[1]


def open_state(
    *, me, control, journal, ids, orders_in, reports_out, reader_strategy, working, symbols, session_id=0,
    heartbeat_ns=1_000_000_000, silence_ns=5_000_000_000, unsent_ns=50_000_000,
) -> State:  # fmt: skip
    """Allocate a state around attached rings, tables and words."""
    desk = np.zeros(1, DESK)
    row = desk[0]
    row["session_id"], row["phase"], row["sweep"] = session_id, PHASE_DOWN, SWEEP_NONE
    row["order_at"] = row["orphan"] = -1
    row["recent_first"] = 1
    row["heartbeat_ns"], row["silence_ns"], row["unsent_ns"] = heartbeat_ns, silence_ns, unsent_ns
    row["free_tail"] = ORDERS_MAX
    working_count = int(working[0]["rows"])
    row["working_free"] = working_count
    recent, draft, hand_over = np.zeros(RECENT_MAX, REPORT), np.zeros(1, REPORT), np.zeros(H_WORDS, np.int64)
    venue_session = np.zeros(VENUE_SESSION_WIDTH, np.uint8)
    venue_session[:VENUE_SESSION_BYTES] = ord(" ")
    port_out = open_port(rows=1, lines=1)
    return State(
        me=me,
        exit_request=np.zeros(1, np.int64),
        desk=desk,
        control=control,
        journal=journal,
        ids=ids,
        orders_in=orders_in,
        reports_out=reports_out,
        reader_strategy=np.asarray(reader_strategy, np.int64),
        refill_tried=np.full(len(reports_out), -1, np.int64),
        working=working,
        working_rows=np.arange(working_count, dtype=np.int64)[::-1].copy(),
        rows=np.zeros(ORDERS_MAX, ORDER_ROW),
        free=np.arange(ORDERS_MAX, dtype=np.int64),
        held=np.zeros((int(orders_in[0]["capacity"]), 2), np.int64),
        by_order_id=int_map(2 * ORDERS_MAX),
        by_ref=int_map(2 * ORDERS_MAX),
        trade_of=int_map(2 * TRADES_MAX),
        trades=np.zeros((TRADES_MAX, 3), np.int64),
        recent=recent,
        recent_addr=np.array([address_of(recent)], np.int64),
        draft=draft,
        draft_addr=np.array([address_of(draft)], np.int64),
        event=np.zeros(1, OUCH_EVENT),
        symbols=np.array([text_word(symbol) for symbol in symbols], np.int64),
        port_in=open_port(rows=FRAMES_IN, lines=1),
        port_out=port_out,
        tx=port_out.frame_bytes.reshape(-1),
        spare=np.zeros(PACKET_BYTES_MAX, np.uint8),
        received=np.zeros(RECEIVED_BYTES, np.uint8),
        leftover=np.zeros(RECEIVED_BYTES, np.uint8),
        hand_over=hand_over,
        hand_over_addr=np.array([address_of(hand_over)], np.int64),
        venue_session=venue_session,
        venue_session_addr=np.array([address_of(venue_session)], np.int64),
    )


def open_(wiring) -> State:
    """Attach rings, tables and words; allocate the rest."""
    config = wiring.config
    settings = config.venues[wiring.index].session
    strategies = [instance.name for instance in config.topology.of_role("strategy")]
    readers = [strategies.index(peer) if peer in strategies else -1 for peer in wiring.peers_out("reports")]
    wiring.id_block = wiring.ids(USER_REF_MAX)  # the control thread extends it (tend)
    return open_state(
        me=wiring.me(),
        control=wiring.control(),
        journal=wiring.journal(),
        ids=wiring.id_block.words,
        orders_in=wiring.rings_in("orders"),
        reports_out=wiring.rings_out("reports"),
        reader_strategy=readers,
        working=wiring.table("working"),
        symbols=[instrument.symbol for instrument in config.instruments],
        session_id=wiring.index,
        heartbeat_ns=settings.heartbeat_ms * 1_000_000,
        silence_ns=settings.silence_ms * 1_000_000,
        unsent_ns=settings.unsent_ms_max * 1_000_000,
    )


def check(state: State) -> None:
    """Assert the invariants of the order table; the message shows the row that breaks one."""
    desk = state.desk[0]
    used = state.rows[state.rows["order_id"] != 0]
    opened = used[used["state"] != ORDER_STATE_CLOSED]
    assert int(desk["orders_open"]) == len(opened), (int(desk["orders_open"]), len(opened))
    assert int(desk["cancels_due"]) == int((used["cancel_due"] != 0).sum()), "cancels_due differs from the rows"
    assert int(desk["free_tail"]) - int(desk["free_head"]) == ORDERS_MAX - len(opened), "free slots do not add up"
    for row in used:
        assert int(row["state"]) in STATE_NAMES, row
        assert row["leaves_lots"] >= 0 and row["cum_lots"] >= 0, row
        if row["state"] == ORDER_STATE_CLOSED:
            assert row["leaves_lots"] == 0 and row["cancel_due"] == 0 and row["working_row"] < 0, row
        else:
            assert row["leaves_lots"] > 0, row
            assert row["leaves_lots"] + row["cum_lots"] <= row["qty_lots"] or row["kind"] == 2, row
    assert 0 <= state.port_out.taken[0] <= state.port_out.frames[0]["size"] <= state.tx.size
