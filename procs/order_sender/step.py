"""order_sender's step: venue bytes become reports, orders become venue bytes."""

from procs.order_sender.entries import cancel_halted, check_waiting_order, send_due_cancels, send_orders, take_orders
from procs.order_sender.receive import receive
from procs.order_sender.reports import refill_readers, settle_orphans
from procs.order_sender.session import keep_alive, sweep_orders, take_over
from shm.jit import hot


@hot
def step(state, now_ns):
    """One duty cycle. What the venue said comes first: it may close what an order or a cancel is about to name."""
    desk = state.desk[0]
    work = take_over(desk, state.tx, now_ns)
    work += receive(desk, state.received, now_ns)
    work += settle_orphans(desk, now_ns)
    work += sweep_orders(desk, now_ns)
    work += take_orders(desk, state.tx, now_ns)
    work += check_waiting_order(desk, state.tx, now_ns)
    work += send_due_cancels(desk, state.tx)
    work += send_orders(desk, state.tx, state.ids, now_ns)
    work += keep_alive(desk, state.tx, now_ns)
    work += refill_readers(desk)
    if work == 0:
        work += cancel_halted(desk, state.tx)
    return work
