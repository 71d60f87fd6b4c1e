"""World: the venue's sockets, on the control thread: opened, accepted, handed over, closed."""

from procs.net.port import hand_over, line_fd
from procs.net.sockets import accept_waiting, open_multicast_sender, open_tcp_listener, open_udp_server
from procs.venue.retransmission import LINE_REPLIES
from procs.venue.state import State


class World:
    """Every socket of one venue."""

    def __init__(self, config, state: State, order_entry_port: int = 0):
        """`order_entry_port` takes the place of the configured one when it is not 0."""
        channel, session = config.venues[0].channel, config.venues[0].session
        self.state = state
        self.lines = [
            open_multicast_sender(channel.group_a, channel.port_a, channel.interface),
            open_multicast_sender(channel.group_b, channel.port_b, channel.interface),
        ]
        self.requests = open_udp_server(channel.retransmission_host, channel.retransmission_port)
        self.listener = open_tcp_listener(session.host, order_entry_port or session.port)
        self.connections: dict[int, object] = {}
        for line, sock in enumerate(self.lines):
            hand_over(state.lines_out, line, sock.fileno())
        hand_over(state.lines_out, LINE_REPLIES, self.requests.fileno())
        hand_over(state.requests_in, 0, self.requests.fileno())

    def tend(self) -> None:
        """Close what the hot thread let go of, then give it what came in. A connection too many is closed at once."""
        inward, outward = self.state.orders_in, self.state.orders_out
        for line in [line for line in self.connections if line_fd(inward, line) < 0 and line_fd(outward, line) < 0]:
            self.connections.pop(line).close()
        for sock in accept_waiting(self.listener):
            free = [line for line in range(len(inward.fds)) if line not in self.connections]
            if not free:
                sock.close()
                continue
            self.connections[free[0]] = sock
            hand_over(outward, free[0], sock.fileno())
            hand_over(inward, free[0], sock.fileno())

    def close(self) -> None:
        """Close everything. Caller: after the loop."""
        for sock in [*self.connections.values(), *self.lines, self.requests, self.listener]:
            sock.close()
