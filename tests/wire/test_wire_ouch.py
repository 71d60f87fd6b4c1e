"""OUCH 5.0: genuine frames to the byte, optional appendages, refusals."""

import numpy as np
import pytest

from procs.wire.big_endian import text_word, word_text
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK, WIRE_UNKNOWN_TYPE, WIRE_WRONG_SIZE
from procs.wire.ouch.accepted import ACCEPTED_FIXED
from procs.wire.ouch.appendage import (
    TAG_BBO_WEIGHT,
    TAG_DISCRETION_PEG_OFFSET,
    TAG_DISPLAY_PRICE,
    TAG_DISPLAY_QUANTITY,
    TAG_FIRM,
    TAG_MIN_QTY,
    TAG_PEG_OFFSET,
    append_tag,
    find_tag,
    signed_tag_value,
    tag_value,
)
from procs.wire.ouch.canceled import AIQ_CANCELED_SHORT_BYTES
from procs.wire.ouch.enter import ENTER_FIXED
from procs.wire.ouch.event import (
    OUCH_AIQ_CANCELED,
    OUCH_CANCEL,
    OUCH_CANCELED,
    OUCH_CANCELED_USER,
    OUCH_ENTER,
    OUCH_EVENT,
    OUCH_RESTATED,
    OUCH_STATE_LIVE,
    OUCH_TIF_DAY,
    OUCH_TIF_GTX,
)
from procs.wire.ouch.inbound import decode_ouch_inbound, encode_ouch_inbound
from procs.wire.ouch.outbound import decode_ouch_outbound, encode_ouch_outbound
from procs.wire.ouch.restated import RESTATED_FIXED, encode_restated
from procs.wire.ouch.sizes import FIXED_OF_INBOUND, FIXED_OF_OUTBOUND
from procs.wire.soupbintcp.packet import (
    SOUP_CLIENT_HEARTBEAT,
    SOUP_HEAD_BYTES,
    SOUP_SEQUENCED,
    SOUP_SERVER_HEARTBEAT,
    SOUP_UNSEQUENCED,
    soup_next,
    soup_type,
)
from shm.codes import SIDE_BUY, SIDE_SELL
from tests.support.data import shared_data
from tests.support.pcap import read_pcap


def genuine(name, packet_type):
    """The payload of a captured packet behind its head, in an array with room to spare."""
    raw = np.frombuffer(read_pcap(shared_data("ouch50", name))[0].payload, np.uint8).copy()
    size = soup_next(raw, 0, raw.size)
    assert size == raw.size and soup_type(raw, 0) == packet_type
    return raw[SOUP_HEAD_BYTES:]


@pytest.fixture
def event():
    return np.zeros(1, OUCH_EVENT)


def test_the_genuine_enter_order(event):
    raw = genuine("EnterOrderMessage.pcap", SOUP_UNSEQUENCED)
    assert decode_ouch_inbound(raw, 0, raw.size, event[0]) == WIRE_OK
    row = event[0]
    assert (row["kind"], row["user_ref_num"], row["qty_lots"], row["price_ticks"]) == (OUCH_ENTER, 113, 225, 630_200)
    assert (chr(row["side_letter"]), row["side"], word_text(row["symbol"])) == ("T", SIDE_SELL, "CVLT")
    assert row["time_in_force"] == OUCH_TIF_DAY
    assert "".join(chr(row[name]) for name in ("display", "capacity", "sweep", "cross_type")) == "YANN"
    assert word_text(row["cl_ord_id_hi"]) + word_text(row["cl_ord_id_lo"], size=6) == "H8FUB8IV"
    firm = tag_value(raw, row, TAG_FIRM, -1)
    assert word_text(firm, size=4) == "LIME"
    made = np.zeros(80, np.uint8)
    size = encode_ouch_inbound(made, 0, row)
    size = append_tag(made, 0, ENTER_FIXED, size, TAG_FIRM, firm, 4)
    assert made[:size].tobytes() == raw.tobytes()


def test_the_genuine_order_accepted(event):
    raw = genuine("OrderAcceptedMessage.pcap", SOUP_SEQUENCED)
    assert decode_ouch_outbound(raw, 0, raw.size, event[0]) == WIRE_OK
    row = event[0]
    assert (row["venue_ns"], row["user_ref_num"], row["order_ref"]) == (44_647_483_486_087, 7_682_701, 257_340_661)
    assert (row["side"], row["qty_lots"], row["price_ticks"]) == (SIDE_BUY, 40, 4_777_800)
    assert (row["time_in_force"], row["order_state"], word_text(row["symbol"])) == (
        OUCH_TIF_GTX,
        OUCH_STATE_LIVE,
        "ADBE",
    )
    assert "".join(chr(row[name]) for name in ("display", "capacity", "sweep", "cross_type")) == "YANN"
    assert word_text(row["cl_ord_id_hi"]) == "7682701"
    firm, weight = tag_value(raw, row, TAG_FIRM, -1), tag_value(raw, row, TAG_BBO_WEIGHT, -1)
    assert (word_text(firm, size=4), chr(weight)) == ("MLRO", "0")
    made = np.zeros(80, np.uint8)
    size = encode_ouch_outbound(made, 0, row)
    size = append_tag(made, 0, ACCEPTED_FIXED, size, TAG_FIRM, firm, 4)
    size = append_tag(made, 0, ACCEPTED_FIXED, size, TAG_BBO_WEIGHT, weight, 1)
    assert made[:size].tobytes() == raw.tobytes()


def test_the_genuine_cancel_and_its_answer(event):
    raw, made = genuine("CancelOrderMessage.pcap", SOUP_UNSEQUENCED), np.zeros(80, np.uint8)
    assert decode_ouch_inbound(raw, 0, raw.size, event[0]) == WIRE_OK
    row = event[0]
    assert (row["kind"], row["user_ref_num"], row["qty_lots"]) == (OUCH_CANCEL, 7_679_601, 0)
    size = encode_ouch_inbound(made, 0, event[0])
    assert made[:size].tobytes() == raw.tobytes()
    raw = genuine("CanceledMessage.pcap", SOUP_SEQUENCED)
    assert decode_ouch_outbound(raw, 0, raw.size, event[0]) == WIRE_OK
    row = event[0]
    assert (row["kind"], row["user_ref_num"], row["qty_lots"]) == (OUCH_CANCELED, 7_682_701, 40)
    assert row["reason"] == OUCH_CANCELED_USER and row["venue_ns"] == 44_647_483_708_183
    size = encode_ouch_outbound(made, 0, row)
    assert made[:size].tobytes() == raw.tobytes()


def test_the_genuine_heartbeats():
    assert genuine("ClientHeartbeatPacket.pcap", SOUP_CLIENT_HEARTBEAT).size == 0
    assert genuine("ServerHeartbeatPacket.pcap", SOUP_SERVER_HEARTBEAT).size == 0


def message(direction, letter, *tags, length=None):
    """A message of fixed part, appendage length and raw TagValues."""
    fixed = direction[letter]
    body = bytearray(fixed)
    body[0] = ord(letter)
    if letter in "OAUM" and fixed != 38:
        body[{45: 5, 62: 13, 66: 17, 18: 13, 10: 5}[fixed]] = ord("B")
    appendage = b"".join(tags)
    told = len(appendage) if length is None else length
    return bytes(body) + told.to_bytes(2, "big") + appendage


BOTH = [(FIXED_OF_INBOUND, decode_ouch_inbound, letter) for letter in FIXED_OF_INBOUND]
BOTH += [(FIXED_OF_OUTBOUND, decode_ouch_outbound, letter) for letter in FIXED_OF_OUTBOUND]


@pytest.mark.parametrize(("direction", "decode", "letter"), BOTH)
def test_appendages_may_be_absent_empty_known_or_unknown_but_not_cut(direction, decode, letter, event):
    known, unknown = b"\x05\x02FIRM", b"\x03\xf7ab"
    rows = [
        (message(direction, letter)[:-2], True),
        (message(direction, letter), True),
        (message(direction, letter, known), True),
        (message(direction, letter, unknown, known), True),
        (message(direction, letter, b"\x01\xf7", known), True),
        (message(direction, letter)[:-1], False),
        (message(direction, letter)[:-3], False),
        (message(direction, letter, known)[:-1], False),
        (message(direction, letter, known) + b"\0", False),
        (message(direction, letter, known, length=5), False),
        (message(direction, letter, known, length=7), False),
        (message(direction, letter, b"\x06\x02FIRM"), False),
        (message(direction, letter, b"\x00", known), False),
        (message(direction, letter, known, b"\x05"), False),
    ]
    for raw, whole in rows:
        if letter == "D" and direction is FIXED_OF_OUTBOUND and len(raw) == AIQ_CANCELED_SHORT_BYTES:
            continue  # the earlier edition's whole message
        buf = np.frombuffer(raw, np.uint8).copy()
        code = decode(buf, 0, buf.size, event[0])
        if whole:
            assert code == WIRE_OK, (letter, raw.hex(), code)
            expected = word_text(tag_value(buf, event[0], TAG_FIRM, 0), size=4)
            assert expected == ("FIRM" if b"FIRM" in raw else ""), raw.hex()
            assert find_tag(buf, event[0], TAG_MIN_QTY) == -1
        else:
            assert code == WIRE_WRONG_SIZE, (letter, raw.hex(), code)


def test_a_restated_order_carries_its_new_values_in_the_appendage(event):
    buf = np.zeros(60, np.uint8)
    event[0]["user_ref_num"], event[0]["reason"], event[0]["venue_ns"] = 12, ord("P"), 1
    size = encode_restated(buf, 4, event[0])
    size = append_tag(buf, 4, RESTATED_FIXED, size, TAG_DISPLAY_PRICE, 1_234_500, 8)
    size = append_tag(buf, 4, RESTATED_FIXED, size, TAG_DISPLAY_QUANTITY, 700, 4)
    assert decode_ouch_outbound(buf, 4, size, event[0]) == WIRE_OK
    assert event[0]["kind"] == OUCH_RESTATED and event[0]["reason"] == ord("P")
    assert tag_value(buf, event[0], TAG_DISPLAY_PRICE, -1) == 1_234_500
    assert tag_value(buf, event[0], TAG_DISPLAY_QUANTITY, -1) == 700
    assert tag_value(buf, event[0], TAG_FIRM, -1) == -1
    assert append_tag(buf, 4, RESTATED_FIXED, 50, TAG_FIRM, 1, 8) == WIRE_NO_ROOM
    assert append_tag(buf, 4, RESTATED_FIXED, size, TAG_FIRM, 1, 9) == WIRE_BAD_FIELD


@pytest.mark.parametrize("value", [0, 1, -1, -200, 2**31 - 1, -(2**31)])
def test_offsets_of_pegged_orders_may_be_negative(value, event):
    buf = np.zeros(80, np.uint8)
    event[0]["kind"], event[0]["side"] = OUCH_ENTER, SIDE_BUY
    size = append_tag(buf, 0, ENTER_FIXED, encode_ouch_inbound(buf, 0, event[0]), TAG_PEG_OFFSET, value, 4)
    size = append_tag(buf, 0, ENTER_FIXED, size, TAG_DISCRETION_PEG_OFFSET, value, 8)
    assert decode_ouch_inbound(buf, 0, size, event[0]) == WIRE_OK
    assert signed_tag_value(buf, event[0], TAG_PEG_OFFSET, 5) == value
    assert signed_tag_value(buf, event[0], TAG_DISCRETION_PEG_OFFSET, 5) == value
    assert signed_tag_value(buf, event[0], TAG_FIRM, 5) == 5
    assert tag_value(buf, event[0], TAG_PEG_OFFSET, 5) == value % 2**32


def test_a_tag_can_be_added_to_a_message_that_has_no_appendage_length(event):
    buf = np.zeros(40, np.uint8)
    event[0]["kind"], event[0]["user_ref_num"] = OUCH_CANCEL, 9
    size = encode_ouch_inbound(buf, 0, event[0])
    grown = append_tag(buf, 0, size, size, TAG_FIRM, text_word("ABCD", size=4), 4)
    assert grown == size + 2 + 6
    assert decode_ouch_inbound(buf, 0, grown, event[0]) == WIRE_OK
    assert word_text(tag_value(buf, event[0], TAG_FIRM, 0), size=4) == "ABCD"


def test_an_aiq_cancel_of_the_earlier_edition_has_no_strategy(event):
    buf = np.zeros(32, np.uint8)
    buf[0], buf[31] = OUCH_AIQ_CANCELED, ord("S")
    assert decode_ouch_outbound(buf, 0, 32, event[0]) == WIRE_OK and event[0]["aiq_strategy"] == ord("S")
    assert decode_ouch_outbound(buf, 0, 31, event[0]) == WIRE_OK and event[0]["aiq_strategy"] == 0
    assert decode_ouch_outbound(buf, 0, 30, event[0]) == WIRE_WRONG_SIZE


@pytest.mark.parametrize(
    ("field", "value"),
    [("qty_lots", -1), ("qty_lots", 2**32), ("price_ticks", -1), ("user_ref_num", 2**32), ("side", 0), ("side", 3)],
)
def test_values_that_the_wire_cannot_carry_are_not_encoded(field, value, event):
    event[0]["kind"], event[0]["side"], buf = OUCH_ENTER, SIDE_BUY, np.zeros(80, np.uint8)
    assert encode_ouch_inbound(buf, 0, event[0]) > 0
    event[0][field] = value
    assert encode_ouch_inbound(buf, 0, event[0]) == WIRE_BAD_FIELD


def test_unknown_types_and_sides_are_refused(event):
    buf = np.zeros(80, np.uint8)
    for letter in (0, ord("z"), 255):
        buf[0] = letter
        assert decode_ouch_inbound(buf, 0, 45, event[0]) == WIRE_UNKNOWN_TYPE
        assert decode_ouch_outbound(buf, 0, 45, event[0]) == WIRE_UNKNOWN_TYPE
        event[0]["kind"] = letter
        assert encode_ouch_inbound(buf, 0, event[0]) == WIRE_UNKNOWN_TYPE
        assert encode_ouch_outbound(buf, 0, event[0]) == WIRE_UNKNOWN_TYPE
    buf[0], buf[5] = OUCH_ENTER, ord("X")
    assert decode_ouch_inbound(buf, 0, ENTER_FIXED, event[0]) == WIRE_BAD_FIELD
    assert decode_ouch_inbound(buf, 0, 0, event[0]) == WIRE_WRONG_SIZE
    assert decode_ouch_inbound(buf, 60, 45, event[0]) == WIRE_NO_ROOM
    assert decode_ouch_inbound(buf, -1, 45, event[0]) == WIRE_NO_ROOM
