"""What goes wrong when sockets are opened, in sentences that say what to do."""

from shm.errors import Fatal, Transient


class PortInUse(Transient):
    """Another process holds the address."""


class NoMulticastRoute(Fatal):
    """The interface cannot carry the multicast group."""


class NoSuchInterface(Fatal):
    """The configured interface address belongs to no interface of this host."""


class NotAllowed(Fatal):
    """The system forbids this user to open the socket."""


class VenueUnreachable(Transient):
    """Nobody answers at the address."""


class SocketRefused(Fatal):
    """Any other refusal of the system, with its own words."""
