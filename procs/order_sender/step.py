"""order_sender's step: venue bytes become reports, orders become venue bytes."""

from procs.order_sender.entries import check_waiting_order, send_due_cancels, send_orders, take_orders
from procs.order_sender.receive import receive
from procs.order_sender.reports import refill_readers, settle_orphans
from procs.order_sender.session import keep_alive, sweep_orders, take_over
from shm.jit import hot


@hot
def step(state, now_ns):
    """One duty cycle. What the venue said comes first: it may close what an order or a cancel is about to name."""
    work = settle_orphans(state, now_ns)
    work += take_over(state, now_ns)
    work += receive(state, now_ns)
    work += sweep_orders(state, now_ns)
    work += check_waiting_order(state, now_ns)
    work += take_orders(state, now_ns)
    work += send_due_cancels(state)
    work += send_orders(state, now_ns)
    work += keep_alive(state, now_ns)
    work += refill_readers(state)
    return work
