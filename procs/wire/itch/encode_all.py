"""Encode all ITCH 5.0 messages: what `encode_itch` encodes, and what books and trading states do without."""

from procs.wire.codes import WIRE_UNKNOWN_TYPE
from procs.wire.itch.auction_collar import encode_auction_collar
from procs.wire.itch.broken import encode_broken
from procs.wire.itch.cross import encode_cross
from procs.wire.itch.direct_listing import encode_direct_listing
from procs.wire.itch.encode import encode_itch
from procs.wire.itch.event import (
    ITCH_AUCTION_COLLAR,
    ITCH_BREAKER_LEVELS,
    ITCH_BREAKER_STATUS,
    ITCH_BROKEN,
    ITCH_CROSS,
    ITCH_DIRECT_LISTING,
    ITCH_IMBALANCE,
    ITCH_OPERATIONAL_HALT,
    ITCH_PARTICIPANT,
    ITCH_QUOTING_PERIOD,
    ITCH_REG_SHO,
    ITCH_RETAIL_INTEREST,
)
from procs.wire.itch.imbalance import encode_imbalance
from procs.wire.itch.market_wide import encode_breaker_levels, encode_breaker_status
from procs.wire.itch.operational_halt import encode_operational_halt
from procs.wire.itch.participant import encode_participant
from procs.wire.itch.quoting_period import encode_quoting_period
from procs.wire.itch.reg_sho import encode_reg_sho
from procs.wire.itch.retail_interest import encode_retail_interest
from shm.jit import hot


@hot
def encode_itch_all(buf, offset, event):
    """Write `event` at `offset`. Returns the size or a negative code; nothing of use is written on a code."""
    size = encode_itch(buf, offset, event)
    if size != WIRE_UNKNOWN_TYPE:
        return size
    return _encode_auctions(event["kind"], buf, offset, event)


@hot
def _encode_auctions(kind, buf, offset, event):
    if kind == ITCH_IMBALANCE:
        return encode_imbalance(buf, offset, event)
    if kind == ITCH_RETAIL_INTEREST:
        return encode_retail_interest(buf, offset, event)
    if kind == ITCH_CROSS:
        return encode_cross(buf, offset, event)
    if kind == ITCH_PARTICIPANT:
        return encode_participant(buf, offset, event)
    if kind == ITCH_REG_SHO:
        return encode_reg_sho(buf, offset, event)
    if kind == ITCH_AUCTION_COLLAR:
        return encode_auction_collar(buf, offset, event)
    return _encode_notices(kind, buf, offset, event)


@hot
def _encode_notices(kind, buf, offset, event):
    if kind == ITCH_BREAKER_LEVELS:
        return encode_breaker_levels(buf, offset, event)
    if kind == ITCH_BREAKER_STATUS:
        return encode_breaker_status(buf, offset, event)
    if kind == ITCH_QUOTING_PERIOD:
        return encode_quoting_period(buf, offset, event)
    if kind == ITCH_OPERATIONAL_HALT:
        return encode_operational_halt(buf, offset, event)
    if kind == ITCH_BROKEN:
        return encode_broken(buf, offset, event)
    if kind == ITCH_DIRECT_LISTING:
        return encode_direct_listing(buf, offset, event)
    return WIRE_UNKNOWN_TYPE
