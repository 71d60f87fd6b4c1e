"""Login: who, to which session, from which number.

L login request, 49 bytes
off  size  field
---  ----  --------
  0     2  length
  2     1  type
  3     6  username
  9    10  password
 19    10  session
 29    20  sequence

A login accepted, 33 bytes
off  size  field
---  ----  --------
  0     2  length
  2     1  type
  3    10  session
 13    20  sequence

J login rejected, 4 bytes
off  size  field
---  ----  --------
  0     2  length
  2     1  type
  3     1  reason

A blank session asks for the current one, sequence 0 for the newest messages only. Offsets count from the
packet's start.
"""

import numpy as np

from procs.wire.big_endian import has_room
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK, WIRE_UNKNOWN_TYPE, WIRE_WRONG_SIZE
from procs.wire.soupbintcp.ascii_number import NUMBER_MAX, read_number, write_number
from procs.wire.soupbintcp.packet import (
    SOUP_LOGIN_ACCEPTED,
    SOUP_LOGIN_REJECTED,
    SOUP_LOGIN_REQUEST,
    soup_seal,
    soup_type,
)
from shm.jit import hot

LOGIN_REQUEST_BYTES = 49
LOGIN_ACCEPTED_BYTES = 33
LOGIN_REJECTED_BYTES = 4

USERNAME_BYTES = 6
PASSWORD_BYTES = 10
SESSION_BYTES = 10
SEQUENCE_BYTES = 20

LOGIN_NOT_AUTHORISED = ord("A")
LOGIN_NO_SESSION = ord("S")


def padded_text(text: str, size: int) -> np.ndarray:
    """ASCII text as `size` bytes, padded with spaces: what the encoders take. Cold. Errors never repeat the text."""
    raw = text.encode("ascii").ljust(size)
    if len(raw) != size:
        raise ValueError(f"padded_text: expected at most {size} ASCII characters, found {len(raw)}")
    return np.frombuffer(raw, np.uint8).copy()


@hot
def _copy(target, target_offset, source, source_offset, size):
    for i in range(size):
        target[target_offset + i] = source[source_offset + i]


@hot
def _check(buf, offset, size, packet_type, expected):
    if not has_room(buf, offset, size):
        return WIRE_NO_ROOM
    if size != expected:
        return WIRE_WRONG_SIZE
    if soup_type(buf, offset) != packet_type:
        return WIRE_UNKNOWN_TYPE
    return WIRE_OK


@hot
def encode_login_request(buf, offset, username, password, session, sequence):
    """Write L at `offset`; texts are `padded_text` arrays of 6, 10, 10 bytes. Returns the size or a negative code."""
    if sequence < 0 or sequence > NUMBER_MAX:
        return WIRE_BAD_FIELD
    if username.size != USERNAME_BYTES or password.size != PASSWORD_BYTES or session.size != SESSION_BYTES:
        return WIRE_BAD_FIELD
    size = soup_seal(buf, offset, SOUP_LOGIN_REQUEST, LOGIN_REQUEST_BYTES - 3)
    if size < 0:
        return size
    _copy(buf, offset + 3, username, 0, USERNAME_BYTES)
    _copy(buf, offset + 9, password, 0, PASSWORD_BYTES)
    _copy(buf, offset + 19, session, 0, SESSION_BYTES)
    write_number(buf, offset + 29, SEQUENCE_BYTES, sequence)
    return size


@hot
def parse_login_request(buf, offset, size, username, password, session):
    """Copy the texts of the packet of `size` bytes into arrays of 6, 10, 10 bytes. Returns the sequence or a code."""
    code = _check(buf, offset, size, SOUP_LOGIN_REQUEST, LOGIN_REQUEST_BYTES)
    if code < 0:
        return code
    if username.size != USERNAME_BYTES or password.size != PASSWORD_BYTES or session.size != SESSION_BYTES:
        return WIRE_BAD_FIELD
    _copy(username, 0, buf, offset + 3, USERNAME_BYTES)
    _copy(password, 0, buf, offset + 9, PASSWORD_BYTES)
    _copy(session, 0, buf, offset + 19, SESSION_BYTES)
    return read_number(buf, offset + 29, SEQUENCE_BYTES)


@hot
def encode_login_accepted(buf, offset, session, sequence):
    """Write A: the session and the number of the next sequenced packet. Returns the size or a negative code."""
    if sequence < 0 or sequence > NUMBER_MAX or session.size != SESSION_BYTES:
        return WIRE_BAD_FIELD
    size = soup_seal(buf, offset, SOUP_LOGIN_ACCEPTED, LOGIN_ACCEPTED_BYTES - 3)
    if size < 0:
        return size
    _copy(buf, offset + 3, session, 0, SESSION_BYTES)
    write_number(buf, offset + 13, SEQUENCE_BYTES, sequence)
    return size


@hot
def parse_login_accepted(buf, offset, size, session):
    """Copy the session into an array of 10 bytes. Returns the number of the next sequenced packet or a code."""
    code = _check(buf, offset, size, SOUP_LOGIN_ACCEPTED, LOGIN_ACCEPTED_BYTES)
    if code < 0:
        return code
    if session.size != SESSION_BYTES:
        return WIRE_BAD_FIELD
    _copy(session, 0, buf, offset + 3, SESSION_BYTES)
    return read_number(buf, offset + 13, SEQUENCE_BYTES)


@hot
def encode_login_rejected(buf, offset, reason):
    """Write J with LOGIN_NOT_AUTHORISED or LOGIN_NO_SESSION. Returns the size or a negative code."""
    size = soup_seal(buf, offset, SOUP_LOGIN_REJECTED, LOGIN_REJECTED_BYTES - 3)
    if size < 0:
        return size
    buf[offset + 3] = reason
    return size


@hot
def parse_login_rejected(buf, offset, size):
    """The reason's letter, or a negative code."""
    code = _check(buf, offset, size, SOUP_LOGIN_REJECTED, LOGIN_REJECTED_BYTES)
    if code < 0:
        return code
    return int(buf[offset + 3])
