"""Plain: OUCH 5.0 messages as Python values, for cold readers that import no numba.

The fixed parts in the order of the wire, `field:code` with the codes of the module `struct`, highest byte first; the
compiled codecs beside this file are the authority, and a test compares both over every kind of message. Appendages are
checked for their length and not read: nothing that a cold reader compares stands there.
"""

import struct

from procs.wire.ouch.sizes import FIXED_OF_INBOUND, FIXED_OF_OUTBOUND

_HEAD = "venue_ns:Q user_ref_num:I"
_ORDER = (
    "side_letter:c qty_lots:I symbol:8s price_ticks:Q time_in_force:c display:c order_ref:Q capacity:c sweep:c"
    " cross_type:c order_state:c cl_ord_id:14s"
)
OUTBOUND = {
    "S": "venue_ns:Q event_code:c",
    "A": f"{_HEAD} {_ORDER}",
    "U": f"venue_ns:Q orig_user_ref_num:I user_ref_num:I {_ORDER}",
    "C": f"{_HEAD} qty_lots:I reason:B",
    "D": f"{_HEAD} qty_lots:I reason:B prevented_lots:I price_ticks:Q liquidity_flag:c aiq_strategy:B",
    "E": f"{_HEAD} qty_lots:I price_ticks:Q liquidity_flag:c match_number:Q",
    "B": f"{_HEAD} match_number:Q reason:B cl_ord_id:14s",
    "F": f"{_HEAD} qty_lots:I price_ticks:Q liquidity_flag:c match_number:Q reason:B cl_ord_id:14s",
    "J": f"{_HEAD} reason:H cl_ord_id:14s",
    "P": _HEAD,
    "I": _HEAD,
    "T": f"{_HEAD} price_ticks:Q display:c order_ref:Q",
    "M": f"{_HEAD} side_letter:c qty_lots:I",
    "R": f"{_HEAD} reason:B",
    "X": f"{_HEAD} firm:4s symbol:8s",
    "G": f"{_HEAD} firm:4s",
    "K": f"{_HEAD} firm:4s",
    "Q": _HEAD,
}
INBOUND = {
    "O": "user_ref_num:I side_letter:c qty_lots:I symbol:8s price_ticks:Q time_in_force:c display:c capacity:c"
    " sweep:c cross_type:c cl_ord_id:14s",
    "U": "orig_user_ref_num:I user_ref_num:I qty_lots:I price_ticks:Q time_in_force:c display:c sweep:c cl_ord_id:14s",
    "X": "user_ref_num:I qty_lots:I",
}
WITHOUT_APPENDAGE = ("X",)  # of those in INBOUND
AIQ_SHORT_BYTES = 31  # "D" before it named its strategy
SIGNED_MAX = (1 << 63) - 1  # a larger word is no price, number or time: the compiled codecs refuse it too


def _compiled(fields: str) -> tuple[struct.Struct, tuple[str, ...]]:
    pairs = [field.split(":") for field in fields.split()]
    return struct.Struct(">" + "".join(code for _, code in pairs)), tuple(name for name, _ in pairs)


_OUT = {kind: _compiled(fields) for kind, fields in OUTBOUND.items()}
_IN = {kind: _compiled(fields) for kind, fields in INBOUND.items()}

assert {kind: 1 + layout.size for kind, (layout, _) in _OUT.items()} == FIXED_OF_OUTBOUND
assert all(1 + layout.size == FIXED_OF_INBOUND[kind] for kind, (layout, _) in _IN.items())


def read_outbound(message: bytes) -> dict | None:
    """Fields of one message of the venue by name, `kind` its letter, letters and texts as stripped str.

    None for what is malformed: an unknown letter, a wrong size, a number outside int64.
    """
    kind = message[:1].decode("latin-1")
    if kind not in _OUT or not _whole(kind, message, FIXED_OF_OUTBOUND[kind]):
        return None
    layout, names = _OUT[kind]
    body = message[1 : 1 + layout.size]
    found = dict(zip(names, layout.unpack(body.ljust(layout.size, b"\0")), strict=True))
    for name, value in found.items():
        if isinstance(value, bytes):
            found[name] = value.decode("latin-1").rstrip(" ")
        elif value > SIGNED_MAX:
            return None
    return {"kind": kind, **found}


def _whole(kind: str, message: bytes, fixed: int) -> bool:
    """Whether a message has its fixed part, and behind it nothing or an appendage of the length that it states."""
    if kind == "D" and len(message) == AIQ_SHORT_BYTES:
        return True
    if len(message) < fixed + 2:
        return len(message) == fixed
    return len(message) == fixed + 2 + int.from_bytes(message[fixed : fixed + 2], "big")


def write_inbound(kind: str, **fields) -> bytes:
    """One message of a client, with an empty appendage where its kind has one. Texts as str, padded with spaces."""
    layout, names = _IN[kind]
    values = []
    for name in names:
        value = fields[name]
        values.append(value.encode("ascii").ljust(_width(INBOUND[kind], name)) if isinstance(value, str) else value)
    return kind.encode() + layout.pack(*values) + (b"" if kind in WITHOUT_APPENDAGE else b"\0\0")


def _width(fields: str, name: str) -> int:
    code = next(field.split(":")[1] for field in fields.split() if field.startswith(f"{name}:"))
    return int(code[:-1] or 1)
