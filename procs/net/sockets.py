"""Opening sockets: the cold side of the kernel backends. Python's own socket objects own the descriptors.

All sockets are non-blocking. Keep the returned object: a collected socket closes its descriptor.
"""

import errno
import socket
import struct

from procs.net.errors import (
    NoMulticastRoute,
    NoSuchInterface,
    NotAllowed,
    PortInUse,
    SocketRefused,
    VenueUnreachable,
)

RECEIVE_BUFFER_BYTES = 8 << 20  # 5,000 full datagrams; the system grants at most net.core.rmem_max
USER_TIMEOUT_MS = 3000  # unacknowledged bytes older than this end the connection
MULTICAST_ALL = getattr(socket, "IP_MULTICAST_ALL", 49)
TCP_USER_TIMEOUT = socket.TCP_USER_TIMEOUT


def _refusal(error: OSError, where: str, host: str, port: int):
    """The typed error for a refused call."""
    kind, expected, do = (
        SocketRefused,
        "a socket",
        f"look up {errno.errorcode.get(error.errno, 'the error')} in errno(3)",
    )
    if error.errno == errno.EADDRINUSE:
        kind, expected = PortInUse, f"port {port} on {host} free"
        do = f"stop the process that holds it (`ss -ulnpt 'sport = :{port}'` names it) or choose another --name or port"
    elif error.errno in (errno.ENODEV, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EOPNOTSUPP):
        kind, expected = NoMulticastRoute, f"a route for multicast to {host}"
        do = "add one (`ip route add 239.0.0.0/8 dev lo` for loopback) or name another interface in venues.toml"
    elif error.errno == errno.EADDRNOTAVAIL:
        kind, expected = NoSuchInterface, f"an interface of this host with the address {host}"
        do = "list them with `ip -brief address` and correct venues.toml"
    elif error.errno in (errno.EACCES, errno.EPERM):
        kind, expected = NotAllowed, f"permission to use {host}:{port}"
        do = "choose a port above 1023, or give the service the capability"
    elif error.errno in (errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ECONNRESET):
        kind, expected = VenueUnreachable, f"somebody who listens on {host}:{port}"
        do = "start the venue, or correct host and port in venues.toml"
    return kind(where=where, expected=expected, found=error.strerror or str(error), do=do)


def open_multicast_receiver(group: str, port: int, interface: str, *, buffer_bytes: int = RECEIVE_BUFFER_BYTES):
    """A socket that hears `group`:`port` on the interface with the address `interface`, and nothing else.

    Bound to the group, so that other groups on the same port do not reach it. Several receivers may share the address.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    where, host = "multicast receiver", group
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.setsockopt(socket.IPPROTO_IP, MULTICAST_ALL, 0)
        sock.bind((group, port))
        membership = socket.inet_aton(group) + socket.inet_aton(interface)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError as error:
        sock.close()
        raise _refusal(error, where, host, port) from error
    return sock


def open_multicast_sender(group: str, port: int, interface: str, *, ttl: int = 0):
    """A socket connected to `group`:`port`, leaving through `interface`. TTL 0 never leaves this host."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
    except OSError as error:
        sock.close()
        raise _refusal(error, "multicast sender", interface, port) from error
    try:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        sock.connect((group, port))
    except OSError as error:
        sock.close()
        raise _refusal(error, "multicast sender", group, port) from error
    return sock


def open_udp_server(host: str, port: int, *, buffer_bytes: int = RECEIVE_BUFFER_BYTES):
    """A socket that receives datagrams at `host`:`port` (0: any free port) and answers them by `peers`."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise _refusal(error, "datagram server", host, port) from error
    return sock


def open_udp_client(host: str, port: int, *, buffer_bytes: int = RECEIVE_BUFFER_BYTES):
    """A socket connected to `host`:`port`: sends there, and hears only the answers. One descriptor for both ports."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.connect((host, port))
    except OSError as error:
        sock.close()
        raise _refusal(error, "datagram client", host, port) from error
    return sock


def prepare_stream(sock) -> None:
    """What every TCP connection gets: no delay, an end for unanswered bytes, non-blocking."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS)


def open_tcp_connection(host: str, port: int, *, timeout_s: float = 1.0):
    """A connection to `host`:`port`. Blocks at most `timeout_s`: for the control thread only."""
    try:
        sock = socket.create_connection((host, port), timeout=timeout_s)
    except TimeoutError as error:
        raise _refusal(OSError(errno.ETIMEDOUT, "no answer"), "connection", host, port) from error
    except OSError as error:
        raise _refusal(error, "connection", host, port) from error
    prepare_stream(sock)
    return sock


def open_tcp_listener(host: str, port: int, *, waiting_max: int = 16):
    """A listening socket at `host`:`port` (0: any free port)."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an address in TIME_WAIT is free
        sock.bind((host, port))
        sock.listen(waiting_max)
    except OSError as error:
        sock.close()
        raise _refusal(error, "listener", host, port) from error
    return sock


def accept_waiting(listener) -> list:
    """All connections that wait at a listener, prepared. Never blocks."""
    accepted = []
    while True:
        try:
            sock, _ = listener.accept()
        except BlockingIOError:
            return accepted
        except ConnectionError:  # the client went away before it was accepted
            continue
        prepare_stream(sock)
        accepted.append(sock)


def peer_word(host: str, port: int) -> int:
    """The opaque address that `FramePort.peers` holds for `host`:`port`: the first half of a sockaddr_in."""
    packed = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host)
    return struct.unpack("=q", packed)[0]
