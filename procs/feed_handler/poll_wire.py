"""The frame seam over the wire in memory, for fused layouts and replay; the same rule as poll.py."""

from procs.net.replay_wire import wire_receive
from shm.jit import hot


@hot
def poll_in(state):
    """Datagrams of all lines into `state.port_in`, unless the step left some there. Returns their number."""
    if state.port_in.count[0] != 0:
        return 0
    return wire_receive(state.port_in, state.me[0])
