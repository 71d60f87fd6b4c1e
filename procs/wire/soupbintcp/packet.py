"""A packet: two bytes of length (type included, length excluded), a type letter, the payload.

packet head, 3 bytes
off  size  field
---  ----  ------
  0     2  length
  2     1  type

Types from the server: + debug, A login accepted, J login rejected, S sequenced data, U unsequenced data, H heartbeat, Z
end of session. From the client: + debug, L login request, U unsequenced data, R heartbeat, O logout.
"""

from procs.wire.big_endian import has_room, read_u16, write_u16
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_WRONG_SIZE
from shm.jit import hot

SOUP_HEAD_BYTES = 3  # payload begins here

SOUP_DEBUG = ord("+")
SOUP_LOGIN_ACCEPTED = ord("A")
SOUP_LOGIN_REJECTED = ord("J")
SOUP_SEQUENCED = ord("S")
SOUP_UNSEQUENCED = ord("U")
SOUP_SERVER_HEARTBEAT = ord("H")
SOUP_END_OF_SESSION = ord("Z")
SOUP_LOGIN_REQUEST = ord("L")
SOUP_CLIENT_HEARTBEAT = ord("R")
SOUP_LOGOUT = ord("O")


@hot
def soup_next(buf, start, end):
    """Size of the whole packet at `start` in a stream carried in `buf[start:end]`.

    Returns its bytes (head included), 0 while it is incomplete, WIRE_WRONG_SIZE for a packet without a type,
    WIRE_NO_ROOM for one that the array can never hold. A negative answer is the end of the stream.
    """
    if start < 0 or end < start or end > buf.size:
        return WIRE_NO_ROOM
    if end - start < 2:
        return 0
    length = read_u16(buf, start)
    if length < 1:
        return WIRE_WRONG_SIZE
    if 2 + length > buf.size:
        return WIRE_NO_ROOM
    if end - start < 2 + length:
        return 0
    return 2 + length


@hot
def soup_type(buf, start):
    """Type letter of the packet at `start`."""
    return int(buf[start + 2])


@hot
def soup_seal(buf, offset, packet_type, payload_bytes):
    """Write the head of a packet whose payload stands at `offset + SOUP_HEAD_BYTES`. Returns the packet's size."""
    if payload_bytes < 0 or payload_bytes > 0xFFFE:
        return WIRE_BAD_FIELD
    if not has_room(buf, offset, SOUP_HEAD_BYTES + payload_bytes):
        return WIRE_NO_ROOM
    write_u16(buf, offset, 1 + payload_bytes)
    buf[offset + 2] = packet_type
    return SOUP_HEAD_BYTES + payload_bytes


@hot
def encode_soup_empty(buf, offset, packet_type):
    """Write a packet without payload: either heartbeat, end of session, logout. Returns its size or a negative code."""
    return soup_seal(buf, offset, packet_type, 0)


@hot
def encode_soup_data(buf, offset, packet_type, payload, payload_bytes):
    """Write a packet with a copy of `payload`: sequenced, unsequenced, debug. Returns its size or a negative code."""
    if payload_bytes < 0 or payload_bytes > payload.size:
        return WIRE_NO_ROOM
    size = soup_seal(buf, offset, packet_type, payload_bytes)
    if size < 0:
        return size
    for i in range(payload_bytes):
        buf[offset + SOUP_HEAD_BYTES + i] = payload[i]
    return size
