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

from procs.order_sender.desk import (
    PHASE_DOWN,
    WORD,
    event_of_wire,
    frame_out,
    me_of,
    row_of,
    taken_out,
    word_at,
)
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
from shm.atomics import record_at
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
def bytes_waiting(desk):
    """Bytes that the socket has not taken."""
    return frame_out(desk)["size"] - taken_out(desk)


@hot
def order_waits(desk):
    """1 while an order waits of which no byte has left."""
    order_at = desk["order_at"]
    if order_at >= 0 and order_at >= taken_out(desk) and order_at < frame_out(desk)["size"]:
        return 1
    return 0


@hot
def note_taken(desk):
    """Forget the order's place once its first byte left. Caller: after every send."""
    if bytes_waiting(desk) == 0:
        desk["waiting_stamp_ns"] = 0
        desk["order_at"] = -1
    elif desk["order_at"] >= 0 and desk["order_at"] < taken_out(desk):
        desk["order_at"] = -1


@hot
def reset_transmit(desk):
    """Forget all bytes: the connection is gone."""
    frame_out(desk)["size"] = 0
    record_at(desk["taken_addr"], WORD)["value"] = 0
    note_taken(desk)


@hot
def has_transmit_room(desk):
    """1 when a connection is there and one more message fits."""
    if desk["phase"] == PHASE_DOWN:
        return 0
    if frame_out(desk)["size"] + 2 * PACKET_BYTES_MAX > desk["tx_bytes"]:
        return 0
    return 1


@hot
def _put(desk, tx, at):
    """Encode `event` as an unsequenced packet at byte `at`. Returns its size or a negative code."""
    size = encode_ouch_inbound(tx, at + SOUP_HEAD_BYTES, event_of_wire(desk))
    if size < 0:
        return size
    return soup_seal(tx, at, SOUP_UNSEQUENCED, size)


@hot
def _append(desk, tx):
    """Encode `event` behind everything that waits. Returns its size or a negative code."""
    frame = frame_out(desk)
    size = _put(desk, tx, frame["size"])
    if size > 0:
        _grow(desk, size)
    return size


@hot
def _grow(desk, size):
    """Count `size` more bytes as waiting."""
    if bytes_waiting(desk) == 0:
        desk["order_at"] = -1
        desk["waiting_stamp_ns"] = stamp(me_of(desk))
    frame_out(desk)["size"] += size


@hot
def _move_down(tx, target, source, size):
    """Move bytes inside tx to a lower place."""
    for i in range(size):
        tx[target + i] = tx[source + i]


@hot
def put_order(desk, tx, slot, order):
    """Encode the order in `slot`, made from ORDER `order`. Returns the packet's size, or a negative code."""
    row = row_of(desk, slot)
    event = event_of_wire(desk)
    clear_event(event)
    event["user_ref_num"] = row["user_ref_num"]
    event["qty_lots"] = row["qty_lots"]
    event["price_ticks"] = row["price_ticks"]
    event["side"] = row["side"]
    event["symbol"] = word_at(desk["symbols_addr"], row["instrument_id"])["value"]
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
        event["orig_user_ref_num"] = row_of(desk, row["original"])["user_ref_num"]
    size = _append(desk, tx)
    if size > 0:
        desk["order_at"] = frame_out(desk)["size"] - size
        desk["order_bytes"] = size
        desk["order_slot"] = slot
        desk["order_expires_ns"] = order["expires_ns"]
        desk["order_recv_stamp_ns"] = order["recv_stamp_ns"]
    return size


@hot
def put_cancel(desk, tx, slot):
    """Encode a cancel of all that is left of the order in `slot`, in front of an order that waits whole.

    Returns the packet's size, 0 when there is no connection or no room now.
    """
    if has_transmit_room(desk) == 0:
        return 0
    event = event_of_wire(desk)
    clear_event(event)
    event["kind"] = OUCH_CANCEL
    event["user_ref_num"] = row_of(desk, slot)["user_ref_num"]
    if order_waits(desk) == 0:
        return _append(desk, tx)
    order_at, order_bytes = desk["order_at"], desk["order_bytes"]
    spare_at = desk["tx_bytes"] - PACKET_BYTES_MAX
    for i in range(order_bytes):
        tx[spare_at + i] = tx[order_at + i]
    behind_at = order_at + order_bytes
    behind = frame_out(desk)["size"] - behind_at
    _move_down(tx, order_at, behind_at, behind)
    size = max(_put(desk, tx, order_at + behind), 0)
    _grow(desk, size)
    desk["order_at"] = order_at + behind + size
    for i in range(order_bytes):
        tx[desk["order_at"] + i] = tx[spare_at + i]
    return size


@hot
def take_order_back(desk, tx):
    """Remove the order that waits whole. Caller: after `order_waits`."""
    frame = frame_out(desk)
    behind_at = desk["order_at"] + desk["order_bytes"]
    _move_down(tx, desk["order_at"], behind_at, frame["size"] - behind_at)
    frame["size"] -= desk["order_bytes"]
    desk["order_at"] = -1
    if bytes_waiting(desk) == 0:
        frame["size"] = 0
        record_at(desk["taken_addr"], WORD)["value"] = 0
        desk["waiting_stamp_ns"] = 0


@hot
def put_query(desk, tx):
    """Encode the account query that follows every login."""
    clear_event(event_of_wire(desk))
    event_of_wire(desk)["kind"] = OUCH_ACCOUNT_QUERY
    _append(desk, tx)


@hot
def put_heartbeat(desk, tx):
    """Encode a client heartbeat."""
    size = encode_soup_empty(tx, frame_out(desk)["size"], SOUP_CLIENT_HEARTBEAT)
    if size > 0:
        _grow(desk, size)
