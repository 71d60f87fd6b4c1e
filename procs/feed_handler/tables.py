"""Tables: the newest tops, depth, listing and channel row. Hot.

Going stale the channel's row is published twice, first without a stamp, so that whoever read FRESH read before
stale_stamp_ns (records/channel.py).
"""

from procs.feed_handler.arbitration import ARB_ROW
from procs.feed_handler.book import best_level, depth_side
from procs.feed_handler.rows import BOOK_ROW, WORD
from procs.feed_handler.state import INSTRUMENT_BYTES, INSTRUMENT_ROW
from procs.feed_handler.ticks import tell_channel, trading_state_of
from shm.atomics import copy_bytes, record_at
from shm.codes import CHANNEL_FRESH
from shm.counters import FEED_STALE_NS
from shm.failpoint import failpoint
from shm.failpoints import FP_DEPTH_PUBLISHED, FP_STALE_UNSTAMPED, FP_TOP_PUBLISHED
from shm.instance import gauge, stamp
from shm.jit import hot
from shm.latest import latest_claim, latest_current, latest_publish
from shm.records.channel import CHANNEL
from shm.records.depth import DEPTH, DEPTH_LEVELS
from shm.records.instance_end import INSTANCE_END
from shm.records.instrument import INSTRUMENT
from shm.records.table_end import TABLE_END
from shm.records.top import TOP

LISTING_BYTES = INSTRUMENT.itemsize


@hot
def mark_changed(feed, instrument_id):
    """The instrument's tables are published at the end of the datagram, or when the channel is fresh again."""
    row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
    if row["marked"] == 0:
        row["marked"] = 1
        record_at(feed["changed_addr"] + feed["changed"] * 8, WORD)["word"] = instrument_id
        feed["changed"] += 1


@hot
def _publish_top(feed, instrument_id):
    table = record_at(feed["tops_addr"], TABLE_END)
    row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
    book = record_at(feed["book_addr"], BOOK_ROW)
    bid = best_level(book, 2 * instrument_id)
    ask = best_level(book, 2 * instrument_id + 1)
    top = record_at(latest_claim(table, instrument_id), TOP)
    top["bid_price_ticks"] = bid["price_ticks"]
    top["bid_qty_lots"] = bid["qty_lots"]
    top["ask_price_ticks"] = ask["price_ticks"]
    top["ask_qty_lots"] = ask["qty_lots"]
    top["last_price_ticks"] = row["last_price_ticks"]
    top["changed_ns"] = row["changed_ns"]
    top["venue_seq"] = row["venue_seq"]
    top["channel_id"] = feed["channel"]
    top["trading_state"] = trading_state_of(feed, instrument_id)
    top["flags"] = row["flags"]
    top["reserved"] = 0
    latest_publish(table, instrument_id)


@hot
def _publish_depth(feed, instrument_id, now_ns):
    table = record_at(feed["depth_addr"], TABLE_END)
    book = record_at(feed["book_addr"], BOOK_ROW)
    row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
    depth = record_at(latest_claim(table, instrument_id), DEPTH)
    bid = 2 * instrument_id
    depth_side(book, bid, depth["bid_price_ticks"], depth["bid_qty_lots"], depth["bid_orders"])
    depth_side(book, bid + 1, depth["ask_price_ticks"], depth["ask_qty_lots"], depth["ask_orders"])
    depth["venue_seq"] = row["venue_seq"]
    depth["venue_ns"] = row["venue_ns"]
    depth["now_ns"] = now_ns
    depth["levels"] = DEPTH_LEVELS
    depth["trading_state"] = trading_state_of(feed, instrument_id)
    depth["publish_stamp_ns"] = stamp(record_at(feed["me_addr"], INSTANCE_END))
    latest_publish(table, instrument_id)


@hot
def publish_changed(feed, now_ns):
    """Tops of every changed instrument, depth of those in a universe."""
    for k in range(feed["changed"]):
        instrument_id = record_at(feed["changed_addr"] + k * 8, WORD)["word"]
        row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
        row["marked"] = 0
        _publish_top(feed, instrument_id)
        if row["wanted"] != 0:
            failpoint(FP_TOP_PUBLISHED)
            _publish_depth(feed, instrument_id, now_ns)
            failpoint(FP_DEPTH_PUBLISHED)
    feed["changed"] = 0


@hot
def _begin_listing(table, instrument_id):
    """Address of the instrument's next row, filled with what it holds now; 0 when there is none."""
    held = latest_current(table, instrument_id)
    target = latest_claim(table, instrument_id)
    if held == 0 or target == 0:
        return 0
    copy_bytes(target, held, LISTING_BYTES)
    return target


@hot
def list_band(feed, instrument_id, low_ticks, high_ticks):
    """The venue's price band into the instrument's row; 0 and 0 for none."""
    table = record_at(feed["listing_addr"], TABLE_END)
    target = _begin_listing(table, instrument_id)
    if target == 0:
        return
    listed = record_at(target, INSTRUMENT)
    listed["luld_low_ticks"] = low_ticks
    listed["luld_high_ticks"] = high_ticks
    latest_publish(table, instrument_id)


@hot
def publish_listing(feed, instrument_id):
    """Locate and trading state into the instrument's row; the rest of it stays what it is."""
    table = record_at(feed["listing_addr"], TABLE_END)
    target = _begin_listing(table, instrument_id)
    if target == 0:
        return
    listed = record_at(target, INSTRUMENT)
    row = record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)
    listed["locate"] = row["locate"]
    listed["trading_state"] = trading_state_of(feed, instrument_id)
    latest_publish(table, instrument_id)


@hot
def publish_channel(feed):
    """The channel's row as it is now."""
    table = record_at(feed["channels_addr"], TABLE_END)
    arb = record_at(feed["arb_addr"], ARB_ROW)
    row = record_at(latest_claim(table, feed["channel"]), CHANNEL)
    row["next_seq"] = arb["next_seq"]
    row["heard_ns"] = feed["heard_ns"]
    row["stale_stamp_ns"] = feed["stale_stamp_ns"]
    row["fresh_stamp_ns"] = feed["fresh_stamp_ns"]
    row["stale_ns"] = feed["stale_ns"]
    row["gaps"] = feed["gaps"]
    row["recovered"] = feed["recovered"]
    row["datagrams"] = feed["datagrams"]
    row["messages"] = feed["messages"]
    row["ahead_seq"] = arb["ahead_seq"]
    row["state"] = feed["state"]
    row["lines"] = feed["lines"]
    row["reserved0"] = 0
    row["reserved1"] = 0
    latest_publish(table, feed["channel"])
    feed["shown_ns"] = feed["heard_ns"]
    feed["shown_lines"] = feed["lines"]


@hot
def go_stale(feed, channel_state, recv_stamp_ns):
    """To CHANNEL_STALE or CHANNEL_ENDED, at once, before anything else is done."""
    feed["state"] = channel_state
    feed["stale_stamp_ns"] = 0
    publish_channel(feed)
    failpoint(FP_STALE_UNSTAMPED)
    feed["stale_stamp_ns"] = stamp(record_at(feed["me_addr"], INSTANCE_END))
    publish_channel(feed)
    tell_channel(feed, recv_stamp_ns, 0)


@hot
def go_fresh(feed, recv_stamp_ns, now_ns):
    """To FRESH: tables first, then the channel's row, then the rings, with a resync if messages were not told."""
    me = record_at(feed["me_addr"], INSTANCE_END)
    publish_changed(feed, now_ns)
    feed["state"] = CHANNEL_FRESH
    feed["fresh_stamp_ns"] = stamp(me)
    feed["stale_ns"] += feed["fresh_stamp_ns"] - feed["stale_stamp_ns"]
    gauge(me, FEED_STALE_NS, feed["stale_ns"])
    publish_channel(feed)
    tell_channel(feed, recv_stamp_ns, feed["resync"])
    feed["resync"] = 0
