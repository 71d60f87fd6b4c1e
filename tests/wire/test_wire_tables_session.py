"""The byte tables of the session layers equal their code: what is written lies where the table says, and is read there."""

import random
import re

import numpy as np

from procs.wire.codes import WIRE_OK
from procs.wire.moldudp64 import blocks, header
from procs.wire.ouch import appendage
from procs.wire.ouch.event import OUCH_EVENT
from procs.wire.ouch.inbound import decode_ouch_inbound
from procs.wire.ouch.sizes import FIXED_OF_INBOUND
from procs.wire.soupbintcp import login, packet
from tests.support.byte_table import ROW, Field, byte_tables

SEED, ROUNDS = 64, 200


def fields_of(module, title: str) -> dict[str, Field]:
    """The rows of the table of that title; they touch each other and fill the size in the title, if it has one."""
    lines = iter(module.__doc__.splitlines())
    assert any(line.startswith(title) for line in lines), f"{module.__name__} has no table {title!r}"
    found: list[Field] = []
    for line in lines:
        row = ROW.match(line)
        if row:
            found.append(Field(int(row["offset"]), int(row["size"]), row["field"]))
        elif found:
            break
    at = 0
    for field in found:
        assert field.offset == at, (title, field)
        at += field.size
    return {field.name: field for field in found}


def cut(buf, field: Field) -> bytes:
    return buf[field.offset : field.offset + field.size].tobytes()


def letters(rng, size: int) -> bytes:
    return bytes(rng.choice(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(size))


def test_the_header_of_a_datagram_and_of_a_request():
    fields, rng = fields_of(header, "downstream datagram and request, 20 bytes"), random.Random(SEED)
    assert header.MOLD_HEADER_BYTES == fields["count"].offset + fields["count"].size == 20
    for _ in range(ROUNDS):
        session, sequence, count = letters(rng, 10), rng.randrange(1 << 63), rng.randrange(1 << 16)
        buf = np.full(24, 0xCC, np.uint8)
        header.write_mold_header(buf, *header.session_words(session.decode()), sequence, count)
        assert cut(buf, fields["session"]) == session
        assert cut(buf, fields["sequence"]) == sequence.to_bytes(8, "big")
        assert cut(buf, fields["count"]) == count.to_bytes(2, "big")
        assert buf[20:].tolist() == [0xCC] * 4
        assert (header.mold_session_hi(buf), header.mold_session_lo(buf)) == header.session_words(session.decode())
        assert (header.mold_sequence(buf), header.mold_count(buf)) == (sequence, count)


def test_a_message_block_is_its_length_and_the_message():
    told = re.search(r"a (two)-byte length, then the message", blocks.__doc__)
    assert told and blocks.MOLD_BLOCK_HEAD_BYTES == 2
    buf, message = np.zeros(64, np.uint8), np.arange(7, dtype=np.uint8)
    used = blocks.mold_begin(buf, *header.session_words("S"), 1)
    used = blocks.mold_append(buf, used, 64, message, 0, 7)
    assert used == 20 + 2 + 7 and buf[20:29].tobytes() == b"\0\x07" + message.tobytes()


def test_the_head_of_a_packet():
    fields, rng = fields_of(packet, "packet head, 3 bytes"), random.Random(SEED)
    assert packet.SOUP_HEAD_BYTES == fields["type"].offset + fields["type"].size == 3
    for size in (0, 1, 5, 60):
        payload, kind = np.frombuffer(letters(rng, size), np.uint8).copy(), packet.SOUP_SEQUENCED
        buf = np.full(80, 0xCC, np.uint8)
        assert packet.encode_soup_data(buf, 0, kind, payload, size) == 3 + size
        assert cut(buf, fields["length"]) == (size + 1).to_bytes(2, "big"), "type included, length excluded"
        assert cut(buf, fields["type"]) == bytes([kind]) and buf[3 : 3 + size].tobytes() == payload.tobytes()
        assert packet.soup_type(buf, 0) == kind and packet.soup_next(buf, 0, 3 + size) == 3 + size


def test_every_type_of_packet_is_named_with_its_letter():
    told = re.search(r"Types from the server: (.*?)\. From the client: (.*?)\.", packet.__doc__, re.DOTALL)
    named = {re.match(r"(\S)\s", item.strip())[1] for part in told.groups() for item in part.split(",")}
    codes = {
        chr(value) for name, value in vars(packet).items() if name.startswith("SOUP_") and name != "SOUP_HEAD_BYTES"
    }
    assert named == codes


def test_the_three_packets_of_a_login():
    request = {field.name: field for field in fields_of(login, "L login request").values()}
    accepted, rejected = fields_of(login, "A login accepted"), fields_of(login, "J login rejected")
    assert {message.letter for message in byte_tables(login)} == {"L", "A", "J"}
    rng = random.Random(SEED)
    for _ in range(ROUNDS):
        user, password, session = (letters(rng, size) for size in (6, 10, 10))
        sequence, reason = rng.randrange(10**12), rng.choice(b"AS")
        texts = [np.frombuffer(text, np.uint8).copy() for text in (user, password, session)]
        buf = np.full(60, 0xCC, np.uint8)
        assert login.encode_login_request(buf, 0, *texts, sequence) == 49
        assert cut(buf, request["length"]) == (47).to_bytes(2, "big") and cut(buf, request["type"]) == b"L"
        assert (cut(buf, request["username"]), cut(buf, request["password"])) == (user, password)
        assert cut(buf, request["session"]) == session and int(cut(buf, request["sequence"])) == sequence
        heard = [np.zeros(size, np.uint8) for size in (6, 10, 10)]
        assert login.parse_login_request(buf, 0, 49, *heard) == sequence
        assert [text.tobytes() for text in heard] == [user, password, session]
        assert login.encode_login_accepted(buf, 0, texts[2], sequence) == 33
        assert cut(buf, accepted["length"]) == (31).to_bytes(2, "big") and cut(buf, accepted["type"]) == b"A"
        assert cut(buf, accepted["session"]) == session and int(cut(buf, accepted["sequence"])) == sequence
        assert login.parse_login_accepted(buf, 0, 33, heard[2]) == sequence and heard[2].tobytes() == session
        assert login.encode_login_rejected(buf, 0, reason) == 4
        assert cut(buf, rejected["length"]) == b"\0\2" and cut(buf, rejected["type"]) == b"J"
        assert cut(buf, rejected["reason"]) == bytes([reason])
        assert login.parse_login_rejected(buf, 0, 4) == reason


def test_a_tag_value_behind_a_message():
    fields = fields_of(appendage, "TagValue, 2 bytes and the value")
    assert list(fields) == ["length", "tag"] and appendage.APPENDAGE_HEAD_BYTES == 2
    fixed = FIXED_OF_INBOUND["X"]
    buf, event = np.zeros(40, np.uint8), np.zeros(1, OUCH_EVENT)
    buf[0] = ord("X")
    size = appendage.append_tag(buf, 0, fixed, fixed, appendage.TAG_MIN_QTY, 7_000_000, 4)
    tag_value = buf[fixed + 2 : size]
    assert buf[fixed : fixed + 2].tobytes() == (6).to_bytes(2, "big"), "the length of all TagValues"
    assert cut(tag_value, fields["length"]) == b"\5" and cut(tag_value, fields["tag"]) == bytes([appendage.TAG_MIN_QTY])
    assert tag_value[2:].tobytes() == (7_000_000).to_bytes(4, "big")
    assert decode_ouch_inbound(buf, 0, size, event[0]) == WIRE_OK
    assert appendage.tag_value(buf, event[0], appendage.TAG_MIN_QTY, -1) == 7_000_000
