"""Wire out: the send call and its two hops. One function for each backend, both with the same bookkeeping."""

from procs.net.replay_wire import wire_send_waiting
from procs.net.tcp_kernel import tcp_send_waiting
from procs.order_sender.desk import HOP_SEND, HOP_TICK_TO_ORDER, frame_out, me_of, row_of
from procs.order_sender.transmit import note_taken
from shm.instance import record_span, stamp
from shm.jit import hot


@hot
def note_send(desk, taken):
    """After a send that took bytes: when we last spoke, when the order's first byte left, how long the call took."""
    if taken <= 0:
        return
    me = me_of(desk)
    sent_ns = frame_out(desk)["stamp_ns"]
    desk["spoke_stamp_ns"] = sent_ns
    order_at = desk["order_at"]
    note_taken(desk)
    if order_at >= 0 and desk["order_at"] < 0:
        row_of(desk, desk["order_slot"])["send_stamp_ns"] = sent_ns
        if desk["order_recv_stamp_ns"] > 0:
            record_span(me, HOP_TICK_TO_ORDER, sent_ns - desk["order_recv_stamp_ns"])
    record_span(me, HOP_SEND, stamp(me) - sent_ns)


@hot
def poll_out(state):
    """The seam for TCP: hand the waiting bytes to the socket."""
    taken = tcp_send_waiting(state.port_out, state.me[0])
    note_send(state.desk[0], taken)
    return taken


@hot
def replay_poll_out(state):
    """The seam for the wire in memory."""
    taken = wire_send_waiting(state.port_out, state.me[0])
    note_send(state.desk[0], taken)
    return taken
