"""State of order_sender: every array of the hot thread, allocated once at open. No sockets here.

Hot functions get the one DESK record, which names the arrays by address, and beside it only what codecs want as arrays.
"""

import ctypes
from typing import NamedTuple

import numpy as np

from procs.net.port import WORD_FDS_ADDR, FramePort, open_port
from procs.order_sender.desk import DESK, HELD, PHASE_DOWN, SWEEP_NONE, TRADE, WAITING, WAITING_MAX
from procs.order_sender.entries import ORDERS_BATCH_MAX
from procs.order_sender.life_cycle import ORDER_STATE_CLOSED, STATE_NAMES
from procs.order_sender.mass_cancel import USER_REF_MAX
from procs.order_sender.order_row import ORDER_ROW
from procs.order_sender.session import H_WORDS, VENUE_SESSION_BYTES, VENUE_SESSION_WIDTH
from procs.wire.big_endian import text_word
from procs.wire.ouch.event import OUCH_EVENT
from shm.atomics import address_of
from shm.counters import SENDER_ASKED
from shm.records.report import REPORT

SLOTS = 8192  # orders remembered, open and closed: eight seconds at 1,000 orders/s; 2 MiB
RECENT_MAX = 4096  # reports kept for readers behind: as deep as the deepest ring; 1 MiB
TRADES_MAX = 16384  # executions that a broken trade may still name; 1.2 MiB
RECEIVED_BYTES = 1 << 17  # the longest packet, and as much again while the journal is full
FRAMES_IN = 8
EVERY_READER_STRATEGY = -1  # risk_gate and position_keeper read the reports of all strategies

assert all(size & (size - 1) == 0 for size in (SLOTS, RECENT_MAX, TRADES_MAX))
assert RECEIVED_BYTES > 0xFFFF + 2


class State(NamedTuple):
    """Owned by the hot thread, except the control thread's hand-over words and `leftover`."""

    me: np.ndarray  # INSTANCE_END[1]
    exit_request: np.ndarray  # int64[1]
    desk: np.ndarray  # DESK[1]
    ids: np.ndarray  # int64 words of the identifier block (shm/ids.py)
    tx: np.ndarray  # uint8[FRAME_BYTES]: row 0 of port_out
    received: np.ndarray  # uint8[RECEIVED_BYTES]: the venue's bytes that are not yet a whole packet
    port_in: FramePort
    port_out: FramePort


class Arrays(NamedTuple):
    """What the desk names by address, for cold code and tests. Kept alive as long as the state is."""

    control: np.ndarray  # CONTROL_END[1]
    journal: np.ndarray  # JOURNAL_END[1]
    orders: np.ndarray  # RING_END[1]
    reports: np.ndarray  # RING_END[readers]
    working: np.ndarray  # TABLE_END[1]
    reader_strategy: np.ndarray  # int64[readers]
    refill_tried: np.ndarray  # int64[readers]: sequence that a reader behind named at the last try
    rows: np.ndarray  # ORDER_ROW[SLOTS]
    index: np.ndarray  # int64[SLOTS]
    working_rows: np.ndarray  # int64[rows]
    held: np.ndarray  # HELD[orders ring]
    asked: np.ndarray  # int64[ORDERS_BATCH_MAX]
    open: np.ndarray  # int64[instruments]
    waiting: np.ndarray  # WAITING[WAITING_MAX]
    trades: np.ndarray  # TRADE[TRADES_MAX]
    recent: np.ndarray  # REPORT[RECENT_MAX]
    draft: np.ndarray  # REPORT[1]
    event: np.ndarray  # OUCH_EVENT[1]
    symbols: np.ndarray  # int64[instruments]: symbol as on the wire
    hand_over: np.ndarray  # int64[H_WORDS]
    leftover: np.ndarray  # uint8[RECEIVED_BYTES]: bytes behind the login's answer
    venue_session: np.ndarray  # uint8[VENUE_SESSION_WIDTH]: the venue's name of the session, as logged in


_arrays: dict[int, Arrays] = {}  # address of a desk -> its arrays


def arrays_of(state: State) -> Arrays:
    """The arrays behind a state's desk."""
    return _arrays[address_of(state.desk)]


def forget(state: State) -> None:
    """Let the arrays of a state go. Caller: when nothing hot will run on it again."""
    _arrays.pop(address_of(state.desk), None)


def open_state(
    *, me, control, journal, ids, orders_in, reports_out, reader_strategy, working, symbols, session_id=0,
    heartbeat_ns=1_000_000_000, silence_ns=5_000_000_000, unsent_ns=50_000_000, firm="",
) -> State:  # fmt: skip
    """Allocate a state around attached rings, tables and words."""
    if len(orders_in) != 1:
        raise ValueError(f"order_sender: expected one orders ring (a firm has one risk_gate), found {len(orders_in)}")
    working_count = int(working[0]["rows"])
    port_in, port_out = open_port(rows=FRAMES_IN, lines=1), open_port(rows=1, lines=1)
    venue_session = np.zeros(VENUE_SESSION_WIDTH, np.uint8)
    venue_session[:VENUE_SESSION_BYTES] = ord(" ")
    arrays = Arrays(
        control=control,
        journal=journal,
        orders=orders_in,
        reports=reports_out,
        working=working,
        reader_strategy=np.asarray(reader_strategy, np.int64),
        refill_tried=np.full(len(reports_out), -1, np.int64),
        rows=np.zeros(SLOTS, ORDER_ROW),
        index=np.zeros(SLOTS, np.int64),
        working_rows=np.arange(working_count, dtype=np.int64)[::-1].copy(),
        held=np.zeros(int(orders_in[0]["capacity"]), HELD),
        asked=np.zeros(ORDERS_BATCH_MAX, np.int64),
        open=np.zeros(len(symbols), np.int64),
        waiting=np.zeros(WAITING_MAX, WAITING),
        trades=np.zeros(TRADES_MAX, TRADE),
        recent=np.zeros(RECENT_MAX, REPORT),
        draft=np.zeros(1, REPORT),
        event=np.zeros(1, OUCH_EVENT),
        symbols=np.array([text_word(symbol) for symbol in symbols], np.int64),
        hand_over=np.zeros(H_WORDS, np.int64),
        leftover=np.zeros(RECEIVED_BYTES, np.uint8),
        venue_session=venue_session,
    )
    state = State(
        me=me,
        exit_request=np.zeros(1, np.int64),
        desk=np.zeros(1, DESK),
        ids=ids,
        tx=port_out.frame_bytes.reshape(-1),
        received=np.zeros(RECEIVED_BYTES, np.uint8),
        port_in=port_in,
        port_out=port_out,
    )
    desk = state.desk[0]
    for name in Arrays._fields:
        desk[f"{name}_addr"] = address_of(getattr(arrays, name))
    desk["me_addr"], desk["received_addr"] = address_of(me), address_of(state.received)
    desk["frame_out_addr"], desk["taken_addr"] = address_of(port_out.frames), address_of(port_out.taken)
    desk["fd_out_addr"], desk["fd_in_addr"] = port_out.words[WORD_FDS_ADDR], port_in.words[WORD_FDS_ADDR]
    desk["frames_in_addr"], desk["frames_in_count_addr"] = address_of(port_in.frames), address_of(port_in.count)
    desk["bytes_in_addr"] = address_of(port_in.frame_bytes)
    desk["session_id"], desk["readers"], desk["slots"] = session_id, len(reports_out), SLOTS
    desk["instruments"], desk["held_max"] = len(symbols), len(arrays.held)
    desk["trades_max"], desk["recent_max"] = TRADES_MAX, RECENT_MAX
    desk["tx_bytes"], desk["received_bytes"] = state.tx.size, RECEIVED_BYTES
    desk["heartbeat_ns"], desk["silence_ns"], desk["unsent_ns"] = heartbeat_ns, silence_ns, unsent_ns
    desk["phase"], desk["sweep"] = PHASE_DOWN, SWEEP_NONE
    desk["firm"] = int.from_bytes(firm.ljust(4).encode("ascii"), "big") if firm else 0
    desk["orphan"] = -1
    desk["recent_first"] = 1
    desk["working_free"] = working_count
    counters = int(me[0]["counters_addr"])
    desk["asked"] = ctypes.c_int64.from_address(counters + 8 * SENDER_ASKED).value  # by an earlier life of the process
    _arrays[address_of(state.desk)] = arrays
    return state


def open_(wiring) -> State:
    """Attach rings, tables and words; allocate the rest."""
    config = wiring.config
    settings = config.venues[wiring.index].session
    strategies = [instance.name for instance in config.topology.of_role("strategy")]
    peers = wiring.peers_out("reports")
    wiring.id_block = wiring.ids(USER_REF_MAX)  # the control thread extends it
    state = open_state(
        me=wiring.me(),
        control=wiring.control(),
        journal=wiring.journal(),
        ids=wiring.id_block.words,
        orders_in=wiring.rings_in("orders"),
        reports_out=wiring.rings_out("reports"),
        reader_strategy=[strategies.index(peer) if peer in strategies else EVERY_READER_STRATEGY for peer in peers],
        working=wiring.table("working"),
        symbols=[instrument.symbol for instrument in config.instruments],
        session_id=wiring.index,
        heartbeat_ns=settings.heartbeat_ms * 1_000_000,
        silence_ns=settings.silence_ms * 1_000_000,
        unsent_ns=settings.unsent_ms_max * 1_000_000,
        firm=settings.firm,
    )
    desk, arrays = state.desk[0], arrays_of(state)
    desk["hand_over_addr"], letters = wiring.hand_over(arrays.hand_over, [arrays.leftover, arrays.venue_session])
    desk["leftover_addr"], desk["venue_session_addr"] = letters
    return state


def control_desk(state: State) -> np.void:
    """The desk for the control thread: a copy, whose hand-over words are that thread's end of them."""
    desk = state.desk.copy()
    desk["hand_over_addr"] = address_of(arrays_of(state).hand_over)
    return desk[0]


def check(state: State) -> None:
    """Assert the invariants of the order table; the message shows the row that breaks one."""
    desk = state.desk[0]
    rows = arrays_of(state).rows
    used = rows[rows["order_id"] != 0]
    closed = used["state"] == ORDER_STATE_CLOSED
    assert int(desk["orders_open"]) == int((~closed).sum()), (int(desk["orders_open"]), int((~closed).sum()))
    due = int((used["cancel_due"] != 0).sum())
    assert (int(desk["cancels_due"]), int(desk["dues"])) == (due, due + int((used["reduce_due"] != 0).sum())), "dues"
    assert int(desk["orders_unasked"]) == int((~closed & (used["cancel_asked"] == 0)).sum()), "orders_unasked"
    opened = np.bincount(used["instrument_id"][~closed], minlength=int(desk["instruments"]))
    assert arrays_of(state).open.tolist() == opened.tolist(), "open orders by instrument"
    rules = {
        "a state of the life cycle": (used["state"] >= min(STATE_NAMES)) & (used["state"] <= max(STATE_NAMES)),
        "nothing executed below zero": used["cum_lots"] >= 0,
        "a closed order has nothing open": ~closed | (used["leaves_lots"] == 0),
        "an open order has something open": closed | (used["leaves_lots"] > 0),
        "a closed order waits for nothing and shows no row": ~closed
        | ((used["cancel_due"] == 0) & (used["reduce_to"] == 0) & (used["working_row"] < 0)),
        "a total that is still to come is a smaller one": (used["reduce_to"] == 0)
        | (used["reduce_to"] < used["qty_lots"]),
    }
    for rule, holds in rules.items():
        assert holds.all(), f"{rule}: broken by {used[~holds][0]}"
    assert 0 <= state.port_out.taken[0] <= state.port_out.frames[0]["size"] <= state.tx.size
