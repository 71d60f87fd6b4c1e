"""Queue position: how much stands before each of our resting orders at its price.

By order references: the venue numbers orders as they join, so that at one price a smaller reference is ahead and a
greater one behind. The feed shows our own add under the reference that the venue acknowledged. From then on

    behind   grows with each order that joins, shrinks when an order with a greater reference trades or leaves
    ahead    shrinks when an order with a smaller reference trades or leaves, and never grows

At the first book that shows exactly what the ticks have told, ahead = size of the level - ours - behind; later books
only lower it, which mends what ticks did not tell (those that were left out, executions at another price). -1 before.

The acknowledgement often comes after the ticks that it concerns: the last EVENTS of an instrument are kept, and gone
through when an order begins to rest. When the add has left them, all that the level shows is taken to be ahead.

off  size  type   field          meaning of EVENT, what a tick told about the book
---  ----  -----  -------------  ----------------------------------------
  0     8  i8     order_ref      order that joined, traded, shrank or left; 0 none
  8     8  i8     side           SIDE_*
 16     8  i8     price_ticks    its price
 24     8  i8     joined_lots    size that joined under `order_ref`
 32     8  i8     gone_lots      size that traded or left under `gone_ref`
 40     8  i8     gone_ref       order that it left from
 48     8  i8     gone_price     its price
 56     8  i8     reserved       zero
"""

import numpy as np

from procs.strategy.slot import SLOT_NONE
from shm.codes import TICK_ADD, TICK_DELETE, TICK_EXECUTE, TICK_REDUCE, TICK_REPLACE
from shm.jit import hot

EVENT = np.dtype(
    [
        ("order_ref", "<i8"),
        ("side", "<i8"),
        ("price_ticks", "<i8"),
        ("joined_lots", "<i8"),
        ("gone_lots", "<i8"),
        ("gone_ref", "<i8"),
        ("gone_price", "<i8"),
        ("reserved", "<i8"),
    ]
)

assert EVENT.itemsize == 64

EVENTS = 128  # of one instrument: what a busy book does in some milliseconds, longer than an acknowledgement takes


@hot
def event_of(event, tick):
    """Fill `event` from a TICK. Returns 1, or 0 for a kind that changes no queue."""
    kind = tick["kind"]
    event["order_ref"] = tick["order_ref"]
    event["side"] = np.int64(tick["side"])
    event["price_ticks"] = tick["price_ticks"]
    event["joined_lots"] = 0
    event["gone_lots"] = 0
    event["gone_ref"] = tick["order_ref"]
    event["gone_price"] = tick["price_ticks"]
    if kind == TICK_ADD:
        event["joined_lots"] = tick["qty_lots"]
        return 1
    if kind == TICK_EXECUTE or kind == TICK_REDUCE or kind == TICK_DELETE:
        event["gone_lots"] = tick["qty_lots"]
        return 1
    if kind == TICK_REPLACE:
        event["joined_lots"] = tick["qty_lots"]
        event["gone_lots"] = tick["old_qty_lots"]
        event["gone_ref"] = tick["old_order_ref"]
        event["gone_price"] = tick["old_price_ticks"]
        return 1
    return 0


@hot
def _joined(slot, event):
    if event["order_ref"] == slot["venue_ref"]:
        slot["shown_lots"] = event["joined_lots"]
    elif event["order_ref"] > slot["venue_ref"]:
        slot["newer_lots"] += event["joined_lots"]


@hot
def _gone(slot, event):
    ref, lots = event["gone_ref"], event["gone_lots"]
    if ref == slot["venue_ref"]:
        slot["shown_lots"] -= lots
    elif ref > slot["venue_ref"]:
        slot["newer_lots"] -= lots
    elif slot["ahead_lots"] > 0:
        slot["ahead_lots"] = max(0, slot["ahead_lots"] - lots)


@hot
def pass_event(slots, first, span, event):
    """One event of the book, for the orders of ours at its price."""
    for k in range(first, first + span):
        slot = slots[k]
        if slot["venue_ref"] == 0:
            continue
        if event["joined_lots"] > 0 and event["price_ticks"] == slot["price_ticks"]:
            _joined(slot, event)
        if event["gone_lots"] > 0 and event["gone_price"] == slot["price_ticks"]:
            _gone(slot, event)


@hot
def find_place(slots, first, span, level_price, level_lots, last_ref):
    """Compare our orders at `level_price` with the book, which is as new as the last event and shows `level_lots`.

    `last_ref` is the greatest reference seen: an order of ours up to it has been shown, whether or not we saw it.
    """
    for k in range(first, first + span):
        slot = slots[k]
        if slot["venue_ref"] == 0 or slot["price_ticks"] != level_price or slot["state"] == SLOT_NONE:
            continue
        if slot["shown_lots"] > 0:
            ahead = max(0, level_lots - slot["shown_lots"] - slot["newer_lots"])
            slot["ahead_lots"] = ahead if slot["ahead_lots"] < 0 else min(slot["ahead_lots"], ahead)
        elif slot["ahead_lots"] < 0 and slot["venue_ref"] <= last_ref:
            slot["ahead_lots"] = max(0, level_lots - slot["leaves_lots"])
            slot["shown_lots"] = slot["leaves_lots"]
