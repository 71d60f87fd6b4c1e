"""Ticks: what strategies are told, ring by ring. Hot.

A filled tick waits unpublished until the next one of its ring or the end of the datagram, whichever comes first; so the
last tick of a datagram carries TICK_FLAG_LAST and appears after the tables that it refers to.
A full ring leaves ticks out (counted) until it is half empty; then its reader is told the channel's state and gets a
TICK_RESYNC for each instrument.
"""

from procs.feed_handler.book import best_level
from procs.feed_handler.rows import BOOK_ROW, WORD
from procs.feed_handler.state import INSTRUMENT_BYTES, INSTRUMENT_ROW, RING_BYTES, RING_ROW
from shm.atomics import copy_bytes, record_at
from shm.codes import (
    CHANNEL_FRESH,
    TICK_FRESH,
    TICK_RESYNC,
    TICK_STALE,
    TRADING_HALTED,
    TRADING_OPEN,
    TRADING_PAUSED,
    TRADING_QUOTE_ONLY,
)
from shm.instance import stamp
from shm.jit import hot
from shm.records.instance_end import INSTANCE_END
from shm.records.ring_end import RING_END
from shm.records.tick import TICK, TICK_FLAG_LAST
from shm.ring import ring_claim, ring_free_now, ring_publish

TICK_BYTES = TICK.itemsize
END_BYTES = RING_END.itemsize
HELD_COLLAR = 1  # it reopens by an auction within a collar
HELD_OFFERING = 2  # an offering that is to be quoted, then traded
HELD_POSTPONED = 4  # an offering whose release was called off


@hot
def held_state(held):
    """TRADING_* of an instrument that waits for the venue to open it: the strictest of HELD_*."""
    if held & HELD_POSTPONED != 0:
        return TRADING_HALTED
    return TRADING_PAUSED if held & HELD_COLLAR != 0 else TRADING_QUOTE_ONLY


@hot
def trading_state_of(feed, instrument_id):
    """TRADING_* as we publish it: 0 for a book that lost the thread, halted while anything halts it."""
    row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
    venue_state = int(row["venue_state"])
    if row["suspect"] != 0:
        return 0
    if venue_state != 0 and (feed["closed"] != 0 or row["halted"] != 0 or row["breached"] != 0):
        return TRADING_HALTED
    if row["held"] != 0 and (venue_state == TRADING_OPEN or venue_state == TRADING_QUOTE_ONLY):
        return held_state(int(row["held"]))
    return venue_state


@hot
def begin_tick(feed, kind, instrument_id, recv_stamp_ns):
    """Start the tick that `send_tick` copies: an event of `kind` with the top of book as it is now."""
    tick = record_at(feed["tick_addr"], TICK)
    tick["recv_stamp_ns"] = recv_stamp_ns
    tick["instrument_id"] = instrument_id
    tick["kind"] = kind
    tick["side"] = 0
    tick["flags"] = 0
    tick["price_ticks"] = 0
    tick["qty_lots"] = 0
    tick["order_ref"] = 0
    tick["old_order_ref"] = 0
    tick["old_price_ticks"] = 0
    tick["old_qty_lots"] = 0
    tick["venue_seq"] = 0
    if instrument_id < 0:
        return
    row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
    book = record_at(feed["book_addr"], BOOK_ROW)
    bid = best_level(book, 2 * instrument_id)
    ask = best_level(book, 2 * instrument_id + 1)
    tick["venue_seq"] = row["venue_seq"]
    tick["venue_ns"] = row["venue_ns"]
    tick["bid_price_ticks"] = bid["price_ticks"]
    tick["bid_qty_lots"] = bid["qty_lots"]
    tick["ask_price_ticks"] = ask["price_ticks"]
    tick["ask_qty_lots"] = ask["qty_lots"]
    tick["trading_state"] = trading_state_of(feed, instrument_id)


@hot
def _publish_pending(feed, ring, flags):
    row = record_at(feed["rings_addr"] + ring * RING_BYTES, RING_ROW)
    tick = record_at(row["pending_addr"], TICK)
    tick["flags"] = flags
    tick["publish_stamp_ns"] = stamp(record_at(feed["me_addr"], INSTANCE_END))
    ring_publish(record_at(feed["ticks_addr"] + ring * END_BYTES, RING_END))
    row["pending_addr"] = 0


@hot
def put_tick(feed, ring):
    """Queue a copy of the begun tick on one ring."""
    row = record_at(feed["rings_addr"] + ring * RING_BYTES, RING_ROW)
    if row["pending_addr"] != 0:
        _publish_pending(feed, ring, 0)
    if row["skipping"] != 0:
        feed["skipped"] += 1
        return
    address = ring_claim(record_at(feed["ticks_addr"] + ring * END_BYTES, RING_END), 0)
    if address == 0:
        row["skipping"] = 1
        feed["skipped"] += 1
        return
    copy_bytes(address + 8, feed["tick_addr"] + 8, TICK_BYTES - 8)  # ring_seq is the ring's own
    row["pending_addr"] = address
    feed["ticks"] += 1


@hot
def carries(feed, ring, instrument_id):
    """Whether a ring's universe has the instrument."""
    return record_at(feed["universe_addr"] + (ring * feed["instruments"] + instrument_id) * 8, WORD)["word"] != 0


@hot
def send_tick(feed, instrument_id):
    """Queue the begun tick on every ring whose universe has the instrument."""
    for ring in range(feed["rings"]):
        if carries(feed, ring, instrument_id):
            put_tick(feed, ring)


@hot
def flush_ticks(feed):
    """Publish what waits, with TICK_FLAG_LAST: the datagram is done."""
    for ring in range(feed["rings"]):
        if record_at(feed["rings_addr"] + ring * RING_BYTES, RING_ROW)["pending_addr"] != 0:
            _publish_pending(feed, ring, TICK_FLAG_LAST)


@hot
def _tell_ring(feed, ring, recv_stamp_ns, resync):
    """State of the channel for one ring; before TICK_FRESH a TICK_RESYNC for each instrument if `resync`."""
    kind = TICK_FRESH if feed["state"] == CHANNEL_FRESH else TICK_STALE
    if kind == TICK_FRESH and resync != 0:
        for instrument_id in range(feed["instruments"]):
            if carries(feed, ring, instrument_id):
                begin_tick(feed, TICK_RESYNC, instrument_id, recv_stamp_ns)
                put_tick(feed, ring)
    row = record_at(feed["rings_addr"] + ring * RING_BYTES, RING_ROW)
    begin_tick(feed, kind, row["first_id"], recv_stamp_ns)
    put_tick(feed, ring)


@hot
def tell_channel(feed, recv_stamp_ns, resync):
    """Tell every ring that the channel became stale or fresh. The ticks name one of its instruments."""
    for ring in range(feed["rings"]):
        _tell_ring(feed, ring, recv_stamp_ns, resync)
    flush_ticks(feed)


@hot
def resume_skipped(feed):
    """Rings that are half empty again: tell their readers where they are. Returns the number of rings."""
    resumed = 0
    for ring in range(feed["rings"]):
        row = record_at(feed["rings_addr"] + ring * RING_BYTES, RING_ROW)
        if row["skipping"] != 0:
            end = record_at(feed["ticks_addr"] + ring * END_BYTES, RING_END)
            if 2 * ring_free_now(end) >= end["capacity"]:
                row["skipping"] = 0
                _tell_ring(feed, ring, 0, 1)
                resumed += 1
    if resumed > 0:
        flush_ticks(feed)
    return resumed


@hot
def rings_have_room(feed, messages):
    """Whether every ring can take all ticks that a datagram of `messages` can cause, a resync included."""
    for ring in range(feed["rings"]):
        row = record_at(feed["rings_addr"] + ring * RING_BYTES, RING_ROW)
        end = record_at(feed["ticks_addr"] + ring * END_BYTES, RING_END)
        need = min(messages + row["universe"] + 4, end["capacity"])
        if row["skipping"] == 0 and ring_free_now(end) < need:
            return False
    return True
