"""Wire out: the send call and its two hops. One function for each backend, both with the same bookkeeping.

A cycle that took longer than LATE_NS sends nothing while orders wait: its logic time, by which expiry and control were
judged, is that old. The next cycle judges them again. So a process that was stopped anywhere between the clock and the
send finds its orders expired when it wakes up; what is left is the few instructions between this look and the call.
"""

from procs.net.port import line_fd
from procs.net.replay_wire import wire_send_waiting
from procs.net.tcp_kernel import note_taken, tcp_send_waiting
from procs.order_sender.desk import HOP_SEND, frame_out, me_of
from procs.order_sender.transmit import bytes_waiting
from procs.order_sender.waiting import note_left
from shm.instance import record_span, stamp
from shm.jit import hot

LATE_NS = 5_000_000  # a tenth of the shortest life of an intent that is shipped; a cycle takes microseconds


@hot
def may_send(desk):
    """1 when what waits was judged just now. Caller: right before the send."""
    at_ns = stamp(me_of(desk))
    late = at_ns - desk["cycle_stamp_ns"] > LATE_NS and desk["waiting_orders"] > 0
    desk["cycle_stamp_ns"] = at_ns
    return 0 if late else 1


@hot
def note_send(desk, taken):
    """After a send: since when the socket refuses, when we last spoke, which orders left, how long the call took.

    The socket's refusal counts from the first send that left bytes lying, never from their encoding: a pause of this
    process in between says nothing of the socket, and costs orders their expiry, not the firm its session.
    """
    me = me_of(desk)
    if bytes_waiting(desk) == 0:
        desk["refused_stamp_ns"] = 0
    elif desk["refused_stamp_ns"] == 0:
        desk["refused_stamp_ns"] = stamp(me)
    if taken <= 0:
        return
    sent_ns = frame_out(desk)["stamp_ns"]
    desk["spoke_stamp_ns"] = sent_ns
    note_left(desk, sent_ns)
    record_span(me, HOP_SEND, stamp(me) - sent_ns)


@hot
def is_too_late(desk):
    """1 when the socket has refused bytes for longer than it may: what it left is old, half a message among it.

    They stay where they are, and the next step gives the session up. Cost: one stamp, only while it refuses.
    """
    if desk["refused_stamp_ns"] == 0:
        return 0
    return 1 if stamp(me_of(desk)) - desk["refused_stamp_ns"] > desk["unsent_ns"] else 0


@hot
def poll_out(state):
    """The seam for TCP: hand the waiting bytes to the socket."""
    if may_send(state.desk[0]) == 0 or is_too_late(state.desk[0]) == 1:
        return 0
    taken = tcp_send_waiting(state.port_out, state.me[0])
    note_send(state.desk[0], taken)
    return taken


@hot
def sent_again(state, taken):
    """What `poll_out` left behind when the socket took `taken` bytes, without a socket. Caller: replay."""
    if may_send(state.desk[0]) == 0 or is_too_late(state.desk[0]) == 1:
        return 0
    frame = state.port_out.frames[0]
    if frame["size"] - state.port_out.taken[0] > 0 and line_fd(state.port_out, 0) >= 0:
        frame["stamp_ns"] = stamp(state.me[0])
        note_taken(state.port_out, 0, taken)
    note_send(state.desk[0], taken)
    return taken


@hot
def replay_poll_out(state):
    """The seam for the wire in memory."""
    if may_send(state.desk[0]) == 0:
        return 0
    taken = wire_send_waiting(state.port_out, state.me[0])
    note_send(state.desk[0], taken)
    return taken
