"""The seam to the kernel: retransmission requests and connections in; two lines, answers and connections out."""

from procs.net.tcp_kernel import tcp_receive, tcp_send_waiting
from procs.net.udp_kernel import udp_receive, udp_send
from shm.jit import hot


@hot
def poll_in(state):
    """Fill `requests_in` and `orders_in`."""
    return udp_receive(state.requests_in, state.me[0]) + tcp_receive(state.orders_in, state.me[0])


@hot
def poll_out(state):
    """Empty `lines_out` and `orders_out`."""
    return udp_send(state.lines_out, state.me[0]) + tcp_send_waiting(state.orders_out, state.me[0])
