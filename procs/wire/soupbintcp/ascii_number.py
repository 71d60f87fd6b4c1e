"""Decimal numbers in fields of fixed width, right-justified and padded with spaces."""

from procs.wire.codes import WIRE_BAD_FIELD
from shm.jit import hot

SPACE = ord(" ")
ZERO = ord("0")
NUMBER_MAX = 10**18 - 1  # eighteen digits stay inside int64


@hot
def read_number(buf, offset, width):
    """The number, or WIRE_BAD_FIELD: no digit, a foreign character, a space inside, or above NUMBER_MAX."""
    i = 0
    while i < width and buf[offset + i] == SPACE:
        i += 1
    value = 0
    digits = 0
    while i < width and buf[offset + i] != SPACE:
        digit = int(buf[offset + i]) - ZERO
        if digit < 0 or digit > 9 or value > NUMBER_MAX // 10:
            return WIRE_BAD_FIELD
        value = value * 10 + digit
        digits += 1
        i += 1
    while i < width and buf[offset + i] == SPACE:
        i += 1
    if digits == 0 or i != width or value > NUMBER_MAX:
        return WIRE_BAD_FIELD
    return value


@hot
def write_number(buf, offset, width, value):
    """Write `value`, right-justified. The caller's width holds any value up to NUMBER_MAX (20 digits here)."""
    for k in range(width):
        i = offset + width - 1 - k
        if value > 0 or k == 0:
            buf[i] = ZERO + value % 10
            value //= 10
        else:
            buf[i] = SPACE
