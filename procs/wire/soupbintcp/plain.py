"""Plain: SoupBinTCP packets as bytes, for cold sessions that import no numba. Layouts: packet.py and login.py."""

HEAD_BYTES = 3
LOGIN_ACCEPTED, LOGIN_REJECTED, SEQUENCED, SERVER_HEARTBEAT, END_OF_SESSION = b"A", b"J", b"S", b"H", b"Z"
LOGIN_REQUEST, CLIENT_HEARTBEAT, LOGOUT, UNSEQUENCED = b"L", b"R", b"O", b"U"


def packet(kind: bytes, payload: bytes = b"") -> bytes:
    """One packet."""
    return (1 + len(payload)).to_bytes(2, "big") + kind + payload


def cut(held: bytearray) -> list[tuple[bytes, bytes]] | None:
    """Take every whole packet from the front of a stream: (type, payload). None where the stream has a packet of
    length 0, after which it cannot be followed."""
    found, at = [], 0
    while len(held) - at >= 2:
        length = int.from_bytes(held[at : at + 2], "big")
        if length == 0:
            return None
        if len(held) - at < 2 + length:
            break
        found.append((bytes(held[at + 2 : at + 3]), bytes(held[at + 3 : at + 2 + length])))
        at += 2 + length
    del held[:at]
    return found


def login_request(username: str, password: str, session: str, sequence: int) -> bytes:
    """L: a blank session asks for the current one, sequence 0 for the newest messages only."""
    texts = username.ljust(6) + password.ljust(10) + session.ljust(10)
    return packet(LOGIN_REQUEST, f"{texts}{sequence:>20}".encode("ascii"))


def read_login_request(payload: bytes) -> tuple[str, str, str, int] | None:
    """(username, password, session, sequence), texts stripped; None when it is malformed."""
    text = payload.decode("latin-1")
    if len(text) != 46 or not text[26:].strip().isdecimal():
        return None
    return text[:6].strip(), text[6:16].strip(), text[16:26].strip(), int(text[26:])


def login_accepted(session: str, sequence: int) -> bytes:
    """A: the session and the number of the next sequenced packet."""
    return packet(LOGIN_ACCEPTED, f"{session:<10}{sequence:>20}".encode("ascii"))


def read_login_accepted(payload: bytes) -> tuple[str, int] | None:
    """(session, number of the next sequenced packet); None when it is malformed."""
    text = payload.decode("latin-1")
    if len(text) != 30 or not text[10:].strip().isdecimal():
        return None
    return text[:10].strip(), int(text[10:])
