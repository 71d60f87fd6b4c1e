"""Bytes that lie: whatever arrives, every codec answers with a code, touches nothing outside, and never crashes.

Valid messages, datagrams and streams are spoilt at random between guard bytes (`tests/support/spoil.py`). Each check first
proves that it bites: a reader without its size check and a writer without its room check must be caught by it.
"""

from collections import Counter

import numpy as np
import pytest

from procs.wire.big_endian import BYTEWISE, read_u16
from procs.wire.codes import WIRE_NAMES, WIRE_NO_ROOM
from procs.wire.itch.add import decode_add
from procs.wire.itch.decode_all import decode_itch_all
from procs.wire.itch.encode_all import encode_itch_all
from procs.wire.itch.event import ITCH_EVENT
from procs.wire.itch.head import encode_head
from procs.wire.itch.sizes import SIZE_OF
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES, mold_append, mold_begin, mold_check
from procs.wire.moldudp64.header import MOLD_END_OF_SESSION, MOLD_HEADER_BYTES, check_mold_request, mold_count
from procs.wire.ouch.enter import decode_enter
from procs.wire.ouch.event import OUCH_EVENT
from procs.wire.ouch.inbound import decode_ouch_inbound, encode_ouch_inbound
from procs.wire.ouch.outbound import decode_ouch_outbound, encode_ouch_outbound
from procs.wire.ouch.parts import encode_cl_ord_id
from procs.wire.ouch.sizes import FIXED_OF_INBOUND, FIXED_OF_OUTBOUND
from procs.wire.soupbintcp.login import (
    encode_login_accepted,
    encode_login_rejected,
    encode_login_request,
    parse_login_accepted,
    parse_login_rejected,
    parse_login_request,
)
from procs.wire.soupbintcp.packet import SOUP_HEAD_BYTES, SOUP_SEQUENCED, encode_soup_data, soup_next, soup_type
from shm.jit import JIT_OFF, hot
from tests.support.spoil import (
    ARENA_BYTES,
    GUARD_BYTES,
    ROOM_MAX,
    Corpus,
    all_are,
    clear_row,
    draw,
    fill,
    guards_hold,
    rows_agree,
    set_guards,
    spoil,
)

SEED = 5
ROUNDS = 20_000 if JIT_OFF else 100_000
SOAK_ROUNDS = 1_000_000
BITE_ROUNDS = 2_000
WHOLE, BROKEN_READER, BROKEN_WRITER = 0, 1, 2  # the codec as it is, or a variant that must be caught
NO_FAULT = -1
INBOUND, OUTBOUND = 0, 1
TEXT_BYTES = 42  # user name, password and session, each with four guard bytes on either side


def corpus_of(fixed, letters, appendage=b""):
    """One message of each type, zero but for its type letter and the `letters` {type: (offset, letter)} it must carry."""
    found = []
    for kind, size in fixed.items():
        raw = bytearray(size)
        raw[0] = ord(kind)
        at, letter = letters.get(kind, (0, kind))
        raw[at] = ord(letter)
        found.append(bytes(raw) + appendage)
    return found


APPENDAGE = b"\x00\x0a\x05\x02FIRM\x03\x12ab"
ITCH_CORPUS = corpus_of(SIZE_OF, {"A": (19, "B"), "F": (19, "S"), "P": (19, "B"), "C": (31, "Y")})
INBOUND_CORPUS = corpus_of(FIXED_OF_INBOUND, {"O": (5, "B"), "M": (5, "T")}, APPENDAGE)
OUTBOUND_CORPUS = corpus_of(FIXED_OF_OUTBOUND, {"A": (13, "B"), "U": (17, "S"), "M": (13, "T")}, APPENDAGE)
DATAGRAM = bytes(17) + b"\1\0\3" + 3 * (b"\x00\x13D" + bytes(18))
DATAGRAMS = [DATAGRAM, bytes(17) + b"\1\0\0", bytes(17) + b"\1\xff\xff", bytes(17) + b"\1\0\1\0\x17X" + bytes(22)]
LOGIN = b"\x00\x2fL" + b"user  password  " + b" " * 10 + b"20".rjust(20)
ACCEPTED = b"\x00\x1fA" + b"QUINTET   " + b"7".rjust(20)
STREAMS = [
    b"\x00\x01R" + LOGIN + ACCEPTED + b"\x00\x02JA",
    ACCEPTED + b"\x00\x0eS" + bytes([ord("P")]) + bytes(12) + b"\x00\x01H\x00\x01Z",
    b"\x00\x05+abcd\x00\x0aU" + b"X" + bytes(8) + b"\x00\x01O",
]


@hot
def itch_rounds(variant, rounds, random, rows, sizes, arena, out, events, event_bytes, seen):
    """Returns NO_FAULT, or the round in which the guards or the two answers differed."""
    for k in range(rounds):
        size = spoil(random, rows, sizes, arena)
        buf = arena[GUARD_BYTES : GUARD_BYTES + size]
        first = 0
        for row in (1, 3):
            clear_row(event_bytes, row)
            set_guards(arena, size, 0 if row == 1 else 255)
            code = (
                decode_add(buf, 0, events[row])
                if variant == BROKEN_READER
                else decode_itch_all(buf, 0, size, events[row])
            )
            if row == 1:
                first = code
            elif code != first or not guards_hold(arena, size, 255):
                return k
        if not rows_agree(event_bytes) or decode_itch_all(buf, 1, size, events[3]) != (
            WIRE_NO_ROOM if size > 0 else -2
        ):
            return k
        seen[first + 8] += 1
        room = draw(random, ROOM_MAX)
        set_guards(out, room, 255)
        target = out[GUARD_BYTES : GUARD_BYTES + room]
        if variant == BROKEN_WRITER:
            encode_head(target, 0, 65, events[1])
        elif first > 0:
            written = encode_itch_all(target, 0, events[1])
            if written > 0 and written != size or written == 0 or (written < 0) != (room < size):
                return k
        if not guards_hold(out, room, 255):
            return k
    return NO_FAULT


@hot
def ouch_decode(variant, direction, buf, size, event):
    if variant == BROKEN_READER:
        return decode_enter(buf, 0, event)
    if direction == INBOUND:
        return decode_ouch_inbound(buf, 0, size, event)
    return decode_ouch_outbound(buf, 0, size, event)


@hot
def ouch_encode(variant, direction, buf, event):
    if variant == BROKEN_WRITER:
        encode_cl_ord_id(buf, 0, event)
        return 14
    if direction == INBOUND:
        return encode_ouch_inbound(buf, 0, event)
    return encode_ouch_outbound(buf, 0, event)


@hot
def ouch_rounds(variant, direction, rounds, random, rows, sizes, arena, out, events, event_bytes, seen):
    """As `itch_rounds`; the TagValues must lie inside the message too."""
    for k in range(rounds):
        size = spoil(random, rows, sizes, arena)
        buf = arena[GUARD_BYTES : GUARD_BYTES + size]
        first = 0
        for row in (1, 3):
            clear_row(event_bytes, row)
            set_guards(arena, size, 0 if row == 1 else 255)
            code = ouch_decode(variant, direction, buf, size, events[row])
            if row == 1:
                first = code
            elif code != first or not guards_hold(arena, size, 255):
                return k
        event = events[1]
        if not rows_agree(event_bytes) or int(event["appendage_offset"]) + int(event["appendage_bytes"]) > size:
            return k
        seen[first + 8] += 1
        room = draw(random, ROOM_MAX)
        set_guards(out, room, 255)
        if first > 0 or variant == BROKEN_WRITER:
            written = ouch_encode(variant, direction, out[GUARD_BYTES : GUARD_BYTES + room], event)
            if written == 0 or written > room:
                return k
        if not guards_hold(out, room, 255):
            return k
    return NO_FAULT


@hot
def mold_answer(variant, buf, size, event):
    """One number for all that a reader learns from a datagram: its count or code, each block's size and answer."""
    if variant == BROKEN_READER:
        return mold_count(buf)
    answer = mold_check(buf, size) * 1000 + check_mold_request(buf, size)
    count = mold_check(buf, size)
    if count <= 0 or count == MOLD_END_OF_SESSION:
        return answer
    at = MOLD_HEADER_BYTES
    for _ in range(count):
        length = read_u16(buf, at)
        code = decode_itch_all(buf, at + MOLD_BLOCK_HEAD_BYTES, length, event)
        answer = (answer * 31 + length * 16 + code) & 0xFFFFFFFFFF
        at += MOLD_BLOCK_HEAD_BYTES + length
    return answer if at == size else -1


@hot
def mold_rounds(variant, rounds, random, rows, sizes, arena, out, events, event_bytes, seen):
    """As `itch_rounds`, of datagrams; what is written is the spoilt bytes as a message of a new datagram."""
    for k in range(rounds):
        size = spoil(random, rows, sizes, arena)
        buf = arena[GUARD_BYTES : GUARD_BYTES + size]
        clear_row(event_bytes, 1)
        clear_row(event_bytes, 3)
        set_guards(arena, size, 0)
        first = mold_answer(variant, buf, size, events[1])
        set_guards(arena, size, 255)
        if mold_answer(variant, buf, size, events[3]) != first or not rows_agree(event_bytes):
            return k
        seen[min(mold_check(buf, size), 1) + 8] += 1
        room = draw(random, ROOM_MAX)
        set_guards(out, room, 255)
        target = out[GUARD_BYTES : GUARD_BYTES + room]
        used = mold_begin(target, 1, 2, 3)
        if used > 0:
            used = mold_append(target, used, 2 * ROOM_MAX if variant == BROKEN_WRITER else room, buf, 0, size)
        if variant == BROKEN_WRITER:
            encode_head(target, 0, 65, events[1])
        if used > room or not guards_hold(out, room, 255) or not guards_hold(arena, size, 255):
            return k
    return NO_FAULT


@hot
def soup_answer(variant, buf, size, texts, event):
    """One number for all that a reader learns from a stream: packets, logins, the OUCH messages inside."""
    start = 0
    answer = 0
    while True:
        step = read_u16(buf, start) + 2 if variant == BROKEN_READER else soup_next(buf, start, size)
        answer = (answer * 31 + step) & 0xFFFFFFFFFF
        if step <= 0 or start + step > size:
            return answer
        answer += parse_login_request(buf, start, step, texts[4:10], texts[14:24], texts[28:38])
        answer += parse_login_accepted(buf, start, step, texts[28:38])
        answer += parse_login_rejected(buf, start, step)
        kind = soup_type(buf, start) if step > 2 else 0
        if kind == SOUP_SEQUENCED:
            answer += decode_ouch_outbound(buf, start + SOUP_HEAD_BYTES, step - SOUP_HEAD_BYTES, event)
        start += step


@hot
def soup_write(variant, target, source, texts, which):
    """A packet of one of four kinds. Returns its size or a code."""
    if variant == BROKEN_WRITER:
        for i in range(SOUP_HEAD_BYTES):
            target[i] = 1
        return SOUP_HEAD_BYTES
    if which == 0:
        return encode_login_request(target, 0, texts[4:10], texts[14:24], texts[28:38], 7)
    if which == 1:
        return encode_login_accepted(target, 0, texts[28:38], 7)
    if which == 2:
        return encode_login_rejected(target, 0, 65)
    return encode_soup_data(target, 0, SOUP_SEQUENCED, source, source.size)


@hot
def soup_rounds(variant, texts, rounds, random, rows, sizes, arena, out, events, event_bytes, seen):
    """As `itch_rounds`, of streams; the texts of a login are copied between guards as well."""
    for k in range(rounds):
        size = spoil(random, rows, sizes, arena)
        buf = arena[GUARD_BYTES : GUARD_BYTES + size]
        clear_row(event_bytes, 1)
        clear_row(event_bytes, 3)
        fill(texts, 0, TEXT_BYTES, 0)
        set_guards(arena, size, 0)
        first = soup_answer(variant, buf, size, texts, events[1])
        set_guards(arena, size, 255)
        if soup_answer(variant, buf, size, texts, events[3]) != first or not rows_agree(event_bytes):
            return k
        if not (all_are(texts, 0, 4, 0) and all_are(texts, 10, 14, 0)):
            return k
        if not (all_are(texts, 24, 28, 0) and all_are(texts, 38, TEXT_BYTES, 0)):
            return k
        seen[min(soup_next(buf, 0, size), 1) + 8] += 1
        room = draw(random, ROOM_MAX)
        set_guards(out, room, 255)
        written = soup_write(variant, out[GUARD_BYTES : GUARD_BYTES + room], buf, texts, draw(random, 4))
        if written == 0 or written > room or not guards_hold(out, room, 255) or not guards_hold(arena, size, 255):
            return k
    return NO_FAULT


def play(name, variant, rounds, seed):
    """Spoil and check. Returns (round of the first fault or NO_FAULT, corpus as the rounds left it)."""
    messages, dtype = CODECS[name]
    corpus, events = Corpus(messages, seed), np.zeros(5, dtype)
    rest = (rounds, corpus.random, corpus.rows, corpus.sizes, corpus.arena, corpus.out)
    rest += (events, events.view(np.uint8).reshape(5, dtype.itemsize), corpus.seen)
    if name == "itch":
        return itch_rounds(variant, *rest), corpus
    if name == "mold":
        return mold_rounds(variant, *rest), corpus
    if name == "soup":
        return soup_rounds(variant, np.zeros(TEXT_BYTES, np.uint8), *rest), corpus
    return ouch_rounds(variant, INBOUND if name == "ouch inbound" else OUTBOUND, *rest), corpus


CODECS = {
    "itch": (ITCH_CORPUS, ITCH_EVENT),
    "ouch inbound": (INBOUND_CORPUS, OUCH_EVENT),
    "ouch outbound": (OUTBOUND_CORPUS, OUCH_EVENT),
    "mold": (DATAGRAMS, ITCH_EVENT),
    "soup": (STREAMS, OUCH_EVENT),
}
ANSWERS = {
    "itch": {"ok", "unknown_type", "wrong_size", "bad_field"},
    "ouch inbound": {"ok", "unknown_type", "wrong_size", "bad_field"},
    "ouch outbound": {"ok", "unknown_type", "wrong_size", "bad_field"},
    "mold": {"ok", "heartbeat", "wrong_size", "wrong_count", "bad_field"},
    "soup": {"ok", "waits", "wrong_size", "no_room"},
}
NOTHING = {"mold": "heartbeat", "soup": "waits"}  # what an answer of 0 means


def hold(name, rounds, seed):
    fault, corpus = play(name, WHOLE, rounds, seed)
    left = corpus.arena[GUARD_BYTES : ARENA_BYTES - GUARD_BYTES].tobytes().hex()
    assert fault == NO_FAULT, f"{name}, seed {seed}: round {fault}, the bytes behind the guard {left}"
    names = WIRE_NAMES | {0: NOTHING.get(name, "nothing")}
    seen = Counter({names[code - 8]: int(times) for code, times in enumerate(corpus.seen) if times})
    print(name, f"seed {seed}", dict(seen))
    assert sum(seen.values()) == rounds
    assert set(seen) == ANSWERS[name], seen


@pytest.mark.parametrize("variant", [BROKEN_READER, BROKEN_WRITER], ids=["reader", "writer"])
@pytest.mark.parametrize("name", CODECS)
def test_a_codec_without_its_checks_is_caught(name, variant):
    try:
        fault, _ = play(name, variant, BITE_ROUNDS, SEED)
    except IndexError:
        assert BYTEWISE, "only bytewise access can raise"
    else:
        assert fault != NO_FAULT, f"{name}: {BITE_ROUNDS} rounds did not notice the broken variant"


@pytest.mark.parametrize("name", CODECS)
def test_spoilt_bytes_are_answered_with_codes_and_nothing_outside_is_touched(name):
    hold(name, ROUNDS, SEED)


@pytest.mark.soak
@pytest.mark.parametrize("name", CODECS)
def test_a_million_times_spoilt_bytes_are_answered_with_codes(name):
    hold(name, SOAK_ROUNDS, SEED + 1)
