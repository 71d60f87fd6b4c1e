"""Slot: one order of ours, from the intent that makes it to the report that ends it.

```
            NEW                 ACCEPTED                REPLACE                REPLACED
 NONE ───────────► NEW_IN_FLIGHT ───────► WORKING ─────────────► REPLACE_IN_FLIGHT ───────► WORKING
   ▲                  │ refused            ▲ │ ▲ ▲                    │ refused: pull the order
   │◄─────────────────┘     smaller in place │ │ └────────────────────┘
   │                 ┌─────────────────────┘ │ │
   │                 │  REDUCE_IN_FLIGHT ◄───┤ │ refused: pull the order
   │                 └───────────────────    ▼ │
   └──────────────────────────────── CANCEL_IN_FLIGHT
            filled, cancelled
```

One action in flight a slot. A refused NEW backs off; a refused REPLACE pulls the order that it meant to move, because
its price is no longer wanted; a refused REDUCE pulls the order too: what could not be lowered must not stay. Pure
functions over one record; `match.py` says what a slot should become, `act.py` sends it.

An instrument has SLOTS of them a side, in no order: a level of the wanted ladder takes the order that already stands
at its price.

off  size  type   field              meaning of SLOT
---  ----  -----  -----------------  ----------------------------------------
  0     8  i8     state              SLOT_*
  8     8  i8     intent_id          intent of the order that rests; 0 when none does
 16     8  i8     price_ticks        its price
 24     8  i8     leaves_lots        its open size
 32     8  i8     cum_lots           executed over its whole chain of replaces
 40     8  i8     pending_id         NEW or REPLACE in flight: its intent; 0 when none is
 48     8  i8     pending_price      its price, ticks
 56     8  i8     pending_lots       open size of the action in flight if nothing trades meanwhile
 64     8  i8     cancel_id          CANCEL or REDUCE in flight: its intent
 72     8  i8     pull               1: cancel before anything else
 80     8  i8     backoff_until_ns   no NEW or REPLACE before this logic time
 88     8  i8     cancel_after_ns    no further CANCEL or REDUCE before this logic time
 96     8  i8     refusals           refused NEW and REPLACE in a row
104     8  i8     unknown_targets    cancels of this order answered with "unknown target"
112     8  i8     sent_ns            logic time of the action in flight
120     8  i8     action             what was chosen last: HOLD, WAIT or INTENT_*
128     8  i8     level              level of the ladder that it serves, or -1
136     8  i8     want_price         price that it should have
144     8  i8     want_lots          open size that it should have; 0 none
152     8  i8     venue_ref          venue's reference of the order that rests; 0 when none does or it is not told
160     8  i8     ahead_lots         size before it in its queue (queue_position.py); -1 unknown
168     8  i8     newer_lots         size behind it, counted until `ahead_lots` is known
176     8  i8     shown_lots         its size in the book as the feed shows it; 0 before the feed did
184     8  i8     reserved           zero
"""

import numpy as np

from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REDUCE,
    REJECT_UNKNOWN_TARGET,
    REPORT_ACCEPTED,
    REPORT_CANCEL_REJECTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    REPORT_REJECTED,
    REPORT_REPLACED,
    REPORT_RESTATED,
)
from shm.jit import hot

SLOT = np.dtype(
    [
        ("state", "<i8"),
        ("intent_id", "<i8"),
        ("price_ticks", "<i8"),
        ("leaves_lots", "<i8"),
        ("cum_lots", "<i8"),
        ("pending_id", "<i8"),
        ("pending_price", "<i8"),
        ("pending_lots", "<i8"),
        ("cancel_id", "<i8"),
        ("pull", "<i8"),
        ("backoff_until_ns", "<i8"),
        ("cancel_after_ns", "<i8"),
        ("refusals", "<i8"),
        ("unknown_targets", "<i8"),
        ("sent_ns", "<i8"),
        ("action", "<i8"),
        ("level", "<i8"),
        ("want_price", "<i8"),
        ("want_lots", "<i8"),
        ("venue_ref", "<i8"),
        ("ahead_lots", "<i8"),
        ("newer_lots", "<i8"),
        ("shown_lots", "<i8"),
        ("reserved", "<i8"),
    ]
)

assert SLOT.itemsize == 192

LEVELS = 4  # wanted levels a side: the depth that a strategy sees has five
SLOTS = 2 * LEVELS  # a side: a level may have a second order, which tops up the first

SLOT_NONE = 1
SLOT_NEW_IN_FLIGHT = 2
SLOT_WORKING = 3
SLOT_REPLACE_IN_FLIGHT = 4
SLOT_CANCEL_IN_FLIGHT = 5
SLOT_REDUCE_IN_FLIGHT = 6

HOLD = 0  # nothing to do until an input changes; otherwise an action is an INTENT_* code
WAIT = 9  # something to do, but not before the back-off ends

BACKOFF_DOUBLINGS = 6  # 20 ms becomes 1.28 s: a halted strategy asks about once a second
UNKNOWN_TARGETS_MAX = 3  # the gate, who owns exposure, said three times that it has no such order: it is gone

KNOWN = 1  # the record was about this order
RESTS = 2  # it was, and made an order rest: its place in the queue is still to be found
FOREIGN = 3  # it was not: another slot's, an earlier incarnation's, or answered twice


@hot
def first_slot(row, side):
    """First of the SLOTS rows of one instrument and side."""
    return (row * 2 + side - 1) * SLOTS


@hot
def sent(slot, kind, intent_id, now_ns):
    """The intent that was chosen for this slot was published as `intent_id`."""
    slot["sent_ns"] = now_ns
    if kind == INTENT_CANCEL or kind == INTENT_REDUCE:
        slot["cancel_id"] = intent_id
        slot["state"] = SLOT_CANCEL_IN_FLIGHT if kind == INTENT_CANCEL else SLOT_REDUCE_IN_FLIGHT
        return
    slot["pending_id"] = intent_id
    slot["state"] = SLOT_NEW_IN_FLIGHT if kind == INTENT_NEW else SLOT_REPLACE_IN_FLIGHT


@hot
def _settle(slot):
    # the action in flight has ended; what rests, if anything, decides the state
    slot["pending_id"] = 0
    slot["pending_price"] = 0
    slot["pending_lots"] = 0
    slot["cancel_id"] = 0
    if slot["intent_id"] != 0 and slot["leaves_lots"] > 0:
        slot["state"] = SLOT_WORKING
        return
    slot["state"] = SLOT_NONE
    slot["intent_id"] = 0
    slot["price_ticks"] = 0
    slot["leaves_lots"] = 0
    slot["cum_lots"] = 0
    slot["pull"] = 0
    slot["unknown_targets"] = 0
    slot["venue_ref"] = 0


@hot
def _rest_gone(slot):
    # the resting order is closed; a replace of it may still be unanswered, and its answer closes the slot
    slot["intent_id"] = 0
    slot["price_ticks"] = 0
    slot["leaves_lots"] = 0
    slot["venue_ref"] = 0
    if slot["pending_id"] == 0:
        _settle(slot)


@hot
def _rests(slot, report, price_ticks):
    # the entry in flight became our resting order, at the end of its queue
    slot["intent_id"] = report["intent_id"]
    slot["price_ticks"] = price_ticks
    slot["leaves_lots"] = report["leaves_lots"]
    slot["venue_ref"] = report["venue_order_ref"]
    slot["ahead_lots"] = -1
    slot["newer_lots"] = 0
    slot["shown_lots"] = 0
    slot["refusals"] = 0
    _settle(slot)
    return RESTS


@hot
def _refused(slot, rules, now_ns):
    # the entry in flight will never rest; back off, and pull what it meant to move
    if slot["state"] == SLOT_NEW_IN_FLIGHT or slot["intent_id"] != 0:  # else: its target was filled first
        slot["backoff_until_ns"] = now_ns + (rules["backoff_ns"] << min(slot["refusals"], BACKOFF_DOUBLINGS))
        slot["refusals"] += 1
        slot["pull"] = 1
    _settle(slot)


@hot
def on_reject(slot, intent_id, code, rules, now_ns):
    """The gate refused intent `intent_id` with REJECT_* `code`. Returns KNOWN or FOREIGN."""
    if intent_id == 0:
        return FOREIGN
    if intent_id == slot["pending_id"]:
        _refused(slot, rules, now_ns)
        return KNOWN
    if intent_id != slot["cancel_id"]:
        return FOREIGN
    slot["cancel_after_ns"] = now_ns + rules["backoff_ns"]
    if code == REJECT_UNKNOWN_TARGET:
        slot["unknown_targets"] += 1
        if slot["unknown_targets"] >= UNKNOWN_TARGETS_MAX:
            slot["intent_id"] = 0
    slot["pull"] = 1
    _settle(slot)
    return KNOWN


@hot
def _on_pending(slot, report, rules, now_ns):
    # a report about the NEW or REPLACE in flight
    kind = report["kind"]
    if kind == REPORT_ACCEPTED or kind == REPORT_REPLACED:
        return _rests(slot, report, report["price_ticks"])
    if kind == REPORT_EXECUTED:  # before its acceptance: not how venues do it, and harmless
        slot["cum_lots"] += report["qty_lots"]
        return _rests(slot, report, slot["pending_price"])
    if (
        kind == REPORT_REJECTED
        or kind == REPORT_EXPIRED
        or kind == REPORT_NEVER_ARRIVED
        or (kind == REPORT_CANCELED and report["leaves_lots"] <= 0)
    ):
        _refused(slot, rules, now_ns)
    return KNOWN  # REPORT_UNKNOWN: stays in flight until its fate is known


@hot
def _on_resting(slot, report, rules, now_ns):
    # a report about the order that rests
    kind = report["kind"]
    if kind == REPORT_EXECUTED or kind == REPORT_CANCELED or kind == REPORT_RESTATED:
        if kind == REPORT_EXECUTED:
            slot["cum_lots"] += report["qty_lots"]
        if kind == REPORT_RESTATED:
            slot["price_ticks"] = report["price_ticks"]
        slot["leaves_lots"] = report["leaves_lots"]
        if report["leaves_lots"] <= 0:
            _rest_gone(slot)
        elif kind == REPORT_CANCELED and slot["state"] == SLOT_REDUCE_IN_FLIGHT:
            _settle(slot)
    elif kind == REPORT_CANCEL_REJECTED and slot["cancel_id"] != 0:
        slot["cancel_after_ns"] = now_ns + rules["backoff_ns"]
        slot["pull"] = 1
        _settle(slot)
    # REPORT_CANCEL_PENDING and REPORT_UNKNOWN: it rests until the venue says otherwise


@hot
def on_report(slot, report, rules, now_ns):
    """Apply a REPORT about this order. Returns KNOWN, RESTS or FOREIGN.

    REPORT_BROKEN and REPORT_CORRECTED change no order and are not for here.
    """
    intent_id = report["intent_id"]
    if intent_id == 0:
        return FOREIGN
    if intent_id == slot["pending_id"]:
        return _on_pending(slot, report, rules, now_ns)
    if intent_id == slot["intent_id"]:
        _on_resting(slot, report, rules, now_ns)
        return KNOWN
    return FOREIGN


def check(slot) -> None:
    """Assert the rules of one SLOT, in order."""
    state = int(slot["state"])
    assert SLOT_NONE <= state <= SLOT_REDUCE_IN_FLIGHT, slot
    resting = slot["intent_id"] != 0
    assert resting == (slot["leaves_lots"] > 0), slot
    assert resting == (slot["price_ticks"] > 0), slot
    assert resting or state in (SLOT_NONE, SLOT_NEW_IN_FLIGHT, SLOT_REPLACE_IN_FLIGHT), slot
    assert not resting or state != SLOT_NONE and state != SLOT_NEW_IN_FLIGHT, slot
    assert (slot["pending_id"] != 0) == (state in (SLOT_NEW_IN_FLIGHT, SLOT_REPLACE_IN_FLIGHT)), slot
    assert (slot["cancel_id"] != 0) == (state in (SLOT_CANCEL_IN_FLIGHT, SLOT_REDUCE_IN_FLIGHT)), slot
    assert resting or slot["venue_ref"] == 0, slot
