"""Transmit: the bytes that wait to be sent, and where a cancel goes among them.

```
tx  |  taken by the socket  |  waiting                                                      |  free  |
    0                     taken        [ cancels ][ order ][ order ] ... [ anything ]      size
                                                  waiting orders, none of their bytes has left
```

The bytes are row 0 of `port_out`, shared with the backend that sends them once a cycle. All orders that are ready in a
cycle wait together; while bytes of an earlier cycle wait no new one is encoded. As long as none of an order's bytes
left, a cancel goes in front of it, and the order can be taken out whole (waiting.py). Messages are never split or
interleaved.
"""

from procs.order_sender.desk import (
    PHASE_DOWN,
    WAITING_MAX,
    WORD,
    event_of_wire,
    frame_out,
    row_of,
    taken_out,
    waiting_of,
    word_at,
)
from procs.wire.ouch.event import (
    OUCH_ACCOUNT_QUERY,
    OUCH_CANCEL,
    OUCH_ENTER,
    OUCH_MASS_CANCEL,
    OUCH_REPLACE,
    OUCH_TIF_DAY,
    OUCH_TIF_IOC,
)
from procs.wire.ouch.inbound import encode_ouch_inbound
from procs.wire.ouch.parts import LETTER_SHORT, clear_event
from procs.wire.soupbintcp.packet import (
    SOUP_CLIENT_HEARTBEAT,
    SOUP_HEAD_BYTES,
    SOUP_UNSEQUENCED,
    encode_soup_empty,
    soup_seal,
)
from shm.atomics import record_at
from shm.codes import INTENT_REPLACE, TIF_IOC
from shm.jit import hot
from shm.records.order import ORDER_FLAG_SHORT

PACKET_BYTES_MAX = 64  # an order is 50 bytes, a cancel 12: the frame holds some 160 cancels, the rest stay due
LETTER_DISPLAYED = ord("Y")
LETTER_PRINCIPAL = ord("P")
LETTER_NO = ord("N")
BLANK_HI = 0x2020202020202020  # eight spaces: the client's own text in a message, and every symbol
BLANK_LO = 0x202020202020


@hot
def bytes_waiting(desk):
    """Bytes that the socket has not taken."""
    return frame_out(desk)["size"] - taken_out(desk)


@hot
def reset_transmit(desk):
    """Forget all bytes and the orders among them: the connection is gone."""
    frame_out(desk)["size"] = 0
    record_at(desk["taken_addr"], WORD)["value"] = 0
    desk["refused_stamp_ns"] = 0
    desk["waiting_orders"] = 0


@hot
def has_transmit_room(desk):
    """1 when a connection is there and one more message fits."""
    if desk["phase"] == PHASE_DOWN:
        return 0
    if frame_out(desk)["size"] + PACKET_BYTES_MAX > desk["tx_bytes"]:
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
def _grow(desk, size):
    """Count `size` more bytes as waiting."""
    frame_out(desk)["size"] += size


@hot
def _append(desk, tx):
    """Encode `event` behind everything that waits. Returns its size or a negative code."""
    size = _put(desk, tx, frame_out(desk)["size"])
    if size > 0:
        _grow(desk, size)
    return size


@hot
def _put_first(desk, tx):
    """Encode `event` in front of every order that waits whole, behind everything else there. Returns as `_append`.

    It is encoded behind the last byte and turned round with the orders: three short passes over a few cache lines.
    """
    first_at = first_order_at(desk)
    end = frame_out(desk)["size"]
    size = _append(desk, tx)
    if first_at < 0 or size <= 0:
        return size
    _reverse(tx, first_at, end)
    _reverse(tx, end, end + size)
    _reverse(tx, first_at, end + size)
    for n in range(desk["waiting_orders"]):
        waiting = waiting_of(desk, n)
        if waiting["bytes"] > 0:
            waiting["at"] += size
    return size


@hot
def _reverse(tx, start, end):
    """Turn the bytes from start to end round."""
    end -= 1
    while start < end:
        kept = tx[start]
        tx[start] = tx[end]
        tx[end] = kept
        start += 1
        end -= 1


@hot
def first_order_at(desk):
    """Where the first order of which no byte left begins, or -1."""
    for n in range(desk["waiting_orders"]):
        if waiting_of(desk, n)["bytes"] > 0:
            return waiting_of(desk, n)["at"]
    return -1


@hot
def has_order_room(desk):
    """1 when one more order may join those that wait."""
    if desk["waiting_orders"] >= WAITING_MAX:
        return 0
    return has_transmit_room(desk)


@hot
def put_order(desk, tx, slot, order):
    """Encode the order in `slot`, made from ORDER `order`, behind everything. Returns its size, or a negative code.

    Caller: after `has_order_room`.
    """
    row = row_of(desk, slot)
    event = event_of_wire(desk)
    clear_event(event)
    event["user_ref_num"] = row["user_ref_num"]
    event["qty_lots"] = row["qty_lots"]
    event["price_ticks"] = row["price_ticks"]
    event["side"] = row["side"]
    event["side_letter"] = LETTER_SHORT if order["flags"] & ORDER_FLAG_SHORT != 0 else 0
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
        waiting = waiting_of(desk, desk["waiting_orders"])
        waiting["at"] = frame_out(desk)["size"] - size
        waiting["bytes"] = size
        waiting["slot"] = slot
        waiting["expires_ns"] = order["expires_ns"]
        waiting["recv_stamp_ns"] = order["recv_stamp_ns"]
        waiting["reason"] = 0
        desk["waiting_orders"] += 1
    return size


@hot
def put_cancel(desk, tx, slot):
    """Encode a cancel of all that is left of the order in `slot`, in front of orders that wait whole.

    Returns the packet's size, 0 when there is no connection or no room now.
    """
    if has_transmit_room(desk) == 0:
        return 0
    event = event_of_wire(desk)
    clear_event(event)
    event["kind"] = OUCH_CANCEL
    event["user_ref_num"] = row_of(desk, slot)["user_ref_num"]
    return _put_first(desk, tx)


@hot
def put_reduce(desk, tx, slot):
    """Encode a cancel down to `reduce_to` of the order in `slot`, behind everything: it may itself still wait here.

    Returns as `put_cancel`.
    """
    if has_transmit_room(desk) == 0:
        return 0
    event = event_of_wire(desk)
    clear_event(event)
    event["kind"] = OUCH_CANCEL
    event["user_ref_num"] = row_of(desk, slot)["user_ref_num"]
    event["qty_lots"] = row_of(desk, slot)["reduce_to"]
    return _append(desk, tx)


@hot
def put_mass_cancel(desk, tx, user_ref_num, instrument_id):
    """Encode a mass cancel of one instrument, or of everything (-1). Caller: with room, while no order waits."""
    event = event_of_wire(desk)
    clear_event(event)
    event["kind"] = OUCH_MASS_CANCEL
    event["user_ref_num"] = user_ref_num
    event["firm"] = desk["firm"]
    event["symbol"] = BLANK_HI
    if instrument_id >= 0:
        event["symbol"] = word_at(desk["symbols_addr"], instrument_id)["value"]
    return _append(desk, tx)


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


@hot
def cut_out(desk, tx, n):
    """Take the n-th waiting order's bytes out of the frame; its row stays, with no bytes."""
    frame = frame_out(desk)
    waiting = waiting_of(desk, n)
    at, size = waiting["at"], waiting["bytes"]
    for i in range(at, frame["size"] - size):
        tx[i] = tx[i + size]
    frame["size"] -= size
    waiting["bytes"] = 0
    for other in range(n + 1, desk["waiting_orders"]):
        waiting_of(desk, other)["at"] -= size
    if bytes_waiting(desk) == 0:
        frame["size"] = 0
        record_at(desk["taken_addr"], WORD)["value"] = 0
        desk["refused_stamp_ns"] = 0
