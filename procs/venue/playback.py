"""Playback: the plays of history, entered into the matching engine when their time has come.

Members change what history can do. The rules, each play being about one order of history:

- an execution meets members' orders first where they have priority, then the order that history names, then members
  behind it if that order was short (matching.hit);
- an add or a replacement that would cross trades with members' orders only (TIF_HISTORY); nobody else is asked, because
  history says that they did not trade. What is left rests, as any order would;
- after each play its order has at most what history says is left; lots that a member took are not given back: a
  replacement asks for its new size less those;
- a play whose order differs from history before it counts as a divergence (VENUE_DIVERGED).

Clock. Until the firm is ACTIVE nothing is played, so that history does not run away from a system that still starts; the
offset between history's time and logic time is fixed at that moment. REAL and SCALED: plays enter when logic time
reaches them. DRIVEN: this module drives logic time, at most `speed_max` times as fast as real time (an idle hour should
not expire every quote on its way), from event to event, and only when feed_handler has published what was sent and every
message is out. If feed_handler is dead, history waits; members are served meanwhile. Before and after history logic time
runs with real time. So the order of history's events and the books without members are deterministic; *when* a member's
order falls between two events is not, in several processes: it depends on how long they took. The fused layout is.
"""

from typing import NamedTuple

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
    input_cancel,
    input_cross,
    input_enter,
    input_hit,
    input_print,
    input_reduce,
    input_replace,
)
from procs.venue.market_data import tell_trading_state
from procs.venue.matching import TIF_HISTORY
from shm.atomics import address_of
from shm.clock import drive_now_ns
from shm.codes import TRADING_OPEN
from shm.counters import VENUE_DIVERGED, VENUE_HISTORY_DONE
from shm.instance import count, gauge
from shm.jit import hot
from shm.latest import latest_read
from shm.records.channel import CHANNEL

WAITING = 1  # for the firm to become ACTIVE
PLAYING = 2
DONE = 3
EVENTS_MAX = 64  # of history in one step
SPEED_MAX = 200  # DRIVEN: logic seconds per second at most; a quote's life of 50 ms is then 250 us of real time

PLAYBACK_WORDS = np.dtype(
    [
        ("phase", "<i8"),
        ("at", "<i8"),  # next play
        ("first", "<i8"),
        ("instrument", "<i8"),
        ("offset_ns", "<i8"),  # logic time minus history's time
        ("driven", "<i8"),  # 1 when logic time is ours to drive
        ("clock_addr", "<i8"),
        ("driven_ns", "<i8"),
        ("real_ns", "<i8"),  # latency time of the last look
        ("speed_max", "<i8"),
        ("channel_addr", "<i8"),
        ("diverged", "<i8"),
    ]
)


class Playback(NamedTuple):
    """`refs[order]` is the venue's reference of history's order, 0 when it is gone."""

    words: np.ndarray
    plays: np.ndarray
    refs: np.ndarray
    channels: np.ndarray
    channel: np.ndarray


_alive: list[Playback] = []


def make_playback(history: History | None, instrument: int, channels: np.ndarray) -> Playback:
    """State for a planned history; None gives a playback with nothing to play. `channels` is the TABLE_END[1]."""
    playback = Playback(
        words=np.zeros(1, PLAYBACK_WORDS),
        plays=history.plays if history else np.zeros(0, PLAY),
        refs=np.zeros(max(1, history.orders if history else 0), np.int64),
        channels=channels,
        channel=np.zeros(1, CHANNEL),
    )
    words = playback.words[0]
    words["phase"] = WAITING if history else DONE
    words["first"] = history.first if history else 0
    words["instrument"], words["speed_max"] = instrument, SPEED_MAX
    words["channel_addr"] = address_of(playback.channel)
    _alive.append(playback)
    return playback


# --- one play -------------------------------------------------------------------------------------------------------


@hot
def _left(books, ref):
    """Open lots of an order; 0 when it is gone."""
    slot = find_order(books, ref)
    return books.orders[slot]["qty"] if slot >= 0 else 0


@hot
def _clip(exchange, playback, order, after):
    """Bring an order down to what history has left of it."""
    ref = playback.refs[order]
    left = _left(exchange.books, ref)
    if left > after and after == 0:
        input_cancel(exchange.books, exchange.log, ref)
    elif left > after:
        input_reduce(exchange.books, exchange.log, ref, left - after)
    if after == 0:
        playback.refs[order] = 0


@hot
def _place(exchange, playback, play, left):
    """An add, or a replacement under a new reference and priority."""
    order = int(play["order"])
    qty = play["qty"]
    if left < play["before"]:
        qty -= play["before"] - left
    if qty <= 0:
        _clip(exchange, playback, order, 0)
        return
    books, log, price = exchange.books, exchange.log, play["price"]
    if left > 0:
        ref = input_replace(books, log, playback.refs[order], price, qty, 0, TIF_HISTORY)
    else:
        instrument = playback.words[0]["instrument"]
        ref = input_enter(books, log, instrument, int(play["side"]), price, qty, TIF_HISTORY, 0)
    playback.refs[order] = max(ref, 0)


@hot
def _play_one(exchange, playback, play):
    books, log = exchange.books, exchange.log
    words = playback.words[0]
    kind, side = int(play["kind"]), int(play["side"])
    instrument, price, qty = words["instrument"], play["price"], play["qty"]
    if kind == PLAY_OPEN:
        tell_trading_state(exchange.tape, exchange.store, instrument, TRADING_OPEN, books.words[0]["now_ns"])
        return
    if kind == PLAY_PRINT:
        input_print(books, log, instrument, side, price, qty)
        settle(exchange)
        return
    order = int(play["order"])
    left = _left(books, playback.refs[order])
    if left != play["before"]:
        words["diverged"] += 1
        count(exchange.me[0], VENUE_DIVERGED, 1)
    if kind == PLAY_HIT:
        input_hit(books, log, playback.refs[order], qty, instrument, side, price)
    elif kind == PLAY_CROSS:
        input_cross(books, log, playback.refs[order], qty, price)
    elif kind == PLAY_ADD or kind == PLAY_REPLACE:
        _place(exchange, playback, play, left)
        settle(exchange)
        return
    settle(exchange)
    _clip(exchange, playback, order, play["after"])
    settle(exchange)


@hot
def play_event(exchange, playback):
    """The next event of history, all its plays. Returns their number."""
    words = playback.words[0]
    done = 0
    last = 0
    while last == 0 and words["at"] < playback.plays.shape[0]:
        play = playback.plays[words["at"]]
        _play_one(exchange, playback, play)
        last = int(play["last"])
        words["at"] += 1
        done += 1
    return done


@hot
def build_first_book(exchange, playback):
    """What stood in the book when playing begins. Returns the plays done."""
    done = 0
    while playback.words[0]["at"] < playback.words[0]["first"]:
        done += play_event(exchange, playback)
    return done


# --- time -----------------------------------------------------------------------------------------------------------


@hot
def _due_ns(playback):
    """Logic time of the next event."""
    words = playback.words[0]
    return playback.plays[words["at"]]["time_ns"] + words["offset_ns"]


@hot
def published(playback, next_seq):
    """1 when feed_handler's row says that it has published every message before `next_seq`."""
    words = playback.words[0]
    if latest_read(playback.channels[0], 0, words["channel_addr"]) <= 0:
        return 0
    return 1 if playback.channel[0]["next_seq"] >= next_seq else 0


@hot
def _drive(playback, elapsed_ns):
    """Advance driven time: with real time, or while playing up to `speed_max` times as fast, to the next event at most."""
    words = playback.words[0]
    target = words["driven_ns"] + elapsed_ns
    if words["phase"] == PLAYING:
        target = min(words["driven_ns"] + elapsed_ns * words["speed_max"], max(_due_ns(playback), words["driven_ns"]))
    words["driven_ns"] = target
    drive_now_ns(words["clock_addr"], target)
    return target


@hot
def logic_time(playback, now_ns, real_ns, held):
    """Logic time of this step; drives the clock when it is ours. `held`: something sent is not published yet."""
    words = playback.words[0]
    elapsed_ns = min(max(0, real_ns - words["real_ns"]), 1_000_000)  # a stopped process does not make time jump
    words["real_ns"] = real_ns
    if words["driven"] == 0:
        return now_ns
    if words["driven_ns"] == 0:
        words["driven_ns"] = now_ns
    return words["driven_ns"] if held and words["phase"] == PLAYING else _drive(playback, elapsed_ns)


@hot
def play_history(exchange, playback, now_ns, active, held):
    """Play what is due. Driven time gives one event a step, so that it is published before the next. Returns the plays."""
    words = playback.words[0]
    if words["phase"] == WAITING and active and held == 0:
        words["phase"] = PLAYING
        words["offset_ns"] = now_ns - playback.plays[words["at"]]["time_ns"] if words["at"] < playback.plays.size else 0
    if words["phase"] != PLAYING or (held and words["driven"]):
        return 0
    done = 0
    events = 1 if words["driven"] else EVENTS_MAX
    while events > 0 and words["at"] < playback.plays.shape[0] and _due_ns(playback) <= now_ns:
        done += play_event(exchange, playback)
        events -= 1
    if words["at"] >= playback.plays.shape[0]:
        words["phase"] = DONE
        gauge(exchange.me[0], VENUE_HISTORY_DONE, 1)
    return done
