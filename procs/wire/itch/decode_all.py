"""Decode all ITCH 5.0 messages: what `decode_itch` decodes, and what books and trading states do without."""

from procs.wire.codes import WIRE_SKIPPED, WIRE_UNKNOWN_TYPE
from procs.wire.itch.auction_collar import decode_auction_collar
from procs.wire.itch.broken import decode_broken
from procs.wire.itch.cross import decode_cross
from procs.wire.itch.decode import decode_itch
from procs.wire.itch.direct_listing import decode_direct_listing
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
from procs.wire.itch.imbalance import decode_imbalance
from procs.wire.itch.market_wide import decode_breaker_levels, decode_breaker_status
from procs.wire.itch.operational_halt import decode_operational_halt
from procs.wire.itch.participant import decode_participant
from procs.wire.itch.quoting_period import decode_quoting_period
from procs.wire.itch.reg_sho import decode_reg_sho
from procs.wire.itch.retail_interest import decode_retail_interest
from shm.jit import hot


@hot
def decode_itch_all(buf, offset, size, event):
    """As `decode_itch`, but no type of the specification is skipped. Twice the code to compile: not for a hot loop.

    Returns WIRE_OK or a negative code, after which `event` holds nothing usable.
    """
    code = decode_itch(buf, offset, size, event)
    if code != WIRE_SKIPPED:
        return code
    return _decode_auctions(event["kind"], buf, offset, event)


@hot
def _decode_auctions(kind, buf, offset, event):
    if kind == ITCH_IMBALANCE:
        return decode_imbalance(buf, offset, event)
    if kind == ITCH_RETAIL_INTEREST:
        return decode_retail_interest(buf, offset, event)
    if kind == ITCH_CROSS:
        return decode_cross(buf, offset, event)
    if kind == ITCH_PARTICIPANT:
        return decode_participant(buf, offset, event)
    if kind == ITCH_REG_SHO:
        return decode_reg_sho(buf, offset, event)
    if kind == ITCH_AUCTION_COLLAR:
        return decode_auction_collar(buf, offset, event)
    return _decode_notices(kind, buf, offset, event)


@hot
def _decode_notices(kind, buf, offset, event):
    if kind == ITCH_BREAKER_LEVELS:
        return decode_breaker_levels(buf, offset, event)
    if kind == ITCH_BREAKER_STATUS:
        return decode_breaker_status(buf, offset, event)
    if kind == ITCH_QUOTING_PERIOD:
        return decode_quoting_period(buf, offset, event)
    if kind == ITCH_OPERATIONAL_HALT:
        return decode_operational_halt(buf, offset, event)
    if kind == ITCH_BROKEN:
        return decode_broken(buf, offset, event)
    if kind == ITCH_DIRECT_LISTING:
        return decode_direct_listing(buf, offset, event)
    return WIRE_UNKNOWN_TYPE
