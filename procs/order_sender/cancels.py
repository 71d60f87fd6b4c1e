"""Cancels: what is asked of orders that the venue has. They pass while trading is stopped, and go first.

A cancel or reduce is journalled and marked on its row; its bytes follow in the same cycle, or when there is room. A
mass cancel under way holds back those that it covers: what is still due after its answer goes out one by one.
"""

from procs.order_sender.desk import control_of, me_of, row_of, word_at
from procs.order_sender.life_cycle import is_open
from procs.order_sender.mass_cancel import is_covered, mass_cancel
from procs.order_sender.orders import ask_cancel, cancel_sent, reduce_sent, show
from procs.order_sender.transmit import has_transmit_room, put_cancel, put_reduce
from procs.order_sender.waiting import find_waiting
from shm.codes import STATE_CANCEL_ONLY
from shm.control import control_state
from shm.counters import SENDER_CANCELS_SENT, SENDER_REDUCES_SENT
from shm.failpoint import failpoint
from shm.failpoints import FP_CANCEL_ENCODED
from shm.instance import count
from shm.jit import hot

DUE_BATCH = 1024  # slots looked at for a due cancel in one cycle
HALT_BATCH = 16  # slots looked at for a halted order in one idle cycle: 512 cycles for all


@hot
def send_due(desk, tx, slot):
    """Encode what is due for the order in `slot`. Returns the messages, 0 when that is not possible now."""
    row = row_of(desk, slot)
    sent = 0
    if row["reduce_due"] != 0 and put_reduce(desk, tx, slot) > 0:
        reduce_sent(desk, slot)
        count(me_of(desk), SENDER_REDUCES_SENT, 1)
        sent += 1
    if row["cancel_due"] != 0 and is_covered(desk, row) == 0 and put_cancel(desk, tx, slot) > 0:
        cancel_sent(desk, slot)
        failpoint(FP_CANCEL_ENCODED)
        count(me_of(desk), SENDER_CANCELS_SENT, 1)
        sent += 1
    return sent


@hot
def send_dues(desk, tx, ids, now_ns):
    """Encode what could not be encoded when it came, a part of the table a cycle. Returns the messages."""
    if desk["dues"] == 0 or has_transmit_room(desk) == 0:
        return 0
    if desk["mass_ref"] != 0 and desk["mass_instrument"] < 0:
        return 0  # its answer comes first
    if desk["orders_unasked"] == 0 and mass_cancel(desk, tx, ids, -1, desk["cancels_due"], now_ns) == 1:
        return 1
    sent = 0
    for _ in range(DUE_BATCH):
        slot = desk["due_slot"]
        row = row_of(desk, slot)
        if (row["cancel_due"] != 0 and is_covered(desk, row) == 0) or row["reduce_due"] != 0:
            done = send_due(desk, tx, slot)
            if done == 0:
                break
            sent += done
        desk["due_slot"] = (slot + 1) % desk["slots"]
    return sent


@hot
def cancel_stopped(desk, tx, ids, now_ns):
    """One message for all orders of a session that was stopped, as soon as the control words say so. Returns messages.

    risk_gate cancels every order of a scope under CANCEL_ONLY or HALTED; this is the same sooner, and without it.
    """
    if desk["orders_open"] == 0:
        return 0
    if control_state(control_of(desk), desk["session_id"], -1, -1) < STATE_CANCEL_ONLY:
        return 0
    return mass_cancel(desk, tx, ids, -1, desk["orders_open"], now_ns)


@hot
def cancel_halted(desk, tx, ids, now_ns):
    """Cancel open orders whose scope is HALTED, a part of the table a cycle. Returns their number.

    A halt must work while risk_gate is dead or stopped: its own cancels and these meet in `cancel_asked`. What was
    asked for here is not journalled; after a crash the halt still stands and asks again.
    """
    if desk["orders_open"] == 0:
        return 0
    control = control_of(desk)
    cancelled = 0
    for _ in range(HALT_BATCH):
        slot = desk["halt_slot"]
        desk["halt_slot"] = (slot + 1) % desk["slots"]
        row = row_of(desk, slot)
        if is_open(row["state"]) == 0 or row["cancel_asked"] != 0 or is_covered(desk, row) == 1:
            continue
        if find_waiting(desk, slot) >= 0:
            continue  # it dies unsent
        instrument_id = int(row["instrument_id"])
        if control_state(control, desk["session_id"], int(row["strategy_id"]), instrument_id) <= STATE_CANCEL_ONLY:
            continue
        cancelled += 1
        if control_state(control, desk["session_id"], -1, instrument_id) > STATE_CANCEL_ONLY:
            if mass_cancel(desk, tx, ids, instrument_id, open_in(desk, instrument_id), now_ns) == 1:
                continue
        if ask_cancel(desk, slot) == 1:
            send_due(desk, tx, slot)
            show(desk, slot)
    return cancelled


@hot
def open_in(desk, instrument_id):
    """Open orders in one instrument."""
    return word_at(desk["open_addr"], instrument_id)["value"]
