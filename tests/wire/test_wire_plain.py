"""The plain readings for cold processes against the oracles and the compiled codecs, message by message."""

import random

import numpy as np
import pytest

from procs.wire.ouch.event import OUCH_EVENT
from procs.wire.ouch.inbound import encode_ouch_inbound
from procs.wire.ouch.plain import INBOUND, OUTBOUND, SIGNED_MAX, read_outbound, write_inbound
from procs.wire.ouch.sizes import FIXED_OF_OUTBOUND
from procs.wire.soupbintcp import plain
from procs.wire.soupbintcp.login import encode_login_accepted, encode_login_request, padded_text
from procs.wire.soupbintcp.packet import SOUP_UNSEQUENCED, encode_soup_data
from tests.oracles import ouch as oracle

COMPARED = ("venue_ns", "user_ref_num", "orig_user_ref_num", "qty_lots", "price_ticks", "match_number", "order_ref")


@pytest.mark.parametrize("count", [4_000, pytest.param(400_000, marks=pytest.mark.soak)])
def test_the_plain_reader_agrees_with_the_specification_about_every_message_whole_or_not(count):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng, seen = random.Random(seed), set()
    for _ in range(count):
        message = oracle.generate(rng, "outbound")
        code, fields = oracle.read("outbound", message)
        found = read_outbound(message)
        if code != oracle.WHOLE:
            continue  # what is malformed inside an appendage or in a letter is not looked at here
        assert found is not None, message.hex()
        seen.add(found["kind"])
        for name in COMPARED:
            if name in found:
                assert found[name] == fields[name], (name, message.hex())
    assert seen == set(OUTBOUND)


def test_the_plain_reader_refuses_every_wrong_size_and_numbers_beyond_int64():
    for kind, fixed in FIXED_OF_OUTBOUND.items():
        message = kind.encode() + bytes(fixed - 1)
        assert read_outbound(message)["kind"] == kind and read_outbound(message + b"\0\0")["kind"] == kind
        for size in set(range(fixed)) - ({31} if kind == "D" else set()):
            assert read_outbound(message[:size]) is None, (kind, size)
        assert read_outbound(message + b"\0") is None and read_outbound(message + b"\0\0\0") is None
        beyond = kind.encode() + (SIGNED_MAX + 1).to_bytes(8, "big") + bytes(fixed - 9)
        assert read_outbound(beyond) is None, kind
    assert read_outbound(b"") is None and read_outbound(b"?" + bytes(50)) is None


def test_what_is_written_plainly_is_what_the_compiled_encoder_sends():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng, event, made = random.Random(seed), np.zeros(1, OUCH_EVENT), np.zeros(128, np.uint8)
    blank = int.from_bytes(b" " * 8, "big")
    for _ in range(300):
        kind = rng.choice(list(INBOUND))
        event[0] = np.zeros(1, OUCH_EVENT)[0]
        numbers = {name: rng.randrange(1 << 31) for name in ("user_ref_num", "orig_user_ref_num", "qty_lots")}
        numbers["price_ticks"] = rng.randrange(1 << 40)
        letters = {"time_in_force": "0", "display": "Y", "capacity": "P", "sweep": "N", "cross_type": "N"}
        symbol, side = rng.choice(["AAPL", "ESH4", "A"]), rng.choice("BS")
        for name, value in numbers.items():
            event[0][name] = value
        for name, letter in letters.items():
            event[0][name] = ord(letter)
        event[0]["kind"], event[0]["symbol"] = ord(kind), int.from_bytes(symbol.ljust(8).encode(), "big")
        event[0]["side_letter"] = 0 if kind == "U" else ord(side)  # in a replace an optional mark, which none here has
        event[0]["cl_ord_id_hi"], event[0]["cl_ord_id_lo"] = blank, blank >> 16
        size = encode_ouch_inbound(made, 0, event[0])
        fields = {**numbers, **letters, "symbol": symbol, "side_letter": side, "cl_ord_id": ""}
        written = write_inbound(kind, **fields)
        assert written == made[:size].tobytes()
        whole = np.zeros(128, np.uint8)
        size = encode_soup_data(whole, 0, SOUP_UNSEQUENCED, made, size)
        assert plain.packet(plain.UNSEQUENCED, written) == whole[:size].tobytes()


def test_plain_logins_are_those_of_the_compiled_session():
    made, texts = (
        np.zeros(128, np.uint8),
        [padded_text(text, size) for text, size in (("me", 6), ("secret", 10), ("S1", 10))],
    )
    size = encode_login_request(made, 0, *texts, 77)
    assert plain.login_request("me", "secret", "S1", 77) == made[:size].tobytes()
    assert plain.read_login_request(made[3:size].tobytes()) == ("me", "secret", "S1", 77)
    size = encode_login_accepted(made, 0, texts[2], 12345)
    assert plain.login_accepted("S1", 12345) == made[:size].tobytes()
    assert plain.read_login_accepted(made[3:size].tobytes()) == ("S1", 12345)
    assert plain.read_login_accepted(b"short") is None and plain.read_login_request(b"x" * 46) is None


def test_a_stream_is_cut_into_the_same_packets_however_it_arrives():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    sent = [(rng.choice((b"S", b"H", b"A")), rng.randbytes(rng.randrange(40))) for _ in range(200)]
    stream, held, found = b"".join(plain.packet(*one) for one in sent), bytearray(), []
    while stream:
        size = rng.randrange(1, 30)
        held += stream[:size]
        stream = stream[size:]
        found += plain.cut(held)
    assert found == sent and not held
    assert plain.cut(bytearray(b"\0\0")) is None
