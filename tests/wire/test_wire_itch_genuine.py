"""Genuine ITCH 5.0: decoded, compared field by field with two independent decoders, encoded again to the same bytes."""

from collections import Counter

import numpy as np
import pytest

from procs.wire.big_endian import read_u16_bytewise, text_word
from procs.wire.codes import WIRE_OK, WIRE_SKIPPED
from procs.wire.itch.decode import decode_itch
from procs.wire.itch.decode_all import decode_itch_all
from procs.wire.itch.encode_all import encode_itch_all
from procs.wire.itch.event import ITCH_EVENT
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES, mold_check
from procs.wire.moldudp64.header import (
    MOLD_HEADER_BYTES,
    mold_sequence,
    mold_session_hi,
    mold_session_lo,
    session_words,
)
from shm.codes import SIDE_BUY
from tests.support.data import shared_data
from tests.support.pcap import read_pcap

NEEDED = set("SRHAFECXDUP")  # by books and trading states
GENUINE = set("SHAFECXDUPQILYJ")  # types at hand


def file_messages(path):
    """Messages of a day file: each behind its two-byte length."""
    raw, at = path.read_bytes(), 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 2], "big")
        yield raw[at + 2 : at + 2 + size]
        at += 2 + size


def packet_messages(path):
    """(message) of every block of every datagram in a capture."""
    for captured in read_pcap(path):
        buf = np.frombuffer(captured.payload, np.uint8).copy()
        count = mold_check(buf, buf.size)
        assert count > 0, (path.name, count)
        at = MOLD_HEADER_BYTES
        for _ in range(count):
            size = read_u16_bytewise(buf, at)
            yield buf[at + MOLD_BLOCK_HEAD_BYTES : at + MOLD_BLOCK_HEAD_BYTES + size].tobytes()
            at += MOLD_BLOCK_HEAD_BYTES + size


def decoded(message, event):
    return decode_itch_all(np.frombuffer(message, np.uint8).copy(), 0, len(message), event[0])


@pytest.fixture(scope="module")
def genuine():
    """Every genuine message that is at hand."""
    messages = list(file_messages(shared_data("itch50", "20191230_open_1000.itch")))
    for folder in ("itch50_packets", "moldudp64"):
        for path in sorted(shared_data(folder).glob("*.pcap")):
            messages += packet_messages(path)
    return messages


def test_the_day_file_decodes_with_the_published_counts_and_encodes_to_the_same_bytes():
    event, out, counts = np.zeros(1, ITCH_EVENT), np.zeros(64, np.uint8), Counter()
    for message in file_messages(shared_data("itch50", "20191230_open_1000.itch")):
        assert decoded(message, event) == WIRE_OK, message.hex()
        counts[chr(message[0])] += 1
        size = encode_itch_all(out, 0, event[0])
        assert out[:size].tobytes() == message
    assert counts == {"A": 367, "F": 193, "U": 225, "D": 167, "E": 28, "X": 6, "P": 4, "C": 1, "S": 1, "I": 4, "Q": 4}


def test_every_captured_message_is_decoded_and_encodes_to_the_same_bytes(genuine):
    event, out = np.zeros(1, ITCH_EVENT), np.zeros(64, np.uint8)
    seen = set()
    for message in genuine:
        assert decoded(message, event) == WIRE_OK, message.hex()
        seen.add(chr(message[0]))
        assert event[0]["kind"] == message[0]
        size = encode_itch_all(out, 0, event[0])
        assert out[:size].tobytes() == message
    assert seen == GENUINE


def test_what_books_do_without_is_skipped_by_size_and_gives_the_head_alone(genuine):
    event = np.zeros(1, ITCH_EVENT)
    for message in genuine:
        code = decode_itch(np.frombuffer(message, np.uint8).copy(), 0, len(message), event[0])
        assert code == (WIRE_OK if chr(message[0]) in NEEDED else WIRE_SKIPPED), message.hex()
        assert event[0]["venue_ns"] == int.from_bytes(message[5:11], "big")
        assert code == WIRE_OK or event[0]["symbol"] == event[0]["qty_lots"] == 0


COMMON = {"stock_locate": "locate", "tracking_number": "tracking", "timestamp": "venue_ns"}
ITCHFEED = COMMON | {
    "order_reference_number": "order_ref",
    "new_order_reference_number": "new_order_ref",
    "shares": "qty_lots",
    "cancelled_shares": "qty_lots",
    "executed_shares": "qty_lots",
    "price": "price_ticks",
    "execution_price": "price_ticks",
    "match_number": "match_number",
    "buy_sell_indicator": "side",
    "stock": "symbol",
    "attribution": "note",
    "reason": "note",
    "printable": "printable",
    "event_code": "event_code",
    "mpid": "note",
    "primary_market_maker": "primary_market_maker",
    "market_maker_mode": "market_maker_mode",
    "market_participant_state": "participant_state",
    "reg_sho_action": "reg_sho_action",
    "cross_price": "price_ticks",
    "cross_type": "cross_type",
    "paired_shares": "qty_lots",
    "imbalance_shares": "imbalance_lots",
    "imbalance_direction": "imbalance_side",
    "far_price": "far_ticks",
    "near_price": "near_ticks",
    "current_reference_price": "reference_ticks",
    "variation_indicator": "price_variation",
    "auction_collar_reference_price": "reference_ticks",
    "upper_auction_collar_price": "upper_ticks",
    "lower_auction_collar_price": "lower_ticks",
    "auction_collar_extention": "extension",
}
MEATPY = COMMON | {
    "order_ref": "order_ref",
    "original_ref": "order_ref",
    "new_ref": "new_order_ref",
    "shares": "qty_lots",
    "cancelShares": "qty_lots",
    "price": "price_ticks",
    "match": "match_number",
    "bsindicator": "side",
    "stock": "symbol",
    "mpid": "note",
    "reason": "note",
    "printable": "printable",
    "code": "event_code",
    "primary_market_maker": "primary_market_maker",
    "market_maker_mode": "market_maker_mode",
    "action": "reg_sho_action",
    "cross_price": "price_ticks",
    "cross_type": "cross_type",
    "paired_shares": "qty_lots",
    "imbalance_shares": "imbalance_lots",
    "imbalance_direction": "imbalance_side",
    "far_price": "far_ticks",
    "near_price": "near_ticks",
    "current_ref_price": "reference_ticks",
    "price_variation_indicator": "price_variation",
    "auction_collar_ref_price": "reference_ticks",
    "upper_auction_collar_price": "upper_ticks",
    "lower_auction_collar_price": "lower_ticks",
    "auction_collar_extension": "extension",
}


def as_number(name, value):
    """The referee's value in our terms."""
    if name == "side":
        return SIDE_BUY if value in (b"B", "B") else SIDE_BUY + 1
    if isinstance(value, str):
        value = value.encode()
    return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)


def compare(referee, names, event):
    compared = 0
    for attribute, name in names.items():
        if hasattr(referee, attribute):
            value = as_number(name, getattr(referee, attribute))
            assert event[0][name] == value, (type(referee).__name__, attribute, value, event[0][name])
            compared += 1
    return compared


def test_fields_equal_those_of_itchfeed(genuine):
    parser = pytest.importorskip("itch.parser", reason="itchfeed is not installed").MessageParser()
    event, compared = np.zeros(1, ITCH_EVENT), Counter()
    for message in genuine:
        if decoded(message, event) == WIRE_OK:
            compared[chr(message[0])] += compare(parser.get_message_type(message), ITCHFEED, event)
    assert min(compared[letter] for letter in GENUINE) >= 4, compared
    print(dict(compared))


def test_fields_equal_those_of_meatpy(genuine):
    module = pytest.importorskip("meatpy.itch50.itch50_market_message", reason="meatpy is not installed")
    event, compared = np.zeros(1, ITCH_EVENT), Counter()
    for message in genuine:
        if decoded(message, event) == WIRE_OK:
            referee = module.ITCH50MarketMessage.from_bytes(message)
            names = MEATPY | {"state": "participant_state"} if message[:1] == b"L" else MEATPY
            compared[chr(message[0])] += compare(referee, names, event)
    assert min(compared[letter] for letter in GENUINE) >= 4, compared
    print(dict(compared))


def test_a_generated_directory_message_reads_the_same_in_both_referees():
    """No genuine stock directory is at hand, so one with a different value in every field stands for it."""
    itchfeed = pytest.importorskip("itch.parser", reason="itchfeed is not installed").MessageParser()
    meatpy = pytest.importorskip("meatpy.itch50.itch50_market_message", reason="meatpy is not installed")
    event, out = np.zeros(1, ITCH_EVENT), np.zeros(64, np.uint8)
    row = event[0]
    row["kind"], row["locate"], row["tracking"], row["venue_ns"] = ord("R"), 113, 7, 12_345_678_901_234
    row["symbol"], row["qty_lots"], row["etp_leverage"] = text_word("QNTT"), 100, 3
    row["issue_subtype"] = int.from_bytes(b"Z ", "big")
    letters = "market_category financial_status round_lots_only issue_classification authenticity".split()
    letters += "short_sale_threshold ipo_flag luld_tier etp_flag inverse_indicator".split()
    for letter, name in zip("QNYCPXV1WI", letters, strict=True):
        row[name] = ord(letter)
    size = encode_itch_all(out, 0, row)
    message = out[:size].tobytes()
    assert decoded(message, event) == WIRE_OK
    directory = {"round_lot_size": "qty_lots", "lotsize": "qty_lots", "issue_sub_type": "issue_subtype"}
    directory |= {"market_category": "market_category", "category": "market_category", "ipo_flag": "ipo_flag"}
    directory |= {"financial_status_indicator": "financial_status", "status": "financial_status"}
    directory |= {"round_lots_only": "round_lots_only", "lotsonly": "round_lots_only", "luld_ref": "luld_tier"}
    directory |= {"issue_classification": "issue_classification", "issue_class": "issue_classification"}
    directory |= {"issue_sub": "issue_subtype", "authenticity": "authenticity", "etp_flag": "etp_flag"}
    directory |= {"short_sale_threshold_indicator": "short_sale_threshold", "shortsale_thresh": "short_sale_threshold"}
    directory |= {"etp_leverage_factor": "etp_leverage", "etp_leverage": "etp_leverage"}
    directory |= {"inverse_indicator": "inverse_indicator", "inverse_ind": "inverse_indicator"}
    names = COMMON | {"stock": "symbol"} | directory
    assert compare(itchfeed.get_message_type(message), names, event) == 17
    assert compare(meatpy.ITCH50MarketMessage.from_bytes(message), names, event) == 17


GENERATED = [  # (type, {event field: value}, the fields by itchfeed's names, by meatpy's)
    (
        "V",
        {"level_1_e8": 300_000_000_001, "level_2_e8": 280_000_000_002, "level_3_e8": 250_000_000_003},
        {"level1_price": "level_1_e8", "level2_price": "level_2_e8", "level3_price": "level_3_e8"},
        {"level1": "level_1_e8", "level2": "level_2_e8", "level3": "level_3_e8"},
    ),
    ("W", {"breached_level": ord("2")}, {"breached_level": "breached_level"}, {"breached_level": "breached_level"}),
    (
        "K",
        {"release_s": 36_900, "release_qualifier": ord("A"), "price_ticks": 170_000},
        {"ipo_release_time": "release_s", "ipo_release_qualifier": "release_qualifier", "ipo_price": "price_ticks"},
        {
            "ipo_quotation_release_time": "release_s",
            "ipo_quotation_release_qualifier": "release_qualifier",
            "ipo_price": "price_ticks",
        },
    ),
    (
        "h",
        {"market_code": ord("X"), "halt_action": ord("H")},
        {"market_code": "market_code", "operational_halt_action": "halt_action"},
        {"halt_status": "market_code", "halt_reason": "halt_action"},
    ),
    ("B", {"match_number": 2**40 + 7}, {"match_number": "match_number"}, {"match": "match_number"}),
    ("N", {"interest_side": ord("B")}, {"interest_flag": "interest_side"}, {"interest": "interest_side"}),
    (
        "O",
        {
            "open_eligible": ord("Y"),
            "min_ticks": 110_000,
            "max_ticks": 190_000,
            "near_ticks": 150_000,
            "near_execution_ns": 34_500_123_456_789,
            "lower_ticks": 135_000,
            "upper_ticks": 165_000,
        },
        {
            "open_eligibility_status": "open_eligible",
            "minimum_allowable_price": "min_ticks",
            "maximum_allowable_price": "max_ticks",
            "near_execution_price": "near_ticks",
            "near_execution_time": "near_execution_ns",
            "lower_price_range_collar": "lower_ticks",
            "upper_price_range_collar": "upper_ticks",
        },
        None,  # meatpy takes this message for 52 bytes of other fields; the specification has 48
    ),
]
WITHOUT_SYMBOL = "VWB"


@pytest.mark.parametrize(("letter", "values", "by_itchfeed", "by_meatpy"), GENERATED, ids=[g[0] for g in GENERATED])
def test_types_of_which_nothing_genuine_is_at_hand_read_the_same_in_the_referees(
    letter, values, by_itchfeed, by_meatpy
):
    itchfeed = pytest.importorskip("itch.parser", reason="itchfeed is not installed").MessageParser()
    meatpy = pytest.importorskip("meatpy.itch50.itch50_market_message", reason="meatpy is not installed")
    event, out = np.zeros(1, ITCH_EVENT), np.zeros(64, np.uint8)
    head = {"kind": ord(letter), "locate": 113, "tracking": 7, "venue_ns": 12_345_678_901_234}
    if letter not in WITHOUT_SYMBOL:
        head["symbol"], by_itchfeed = text_word("QNTT"), by_itchfeed | {"stock": "symbol"}
        by_meatpy = by_meatpy and by_meatpy | {"stock": "symbol"}
    for name, value in (head | values).items():
        event[0][name] = value
    message = out[: encode_itch_all(out, 0, event[0])].tobytes()
    event[:] = np.zeros(1, ITCH_EVENT)
    assert decoded(message, event) == WIRE_OK
    assert {name: event[0][name] for name in values} == values
    assert compare(itchfeed.get_message_type(message), COMMON | by_itchfeed, event) == 3 + len(by_itchfeed)
    if by_meatpy:
        assert compare(meatpy.ITCH50MarketMessage.from_bytes(message), COMMON | by_meatpy, event) == 3 + len(by_meatpy)


def test_captured_datagrams_carry_their_session_and_numbers():
    session = session_words("000010059B")
    path = shared_data("moldudp64", "Multiple.Packets.pcap")
    expected = 1
    datagrams = read_pcap(path)
    for captured in datagrams:
        buf = np.frombuffer(captured.payload, np.uint8).copy()
        count = mold_check(buf, buf.size)
        assert count >= 1
        assert (mold_session_hi(buf), mold_session_lo(buf)) == session
        assert mold_sequence(buf) >= expected, "numbers only grow"
        expected = mold_sequence(buf) + count
    assert len(datagrams) >= 2
    assert max(mold_check(np.frombuffer(c.payload, np.uint8).copy(), len(c.payload)) for c in datagrams) > 1
    assert all(a.captured_ns <= b.captured_ns for a, b in zip(datagrams, datagrams[1:], strict=False))
