"""The byte tables in the docstrings, the size tables and the code say the same of every message.

Each message is made from its table alone with random field values, decoded, compared field by field, encoded again.
"""

import importlib
import pkgutil
import re

import numpy as np
import pytest

import procs.wire.itch
import procs.wire.ouch
from procs.wire.codes import WIRE_OK
from procs.wire.itch import sizes as itch_sizes
from procs.wire.itch.decode_all import decode_itch_all
from procs.wire.itch.encode_all import encode_itch_all
from procs.wire.itch.event import ITCH_EVENT
from procs.wire.moldudp64 import header as mold_header
from procs.wire.ouch import appendage
from procs.wire.ouch import sizes as ouch_sizes
from procs.wire.ouch.event import OUCH_EVENT
from procs.wire.ouch.inbound import decode_ouch_inbound, encode_ouch_inbound
from procs.wire.ouch.outbound import decode_ouch_outbound, encode_ouch_outbound
from procs.wire.soupbintcp import login
from shm.codes import SIDE_BUY, SIDE_SELL, TRADING_HALTED, TRADING_OPEN, TRADING_PAUSED, TRADING_QUOTE_ONLY
from tests.support.byte_table import byte_tables, check_table, size_rows

SEED = 20191230
INBOUND_FILES = {"enter", "replace", "cancel", "modify", "mass_cancel", "entry_switch", "account_query"}
SIDES = {b"B": SIDE_BUY, b"S": SIDE_SELL, b"T": SIDE_SELL, b"E": SIDE_SELL}
OWNED = set(ITCH_EVENT.names[ITCH_EVENT.names.index("etp_leverage") :])  # fields of the types that name them alone
STATES = {b"T": TRADING_OPEN, b"H": TRADING_HALTED, b"P": TRADING_PAUSED, b"Q": TRADING_QUOTE_ONLY}


def modules_of(package):
    return [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]


def messages_of(package):
    """(module, message) of every table in a package, the shared heads left out."""
    return [(m, message) for m in modules_of(package) if m.__doc__ for message in byte_tables(m)]


def inbound(module, message):
    return module.__name__.rsplit(".", 1)[1] in INBOUND_FILES and not message.outbound


ITCH = messages_of(procs.wire.itch)
OUCH = messages_of(procs.wire.ouch)
OUCH_IN = [pair for pair in OUCH if inbound(*pair)]
OUCH_OUT = [pair for pair in OUCH if not inbound(*pair)]


def ids(pair):
    return pair[1].name.replace(" ", "_")


def random_bytes(rng, message, field):
    if field.name == "kind":
        return message.letter.encode()
    if field.name == "side":
        return rng.choice([b"B", b"S"])
    if field.name == "side_letter":
        return rng.choice(list(SIDES))
    if field.name == "trading_state":
        return rng.choice(list(STATES))
    if field.name == "printable":
        return rng.choice([b"Y", b"N"])
    if field.name == "reserved":
        return b" "
    raw = bytearray(rng.integers(0, 256, field.size, dtype=np.uint8).tobytes())
    if field.size == 8:
        raw[0] &= 0x7F  # numbers of 64 bits fit int64
    return bytes(raw)


def expected_values(field, raw):
    """{event field: value} that the decoder must give for these bytes."""
    if field.name == "reserved":
        return {}
    if field.name == "side":
        return {"side": SIDES[raw]}
    if field.name == "side_letter":
        return {"side_letter": raw[0], "side": SIDES[raw]}
    if field.name == "trading_state":
        return {"trading_state": STATES[raw]}
    if field.name == "cl_ord_id":
        hi = int.from_bytes(raw[:8], "big", signed=True)
        return {"cl_ord_id_hi": hi, "cl_ord_id_lo": int.from_bytes(raw[8:], "big")}
    return {field.name: int.from_bytes(raw, "big")}


def turn_around(rng, message, dtype, decode, encode, offset):
    raw, expected = b"", {}
    for field in message.fields:
        part = random_bytes(rng, message, field)
        raw += part
        expected |= expected_values(field, part)
    buf = np.frombuffer(b"\xaa" * offset + raw, np.uint8).copy()
    event, shown = np.zeros(1, dtype), f"seed {SEED}: {message.name} {raw.hex()}"
    for name in ITCH_EVENT.names if dtype is ITCH_EVENT else OUCH_EVENT.names:
        event[0][name] = 1  # what a former message left must not shine through
    assert decode(buf, offset, len(raw), event[0]) == WIRE_OK, shown
    for name, value in expected.items():
        assert event[0][name] == value, (shown, name)
    out = np.full(offset + 80, 0xCC, np.uint8)
    size = encode(out, offset, event[0])
    assert out[offset : offset + message.size].tobytes() == raw, shown
    assert size in (message.size, message.size + 2), shown
    assert (out[offset + message.size : offset + size] == 0).all(), f"{shown}: the appendage is not empty"
    assert (out[:offset] == 0xCC).all() and (out[offset + size :] == 0xCC).all(), f"{shown}: wrote outside"
    short = np.zeros(offset + size - 1, np.uint8)
    assert encode(short, offset, event[0]) < 0, f"{shown}: encoded into an array that is too short"
    carried = set(expected) | {"kind", "appendage_offset", "appendage_bytes", "reserved"}
    return event[0], carried


@pytest.mark.parametrize("pair", ITCH, ids=ids)
def test_itch_table_and_code_agree(pair):
    module, message = pair
    check_table(message)
    assert message.size == itch_sizes.SIZE_OF[message.letter]
    rng = np.random.default_rng(SEED)
    for offset in (0, 0, 3, 7):
        event, carried = turn_around(rng, message, ITCH_EVENT, decode_itch_all, encode_itch_all, offset)
        for name in set(ITCH_EVENT.names) - carried - OWNED:
            assert event[name] == 0, f"{message.name}: {name} is not carried and must be zero"
        for name in OWNED - carried - {"reserved_2"}:
            assert event[name] == 1, f"{message.name}: {name} belongs to other types and must stay"


@pytest.mark.parametrize("pair", OUCH_IN, ids=ids)
def test_ouch_inbound_table_and_code_agree(pair):
    module, message = pair
    check_table(message)
    assert message.size == ouch_sizes.FIXED_OF_INBOUND[message.letter]
    rng = np.random.default_rng(SEED)
    for offset in (0, 0, 3, 7):
        event, carried = turn_around(rng, message, OUCH_EVENT, decode_ouch_inbound, encode_ouch_inbound, offset)
        for name in set(OUCH_EVENT.names) - carried:
            assert event[name] == 0, f"{message.name}: {name} is not carried and must be zero"


@pytest.mark.parametrize("pair", OUCH_OUT, ids=ids)
def test_ouch_outbound_table_and_code_agree(pair):
    module, message = pair
    check_table(message)
    assert message.size == ouch_sizes.FIXED_OF_OUTBOUND[message.letter]
    rng = np.random.default_rng(SEED)
    for offset in (0, 0, 3, 7):
        event, carried = turn_around(rng, message, OUCH_EVENT, decode_ouch_outbound, encode_ouch_outbound, offset)
        for name in set(OUCH_EVENT.names) - carried:
            assert event[name] == 0, f"{message.name}: {name} is not carried and must be zero"


def test_every_message_of_the_specifications_has_a_table():
    assert "".join(sorted(m.letter for _, m in ITCH)) == "".join(sorted(itch_sizes.SIZE_OF))
    assert "".join(sorted(m.letter for _, m in OUCH_IN)) == "".join(sorted(ouch_sizes.FIXED_OF_INBOUND))
    assert "".join(sorted(m.letter for _, m in OUCH_OUT)) == "".join(sorted(ouch_sizes.FIXED_OF_OUTBOUND))


def test_size_tables_in_the_docstrings_are_those_of_the_code():
    assert size_rows(itch_sizes.__doc__) == itch_sizes.SIZE_OF
    before, after = ouch_sizes.__doc__.split("venue to client")
    assert size_rows(before) == ouch_sizes.FIXED_OF_INBOUND
    assert size_rows(after) == ouch_sizes.FIXED_OF_OUTBOUND


def test_the_table_of_tags_is_that_of_the_code():
    named = {int(tag): name for tag, name in re.findall(r"^ *(\d+)  ([a-z]\w*)  ", appendage.__doc__, re.MULTILINE)}
    assert named == {v: k[4:].lower() for k, v in vars(appendage).items() if k.startswith("TAG_")}


def test_login_tables_and_sizes_agree():
    expected = {"L": login.LOGIN_REQUEST_BYTES, "A": login.LOGIN_ACCEPTED_BYTES, "J": login.LOGIN_REJECTED_BYTES}
    tables = byte_tables(login)
    for message in tables:
        check_table(message)
    assert {m.letter: m.size for m in tables} == expected
    assert "20 bytes" in mold_header.__doc__ and mold_header.MOLD_HEADER_BYTES == 20
