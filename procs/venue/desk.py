"""Desk: what the venue knows of its members and their connections. Allocation and shapes, no logic.

A member has one account, one sequenced stream for the whole session (stream number = member, in the store) and at most
one connection; a new login takes the place of an old one, whose end may not have been noticed yet.
"""

from typing import NamedTuple

import numpy as np

from procs.venue.book import MEMBERS_MAX, ORDERS_MAX
from procs.venue.store import CURSOR
from procs.wire.ouch.event import OUCH_EVENT
from procs.wire.soupbintcp.login import PASSWORD_BYTES, SESSION_BYTES, USERNAME_BYTES, padded_text
from shm.atomics import address_of
from shm.int_map import int_map

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
        ("used", "<i8"),  # bytes received and not yet taken
        ("heard_ns", "<i8"),  # latency time
        ("sent_ns", "<i8"),
        ("begun_ns", "<i8"),
    ]
)
MEMBER = np.dtype([("last_user_ref", "<i8"), ("connection", "<i8"), ("enabled", "<i8"), ("logins", "<i8")])
DESK_WORDS = np.dtype(
    [("cancel_on_disconnect", "<i8"), ("message_addr", "<i8"), ("receive_addr", "<i8"), ("full", "<i8")]
)


class Desk(NamedTuple):
    """Members are rows from 1 of `members` and `credentials`; `user_refs` maps member << 32 | number -> order."""

    words: np.ndarray
    connections: np.ndarray
    cursors: np.ndarray
    received: np.ndarray
    members: np.ndarray
    credentials: np.ndarray
    session: np.ndarray
    user_refs: np.ndarray
    request: np.ndarray
    answer: np.ndarray
    message: np.ndarray
    login: np.ndarray


_alive: list[Desk] = []


def make_desk(session: str, accounts: list[tuple[str, str]], cancel_on_disconnect: bool = False) -> Desk:
    """A desk for members with (username, password), in order: the first is member 1."""
    if len(accounts) > MEMBERS_MAX:
        raise ValueError(f"make_desk: expected at most {MEMBERS_MAX} members, found {len(accounts)}")
    desk = Desk(
        words=np.zeros(1, DESK_WORDS),
        connections=np.zeros(CONNECTIONS_MAX, CONNECTION),
        cursors=np.zeros(CONNECTIONS_MAX, CURSOR),
        received=np.zeros((CONNECTIONS_MAX, RECEIVE_BYTES), np.uint8),
        members=np.zeros(MEMBERS_MAX + 1, MEMBER),
        credentials=np.zeros((MEMBERS_MAX + 1, USERNAME_BYTES + PASSWORD_BYTES), np.uint8),
        session=padded_text(session, SESSION_BYTES),
        user_refs=int_map(ORDERS_MAX),
        request=np.zeros(1, OUCH_EVENT),
        answer=np.zeros(1, OUCH_EVENT),
        message=np.zeros(128, np.uint8),
        login=np.zeros(USERNAME_BYTES + PASSWORD_BYTES + SESSION_BYTES, np.uint8),
    )
    words = desk.words[0]
    words["cancel_on_disconnect"] = int(cancel_on_disconnect)
    words["message_addr"], words["receive_addr"] = address_of(desk.message), address_of(desk.received)
    desk.members["connection"] = -1
    for member, (username, password) in enumerate(accounts, start=1):
        desk.credentials[member, :USERNAME_BYTES] = padded_text(username, USERNAME_BYTES)
        desk.credentials[member, USERNAME_BYTES:] = padded_text(password, PASSWORD_BYTES)
        desk.members[member]["enabled"] = 1
    _alive.append(desk)
    return desk
