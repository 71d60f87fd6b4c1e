"""ITCH 5.0 read a second time, from the specification alone: `struct`, dictionaries, and no code of the project.

`read` gives the fields of a message by the project's names, as integers: texts and letters with their first byte highest,
texts of eight bytes signed. `generate` gives random messages of all types; some are not of the specification.
"""

import random
import struct

WHOLE, UNKNOWN_TYPE, WRONG_SIZE, BAD_FIELD = 1, -1, -2, -3
SIDES = {b"B": 1, b"S": 2}
STATES = {b"T": 1, b"H": 2, b"P": 3, b"Q": 4}
HALTED = STATES[b"H"]
LETTERS = {"side": b"BS", "printable": b"YN", "trading_state": b"HPQT"}

# type -> (struct format behind the eleven bytes of the head, names); 8s, 4s texts, c letters, Q I H numbers
BODIES = {
    "S": ("c", "event_code"),
    "R": (
        "8sccIcc2scccccIc",
        "symbol market_category financial_status qty_lots round_lots_only issue_classification issue_subtype "
        "authenticity short_sale_threshold ipo_flag luld_tier etp_flag etp_leverage inverse_indicator",
    ),
    "H": ("8scc4s", "symbol trading_state - note"),
    "Y": ("8sc", "symbol reg_sho_action"),
    "L": ("4s8sccc", "note symbol primary_market_maker market_maker_mode participant_state"),
    "V": ("QQQ", "level_1_e8 level_2_e8 level_3_e8"),
    "W": ("c", "breached_level"),
    "K": ("8sIcI", "symbol release_s release_qualifier price_ticks"),
    "J": ("8sIIII", "symbol reference_ticks upper_ticks lower_ticks extension"),
    "h": ("8scc", "symbol market_code halt_action"),
    "A": ("QcI8sI", "order_ref side qty_lots symbol price_ticks"),
    "F": ("QcI8sI4s", "order_ref side qty_lots symbol price_ticks note"),
    "E": ("QIQ", "order_ref qty_lots match_number"),
    "C": ("QIQcI", "order_ref qty_lots match_number printable price_ticks"),
    "X": ("QI", "order_ref qty_lots"),
    "D": ("Q", "order_ref"),
    "U": ("QQII", "order_ref new_order_ref qty_lots price_ticks"),
    "P": ("QcI8sIQ", "order_ref side qty_lots symbol price_ticks match_number"),
    "Q": ("Q8sIQc", "qty_lots symbol price_ticks match_number cross_type"),
    "B": ("Q", "match_number"),
    "I": (
        "QQc8sIIIcc",
        "qty_lots imbalance_lots imbalance_side symbol far_ticks near_ticks reference_ticks cross_type price_variation",
    ),
    "N": ("8sc", "symbol interest_side"),
    "O": (
        "8scIIIQII",
        "symbol open_eligible min_ticks max_ticks near_ticks near_execution_ns lower_ticks upper_ticks",
    ),
}
FORMATS = {kind: struct.Struct(">cHHHI" + body) for kind, (body, _) in BODIES.items()}
NAMES = {kind: tuple(names.split()) for kind, (_, names) in BODIES.items()}


def _number(value) -> int:
    if isinstance(value, bytes):
        return int.from_bytes(value, "big", signed=len(value) == 8)
    return value


def _field(name: str, value) -> int | None:
    """The value as the project holds it; None where the specification knows no such value, or int64 cannot hold it."""
    if name == "side":
        return SIDES.get(value)
    if name == "trading_state":
        return STATES.get(value, HALTED)
    if name == "printable" and value not in (b"Y", b"N"):
        return None
    if isinstance(value, int) and value >= 1 << 63:
        return None
    return _number(value)


def read(message: bytes) -> tuple[int, dict[str, int]]:
    """(WHOLE, fields) or (a negative reason, {})."""
    if not message:
        return WRONG_SIZE, {}
    layout = FORMATS.get(chr(message[0]))
    if layout is None:
        return UNKNOWN_TYPE, {}
    if layout.size != len(message):
        return WRONG_SIZE, {}
    kind, locate, tracking, high, low, *rest = layout.unpack(message)
    fields = {"kind": kind[0], "locate": locate, "tracking": tracking, "venue_ns": high << 32 | low}
    for name, value in zip(NAMES[chr(message[0])], rest, strict=True):
        if name != "-":
            fields[name] = _field(name, value)
    return (BAD_FIELD, {}) if None in fields.values() else (WHOLE, fields)


def as_written(message: bytes) -> bytes:
    """A whole message as the project writes it: of H a state outside the specification is halted, the filler a space."""
    if message[:1] != b"H":
        return message
    state = message[19:20] if message[19:20] in STATES else b"H"
    return message[:19] + state + b" " + message[21:]


def generate(rng: random.Random) -> bytes:
    """A random message of a random type; about one in ten is broken: type, size, letter, or a number above int64."""
    kind = rng.choice("".join(BODIES))
    layout = FORMATS[kind]
    values = list(layout.unpack(rng.randbytes(layout.size)))
    values[0] = kind.encode()
    for at, name in enumerate(NAMES[kind], 5):
        if name in LETTERS:
            values[at] = bytes([rng.choice(LETTERS[name])])
        elif name == "-":
            values[at] = b" "
        elif isinstance(values[at], int):
            values[at] &= (1 << 63) - 1
    message = bytearray(layout.pack(*values))
    spoil = rng.random()
    if spoil < 0.02:
        message[0] = rng.randrange(256)
    elif spoil < 0.04:
        del message[rng.randrange(len(message)) :]
    elif spoil < 0.06:
        message += rng.randbytes(rng.randrange(1, 9))
    elif spoil < 0.10 and len(message) > 11:
        message[rng.randrange(11, len(message))] = 0xFF
    return bytes(message)
