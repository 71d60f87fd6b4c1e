"""Playback: the plays of history, entered into the matching engine when their time has come. Of a history that was read
whole (history.py) here, of a streamed day (day.py) by the same `play_one` and the same rules of time.

Members change what history can do. The rules, each play being about one order of history:

- an execution meets members' orders first where they have priority, then the order that history names, then members
  behind it if that order was short (matching.hit);
- an add or a replacement that would cross trades with members' orders only (TIF_HISTORY); nobody else is asked, because
  history says that they did not trade. What is left rests, as any order would;
- after each play its order has at most what history says is left; lots that a member took are not given back: a
  replacement asks for its new size less those;
- a play whose order differs from history before it, or has more left after it, counts as a divergence
  (VENUE_DIVERGED).

Clock. Until the firm is ACTIVE nothing is played, so that history does not run away from a system that still starts;
the offset between history's time and logic time is fixed at that moment. REAL and SCALED: plays enter when logic time
reaches them. DRIVEN: this module drives logic time. It runs with real time while any role still works on what was
published (quiet.py), so that an order takes as long as it takes, and jumps to the next event when all are quiet; the
event is sent only when feed_handler has published everything before it. While feed_handler is dead, or the disk is
behind the roles' journals, history and time wait; members are served meanwhile. Before and after history
logic time runs with real time. Order entry is polled between any two datagrams. So the order of history's events, and
the books without members, are deterministic; between which two of them a member's order falls is not, in several
processes: it depends on how long they took. In one thread it is.
"""

import numpy as np

from procs.venue.book import find_order
from procs.venue.exchange import settle
from procs.venue.history import (
    PLAY,
    PLAY_ADD,
    PLAY_CROSS,
    PLAY_HIT,
    PLAY_OPEN,
    PLAY_PRINT,
    PLAY_REPLACE,
    History,
)
from procs.venue.inputs import (
    input_cross,
    input_enter,
    input_hit,
    input_print,
    input_reduce,
    input_replace,
)
from procs.venue.market_data import tell_trading_state
from procs.venue.matching import TIF_HISTORY
from procs.venue.quiet import QUIET, expect_work, is_quiet, prepare_quiet
from shm.atomics import address_of, record_at
from shm.clock import drive_now_ns
from shm.codes import TRADING_OPEN
from shm.counters import VENUE_DIVERGED, VENUE_HISTORY_DONE
from shm.instance import count, gauge
from shm.jit import hot
from shm.latest import latest_read
from shm.records.channel import CHANNEL
from shm.records.table_end import TABLE_END

WAITING = 1  # for the firm to become ACTIVE
PLAYING = 2
DONE = 3
EVENTS_MAX = 64  # of history in one step
PLAY_BYTES = PLAY.itemsize

PLAYBACK_WORDS = np.dtype(
    [
        ("phase", "<i8"),
        ("at", "<i8"),  # next play
        ("plays", "<i8"),
        ("plays_addr", "<i8"),
        ("refs_addr", "<i8"),
        ("first", "<i8"),
        ("instrument", "<i8"),
        ("offset_ns", "<i8"),  # logic time minus history's time
        ("driven", "<i8"),  # 1 when logic time is ours to drive
        ("clock_addr", "<i8"),
        ("driven_ns", "<i8"),
        ("due_ns", "<i8"),  # logic time of the next event, while playing
        ("next_seq", "<i8"),  # first message that feed_handler has not published; 0: it says nothing
        ("real_ns", "<i8"),  # latency time of the last look
        ("channel_addr", "<i8"),
        ("diverged", "<i8"),
    ]
)


PLAYBACK = np.dtype([("words", PLAYBACK_WORDS), ("channels", TABLE_END), ("channel", CHANNEL), ("quiet", QUIET)])
REF = np.dtype([("value", "<i8")])

_alive: list[np.ndarray] = []


def prepare_playback(
    playback,
    history: History | None,
    instrument: int,
    channels: np.ndarray,
    pages: np.ndarray,
    journals: np.ndarray,
    day_orders: int = 0,
) -> None:
    """Make a zeroed PLAYBACK one of a planned history, or one with nothing to play. It must stay where it is.

    `channels` is the TABLE_END[1] of feed_handler's channels, `pages` the addresses of the other roles' INSTANCE pages,
    `journals` the JOURNAL_END[n] of their journals.
    `day_orders` > 0: a streamed day will be played, with at most so many orders of history at a time.
    """
    words = playback["words"]
    words["phase"], words["instrument"] = WAITING if history or day_orders else DONE, instrument
    prepare_quiet(playback["quiet"], pages, journals)
    words["channel_addr"] = address_of(np.frombuffer(playback["channel"], np.uint8))
    playback["channels"] = channels[0]
    if history or day_orders:
        # the venue's reference of each of history's orders; 0 when it is gone
        refs = np.zeros(history.orders if history else day_orders, REF)
        words["refs_addr"] = address_of(refs)
        _alive.append(refs)
    if history:
        words["first"], words["plays"] = history.first, len(history.plays)
        words["plays_addr"] = address_of(history.plays)
        _alive.append(history.plays)


@hot
def _play_at(playback, at):
    """A play of history."""
    return record_at(playback["words"]["plays_addr"] + at * PLAY_BYTES, PLAY)


@hot
def _ref_of(playback, order):
    """The venue's reference of an order of history, as a record to read and write."""
    return record_at(playback["words"]["refs_addr"] + order * 8, REF)


# --- one play -------------------------------------------------------------------------------------------------------


@hot
def _left(books, ref):
    """Open lots of an order; 0 when it is gone."""
    slot = find_order(books, ref)
    return books["orders"][slot]["qty"] if slot >= 0 else 0


@hot
def _diverge(exchange, playback):
    playback["words"]["diverged"] += 1
    count(exchange["me"], VENUE_DIVERGED, 1)


@hot
def _clip(exchange, playback, order, after):
    """Bring an order down to what history has left of it."""
    ref = _ref_of(playback, order)["value"]
    left = _left(exchange["books"], ref)
    if left > after:
        input_reduce(exchange["books"], exchange["log"], ref, left - after)
    if after == 0:
        _ref_of(playback, order)["value"] = 0


@hot
def _place(exchange, playback, play, left):
    """An add, or a replacement under a new reference and priority."""
    order = np.int64(play["order"])
    qty = play["qty"]
    if left < play["before"]:
        qty -= play["before"] - left
    if qty <= 0:
        _clip(exchange, playback, order, 0)
        return
    books, log, price = exchange["books"], exchange["log"], play["price"]
    if left > 0:
        ref = input_replace(books, log, _ref_of(playback, order)["value"], price, qty, 0, TIF_HISTORY)
    else:
        instrument = playback["words"]["instrument"]
        ref = input_enter(books, log, instrument, np.int64(play["side"]), price, qty, TIF_HISTORY, 0)
    _ref_of(playback, order)["value"] = max(ref, 0)


@hot
def play_one(exchange, playback, play):
    """Enter one play, for `words["instrument"]`, and settle it."""
    books, log = exchange["books"], exchange["log"]
    words = playback["words"]
    kind, side = np.int64(play["kind"]), np.int64(play["side"])
    instrument, price, qty = words["instrument"], play["price"], play["qty"]
    if kind == PLAY_OPEN:
        tell_trading_state(exchange["tape"], exchange["store"], instrument, TRADING_OPEN, books["words"]["now_ns"])
        return
    if kind == PLAY_PRINT:
        input_print(books, log, instrument, side, price, qty)
        settle(exchange)
        return
    order = np.int64(play["order"])
    left = _left(books, _ref_of(playback, order)["value"])
    if left != play["before"]:
        _diverge(exchange, playback)
    if kind == PLAY_HIT:
        input_hit(books, log, _ref_of(playback, order)["value"], qty, instrument, side, price)
    elif kind == PLAY_CROSS:
        input_cross(books, log, _ref_of(playback, order)["value"], qty, price)
    elif kind == PLAY_ADD or kind == PLAY_REPLACE:
        _place(exchange, playback, play, left)
        settle(exchange)
        return
    settle(exchange)
    hit_or_cross = kind == PLAY_HIT or kind == PLAY_CROSS
    if hit_or_cross and left == play["before"] and _left(books, _ref_of(playback, order)["value"]) > play["after"]:
        _diverge(exchange, playback)
    _clip(exchange, playback, order, play["after"])
    settle(exchange)


@hot
def play_event(exchange, playback):
    """The next event of history, all its plays. Returns their number."""
    words = playback["words"]
    done = 0
    last = 0
    while last == 0 and words["at"] < words["plays"]:
        play = _play_at(playback, words["at"])
        play_one(exchange, playback, play)
        last = np.int64(play["last"])
        words["at"] += 1
        done += 1
    return done


# --- time -----------------------------------------------------------------------------------------------------------


@hot
def _look_ahead(playback):
    """Note the logic time of the next event."""
    words = playback["words"]
    if words["at"] < words["plays"]:
        words["due_ns"] = _play_at(playback, words["at"])["time_ns"] + words["offset_ns"]


@hot
def look_at_feed(playback):
    """Copy feed_handler's row of `channels` to `playback["channel"]` and note its `next_seq`. Once a step."""
    words = playback["words"]
    if latest_read(playback["channels"], 0, words["channel_addr"]) > 0:
        words["next_seq"] = playback["channel"]["next_seq"]
    else:
        words["next_seq"] = 0


@hot
def _drive(playback, elapsed_ns):
    """Advance driven time: with real time, but never past the next event, and straight to it when all are quiet."""
    words = playback["words"]
    target = words["driven_ns"] + elapsed_ns
    if words["phase"] == PLAYING:
        due_ns = max(words["due_ns"], words["driven_ns"])
        target = due_ns if is_quiet(playback["quiet"]) else min(target, due_ns)
    words["driven_ns"] = target
    drive_now_ns(words["clock_addr"], target)
    return target


@hot
def logic_time(playback, now_ns, real_ns, held):
    """Logic time of this step; drives the clock when it is ours. `held`: something sent is not published or on disk."""
    words = playback["words"]
    elapsed_ns = min(max(0, real_ns - words["real_ns"]), 1_000_000)  # a stopped process does not make time jump
    words["real_ns"] = real_ns
    if words["driven"] == 0:
        return now_ns
    if words["driven_ns"] == 0:
        words["driven_ns"] = now_ns
    if held and words["phase"] == PLAYING:
        expect_work(playback["quiet"])
        return words["driven_ns"]
    return _drive(playback, elapsed_ns)


@hot
def play_history(exchange, playback, now_ns, active, held):
    """Play what is due; in driven time one event a step, so that it is published before the next. Returns the plays."""
    words = playback["words"]
    done = 0
    if words["plays"] == 0:
        return 0
    while words["at"] < words["first"]:  # the book that stands when playing begins
        done += play_event(exchange, playback)
    if words["phase"] == WAITING and active and held == 0:
        words["phase"] = PLAYING
        words["offset_ns"] = now_ns - _play_at(playback, words["at"])["time_ns"] if words["at"] < words["plays"] else 0
        _look_ahead(playback)
    if words["phase"] != PLAYING or (held and words["driven"]):
        return done
    events = 1 if words["driven"] else EVENTS_MAX
    while events > 0 and words["at"] < words["plays"] and words["due_ns"] <= now_ns:
        done += play_event(exchange, playback)
        _look_ahead(playback)
        events -= 1
    if words["at"] >= words["plays"]:
        words["phase"] = DONE
        gauge(exchange["me"], VENUE_HISTORY_DONE, 1)
    return done
