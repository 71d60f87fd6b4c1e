"""Day: a streamed day of a whole market, played message by message. Hot.

Most instruments are nobody's business here: their messages go out as they are, many to a datagram, with history's order
and match numbers moved above ours (day_blocks.py), so that no number is ever used twice. The instruments that the
venue has seats for go through the matching engine (day_orders.py), and the market's and their states are noted.

A *batch* is what is played at once: a run of messages that nobody acts on, as far as BATCH_BYTES go, due at the time of
its last one; or one message that somebody may act on, alone. In driven time only the latter wait until feed_handler
published everything before them and every role is quiet; the former run at most WINDOW messages ahead of it, which its
socket buffers hold. What stands before the first order (the directory, trading states) is sent as soon as feed_handler
hears us, whether or not the firm is ACTIVE, so that nothing of the day is ever asked for again.
"""

import numpy as np

from procs.venue.book import ORDERS_MAX
from procs.venue.day_blocks import (
    BLOCK_BYTES,
    BLOCKS,
    DAY_BLOCKS,
    NUMBERS,
    OURS_BELOW,
    block_at,
    blocks_ended,
    give_block_back,
    prepare_blocks,
)
from procs.venue.day_file import BOOK_KINDS, HEAD_BYTES, Directory
from procs.venue.day_orders import DAY_ORDERS, play_message, prepare_day_orders
from procs.venue.market_data import DATAGRAM_BYTES_MAX, DATAGRAMS_MAX, HEARTBEAT_NS, STREAM
from procs.venue.playback import DONE, PLAYING, WAITING
from procs.venue.store import store_append
from procs.wire.big_endian import read_u16, read_u48
from procs.wire.codes import WIRE_OK
from procs.wire.itch.decode import decode_itch
from procs.wire.itch.event import ITCH_CROSS, ITCH_SYSTEM, ITCH_TRADING_ACTION
from procs.wire.moldudp64.header import MOLD_HEADER_BYTES
from shm.codes import CHANNEL_FRESH, TRADING_HALTED
from shm.counters import VENUE_HISTORY_DONE
from shm.instance import gauge
from shm.jit import hot

DAY_ORDERS_MAX = ORDERS_MAX  # of the traded instruments, at a time
BATCH_BYTES = DATAGRAMS_MAX * (DATAGRAM_BYTES_MAX - MOLD_HEADER_BYTES - 64)  # what one step sends
WINDOW = 1024  # messages: at most 27 full datagrams of the longest kind, a quarter of a default socket buffer
PRELUDE_BATCHES = 8  # in one step
HEARTBEAT_EAGER_NS = 20_000_000  # until feed_handler hears us
NO_SEAT = -1
EVER_NS = 1 << 62

BOOK_KIND = np.zeros(256, np.int64)  # 1: the day has begun
for _letter in BOOK_KINDS:
    BOOK_KIND[_letter] = 1
ACTED_ON = BOOK_KIND.copy()  # 1: goes through the engine when it is of a seat
ACTED_ON[ITCH_CROSS] = 0
ACTED_ON[ITCH_TRADING_ACTION] = 1

DAY_WORDS = np.dtype(
    [
        ("on", "<i8"),  # 1 when a day is played
        ("heard", "<i8"),  # 1 once feed_handler heard a heartbeat
        ("begun", "<i8"),  # 1 once the first order stands next
        ("block", "<i8"),  # number of the block in hand
        ("at", "<i8"),  # next frame in it
        ("played", "<i8"),  # messages so far
        ("pause_at", "<i8"),  # no message behind this one is played; 0 plays to the end
        ("batch_messages", "<i8"),  # 0: none found yet
        ("batch_end", "<i8"),
        ("batch_ns", "<i8"),  # of its last message, since midnight
        ("batch_alone", "<i8"),
        ("reserved", "<i8"),
    ]
)
DAY = np.dtype(
    [("words", DAY_WORDS), ("seats", "<i8", (1 << 16,)), ("orders", DAY_ORDERS), ("blocks", DAY_BLOCKS)]
)  # `seats` by stock locate


def prepare_day(day, tape, directory: Directory | None, symbols: list[str]) -> None:
    """Make a zeroed DAY one that plays what a DayReader will bring, or none. It must stay where it is.

    `symbols` are those of the venue's instruments; one that the directory does not name is halted all day.
    """
    prepare_blocks(day["blocks"])
    prepare_day_orders(day["orders"])
    day["seats"] = NO_SEAT
    if directory is None:
        return
    day["words"]["on"] = 1
    tape["words"]["heartbeat_ns"] = HEARTBEAT_EAGER_NS
    for seat, symbol in enumerate(symbols):
        tape["locates"][seat] = directory.locates.get(symbol, 0)
        if symbol in directory.locates:
            day["seats"][directory.locates[symbol]] = seat
        else:
            tape["states"][seat] = TRADING_HALTED


# --- the next batch ---------------------------------------------------------------------------------------------------


@hot
def _block_size(day):
    """Bytes of the block in hand, having gone on to the next one at its end; 0 when that is not there yet."""
    words, blocks = day["words"], day["blocks"]
    size = block_at(blocks, words["block"])
    while size > 0 and words["at"] >= size:
        words["block"] += 1
        words["at"] = 0
        give_block_back(blocks, words["block"])
        size = block_at(blocks, words["block"])
    return size


@hot
def _is_alone(day, buf, at):
    """1 when somebody may act on the message of the frame at `at`."""
    kind = buf[at + HEAD_BYTES]
    if kind == ITCH_SYSTEM:
        return 1
    return 1 if ACTED_ON[kind] and day["seats"][read_u16(buf, at + HEAD_BYTES + 1)] >= 0 else 0


@hot
def _find_batch(day, until_ns):
    """Find the batch that comes next, of messages up to `until_ns` since midnight. Returns its messages."""
    words = day["words"]
    if words["batch_messages"] > 0:
        return words["batch_messages"]
    size = _block_size(day)
    most = words["pause_at"] - words["played"] if words["pause_at"] > 0 else size
    buf = day["blocks"]["bytes"][words["block"] % BLOCKS]
    at = words["at"]
    last = min(size, at + BATCH_BYTES)
    messages = 0
    alone = 0
    while at < last and messages < most and alone == 0:
        if words["begun"] == 0 and BOOK_KIND[buf[at + HEAD_BYTES]]:
            break
        venue_ns = read_u48(buf, at + HEAD_BYTES + 5)
        alone = _is_alone(day, buf, at)
        if venue_ns > until_ns or (alone and messages > 0):
            alone = 0
            break
        at += HEAD_BYTES + read_u16(buf, at)
        messages += 1
        words["batch_ns"] = venue_ns
    words["batch_messages"], words["batch_end"], words["batch_alone"] = messages, at, alone
    return messages


@hot
def _may_play(day):
    """1 when there is a message that no pause holds back."""
    words = day["words"]
    return 1 if _block_size(day) > 0 and (words["pause_at"] == 0 or words["played"] < words["pause_at"]) else 0


@hot
def _at_first_order(day):
    """1 when the next message is the first of a book."""
    words = day["words"]
    if _may_play(day) == 0:
        return 0
    return 1 if BOOK_KIND[day["blocks"]["bytes"][words["block"] % BLOCKS, words["at"] + HEAD_BYTES]] else 0


@hot
def _begin(exchange, playback, day, now_ns):
    """History's time of the next message becomes logic time now."""
    buf = day["blocks"]["bytes"][day["words"]["block"] % BLOCKS]
    words = playback["words"]
    words["phase"] = PLAYING
    words["offset_ns"] = now_ns - read_u48(buf, day["words"]["at"] + HEAD_BYTES + 5)
    exchange["tape"]["words"]["origin_ns"] = words["offset_ns"]


# --- playing it -------------------------------------------------------------------------------------------------------


@hot
def _pass_on(exchange, day, buf, address, at):
    """Send the frame at `at` as it is but for history's numbers. Returns its number, 0 when there was no room."""
    message = at + HEAD_BYTES
    kind = buf[message]
    first, second = NUMBERS[kind, 0], NUMBERS[kind, 1]
    if first > 0:
        buf[message + first] |= OURS_BELOW
    if second > 0:
        buf[message + second] |= OURS_BELOW
    return store_append(exchange["store"], STREAM, address + message, read_u16(buf, at))


@hot
def _play_alone(exchange, playback, day, buf, address):
    """The one message of a batch that somebody may act on."""
    at = day["words"]["at"]
    event, tape = day["orders"]["event"], exchange["tape"]
    kind = buf[at + HEAD_BYTES]
    seat = day["seats"][read_u16(buf, at + HEAD_BYTES + 1)]
    known = decode_itch(buf, at + HEAD_BYTES, read_u16(buf, at), event) == WIRE_OK
    if kind == ITCH_SYSTEM or kind == ITCH_TRADING_ACTION:
        if known and kind == ITCH_TRADING_ACTION:
            tape["states"][seat] = event["trading_state"]
        tape["words"]["told_seq"] = _pass_on(exchange, day, buf, address, at)
    elif known:
        play_message(exchange, playback, day["orders"], seat)


@hot
def _play_batch(exchange, playback, day):
    """Play the batch that was found. Returns its messages."""
    words, blocks = day["words"], day["blocks"]
    place = words["block"] % BLOCKS
    buf = blocks["bytes"][place]
    address = blocks["words"]["bytes_addr"] + place * BLOCK_BYTES
    done = words["batch_messages"]
    if words["batch_alone"]:
        _play_alone(exchange, playback, day, buf, address)
    else:
        at = words["at"]
        while at < words["batch_end"]:
            size = read_u16(buf, at)
            _pass_on(exchange, day, buf, address, at)
            at += HEAD_BYTES + size
    words["at"] = words["batch_end"]
    words["played"] += done
    words["batch_messages"] = 0
    return done


@hot
def _is_ahead(exchange, next_seq):
    """1 while feed_handler, which waits for message `next_seq`, is WINDOW messages behind."""
    return 1 if exchange["store"]["words"][STREAM]["count"] - next_seq >= WINDOW else 0


@hot
def _play_prelude(exchange, playback, day, next_seq):
    """What stands before the first order, as fast as feed_handler takes it. Returns the messages."""
    words, tape = day["words"], exchange["tape"]
    if words["heard"] == 0:
        if next_seq == 0 or playback["channel"]["state"] != CHANNEL_FRESH:
            return 0
        words["heard"] = 1
        tape["words"]["heartbeat_ns"] = HEARTBEAT_NS
    done = 0
    for _ in range(PRELUDE_BATCHES):
        if _is_ahead(exchange, next_seq) or _find_batch(day, EVER_NS) == 0:
            break
        done += _play_batch(exchange, playback, day)
    if done == 0 and (_at_first_order(day) or blocks_ended(day["blocks"], words["block"])):
        words["begun"] = 1
    return done


@hot
def _look_ahead(playback, day, now_ns):
    """Find the next batch and note when it is due; time stands still while there is none."""
    words = playback["words"]
    until_ns = EVER_NS if words["driven"] else now_ns - words["offset_ns"]
    found = _find_batch(day, until_ns)
    words["due_ns"] = day["words"]["batch_ns"] + words["offset_ns"] if found else now_ns
    return found


@hot
def play_day(exchange, playback, day, now_ns, active, held):
    """Play what is due of a day. Returns the messages. `held`: somebody may still act on what was told."""
    words = playback["words"]
    if day["words"]["on"] == 0 or words["phase"] == DONE:
        return 0
    next_seq = words["next_seq"]
    if day["words"]["begun"] == 0:
        return _play_prelude(exchange, playback, day, next_seq)
    if words["phase"] == WAITING and active and held == 0 and _may_play(day):
        _begin(exchange, playback, day, now_ns)
    if words["phase"] != PLAYING or (held and words["driven"]):
        return 0
    done = 0
    batches = 1 if words["driven"] else PRELUDE_BATCHES
    while batches > 0 and _is_ahead(exchange, next_seq) == 0:
        if _look_ahead(playback, day, now_ns) == 0 or words["due_ns"] > now_ns:
            break
        done += _play_batch(exchange, playback, day)
        batches -= 1
    _look_ahead(playback, day, now_ns)
    if day["words"]["batch_messages"] == 0 and blocks_ended(day["blocks"], day["words"]["block"]):
        words["phase"] = DONE
        gauge(exchange["me"], VENUE_HISTORY_DONE, 1)
    return done
