"""Wire out: the send call and its two hops. One function for each backend, both with the same bookkeeping."""

from procs.net.port import line_fd
from procs.net.replay_wire import wire_send_waiting
from procs.net.tcp_kernel import note_taken, tcp_send_waiting
from procs.order_sender.desk import HOP_SEND, frame_out, me_of
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
def poll_out(state):
    """The seam for TCP: hand the waiting bytes to the socket."""
    taken = tcp_send_waiting(state.port_out, state.me[0])
    note_send(state.desk[0], taken)
    return taken


@hot
def sent_again(state, taken):
    """What `poll_out` left behind when the socket took `taken` bytes, without a socket. Caller: replay."""
    frame = state.port_out.frames[0]
    if frame["size"] - state.port_out.taken[0] > 0 and line_fd(state.port_out, 0) >= 0:
        frame["stamp_ns"] = stamp(state.me[0])
        note_taken(state.port_out, 0, taken)
    note_send(state.desk[0], taken)
    return taken


@hot
def replay_poll_out(state):
    """The seam for the wire in memory."""
    taken = wire_send_waiting(state.port_out, state.me[0])
    note_send(state.desk[0], taken)
    return taken
