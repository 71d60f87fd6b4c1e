"""Warm-up: everything that the control thread calls of the compiled code, once, on scratch memory.

The loop itself is compiled by the runtime with the same state. What is called from Python only (recovery, login) would
otherwise compile in the middle of a restart.
"""

import numpy as np

from procs.net.port import line_fd
from procs.order_sender.recover import clear_working, finish_replay, replay_entries
from procs.order_sender.session import H_HALT, VENUE_SESSION_BYTES, say, word
from procs.order_sender.state import arrays_of
from procs.order_sender.step import step
from procs.order_sender.wire_out import poll_out
from procs.wire.soupbintcp.login import (
    LOGIN_REQUEST_BYTES,
    PASSWORD_BYTES,
    USERNAME_BYTES,
    encode_login_request,
    padded_text,
    parse_login_accepted,
    parse_login_rejected,
)
from procs.wire.soupbintcp.packet import soup_next, soup_type
from shm.control import control_own_state, control_session_scope


def warm_up(state) -> None:
    """Call each function with the types that it meets at run time. The state is scratch and is thrown away."""
    desk, arrays = state.desk[0], arrays_of(state)
    clear_working(desk)
    replay_entries(desk, int(desk["draft_addr"]), 0, 64)
    finish_replay(desk)
    for _ in range(64):  # the sweep that a start begins
        step(state, 0)
    poll_out(state)
    request = np.zeros(LOGIN_REQUEST_BYTES, np.uint8)
    session = arrays.venue_session[:VENUE_SESSION_BYTES]
    encode_login_request(
        request,
        0,
        padded_text("", USERNAME_BYTES),
        padded_text("", PASSWORD_BYTES),
        session,
        int(desk["venue_seq"]),
    )
    parse_login_accepted(request, 0, LOGIN_REQUEST_BYTES, session.copy())
    parse_login_rejected(request, 0, LOGIN_REQUEST_BYTES)
    soup_type(request, soup_next(request, 0, 0))
    say(desk, H_HALT, word(desk, H_HALT))
    line_fd(state.port_in, 0)
    line_fd(state.port_out, 0)
    control = arrays.control[0]
    control_own_state(control, control_session_scope(control, desk["session_id"]))
