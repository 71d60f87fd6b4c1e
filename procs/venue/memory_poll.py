"""The seam to a wire in memory, for the fused layout, replay and tests: as poll.py, queues in the place of sockets."""

from procs.net.replay_wire import wire_receive, wire_send, wire_send_waiting
from shm.jit import hot


@hot
def poll_in(state):
    """Fill `requests_in` and `orders_in`."""
    return wire_receive(state.requests_in, state.me[0]) + wire_receive(state.orders_in, state.me[0])


@hot
def poll_out(state):
    """Empty `lines_out` and `orders_out`."""
    return wire_send(state.lines_out, state.me[0]) + wire_send_waiting(state.orders_out, state.me[0])
