"""Day orders: what a day says of an instrument that is traded here, as plays for the matching engine. Hot.

```
A F  PLAY_ADD              X  PLAY_REDUCE       E  PLAY_HIT by an aggressor of the other side, at the order's price
U    PLAY_REPLACE          D  PLAY_DELETE       C  PLAY_CROSS at the price of the message; members are not asked
P    PLAY_PRINT                                 Q, B move no book: they pass as they are
```

History's orders get new references in the engine; `live` keeps what history has left of each, so that the plays carry
the size before and after (playback.py has the rules of divergence). A message on an order that the file never brought,
or that found no room, counts as a divergence and changes nothing.
"""

import numpy as np

from procs.venue.book import ORDERS_MAX, map_shape, prepare_map
from procs.venue.history import (
    PLAY,
    PLAY_ADD,
    PLAY_CROSS,
    PLAY_DELETE,
    PLAY_HIT,
    PLAY_PRINT,
    PLAY_REDUCE,
    PLAY_REPLACE,
)
from procs.venue.playback import play_one
from procs.wire.itch.event import (
    ITCH_ADD,
    ITCH_ADD_ATTRIBUTED,
    ITCH_CANCEL,
    ITCH_DELETE,
    ITCH_EVENT,
    ITCH_EXECUTED,
    ITCH_EXECUTED_PRICE,
    ITCH_REPLACE,
    ITCH_TRADE,
)
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.counters import VENUE_DIVERGED
from shm.error_log import ERROR_VENUE_NO_ROOM
from shm.instance import count, note_error
from shm.int_map import MAP_MISSING, map_get, map_put, map_remove
from shm.jit import hot

LIVE = np.dtype([(name, "<i8") for name in ("ref", "left", "price", "side", "seat", "next")])
NO_ROW = -1

DAY_ORDERS = np.dtype(
    [
        ("free", "<i8"),  # first free row of `live`, NO_ROW when there is none
        ("held", "<i8"),
        ("event", ITCH_EVENT),  # the message in work
        ("play", PLAY),
        ("live", LIVE, (ORDERS_MAX,)),
        ("rows", "<i8", map_shape(ORDERS_MAX)),  # history's reference -> row of `live`
    ]
)


def prepare_day_orders(orders) -> None:
    """Make zeroed DAY_ORDERS empty."""
    orders["live"]["next"] = np.arange(1, ORDERS_MAX + 1)
    orders["live"]["next"][-1] = NO_ROW
    prepare_map(orders["rows"])


@hot
def _diverge(exchange):
    count(exchange["me"], VENUE_DIVERGED, 1)


@hot
def _play(exchange, playback, orders, kind, row, qty, after):
    """Play one change of history's order in `row`."""
    held, play = orders["live"][row], orders["play"]
    play["kind"], play["order"], play["qty"] = kind, row, qty
    play["before"], play["after"] = held["left"], after
    play["price"], play["side"] = held["price"], held["side"]
    if kind == PLAY_HIT:
        play["side"] = SIDE_SELL if held["side"] == SIDE_BUY else SIDE_BUY
    elif kind == PLAY_CROSS:
        play["price"] = orders["event"]["price_ticks"]
    held["left"] = after
    play_one(exchange, playback, play)


@hot
def _add(exchange, playback, orders, seat):
    event = orders["event"]
    row = orders["free"]
    if event["qty_lots"] <= 0 or map_get(orders["rows"], event["order_ref"]) != MAP_MISSING:
        _diverge(exchange)
        return
    if row == NO_ROW or map_put(orders["rows"], event["order_ref"], row) == 0:
        _diverge(exchange)
        note_error(exchange["me"], ERROR_VENUE_NO_ROOM, seat, orders["held"])
        return
    held = orders["live"][row]
    orders["free"] = held["next"]
    orders["held"] += 1
    held["ref"], held["left"], held["price"] = event["order_ref"], 0, event["price_ticks"]
    held["side"], held["seat"] = event["side"], seat
    _play(exchange, playback, orders, PLAY_ADD, row, event["qty_lots"], event["qty_lots"])


@hot
def _forget(orders, row):
    held = orders["live"][row]
    map_remove(orders["rows"], held["ref"])
    held["next"] = orders["free"]
    orders["free"] = row
    orders["held"] -= 1


@hot
def _replace(exchange, playback, orders, row):
    event, held = orders["event"], orders["live"][row]
    if event["qty_lots"] <= 0 or map_get(orders["rows"], event["new_order_ref"]) != MAP_MISSING:
        _diverge(exchange)
        return
    map_remove(orders["rows"], held["ref"])
    map_put(orders["rows"], event["new_order_ref"], row)
    held["ref"], held["price"] = event["new_order_ref"], event["price_ticks"]
    _play(exchange, playback, orders, PLAY_REPLACE, row, event["qty_lots"], event["qty_lots"])


@hot
def _lower(exchange, playback, orders, row):
    """E, C, X, D: something of the order goes."""
    event = orders["event"]
    kind, left = event["kind"], orders["live"][row]["left"]
    qty = left if kind == ITCH_DELETE else event["qty_lots"]
    if qty <= 0 or qty > left:
        _diverge(exchange)
        qty = left
    if kind == ITCH_EXECUTED:
        _play(exchange, playback, orders, PLAY_HIT, row, qty, left - qty)
    elif kind == ITCH_EXECUTED_PRICE:
        _play(exchange, playback, orders, PLAY_CROSS, row, qty, left - qty)
    else:
        _play(exchange, playback, orders, PLAY_DELETE if qty == left else PLAY_REDUCE, row, qty, left - qty)
    if qty == left:
        _forget(orders, row)


@hot
def play_message(exchange, playback, orders, seat):
    """Play the decoded `orders["event"]`, a message of a book or a trade, for the venue's instrument `seat`."""
    event = orders["event"]
    kind = event["kind"]
    playback["words"]["instrument"] = seat
    if kind == ITCH_ADD or kind == ITCH_ADD_ATTRIBUTED:
        _add(exchange, playback, orders, seat)
        return
    if kind == ITCH_TRADE:
        play = orders["play"]
        play["kind"], play["order"], play["side"] = PLAY_PRINT, 0, event["side"]
        play["price"], play["qty"] = event["price_ticks"], event["qty_lots"]
        play_one(exchange, playback, play)
        return
    row = map_get(orders["rows"], event["order_ref"])
    if row == MAP_MISSING or orders["live"][row]["seat"] != seat:
        _diverge(exchange)
    elif kind == ITCH_REPLACE:
        _replace(exchange, playback, orders, row)
    elif kind == ITCH_CANCEL or kind == ITCH_DELETE or kind == ITCH_EXECUTED or kind == ITCH_EXECUTED_PRICE:
        _lower(exchange, playback, orders, row)
