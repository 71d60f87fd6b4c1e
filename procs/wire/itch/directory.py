"""Stock directory: which instrument a stock locate means today, and what kind of instrument it is.

R stock directory, 39 bytes
off  size  field
---  ----  --------------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  symbol
 19     1  market_category
 20     1  financial_status
 21     4  qty_lots
 25     1  round_lots_only
 26     1  issue_classification
 27     2  issue_subtype
 29     1  authenticity
 30     1  short_sale_threshold
 31     1  ipo_flag
 32     1  luld_tier
 33     1  etp_flag
 34     4  etp_leverage
 38     1  inverse_indicator
"""

from procs.wire.big_endian import fits_u32, has_room, read_u16, read_u32, read_u64, write_u16, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_DIRECTORY
from procs.wire.itch.head import encode_head
from shm.jit import hot

DIRECTORY_BYTES = 39


@hot
def decode_directory(buf, offset, event):
    """Symbol, round lot in `qty_lots`, and the letters as they stand on the wire."""
    event["symbol"] = read_u64(buf, offset + 11)
    event["market_category"] = buf[offset + 19]
    event["financial_status"] = buf[offset + 20]
    event["qty_lots"] = read_u32(buf, offset + 21)
    event["round_lots_only"] = buf[offset + 25]
    event["issue_classification"] = buf[offset + 26]
    event["issue_subtype"] = read_u16(buf, offset + 27)
    event["authenticity"] = buf[offset + 29]
    event["short_sale_threshold"] = buf[offset + 30]
    event["ipo_flag"] = buf[offset + 31]
    event["luld_tier"] = buf[offset + 32]
    event["etp_flag"] = buf[offset + 33]
    event["etp_leverage"] = read_u32(buf, offset + 34)
    event["inverse_indicator"] = buf[offset + 38]
    return WIRE_OK


@hot
def encode_directory(buf, offset, event):
    """Write R at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, DIRECTORY_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["qty_lots"]):
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_DIRECTORY, event)
    write_u64(buf, offset + 11, event["symbol"])
    buf[offset + 19] = event["market_category"]
    buf[offset + 20] = event["financial_status"]
    write_u32(buf, offset + 21, event["qty_lots"])
    buf[offset + 25] = event["round_lots_only"]
    buf[offset + 26] = event["issue_classification"]
    write_u16(buf, offset + 27, int(event["issue_subtype"]))
    buf[offset + 29] = event["authenticity"]
    buf[offset + 30] = event["short_sale_threshold"]
    buf[offset + 31] = event["ipo_flag"]
    buf[offset + 32] = event["luld_tier"]
    buf[offset + 33] = event["etp_flag"]
    write_u32(buf, offset + 34, int(event["etp_leverage"]))
    buf[offset + 38] = event["inverse_indicator"]
    return DIRECTORY_BYTES
