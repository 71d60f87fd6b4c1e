"""The sockets of one channel: two multicast receivers and a client of the retransmission server. Cold."""

from procs.feed_handler.arbitration import LINE_A, LINE_B, LINE_RETRANSMISSION
from procs.net.port import FramePort, hand_over
from procs.net.sockets import open_multicast_receiver, open_udp_client


class FeedSockets:
    """Opens what is missing and hands it to the hot thread, which never closes a descriptor of this role."""

    def __init__(self):
        self.held = {}

    def open_missing(self, port: FramePort, channel) -> None:
        """Join both groups and connect to the server. Raises the typed errors of procs/net/errors.py."""
        for line, opener in (
            (LINE_A, lambda: open_multicast_receiver(channel.group_a, channel.port_a, channel.interface)),
            (LINE_B, lambda: open_multicast_receiver(channel.group_b, channel.port_b, channel.interface)),
            (LINE_RETRANSMISSION, lambda: open_udp_client(channel.retransmission_host, channel.retransmission_port)),
        ):
            if line not in self.held:
                self.held[line] = opener()
                hand_over(port, line, self.held[line].fileno())

    def close(self) -> None:
        """Close all. Only after the hot thread has ended."""
        for sock in self.held.values():
            sock.close()
        self.held.clear()
