"""Answers of all codecs: sizes and counts are positive or zero, what went wrong is negative. Callers count by code."""

WIRE_OK = 1
WIRE_SKIPPED = (
    2  # `decode_itch`: a type that books and trading states do without; its size was right, the head is decoded
)
WIRE_UNKNOWN_TYPE = -1  # a type outside the specification
WIRE_WRONG_SIZE = -2  # the size differs from what the type or the header says
WIRE_BAD_FIELD = -3  # a field that no integer or code here can carry
WIRE_NO_ROOM = -4  # the array ends before the message does
WIRE_WRONG_COUNT = -5  # the announced number of parts and the bytes disagree

WIRE_NAMES = {
    1: "ok",
    2: "skipped",
    -1: "unknown_type",
    -2: "wrong_size",
    -3: "bad_field",
    -4: "no_room",
    -5: "wrong_count",
}
