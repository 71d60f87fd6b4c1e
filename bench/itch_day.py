"""A generated market of ITCH messages: adds, deletes, replaces and executions around a steady number of live orders, as
blocks of MoldUDP64 datagrams. Compiled, so that ten million messages are ready in seconds. bench/day_file.py makes a
whole day of it, where all kinds of messages on books occur.

Prices lie exponentially behind the touch. Half of the deletes, replaces and executions meet one of the thousand
youngest orders, as in a real market, the others any live one: those miss the cache.
"""

from typing import NamedTuple

import numpy as np

from procs.wire.big_endian import text_word, write_u16
from procs.wire.itch.encode import encode_itch
from procs.wire.itch.event import (
    ITCH_ADD,
    ITCH_ADD_ATTRIBUTED,
    ITCH_CANCEL,
    ITCH_DELETE,
    ITCH_EVENT,
    ITCH_EXECUTED,
    ITCH_EXECUTED_PRICE,
    ITCH_PRINTABLE,
    ITCH_REPLACE,
    ITCH_TRADE,
)
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES
from shm.atomics import address_of, record_at
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import hot

PER_DATAGRAM = 20
BLOCK_BYTES_MAX = 64
MIDDLE_TICKS, STEP_TICKS, DEPTH_STEPS = 1_000_000, 100, 12
YOUNG = 1000
LIVE = np.dtype([("order_ref", "<i8"), ("qty_lots", "<i8"), ("instrument", "<i4"), ("side", "<i4")])
SYMBOL = np.dtype([("word", "<i8")])
MARKET = np.dtype(
    [
        (name, "<i8")
        for name in (
            *("live", "live_max", "instruments", "next_ref", "random"),
            *("next_match", "gap_ns"),  # next match number, and the time between two messages
            *("every_kind", "symbols_addr"),  # 1: X, C, F and P occur too
        )
    ]
)


class Market(NamedTuple):
    """`row[0]` counts; the first `row[0]["live"]` rows of `live` are the orders in the books."""

    row: np.ndarray
    live: np.ndarray
    event: np.ndarray
    symbols: np.ndarray


class Blocks(NamedTuple):
    """Message blocks of datagrams: datagram d holds PER_DATAGRAM blocks from byte starts[d] on."""

    buf: np.ndarray
    starts: np.ndarray


def open_market(instruments: int, live_max: int, seed: int, symbols: list[str] | None = None) -> Market:
    """A market without orders, with locates 1 to `instruments`. `symbols`: the first ones, the others are made up."""
    names = [*(symbols or []), *(f"S{number:05d}" for number in range(len(symbols or []), instruments))]
    words = np.array([text_word(name) for name in names], np.int64).view(SYMBOL)
    market = Market(np.zeros(1, MARKET), np.zeros(live_max, LIVE), np.zeros(1, ITCH_EVENT), words)
    row = market.row[0]
    row["live_max"], row["instruments"], row["next_ref"], row["random"] = live_max, instruments, 1000, seed
    row["next_match"], row["gap_ns"], row["symbols_addr"] = 1, 1000, address_of(words)
    market.event["printable"], market.event["note"] = ITCH_PRINTABLE, text_word("QNTT", size=4)
    return market


def open_blocks(messages: int) -> Blocks:
    """Room for that many messages, a multiple of PER_DATAGRAM."""
    datagrams = messages // PER_DATAGRAM
    return Blocks(np.zeros(messages * BLOCK_BYTES_MAX, np.uint8), np.zeros(datagrams + 1, np.int64))


@hot
def draw(market, end):
    """A number from 0 to end - 1: xorshift, 63 bits of state."""
    word = market["random"]
    word ^= (word << 13) & 0x7FFFFFFFFFFFFFFF
    word ^= word >> 7
    word ^= (word << 17) & 0x7FFFFFFFFFFFFFFF
    market["random"] = word
    return word % end


@hot
def draw_price(market, side):
    """A price on its side of the middle; the number of steps behind the touch is geometric with mean DEPTH_STEPS."""
    steps = 0
    while steps < 200 and draw(market, DEPTH_STEPS + 1) != 0:
        steps += 1
    if side == SIDE_BUY:
        return MIDDLE_TICKS - steps * STEP_TICKS
    return MIDDLE_TICKS + (steps + 1) * STEP_TICKS


@hot
def draw_day_kind(market):
    """What happens next when every kind may."""
    if market["live"] < 2 or (market["live"] < market["live_max"] * 95 // 100 and draw(market, 3) != 0):
        return ITCH_ADD_ATTRIBUTED if draw(market, 8) == 0 else ITCH_ADD
    roll = draw(market, 100)
    if roll < 45 and market["live"] < market["live_max"]:
        return ITCH_ADD_ATTRIBUTED if roll < 6 else ITCH_ADD
    if roll < 84:
        return ITCH_DELETE
    if roll < 92:
        return ITCH_REPLACE
    if roll < 96:
        return ITCH_EXECUTED
    if roll < 97:
        return ITCH_EXECUTED_PRICE
    return ITCH_CANCEL if roll < 99 else ITCH_TRADE


@hot
def draw_kind(market):
    """What happens next: mostly adds and deletes in balance, adds alone until the market is full."""
    if market["every_kind"]:
        return draw_day_kind(market)
    if market["live"] == 0:
        return ITCH_ADD
    if market["live"] < market["live_max"] * 95 // 100:
        return ITCH_ADD if draw(market, 10) != 0 else ITCH_REPLACE
    roll = draw(market, 100)
    if roll < 45 and market["live"] < market["live_max"]:
        return ITCH_ADD
    if roll < 87:
        return ITCH_DELETE
    return ITCH_REPLACE if roll < 95 else ITCH_EXECUTED


@hot
def remove(market, live, at):
    """The last order takes the place of the one that is gone."""
    market["live"] -= 1
    last = live[market["live"]]
    live[at]["order_ref"] = last["order_ref"]
    live[at]["qty_lots"] = last["qty_lots"]
    live[at]["instrument"] = last["instrument"]
    live[at]["side"] = last["side"]


@hot
def add_order(market, live, event):
    """A new order of any instrument."""
    at = market["live"]
    market["live"] += 1
    live[at]["order_ref"] = market["next_ref"]
    live[at]["instrument"] = draw(market, market["instruments"])
    live[at]["side"] = SIDE_BUY if draw(market, 2) == 0 else SIDE_SELL
    live[at]["qty_lots"] = 100 * (1 + draw(market, 5))
    market["next_ref"] += 1
    event["order_ref"] = live[at]["order_ref"]
    event["side"] = live[at]["side"]
    event["qty_lots"] = live[at]["qty_lots"]
    event["price_ticks"] = draw_price(market, np.int64(live[at]["side"]))
    return np.int64(live[at]["instrument"])


@hot
def change_order(market, live, event, kind):
    """One of the live orders is deleted, replaced or executed. Returns its instrument."""
    count = market["live"]
    at = draw(market, count)
    if draw(market, 2) == 0:
        at = count - 1 - draw(market, min(count, YOUNG))
    instrument = np.int64(live[at]["instrument"])
    event["order_ref"] = live[at]["order_ref"]
    if kind == ITCH_DELETE:
        remove(market, live, at)
    elif kind != ITCH_REPLACE:
        event["match_number"] = market["next_match"]
        market["next_match"] += 1
        event["price_ticks"] = draw_price(market, np.int64(live[at]["side"]))
        event["qty_lots"] = min(live[at]["qty_lots"], np.int64(100))
        live[at]["qty_lots"] -= event["qty_lots"]
        if live[at]["qty_lots"] == 0:
            remove(market, live, at)
    else:
        live[at]["order_ref"] = market["next_ref"]
        event["new_order_ref"] = market["next_ref"]
        event["qty_lots"] = live[at]["qty_lots"]
        event["price_ticks"] = draw_price(market, np.int64(live[at]["side"]))
        market["next_ref"] += 1
    return instrument


@hot
def print_trade(market, event):
    """A trade outside the displayed book, of any instrument."""
    event["side"] = SIDE_BUY
    event["order_ref"] = 0
    event["qty_lots"] = 100
    event["price_ticks"] = MIDDLE_TICKS
    event["match_number"] = market["next_match"]
    market["next_match"] += 1
    return draw(market, market["instruments"])


@hot
def put_message(market, live, event, buf, offset):
    """Write the block of what happens next at `offset`. Returns where it ends, or -1 when it cannot be encoded."""
    kind = draw_kind(market)
    event["kind"] = kind
    event["venue_ns"] += market["gap_ns"]
    if kind == ITCH_ADD or kind == ITCH_ADD_ATTRIBUTED:
        instrument = add_order(market, live, event)
    elif kind == ITCH_TRADE:
        instrument = print_trade(market, event)
    else:
        instrument = change_order(market, live, event, kind)
    event["locate"] = instrument + 1
    event["symbol"] = record_at(market["symbols_addr"] + instrument * 8, SYMBOL)["word"]
    size = encode_itch(buf, offset + MOLD_BLOCK_HEAD_BYTES, event)
    if size <= 0:
        return -1
    write_u16(buf, offset, size)
    return offset + MOLD_BLOCK_HEAD_BYTES + size


@hot
def fill_run(market, live, event, buf, messages):
    """Write that many messages one behind the other. Returns the bytes, or -1."""
    offset = 0
    for _ in range(messages):
        offset = put_message(market, live, event, buf, offset)
        if offset < 0:
            return -1
    return offset


@hot
def fill_blocks(market, live, event, buf, starts):
    """Write the next messages of the market into every datagram of `starts`. Returns the bytes, or a negative code."""
    offset = 0
    for datagram in range(starts.shape[0] - 1):
        starts[datagram] = offset
        for _ in range(PER_DATAGRAM):
            offset = put_message(market, live, event, buf, offset)
            if offset < 0:
                return -1
    starts[starts.shape[0] - 1] = offset
    return offset
