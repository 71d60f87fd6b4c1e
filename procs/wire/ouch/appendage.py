"""Optional fields at the end of a message: two bytes of appendage length, then TagValues.

TagValue, 2 bytes and the value
off  size  field
---  ----  ------
  0     1  length
  1     1  tag

`length` counts the tag and the value. A tag that nobody knows is skipped by its length; one that reaches beyond the
appendage makes the whole message malformed. Where the whole message ends at its fixed part, the appendage length
itself may be missing: the venue leaves it out of most answers that have no optional field.

tag  name                   value
---  ---------------------  ------------------------------
  1  secondary_order_ref    another order number that the market data shows, of a reserve order
  2  firm                   four letters
  3  min_qty                least execution, shares
  4  customer_type          R retail, N not
  5  max_floor              displayed part of a reserve order, shares
  6  price_type             limit or a kind of peg, a letter
  7  peg_offset             1e-4 USD, signed
  9  discretion_price       1e-4 USD
 10  discretion_price_type  as price type
 11  discretion_peg_offset  1e-4 USD, signed
 12  post_only              P or N
 13  random_reserves        range of the refreshed size, shares
 14  route                  four letters
 15  expire_time            seconds
 16  trade_now              Y or N
 17  handle_inst            a letter
 18  bbo_weight             a letter
 22  display_quantity       shares shown
 23  display_price          1e-4 USD, as shown
 24  group_id               group of orders
 25  shares_located         Y or N
 26  locate_broker          four letters
 27  side                   side of a replaced order, a letter
 28  user_ref_index         which UserRefNum series
"""

from procs.wire.big_endian import bytes_to_int, has_room, int_to_bytes, read_u16, write_u16
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK, WIRE_WRONG_SIZE
from shm.jit import hot

APPENDAGE_HEAD_BYTES = 2

TAG_SECONDARY_ORDER_REF = 1
TAG_FIRM = 2
TAG_MIN_QTY = 3
TAG_CUSTOMER_TYPE = 4
TAG_MAX_FLOOR = 5
TAG_PRICE_TYPE = 6
TAG_PEG_OFFSET = 7
TAG_DISCRETION_PRICE = 9
TAG_DISCRETION_PRICE_TYPE = 10
TAG_DISCRETION_PEG_OFFSET = 11
TAG_POST_ONLY = 12
TAG_RANDOM_RESERVES = 13
TAG_ROUTE = 14
TAG_EXPIRE_TIME = 15
TAG_TRADE_NOW = 16
TAG_HANDLE_INST = 17
TAG_BBO_WEIGHT = 18
TAG_DISPLAY_QUANTITY = 22
TAG_DISPLAY_PRICE = 23
TAG_GROUP_ID = 24
TAG_SHARES_LOCATED = 25
TAG_LOCATE_BROKER = 26
TAG_SIDE = 27
TAG_USER_REF_INDEX = 28


@hot
def decode_appendage(buf, offset, fixed, size, event):
    """Check what follows the `fixed` bytes of a message of `size` bytes at `offset`, and note where it is."""
    event["appendage_offset"] = 0
    event["appendage_bytes"] = 0
    if size == fixed:
        return WIRE_OK
    if size < fixed + APPENDAGE_HEAD_BYTES:
        return WIRE_WRONG_SIZE
    length = read_u16(buf, offset + fixed)
    if size != fixed + APPENDAGE_HEAD_BYTES + length:
        return WIRE_WRONG_SIZE
    at = offset + fixed + APPENDAGE_HEAD_BYTES
    end = offset + size
    while at < end:
        tag_bytes = int(buf[at])
        if tag_bytes < 1 or at + 1 + tag_bytes > end:
            return WIRE_WRONG_SIZE
        at += 1 + tag_bytes
    event["appendage_offset"] = offset + fixed + APPENDAGE_HEAD_BYTES
    event["appendage_bytes"] = length
    return WIRE_OK


@hot
def find_tag(buf, event, tag):
    """Offset of the TagValue with this tag in the array that was decoded into `event`, or -1.

    `buf[found]` is its length (value bytes + 1), the value begins at `found + 2`.
    """
    at = int(event["appendage_offset"])
    end = at + int(event["appendage_bytes"])
    while at < end:
        if buf[at + 1] == tag:
            return at
        at += 1 + int(buf[at])
    return -1


@hot
def tag_value(buf, event, tag, absent):
    """The value of a numeric tag of at most eight bytes, or `absent`."""
    found = find_tag(buf, event, tag)
    if found < 0 or buf[found] < 2 or buf[found] > 9:
        return absent
    return bytes_to_int(buf, found + 2, int(buf[found]) - 1)


@hot
def signed_tag_value(buf, event, tag, absent):
    """As `tag_value`, for the two offsets, which may be negative: all their bits set is -1."""
    found = find_tag(buf, event, tag)
    if found < 0 or buf[found] < 2 or buf[found] > 9:
        return absent
    size = int(buf[found]) - 1
    half = 1 << (8 * size - 1)
    value = bytes_to_int(buf, found + 2, size)
    return value if size == 8 else (value ^ half) - half


@hot
def append_tag(buf, offset, fixed, size, tag, value, value_bytes):
    """Add one TagValue to the message of `size` bytes at `offset` and count it in. Returns the new size or a code.

    `fixed` is where the message's appendage length stands; a message that ends there gets one.
    """
    if value_bytes < 1 or value_bytes > 8 or tag < 1 or tag > 255:
        return WIRE_BAD_FIELD
    if size == fixed:
        if not has_room(buf, offset, size + APPENDAGE_HEAD_BYTES):
            return WIRE_NO_ROOM
        write_u16(buf, offset + fixed, 0)
        size += APPENDAGE_HEAD_BYTES
    if not has_room(buf, offset, size + 2 + value_bytes):
        return WIRE_NO_ROOM
    buf[offset + size] = 1 + value_bytes
    buf[offset + size + 1] = tag
    int_to_bytes(buf, offset + size + 2, value_bytes, value)
    size += 2 + value_bytes
    write_u16(buf, offset + fixed, size - fixed - APPENDAGE_HEAD_BYTES)
    return size
