"""Desk: what the venue knows of its members and their connections. Allocation and shapes, no logic.

A member has one account, one sequenced stream for the whole session (stream number = member, in the store) and at most
one connection; a new login takes the place of an old one, whose end may not have been noticed yet.
"""

import numpy as np

from procs.venue.book import MEMBERS_MAX, ORDERS_MAX, map_shape, prepare_map
from procs.venue.store import CURSOR
from procs.wire.ouch.event import OUCH_EVENT
from procs.wire.soupbintcp.login import PASSWORD_BYTES, SESSION_BYTES, USERNAME_BYTES, padded_text
from shm.atomics import address_of

CONNECTIONS_MAX = 8  # one for each member, and as many that are on their way in or out
RECEIVE_BYTES = 8192  # two frames and a whole packet behind them: never full while packets are taken at each step

CONNECTION_FREE = 0
CONNECTION_LOGIN = 1  # no login yet
CONNECTION_OPEN = 2
CONNECTION_CLOSING = 3  # bytes that wait are sent, then the descriptor is let go of

CONNECTION = np.dtype(
    [
        ("state", "<i8"),
        ("member", "<i8"),
        ("used", "<i8"),  # bytes held of the stream
        ("taken", "<i8"),  # of them dealt with
        ("request_bytes", "<i8"),  # of the OUCH request in hand
        ("heard_ns", "<i8"),  # latency time
        ("sent_ns", "<i8"),
        ("begun_ns", "<i8"),
    ]
)
MEMBER = np.dtype(
    [
        ("last_user_ref", "<i8"),
        ("connection", "<i8"),  # -1 while offline
        ("enabled", "<i8"),
        ("logins", "<i8"),
        ("lost", "<i8"),  # 1 when its connection ended and that was not yet dealt with
        ("firm", "<i8"),  # four letters as one integer, as a mass cancel names it
    ]
)
DESK_WORDS = np.dtype(
    [(name, "<i8") for name in ("cancel_on_disconnect", "refuse_orders", "message_addr", "receive_addr", "full")]
)


DESK = np.dtype(
    [
        ("words", DESK_WORDS),
        ("connections", CONNECTION, (CONNECTIONS_MAX,)),
        ("cursors", CURSOR, (CONNECTIONS_MAX,)),
        ("members", MEMBER, (MEMBERS_MAX + 1,)),  # row 0 is nobody
        ("user_refs", "<i8", map_shape(ORDERS_MAX)),  # member << 32 | number -> the venue's reference of a live order
        ("request", OUCH_EVENT),
        ("answer", OUCH_EVENT),
        ("message", "u1", (128,)),
        ("received", "u1", (CONNECTIONS_MAX, RECEIVE_BYTES)),
        ("usernames", "u1", (MEMBERS_MAX + 1, USERNAME_BYTES)),
        ("passwords", "u1", (MEMBERS_MAX + 1, PASSWORD_BYTES)),
        ("asked_username", "u1", (USERNAME_BYTES,)),
        ("asked_password", "u1", (PASSWORD_BYTES,)),
        ("asked_session", "u1", (SESSION_BYTES,)),
        ("session", "u1", (SESSION_BYTES,)),
        ("reserved", "u1", (4,)),
    ]
)
assert DESK.itemsize % 8 == 0


def prepare_desk(desk, session: str, accounts: list[tuple[str, str, str]], cancel_on_disconnect: bool = False) -> None:
    """Make a zeroed DESK one for members with (username, password, firm), the first is member 1. It must not move."""
    if len(accounts) > MEMBERS_MAX:
        raise ValueError(f"prepare_desk: expected at most {MEMBERS_MAX} members, found {len(accounts)}")
    desk["session"] = padded_text(session, SESSION_BYTES)
    prepare_map(desk["user_refs"])
    words = desk["words"]
    words["cancel_on_disconnect"] = int(cancel_on_disconnect)
    words["message_addr"], words["receive_addr"] = address_of(desk["message"]), address_of(desk["received"])
    desk["members"]["connection"] = -1
    for member, (username, password, firm) in enumerate(accounts, start=1):
        desk["usernames"][member] = padded_text(username, USERNAME_BYTES)
        desk["passwords"][member] = padded_text(password, PASSWORD_BYTES)
        desk["members"][member]["enabled"] = 1
        desk["members"][member]["firm"] = int.from_bytes(firm.ljust(4).encode("ascii"), "big")
