"""OUCH 5.0 read a second time, from the specification alone: `struct`, dictionaries, and no code of the project.

`read` gives the fields of a message by the project's names, as integers: texts with their first byte highest, texts of
eight bytes signed; the client's order text as its first eight and its last six letters. `generate` gives random messages
of a direction with random optional fields; some are not of the specification.
"""

import random
import struct

WHOLE, UNKNOWN_TYPE, WRONG_SIZE, BAD_FIELD = 1, -1, -2, -3
SIDES = {b"B": 1, b"S": 2, b"T": 2, b"E": 2}

ORDER = ("cI8sQcc", "side_letter qty_lots symbol price_ticks time_in_force display")
OPENED = (ORDER[0] + "Qcccc14s", ORDER[1] + " order_ref capacity sweep cross_type order_state cl_ord_id")
# type -> (struct format behind the type letter, names); 8s, 4s, 14s texts, c letters, Q I H numbers
INBOUND = {
    "O": ("I" + ORDER[0] + "ccc14s", f"user_ref_num {ORDER[1]} capacity sweep cross_type cl_ord_id"),
    "U": (
        "IIIQccc14s",
        "orig_user_ref_num user_ref_num qty_lots price_ticks time_in_force display sweep cl_ord_id",
    ),
    "X": ("II", "user_ref_num qty_lots"),
    "M": ("IcI", "user_ref_num side_letter qty_lots"),
    "C": ("I4s8s", "user_ref_num firm symbol"),
    "D": ("I4s", "user_ref_num firm"),
    "E": ("I4s", "user_ref_num firm"),
    "Q": ("", ""),
}
OUTBOUND = {  # each begins with the venue's time
    "S": ("c", "event_code"),
    "A": ("I" + OPENED[0], f"user_ref_num {OPENED[1]}"),
    "U": ("II" + OPENED[0], f"orig_user_ref_num user_ref_num {OPENED[1]}"),
    "C": ("IIc", "user_ref_num qty_lots reason"),
    "D": ("IIcIQcc", "user_ref_num qty_lots reason prevented_lots price_ticks liquidity_flag aiq_strategy"),
    "E": ("IIQcQ", "user_ref_num qty_lots price_ticks liquidity_flag match_number"),
    "B": ("IQc14s", "user_ref_num match_number reason cl_ord_id"),
    "F": ("IIQcQc14s", "user_ref_num qty_lots price_ticks liquidity_flag match_number reason cl_ord_id"),
    "J": ("IH14s", "user_ref_num reason cl_ord_id"),
    "P": ("I", "user_ref_num"),
    "I": ("I", "user_ref_num"),
    "T": ("IQcQ", "user_ref_num price_ticks display order_ref"),
    "M": ("IcI", "user_ref_num side_letter qty_lots"),
    "R": ("Ic", "user_ref_num reason"),
    "X": ("I4s8s", "user_ref_num firm symbol"),
    "G": ("I4s", "user_ref_num firm"),
    "K": ("I4s", "user_ref_num firm"),
    "Q": ("I", "user_ref_num"),
}
LAYOUTS = {
    "inbound": {kind: (struct.Struct(">c" + body), names.split()) for kind, (body, names) in INBOUND.items()},
    "outbound": {
        kind: (struct.Struct(">cQ" + body), ["venue_ns", *names.split()]) for kind, (body, names) in OUTBOUND.items()
    },
}
MARK_TAG = 27
SHORT_AIQ_BYTES = 31  # before it named the strategy


def _appendage_is_whole(rest: bytes) -> bool:
    """Nothing at all, or two bytes of length and TagValues that fill it: length of the rest, tag, value."""
    if not rest:
        return True
    if len(rest) < 2 or len(rest) != 2 + struct.unpack(">H", rest[:2])[0]:
        return False
    at = 2
    while at < len(rest):
        at += 1 + rest[at] if rest[at] else len(rest) + 1
    return at == len(rest)


def read(direction: str, message: bytes) -> tuple[int, dict[str, int]]:
    """(WHOLE, fields) or (a negative reason, {})."""
    if not message:
        return WRONG_SIZE, {}
    found = LAYOUTS[direction].get(chr(message[0]))
    if found is None:
        return UNKNOWN_TYPE, {}
    layout, names = found
    if direction == "outbound" and message[:1] == b"D" and len(message) == SHORT_AIQ_BYTES:
        message += b"\0"
    if len(message) < layout.size or not _appendage_is_whole(message[layout.size :]):
        return WRONG_SIZE, {}
    fields = {"kind": message[0]}
    for name, value in zip(names, layout.unpack(message[: layout.size])[1:], strict=True):
        if name == "cl_ord_id":
            fields["cl_ord_id_hi"] = int.from_bytes(value[:8], "big", signed=True)
            fields["cl_ord_id_lo"] = int.from_bytes(value[8:], "big")
        elif name == "side_letter":
            if value not in SIDES:
                return BAD_FIELD, {}
            fields["side_letter"], fields["side"] = value[0], SIDES[value]
        elif isinstance(value, bytes):
            fields[name] = int.from_bytes(value, "big", signed=len(value) == 8)
        elif value >= 1 << 63:
            return BAD_FIELD, {}
        else:
            fields[name] = value
    mark = _mark_of(message[layout.size :]) if (direction, message[:1]) == ("inbound", b"U") else b""
    if mark not in (b"", b"S", b"T", b"E"):
        return BAD_FIELD, {}
    return WHOLE, fields | ({"side_letter": mark[0]} if mark else {})


def _mark_of(rest: bytes) -> bytes:
    """The value of the first tag 27 of a whole appendage; "?" for one without a value, nothing where there is none."""
    at = 2
    while at < len(rest):
        if rest[at + 1] == MARK_TAG:
            return rest[at + 2 : at + 1 + rest[at]] or b"?"
        at += 1 + rest[at]
    return b""


def fixed_part(direction: str, message: bytes) -> bytes:
    """What an encoder writes of a whole message: its fixed part, and of a replace the mark that it names."""
    layout, _ = LAYOUTS[direction][chr(message[0])]
    mark = _mark_of(message[layout.size :]) if (direction, message[:1]) == ("inbound", b"U") else b""
    return message[: layout.size].ljust(layout.size, b"\0") + (bytes((0, 3, 2, MARK_TAG)) + mark if mark else b"")


def generate(rng: random.Random, direction: str) -> bytes:
    """A random message; about one in eight is broken: type, size, side, optional fields, or a number above int64."""
    kind = rng.choice("".join(LAYOUTS[direction]))
    layout, names = LAYOUTS[direction][kind]
    values = [kind.encode(), *layout.unpack(rng.randbytes(layout.size))[1:]]
    for at, name in enumerate(names, 1):
        if name == "side_letter":
            values[at] = rng.choice(list(SIDES))
        elif isinstance(values[at], int):
            values[at] &= (1 << 63) - 1
    message = bytearray(layout.pack(*values))
    if rng.random() < 0.6:
        tags = b"".join(
            bytes([1 + len(value), rng.randrange(1, 40)]) + value
            for value in (rng.randbytes(rng.choice((1, 4, 8))) for _ in range(rng.randrange(4)))
        )
        if kind == "U" and rng.random() < 0.5:
            tags += bytes((2, MARK_TAG)) + rng.choice((b"S", b"T", b"E", b"B"))
        message += struct.pack(">H", len(tags)) + tags
    spoil = rng.random()
    if spoil < 0.02:
        message[0] = rng.randrange(256)
    elif spoil < 0.05:
        del message[rng.randrange(len(message)) :]
    elif spoil < 0.07:
        message += rng.randbytes(rng.randrange(1, 9))
    elif spoil < 0.13:
        message[rng.randrange(1, len(message)) if len(message) > 1 else 0] = 0xFF
    return bytes(message)
