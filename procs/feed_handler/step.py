"""step: datagrams -> messages -> books -> ticks and tables. One duty cycle of feed_handler.

A datagram is judged (arbitration), delivered message by message while it is contiguous, and closed: tables first, then
the last tick. The channel turns stale before anything of the datagram that revealed a hole is used, and fresh when
nothing is missing and a multicast line was heard; what is delivered meanwhile reaches the books, never the rings.

A hot thread that was away (stopped, or not scheduled) for PAUSE_NS finds old datagrams in its sockets. They go into the
books, but the channel is stale until the sockets were seen empty: nobody may decide on what was the market then.

In driven time nothing may be lost: a datagram waits in the batch until every ring has room for all that it can cause.
"""

import numpy as np

from procs.feed_handler.arbitration import (
    ARB_DELIVER,
    ARB_DROPPED,
    ARB_FOREIGN,
    ARB_MALFORMED,
    ARB_ROW,
    KEPT_BYTES,
    KEPT_ROW,
    LINE_A,
    LINE_B,
    LINE_RETRANSMISSION,
    LINES,
    accept,
    delivered,
    missing,
    next_kept,
    request,
)
from procs.feed_handler.fetch_ahead import FETCH_MESSAGES_MIN, fetch_ahead
from procs.feed_handler.message import take_message
from procs.feed_handler.rows import BOOK_ROW
from procs.feed_handler.state import FRAMES_IN_MAX, LINE_BYTES, LINE_ROW, NEW_LIFE
from procs.feed_handler.tables import go_fresh, go_stale, publish_changed, publish_channel
from procs.feed_handler.ticks import flush_ticks, resume_skipped, rings_have_room
from procs.wire.big_endian import read_u16
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES
from procs.wire.moldudp64.header import MOLD_END_OF_SESSION, MOLD_HEADER_BYTES, mold_count, write_mold_header
from shm.atomics import record_at
from shm.codes import CHANNEL_ENDED, CHANNEL_FRESH, CHANNEL_STALE
from shm.counters import (
    FEED_AHEAD_DROPPED,
    FEED_DATAGRAMS,
    FEED_DUPLICATES,
    FEED_FOREIGN_SESSION,
    FEED_GAPS,
    FEED_LINE_A,
    FEED_LINE_B,
    FEED_MALFORMED,
    FEED_MESSAGES,
    FEED_RECOVERED,
    FEED_REQUESTS,
    FEED_TICKS,
    FEED_TICKS_SKIPPED,
)
from shm.failpoint import failpoint
from shm.failpoints import FP_DATAGRAM_DELIVERED, FP_TICKS_HELD
from shm.instance import count, gauge, stamp
from shm.jit import hot
from shm.records.frame import FRAME
from shm.records.instance_end import INSTANCE_END

FRAME_ROW_BYTES = FRAME.itemsize
PAUSE_NS = 250_000_000  # above what a busy development machine does to a yielding thread
LATE_LOOKS = 2  # the first batch may have been read before the pause
SHORT_BATCH = FRAMES_IN_MAX // LINES  # fewer frames than one line's share: every socket was emptied


@hot
def _deliver(feed, arb, buf, recv_stamp_ns, now_ns):
    """Apply the blocks of out_* in `buf`, and go on behind them."""
    book = record_at(feed["book_addr"], BOOK_ROW)
    if arb["out_count"] >= FETCH_MESSAGES_MIN and book["orders"] >= feed["fetch_orders_min"]:
        fetch_ahead(feed, book, buf, arb["out_offset"], arb["out_count"])
    offset = arb["out_offset"]
    seq = arb["out_seq"]
    for message in range(arb["out_count"]):
        size = read_u16(buf, offset)
        offset += MOLD_BLOCK_HEAD_BYTES
        take_message(feed, buf, offset, size, seq + message, recv_stamp_ns, now_ns)
        offset += size
    feed["messages"] += arb["out_count"]
    if feed["state"] != CHANNEL_FRESH:
        feed["resync"] = 1
    delivered(arb)


@hot
def _deliver_all(feed, arb, buf, kept_bytes, line, recv_stamp_ns, now_ns):
    """Apply a datagram and behind it what the store holds, as far as it is contiguous."""
    while True:
        if line == LINE_RETRANSMISSION:
            feed["recovered"] += arb["out_count"]
        _deliver(feed, arb, buf, recv_stamp_ns, now_ns)
        slot = next_kept(arb, kept_bytes)
        if slot == 0:
            return
        frame = record_at(arb["kept_addr"] + slot * KEPT_BYTES, KEPT_ROW)
        buf = kept_bytes[slot]
        line = frame["line"]
        recv_stamp_ns = frame["stamp_ns"]


@hot
def _count_datagram(feed, line, verdict, duplicates):
    me = record_at(feed["me_addr"], INSTANCE_END)
    feed["datagrams"] += 1
    if line == LINE_A:
        count(me, FEED_LINE_A, 1)
    elif line == LINE_B:
        count(me, FEED_LINE_B, 1)
    if verdict == ARB_MALFORMED:
        count(me, FEED_MALFORMED, 1)
    elif verdict == ARB_FOREIGN:
        count(me, FEED_FOREIGN_SESSION, 1)
    elif verdict == ARB_DROPPED:
        count(me, FEED_AHEAD_DROPPED, 1)
    if duplicates > 0:
        count(me, FEED_DUPLICATES, duplicates)


@hot
def _count_lines(feed, now_ns):
    """Number of multicast lines heard within the silence limit. In driven time a line once heard stays so.

    Whoever drives time sends the datagrams too: a jump of logic time says nothing about the wire.
    """
    lines = 0
    for line in (LINE_A, LINE_B):
        row = record_at(feed["lines_addr"] + line * LINE_BYTES, LINE_ROW)
        if row["heard"] != 0 and (feed["driven"] != 0 or now_ns - row["heard_ns"] <= feed["silence_ns"]):
            lines += 1
    feed["lines"] = lines
    return lines


@hot
def _hear(feed, line, now_ns):
    """A multicast line brought something of ours."""
    row = record_at(feed["lines_addr"] + line * LINE_BYTES, LINE_ROW)
    row["heard"] = 1
    row["heard_ns"] = now_ns
    feed["heard_ns"] = now_ns
    if now_ns - feed["shown_ns"] > feed["silence_ns"] >> 2:
        _count_lines(feed, now_ns)
        publish_channel(feed)  # before the ticks: after a jump of logic time readers must not take us for silent


@hot
def _wanted_state(feed, arb, lines):
    """CHANNEL_* that arbitration and silence call for; a new hole is counted."""
    if missing(arb) > 0:
        if feed["holed"] == 0:
            feed["holed"] = 1
            feed["gaps"] += 1
            count(record_at(feed["me_addr"], INSTANCE_END), FEED_GAPS, 1)
        return CHANNEL_STALE
    feed["holed"] = 0
    if arb["ended"] != 0:
        return CHANNEL_ENDED
    return CHANNEL_FRESH if lines > 0 and feed["late"] == 0 else CHANNEL_STALE


@hot
def _judge(feed, arb, recv_stamp_ns, now_ns):
    """Turn the channel stale, ended or fresh."""
    wanted = _wanted_state(feed, arb, _count_lines(feed, now_ns))
    if wanted == feed["state"]:
        return
    if wanted == CHANNEL_FRESH:
        go_fresh(feed, recv_stamp_ns, now_ns)
    elif feed["state"] != CHANNEL_STALE:
        go_stale(feed, wanted, recv_stamp_ns)  # was fresh, or these are the first words of a new life
    else:
        feed["state"] = wanted
        publish_changed(feed, now_ns)
        publish_channel(feed)


@hot
def _take_frame(feed, buf, kept_bytes, k, now_ns):
    arb = record_at(feed["arb_addr"], ARB_ROW)
    frame = record_at(feed["frames_addr"] + k * FRAME_ROW_BYTES, FRAME)
    line = np.int64(frame["line"])
    if line < LINE_A or line > LINE_RETRANSMISSION:
        return
    recv_stamp_ns = frame["stamp_ns"]
    whole = missing(arb) == 0
    verdict = accept(arb, kept_bytes, buf, frame["size"], line, recv_stamp_ns)
    _count_datagram(feed, line, verdict, arb["duplicates"])
    if verdict == ARB_MALFORMED or verdict == ARB_FOREIGN:
        return
    if line != LINE_RETRANSMISSION:
        _hear(feed, line, now_ns)
    if verdict == ARB_DELIVER:
        if whole and feed["state"] == CHANNEL_STALE and feed["late"] == 0 and _count_lines(feed, now_ns) > 0:
            go_fresh(feed, recv_stamp_ns, now_ns)  # it was silent, and nothing is missing: this datagram is live
        _deliver_all(feed, arb, buf, kept_bytes, line, recv_stamp_ns, now_ns)
        failpoint(FP_DATAGRAM_DELIVERED)
        if feed["state"] == CHANNEL_FRESH:
            publish_changed(feed, now_ns)
            failpoint(FP_TICKS_HELD)
            flush_ticks(feed)
    _judge(feed, arb, recv_stamp_ns, now_ns)


@hot
def _messages_of(feed, buf, k):
    """Messages that a frame announces; what it really holds is judged later."""
    if record_at(feed["frames_addr"] + k * FRAME_ROW_BYTES, FRAME)["size"] < MOLD_HEADER_BYTES:
        return 0
    announced = mold_count(buf)
    return 0 if announced == MOLD_END_OF_SESSION else announced


@hot
def _ask_again(feed, buf):
    """Write a retransmission request when one is due. Returns its size, 0 for none."""
    arb = record_at(feed["arb_addr"], ARB_ROW)
    if missing(arb) == 0:
        return 0
    me = record_at(feed["me_addr"], INSTANCE_END)
    wanted = request(arb, stamp(me))
    if wanted == 0:
        return 0
    count(me, FEED_REQUESTS, 1)
    return write_mold_header(buf, arb["session_hi"], arb["session_lo"], arb["request_seq"], wanted)


@hot
def _show(feed, frames):
    """What the step did, for readers: the channel's row and the counters."""
    me = record_at(feed["me_addr"], INSTANCE_END)
    publish_channel(feed)
    count(me, FEED_DATAGRAMS, frames)
    gauge(me, FEED_MESSAGES, feed["messages"])
    gauge(me, FEED_RECOVERED, feed["recovered"])
    gauge(me, FEED_TICKS, feed["ticks"])
    gauge(me, FEED_TICKS_SKIPPED, feed["skipped"])


@hot
def _note_pause(feed, frames):
    """See whether this thread was away; then the channel is stale at once, until LATE_LOOKS batches were short."""
    at_ns = stamp(record_at(feed["me_addr"], INSTANCE_END))
    away_ns = at_ns - feed["stepped_stamp_ns"]
    if feed["late"] > 0 and frames < SHORT_BATCH:
        feed["late"] -= 1
    if feed["stepped_stamp_ns"] != 0 and away_ns > PAUSE_NS and feed["driven"] == 0:
        feed["late"] = LATE_LOOKS
        if feed["state"] == CHANNEL_FRESH:
            go_stale(feed, CHANNEL_STALE, 0)
    feed["stepped_stamp_ns"] = at_ns


@hot
def step(state, now_ns):
    """One duty cycle. Returns the number of frames, requests and resumed rings handled. The first one says stale."""
    feed = state.feed[0]
    frames = state.port_in.count[0]
    _note_pause(feed, frames)
    work = resume_skipped(feed)
    if frames > 0 and feed["state"] != NEW_LIFE:
        frame_bytes = state.port_in.frame_bytes
        first = feed["frames_done"]
        k = first
        while k < frames:
            if feed["driven"] != 0 and not rings_have_room(feed, _messages_of(feed, frame_bytes[k], k)):
                break
            _take_frame(feed, frame_bytes[k], state.kept_bytes, k, now_ns)
            k += 1
        feed["frames_done"] = k
        if k == frames:
            feed["frames_done"] = 0
            state.port_in.count[0] = 0
        _show(feed, k - first)
        work += k - first
    else:
        _judge(feed, record_at(feed["arb_addr"], ARB_ROW), 0, now_ns)
        if feed["lines"] != feed["shown_lines"]:
            publish_channel(feed)
    if state.port_out.count[0] == 0:
        size = _ask_again(feed, state.port_out.frame_bytes[0])
        if size > 0:
            frame = state.port_out.frames[0]
            frame["size"] = size
            frame["line"] = LINE_RETRANSMISSION
            frame["flags"] = 0
            state.port_out.count[0] = 1
            work += 1
    return work
