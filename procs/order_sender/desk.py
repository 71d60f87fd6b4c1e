"""Desk: the one record that hot functions get. It holds the scalars that change and names all arrays by address.

Private memory, written by the hot thread. A NamedTuple of forty arrays was tried first: every call copied their shapes,
and the step took three minutes to compile instead of seconds.
"""

import numpy as np

from procs.order_sender.order_row import ORDER_ROW
from procs.wire.ouch.event import OUCH_EVENT
from shm.atomics import record_at
from shm.jit import hot
from shm.records.control_end import CONTROL_END
from shm.records.frame import FRAME
from shm.records.instance_end import INSTANCE_END
from shm.records.journal_end import JOURNAL_END
from shm.records.report import REPORT
from shm.records.ring_end import RING_END
from shm.records.table_end import TABLE_END

DESK = np.dtype(
    [
        (name, "<i8")
        for name in (
            # addresses, constant
            *("me_addr", "control_addr", "journal_addr"),
            *("orders_addr", "reports_addr", "working_addr"),  # ends: orders ring, report rings, table of open orders
            *("reader_strategy_addr", "refill_tried_addr"),  # int64[readers]
            *("rows_addr", "index_addr"),  # ORDER_ROW[slots], int64[slots]: order id & mask -> slot
            "working_rows_addr",  # int64[rows]: stack of free rows of `working`
            "held_addr",  # HELD[orders ring]
            "asked_addr",  # int64[ORDERS_BATCH_MAX]: slots of which something was asked in this cycle
            "open_addr",  # int64[instruments]: open orders in each
            "waiting_addr",  # WAITING[WAITING_MAX]
            "trades_addr",  # TRADE[trades_max]
            *("recent_addr", "draft_addr", "event_addr", "symbols_addr"),
            *("frame_out_addr", "taken_addr", "fd_out_addr", "fd_in_addr"),
            *("frames_in_addr", "frames_in_count_addr", "bytes_in_addr", "received_addr"),
            *("hand_over_addr", "leftover_addr", "venue_session_addr"),
            # sizes and settings, constant
            *("session_id", "readers", "slots", "instruments", "held_max", "trades_max", "recent_max"),
            *("tx_bytes", "received_bytes"),
            "heartbeat_ns",  # our silence after which a heartbeat goes out
            "silence_ns",  # the venue's silence after which the session is lost
            "unsent_ns",  # how long the socket may refuse bytes before the session is unusable
            # session
            "phase",  # PHASE_*
            "connection",  # counts connections taken over from the control thread; 0 before the first
            "venue_seq",  # last applied sequence number of the venue's stream
            "heard_stamp_ns",  # latency time when bytes last came
            "spoke_stamp_ns",  # latency time when bytes were last handed to send
            "awake_stamp_ns",  # latency time of the last cycle's begin
            "received_to",  # end of the bytes in the receive buffer
            # transmit frame
            "refused_stamp_ns",  # latency time since when the socket leaves bytes lying; 0 while it takes all
            "cycle_stamp_ns",  # latency time when the last cycle ended: logic time of this one was read after it
            "waiting_orders",  # orders in the transmit frame of which no byte left, oldest first
            "left_over",  # bytes of an earlier cycle that the socket did not take: no order is encoded behind them
            # orders
            *("orders_open", "orders_unasked"),  # orders_unasked: those of which no cancel was asked
            *("dues", "cancels_due"),  # cancels and reduces that are not encoded yet; cancels among them
            "due_slot",  # where they are looked for next
            "halt_slot",  # where orders under a halt are looked for next
            "order_id_last",  # greatest order id consumed: smaller ones came before and are dropped
            "decision_seq_last",  # of the last approved record of the ring in this life: later ones are greater
            "order_id_replayed",  # greatest that the journal knew at start: dropping those is no error
            "working_free",  # free rows of `working` on the stack
            *("held_head", "held_tail"),  # held orders that left and joined the queue
            "asked",  # generation of the operator's last cancel that was done
            # mass cancel
            "firm",  # our firm's four letters as one integer; 0: the venue has no mass cancel for us
            "mass_ref",  # reference of the unanswered one; 0 when there is none
            "mass_ref_last",  # of the last one ever sent
            "mass_instrument",  # what it names; -1 everything
            "mass_stamp_ns",  # latency time when it was encoded
            # reports
            "report_seq",  # last given out
            "recent_first",  # first report_seq in the ring of recent reports
            "trades",  # executions remembered so far
            "match_greatest",  # greatest match number among them: a greater one is new
            "orphan",  # slot of a replacement whose original closed; -1 when none
            # sweeps
            *("sweep", "sweep_slot"),  # SWEEP_*, next slot
            "next_ref_num",  # SWEEP_EVIDENCE: the venue's next free reference number
        )
    ]
)
HELD = np.dtype(  # an order in the ring that was not entered yet, and what was asked of it since
    [("sequence", "<i8"), ("refused", "<i8"), ("cancelled", "<i8"), ("reduce_to", "<i8")]
)
WAITING = np.dtype(  # an order in the transmit frame; `bytes` 0: taken out again, its report is to be posted
    [(name, "<i8") for name in ("at", "bytes", "slot", "expires_ns", "recv_stamp_ns", "reason")]
)
WAITING_MAX = 16  # orders in one send: 800 bytes of the frame, the rest is for cancels
TRADE = np.dtype(  # an execution, and whose it was: a trade is broken long after the order's slot is another's
    [
        (name, "<i8")
        for name in (
            *("match_number", "user_ref_num", "qty_lots", "price_ticks"),
            *("order_id", "intent_id", "instrument_id", "strategy_id", "side"),
        )
    ]
)
WORD = np.dtype([("value", "<i8")])

PHASE_DOWN = 1  # no connection
PHASE_REPLAYING = 2  # logged in; what we missed is coming, then the answer to the account query
PHASE_READY = 3  # the fate of every entry is known: new ones may go out

SWEEP_NONE = 0
SWEEP_LOST = 1  # every unanswered entry becomes UNKNOWN
SWEEP_EVIDENCE = 2  # the account query was answered: what never arrived is closed, then PHASE_READY

HOP_ORDERS, HOP_TICK_TO_ORDER, HOP_SEND = 0, 1, 2  # histogram ids
HISTOGRAMS = ("risk_gate->order_sender", "tick_to_order", "send")

ROW_BYTES, RING_END_BYTES, REPORT_BYTES = ORDER_ROW.itemsize, RING_END.itemsize, REPORT.itemsize
FRAME_ROW_BYTES, HELD_BYTES, TRADE_BYTES = FRAME.itemsize, HELD.itemsize, TRADE.itemsize
WAITING_BYTES = WAITING.itemsize


@hot
def word_at(address, index):
    """Element `index` of a private int64 array, as a WORD record."""
    return record_at(address + index * 8, WORD)


@hot
def me_of(desk):
    """INSTANCE_END of this instance."""
    return record_at(desk["me_addr"], INSTANCE_END)


@hot
def control_of(desk):
    """CONTROL_END with our own writer row."""
    return record_at(desk["control_addr"], CONTROL_END)


@hot
def journal_of(desk):
    """JOURNAL_END of our journal."""
    return record_at(desk["journal_addr"], JOURNAL_END)


@hot
def orders_of(desk):
    """RING_END of the orders ring."""
    return record_at(desk["orders_addr"], RING_END)


@hot
def reader_of(desk, reader):
    """RING_END of the report ring of `reader`."""
    return record_at(desk["reports_addr"] + reader * RING_END_BYTES, RING_END)


@hot
def working_of(desk):
    """TABLE_END of `working`."""
    return record_at(desk["working_addr"], TABLE_END)


@hot
def row_of(desk, slot):
    """ORDER_ROW of a slot."""
    return record_at(desk["rows_addr"] + slot * ROW_BYTES, ORDER_ROW)


@hot
def held_of(desk, n):
    """HELD row of the n-th held order."""
    return record_at(desk["held_addr"] + (n & (desk["held_max"] - 1)) * HELD_BYTES, HELD)


@hot
def waiting_of(desk, n):
    """WAITING row of the n-th order in the transmit frame."""
    return record_at(desk["waiting_addr"] + n * WAITING_BYTES, WAITING)


@hot
def trade_of(desk, n):
    """TRADE row of the n-th execution."""
    return record_at(desk["trades_addr"] + (n & (desk["trades_max"] - 1)) * TRADE_BYTES, TRADE)


@hot
def draft_of(desk):
    """The report being drafted."""
    return record_at(desk["draft_addr"], REPORT)


@hot
def event_of_wire(desk):
    """The OUCH_EVENT that codecs fill or read."""
    return record_at(desk["event_addr"], OUCH_EVENT)


@hot
def frame_out(desk):
    """FRAME of the transmit frame; its `size` is the end of the bytes in it."""
    return record_at(desk["frame_out_addr"], FRAME)


@hot
def taken_out(desk):
    """Bytes of the transmit frame that the socket has taken."""
    return record_at(desk["taken_addr"], WORD)["value"]
