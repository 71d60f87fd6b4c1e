"""What the venue says happened: a member's own numbered stream from its first message, read over a new connection.

The venue lets the connection that was there go, so order_sender must be dead or stopped meanwhile.
"""

import socket
import struct
from typing import NamedTuple

from tests.oracles.ouch import read
from tests.support.ouch_venue import packet

SECONDS = 20.0


class Message(NamedTuple):
    """One message: its number in the stream, its type letter, its fields."""

    seq: int
    kind: str
    fields: dict[str, int]


def _packets(held: bytearray):
    while len(held) >= 2 and len(held) >= 2 + struct.unpack(">H", held[:2])[0]:
        size = 2 + struct.unpack(">H", held[:2])[0]
        yield bytes(held[2:3]), bytes(held[3:size])
        del held[:size]


def read_stream(session) -> list[Message]:
    """Every message of the stream of a configured venue session (config/venues.py), up to the venue's next heartbeat."""
    names = (session.username.ljust(6), session.password.ljust(10), " " * 10, "1".rjust(20))
    found: list[Message] = []
    held, accepted = bytearray(), False
    with socket.create_connection((session.host, session.port), timeout=SECONDS) as wire:
        wire.sendall(packet(b"L", "".join(names).encode()))
        while True:
            data = wire.recv(1 << 20)
            assert data, f"the venue closed the connection after {len(found)} messages"
            held += data
            for kind, payload in _packets(held):
                if kind == b"A":
                    accepted = True
                    assert int(payload[10:]) == 1, "the stream begins with its first message"
                elif kind == b"S":
                    code, fields = read("outbound", payload)
                    assert code == 1, (code, payload)
                    found.append(Message(len(found) + 1, chr(payload[0]), fields))
                elif kind == b"H" and accepted:
                    return found
                else:
                    assert kind in (b"+", b"H"), (kind, payload)
