"""Transmit: what waits to be sent, and where a cancel may go before an order.

```
tx  |  taken by the socket  |  waiting                                   |  free  |
    0                     taken        [ cancels ][ order ][ cancels ]    size
                                                  order_at, order_bytes
```

The bytes are row 0 of `port_out`, shared with the backend that sends them. At most one order waits: while bytes wait no
new one is encoded. As long as none of its bytes left, a cancel goes in front of it, and the order can be taken back.
Messages are never split or interleaved.
"""

from procs.order_sender.desk import PHASE_DOWN
from procs.wire.ouch.event import (
    OUCH_ACCOUNT_QUERY,
    OUCH_CANCEL,
    OUCH_ENTER,
    OUCH_REPLACE,
    OUCH_TIF_DAY,
    OUCH_TIF_IOC,
)
from procs.wire.ouch.inbound import encode_ouch_inbound
from procs.wire.ouch.parts import clear_event
from procs.wire.soupbintcp.packet import (
    SOUP_CLIENT_HEARTBEAT,
    SOUP_HEAD_BYTES,
    SOUP_UNSEQUENCED,
    encode_soup_empty,
    soup_seal,
)
from shm.codes import INTENT_REPLACE, TIF_IOC
from shm.instance import stamp
from shm.jit import hot

PACKET_BYTES_MAX = 64  # an order is 50 bytes, a cancel 12: the frame holds some 160 cancels, the rest stay due
LETTER_DISPLAYED = ord("Y")
LETTER_PRINCIPAL = ord("P")
LETTER_NO = ord("N")
BLANK_HI = 0x2020202020202020  # the client's own text in a message: fourteen spaces
BLANK_LO = 0x202020202020


@hot
def bytes_waiting(state):
    """Bytes that the socket has not taken."""
    return state.port_out.frames[0]["size"] - state.port_out.taken[0]


@hot
def order_waits(state):
    """1 while an order waits of which no byte has left."""
    order_at = state.desk[0]["order_at"]
    if order_at >= 0 and order_at >= state.port_out.taken[0] and order_at < state.port_out.frames[0]["size"]:
        return 1
    return 0


@hot
def note_taken(state):
    """Forget the order's place once its first byte left. Caller: after every send."""
    desk = state.desk[0]
    if bytes_waiting(state) == 0:
        desk["waiting_stamp_ns"] = 0
        desk["order_at"] = -1
    elif desk["order_at"] >= 0 and desk["order_at"] < state.port_out.taken[0]:
        desk["order_at"] = -1


@hot
def reset_transmit(state):
    """Forget all bytes: the connection is gone."""
    state.port_out.frames[0]["size"] = 0
    state.port_out.taken[0] = 0
    note_taken(state)


@hot
def has_transmit_room(state):
    """1 when a connection is there and one more message fits."""
    if state.desk[0]["phase"] == PHASE_DOWN:
        return 0
    if state.port_out.frames[0]["size"] + 2 * PACKET_BYTES_MAX > state.tx.size:
        return 0
    return 1


@hot
def _put(state, at):
    """Encode `event` as an unsequenced packet at byte `at`. Returns its size or a negative code."""
    size = encode_ouch_inbound(state.tx, at + SOUP_HEAD_BYTES, state.event[0])
    if size < 0:
        return size
    return soup_seal(state.tx, at, SOUP_UNSEQUENCED, size)


@hot
def _append(state):
    """Encode `event` behind everything that waits. Returns its size or a negative code."""
    frame = state.port_out.frames[0]
    size = _put(state, frame["size"])
    if size > 0:
        _grow(state, size)
    return size


@hot
def _grow(state, size):
    """Count `size` more bytes as waiting."""
    desk = state.desk[0]
    if bytes_waiting(state) == 0:
        desk["order_at"] = -1
        desk["waiting_stamp_ns"] = stamp(state.me[0])
    state.port_out.frames[0]["size"] += size


@hot
def _move_down(state, target, source, size):
    """Move bytes inside tx to a lower place."""
    for i in range(size):
        state.tx[target + i] = state.tx[source + i]


@hot
def put_order(state, slot, order):
    """Encode the order in `slot`, made from ORDER `order`. Returns the packet's size, or a negative code."""
    desk = state.desk[0]
    row = state.rows[slot]
    event = state.event[0]
    clear_event(event)
    event["user_ref_num"] = row["user_ref_num"]
    event["qty_lots"] = row["qty_lots"]
    event["price_ticks"] = row["price_ticks"]
    event["side"] = row["side"]
    event["symbol"] = state.symbols[row["instrument_id"]]
    event["time_in_force"] = OUCH_TIF_IOC if row["tif"] == TIF_IOC else OUCH_TIF_DAY
    event["display"] = LETTER_DISPLAYED
    event["capacity"] = LETTER_PRINCIPAL
    event["sweep"] = LETTER_NO
    event["cross_type"] = LETTER_NO
    event["cl_ord_id_hi"] = BLANK_HI
    event["cl_ord_id_lo"] = BLANK_LO
    event["kind"] = OUCH_ENTER
    if row["kind"] == INTENT_REPLACE:
        event["kind"] = OUCH_REPLACE
        event["orig_user_ref_num"] = state.rows[row["original"]]["user_ref_num"]
    size = _append(state)
    if size > 0:
        desk["order_at"] = state.port_out.frames[0]["size"] - size
        desk["order_bytes"] = size
        desk["order_slot"] = slot
        desk["order_expires_ns"] = order["expires_ns"]
        desk["order_recv_stamp_ns"] = order["recv_stamp_ns"]
    return size


@hot
def put_cancel(state, slot):
    """Encode a cancel of all that is left of the order in `slot`, in front of an order that waits whole.

    Returns the packet's size, 0 when there is no connection or no room now.
    """
    if has_transmit_room(state) == 0:
        return 0
    desk = state.desk[0]
    event = state.event[0]
    clear_event(event)
    event["kind"] = OUCH_CANCEL
    event["user_ref_num"] = state.rows[slot]["user_ref_num"]
    if order_waits(state) == 0:
        return _append(state)
    order_at, order_bytes = desk["order_at"], desk["order_bytes"]
    for i in range(order_bytes):
        state.spare[i] = state.tx[order_at + i]
    behind_at = order_at + order_bytes
    behind = state.port_out.frames[0]["size"] - behind_at
    _move_down(state, order_at, behind_at, behind)
    size = max(_put(state, order_at + behind), 0)
    _grow(state, size)
    desk["order_at"] = order_at + behind + size
    for i in range(order_bytes):
        state.tx[desk["order_at"] + i] = state.spare[i]
    return size


@hot
def take_order_back(state):
    """Remove the order that waits whole. Caller: after `order_waits`."""
    desk, frame = state.desk[0], state.port_out.frames[0]
    behind_at = desk["order_at"] + desk["order_bytes"]
    _move_down(state, desk["order_at"], behind_at, frame["size"] - behind_at)
    frame["size"] -= desk["order_bytes"]
    desk["order_at"] = -1
    if bytes_waiting(state) == 0:
        frame["size"] = 0
        state.port_out.taken[0] = 0
        desk["waiting_stamp_ns"] = 0


@hot
def put_query(state):
    """Encode the account query that follows every login."""
    clear_event(state.event[0])
    state.event[0]["kind"] = OUCH_ACCOUNT_QUERY
    _append(state)


@hot
def put_heartbeat(state):
    """Encode a client heartbeat."""
    size = encode_soup_empty(state.tx, state.port_out.frames[0]["size"], SOUP_CLIENT_HEARTBEAT)
    if size > 0:
        _grow(state, size)
