"""order_sender's step: venue bytes become reports, orders become venue bytes."""

from procs.order_sender.approval import watch_ring
from procs.order_sender.cancels import cancel_halted, cancel_stopped, send_dues
from procs.order_sender.entries import send_orders, take_orders
from procs.order_sender.mass_cancel import watch_mass_cancel
from procs.order_sender.operator_cancel import take_operator_cancel
from procs.order_sender.publish import refill_readers
from procs.order_sender.receive import receive
from procs.order_sender.reports import settle_orphans
from procs.order_sender.session import keep_alive, notice_sleep, sweep_orders, take_over
from procs.order_sender.waiting import withdraw_orders
from shm.jit import hot


@hot
def step(state, now_ns):
    """One duty cycle. What the venue said comes first: it may close what an order or a cancel is about to name."""
    desk = state.desk[0]
    work = notice_sleep(desk, now_ns)
    work += take_over(desk, state.tx, now_ns)
    work += receive(desk, state.received, now_ns)
    work += settle_orphans(desk, now_ns)
    work += sweep_orders(desk, now_ns)
    work += take_orders(desk, state.tx, state.ids, now_ns)
    work += take_operator_cancel(desk, now_ns)
    work += cancel_stopped(desk, state.tx, state.ids, now_ns)
    work += send_dues(desk, state.tx, state.ids, now_ns)
    work += send_orders(desk, state.tx, state.ids, now_ns)
    work += keep_alive(desk, state.tx, now_ns)
    work += watch_mass_cancel(desk)
    work += refill_readers(desk)
    if work == 0:
        work += watch_ring(desk) + cancel_halted(desk, state.tx, state.ids, now_ns)
    return work + withdraw_orders(desk, state.tx, now_ns)
