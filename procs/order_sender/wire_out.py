"""Wire out: the send call and its two hops. One function for each backend, both with the same bookkeeping."""

from procs.net.replay_wire import wire_send_waiting
from procs.net.tcp_kernel import tcp_send_waiting
from procs.order_sender.desk import HOP_SEND, frame_out, me_of
from procs.order_sender.transmit import bytes_waiting
from procs.order_sender.waiting import note_left
from shm.instance import record_span, stamp
from shm.jit import hot


@hot
def note_send(desk, taken):
    """After a send that took bytes: when we last spoke, which orders left, how long the call took."""
    if taken <= 0:
        return
    me = me_of(desk)
    sent_ns = frame_out(desk)["stamp_ns"]
    desk["spoke_stamp_ns"] = sent_ns
    note_left(desk, sent_ns)
    record_span(me, HOP_SEND, stamp(me) - sent_ns)


@hot
def is_too_late(desk):
    """1 when bytes wait longer than they may: this process was stopped between its decision and this call.

    They stay where they are, and the next step gives the session up. Cost: one stamp, only while bytes wait.
    """
    if desk["waiting_stamp_ns"] == 0 or bytes_waiting(desk) == 0:
        return 0
    return 1 if stamp(me_of(desk)) - desk["waiting_stamp_ns"] > desk["unsent_ns"] else 0


@hot
def poll_out(state):
    """The seam for TCP: hand the waiting bytes to the socket."""
    if is_too_late(state.desk[0]) == 1:
        return 0
    taken = tcp_send_waiting(state.port_out, state.me[0])
    note_send(state.desk[0], taken)
    return taken


@hot
def replay_poll_out(state):
    """The seam for the wire in memory."""
    taken = wire_send_waiting(state.port_out, state.me[0])
    note_send(state.desk[0], taken)
    return taken
