"""Quoter: the wanted quote against our one order on that side, and what to do about the difference.

```
            NEW                 ACCEPTED                REPLACE                REPLACED
 NONE ───────────► NEW_IN_FLIGHT ───────► WORKING ─────────────► REPLACE_IN_FLIGHT ───────► WORKING
   ▲                  │ refused              │  ▲                    │ refused: pull the order
   │◄─────────────────┘                      │  └────────────────────┘
   │        filled, cancelled       CANCEL   ▼  ▲ cancel refused
   └──────────────────────────── CANCEL_IN_FLIGHT
```

One action in flight a side. A refused NEW backs off; a refused REPLACE pulls the order that it meant to move, because
its price is no longer wanted. Pure functions over two records; `step.py` moves records and asks these.

A SLOT is our order on one side of one instrument; an instrument's RULES hold for both sides. Private memory.

off  size  type   field              meaning of SLOT
---  ----  -----  -----------------  ----------------------------------------
  0     8  i8     state              SLOT_*
  8     8  i8     intent_id          intent of the order that rests; 0 when none does
 16     8  i8     price_ticks        its price
 24     8  i8     leaves_lots        its open size
 32     8  i8     cum_lots           executed over its whole chain of replaces
 40     8  i8     pending_id         NEW or REPLACE in flight: its intent; 0 when none is
 48     8  i8     pending_price      its price, ticks
 56     8  i8     pending_lots       its open size if nothing trades meanwhile
 64     8  i8     cancel_id          CANCEL in flight: its intent
 72     8  i8     pull               1: cancel before anything else
 80     8  i8     backoff_until_ns   no NEW or REPLACE before this logic time
 88     8  i8     cancel_after_ns    no further CANCEL before this logic time
 96     8  i8     refusals           refused NEW and REPLACE in a row
104     8  i8     unknown_targets    cancels of this order answered with "unknown target"
112     8  i8     sent_ns            logic time of the action in flight
120     8  i8     action             what `decide` chose last: HOLD, WAIT or INTENT_*

off  size  type   field                    meaning of RULES
---  ----  -----  -----------------------  ----------------------------------------
  0     8  i8     in_universe              1: this strategy quotes the instrument
  8     8  i8     quote_tick_ticks         smallest quoting step
 16     8  i8     lot_lots                 smallest size step
 24     8  i8     price_ticks_max          greatest valid price
 32     8  i8     requote_price_ticks      a working quote moves only if it is at least this far off
 40     8  i8     refill_percent           refill below this share of the wanted size
 48     8  i8     refresh_ns               call quote at least this often
 56     8  i8     intent_life_ns           new orders and replaces die unsent after this
 64     8  i8     backoff_ns               first pause after a refusal; doubles up to BACKOFF_DOUBLINGS times
 72     8  i8     channel_id               row of `channels`
 80     8  i8     flow_halflife_ns         memory of the trade flow
 88     8  i8     volatility_halflife_ns   memory of the volatility
 96     8  i8     intensity_halflife_ns    memory of the trading intensity
104     8  i8     jump_sigmas_milli        a jump is more than this, thousandths of a standard deviation; 0 never
112     8  i8     jump_window_ns           within which the mid jumps
120     8  i8     jump_pause_ns            how long quotes stay away after a jump
128     8  i8     obligation_spread_ticks  widest pair of quotes that counts as present
136     8  i8     obligation_lots          smallest open size that counts as present
144    48  i8x6   reserved                 zero
"""

import numpy as np

from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REPLACE,
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
    SIDE_BUY,
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
    ]
)

assert SLOT.itemsize == 128

RULES = np.dtype(
    [
        ("in_universe", "<i8"),
        ("quote_tick_ticks", "<i8"),
        ("lot_lots", "<i8"),
        ("price_ticks_max", "<i8"),
        ("requote_price_ticks", "<i8"),
        ("refill_percent", "<i8"),
        ("refresh_ns", "<i8"),
        ("intent_life_ns", "<i8"),
        ("backoff_ns", "<i8"),
        ("channel_id", "<i8"),
        ("flow_halflife_ns", "<i8"),
        ("volatility_halflife_ns", "<i8"),
        ("intensity_halflife_ns", "<i8"),
        ("jump_sigmas_milli", "<i8"),
        ("jump_window_ns", "<i8"),
        ("jump_pause_ns", "<i8"),
        ("obligation_spread_ticks", "<i8"),
        ("obligation_lots", "<i8"),
        ("reserved", "<i8", (6,)),
    ]
)

assert RULES.itemsize == 192

SLOT_NONE = 1
SLOT_NEW_IN_FLIGHT = 2
SLOT_WORKING = 3
SLOT_REPLACE_IN_FLIGHT = 4
SLOT_CANCEL_IN_FLIGHT = 5

HOLD = 0  # nothing to do until an input changes; otherwise an action is an INTENT_* code
WAIT = 9  # something to do, but not before the back-off ends

QTY_LOTS_MAX = 1_000_000_000  # an open size above this is a fault of the model, and no quote
BACKOFF_DOUBLINGS = 6  # 20 ms becomes 1.28 s: a halted strategy asks about once a second
UNKNOWN_TARGETS_MAX = 3  # the gate, who owns exposure, said three times that it has no such order: it is gone

KNOWN = 1  # the record was about an order of ours
FOREIGN = 2  # it was not: an earlier incarnation's, or answered twice


# --- the wanted quote ----------------------------------------------------------------------------------------------


@hot
def _whole_lots(qty_lots, lot):
    if qty_lots < 0 or qty_lots > QTY_LOTS_MAX:
        return 0
    return qty_lots - qty_lots % lot


@hot
def normalise(out, view, rules):
    """Bring a model's answer to what may be sent: quoting steps, lots, never through the others. Returns 1, or 0.

    The bid goes down to a step and stays below the others' ask, the ask likewise: makers do not take. A price or size
    that makes no sense is no quote. 0 (both quotes dropped) means that bid and ask met: a fault of the model.
    """
    step = rules["quote_tick_ticks"]
    lot = rules["lot_lots"]
    bid = max(0, min(out["bid_price_ticks"], view["ask_price_ticks"] - 1))
    bid -= bid % step
    ask = max(out["ask_price_ticks"], view["bid_price_ticks"] + 1)
    if ask <= rules["price_ticks_max"]:
        ask += (step - ask % step) % step
    bid_lots = _whole_lots(out["bid_qty_lots"], lot)
    ask_lots = _whole_lots(out["ask_qty_lots"], lot)
    if bid == 0:
        bid_lots = 0
    if ask > rules["price_ticks_max"]:
        ask_lots = 0
    met = bid_lots > 0 and ask_lots > 0 and bid >= ask
    if met:
        bid_lots = 0
        ask_lots = 0
    out["bid_price_ticks"] = bid
    out["ask_price_ticks"] = ask
    out["bid_qty_lots"] = bid_lots
    out["ask_qty_lots"] = ask_lots
    return 0 if met else 1


@hot
def _reaches(side, price, other):
    # whether our order at `price` would meet one at `other` on the opposite side
    if other == 0:
        return False
    return price >= other if side == SIDE_BUY else price <= other


@hot
def crosses_own(slot, side, price):
    """Whether an order of `side` at `price` could meet ours in `slot`, the opposite one: resting or on its way."""
    if slot["intent_id"] != 0 and _reaches(side, price, slot["price_ticks"]):
        return True
    return slot["pending_id"] != 0 and _reaches(side, price, slot["pending_price"])


@hot
def decide(slot, opposite, side, want_price, want_lots, opposite_price, rules, now_ns):
    """What to do about one side: HOLD, WAIT, or an INTENT_* whose price and open size are in pending_*.

    `want_lots` 0 wants no quote. `opposite_price` is the price wanted on the other side, 0 for none: an order of ours
    that stands in its way moves at once, threshold or not.
    """
    state = slot["state"]
    if state != SLOT_NONE and state != SLOT_WORKING:
        return HOLD
    if state == SLOT_WORKING and (want_lots == 0 or slot["pull"] != 0):
        return WAIT if now_ns < slot["cancel_after_ns"] else INTENT_CANCEL
    if want_lots == 0:
        return HOLD
    kind = INTENT_NEW
    price = want_price
    if state == SLOT_WORKING:
        kind = INTENT_REPLACE
        moved = abs(want_price - slot["price_ticks"]) >= rules["requote_price_ticks"]
        if not moved and not _reaches(side, slot["price_ticks"], opposite_price):
            price = slot["price_ticks"]
            leaves = slot["leaves_lots"]
            if leaves <= want_lots and leaves * 100 >= want_lots * rules["refill_percent"]:
                return HOLD
    if now_ns < slot["backoff_until_ns"]:
        return WAIT
    if crosses_own(opposite, side, price):
        return HOLD  # the answer that frees the way wakes us
    slot["pending_price"] = price
    slot["pending_lots"] = want_lots
    return kind


# --- what happened to our order ------------------------------------------------------------------------------------


@hot
def sent(slot, kind, intent_id, now_ns):
    """The intent that `decide` chose was published as `intent_id`."""
    slot["sent_ns"] = now_ns
    if kind == INTENT_CANCEL:
        slot["cancel_id"] = intent_id
        slot["state"] = SLOT_CANCEL_IN_FLIGHT
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


@hot
def _rest_gone(slot):
    # the resting order is closed; a replace of it may still be unanswered, and its answer closes the slot
    slot["intent_id"] = 0
    slot["price_ticks"] = 0
    slot["leaves_lots"] = 0
    if slot["pending_id"] == 0:
        _settle(slot)


@hot
def _rests(slot, intent_id, price_ticks, leaves_lots):
    # the entry in flight became our resting order
    slot["intent_id"] = intent_id
    slot["price_ticks"] = price_ticks
    slot["leaves_lots"] = leaves_lots
    slot["refusals"] = 0
    _settle(slot)


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
        _rests(slot, report["intent_id"], report["price_ticks"], report["leaves_lots"])
    elif kind == REPORT_EXECUTED:  # before its acceptance: not how venues do it, and harmless
        slot["cum_lots"] += report["qty_lots"]
        _rests(slot, report["intent_id"], slot["pending_price"], report["leaves_lots"])
    elif (
        kind == REPORT_REJECTED
        or kind == REPORT_EXPIRED
        or kind == REPORT_NEVER_ARRIVED
        or (kind == REPORT_CANCELED and report["leaves_lots"] <= 0)
    ):
        _refused(slot, rules, now_ns)
    # REPORT_UNKNOWN: stays in flight until its fate is known


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
    elif kind == REPORT_CANCEL_REJECTED and slot["state"] == SLOT_CANCEL_IN_FLIGHT:
        slot["cancel_after_ns"] = now_ns + rules["backoff_ns"]
        slot["pull"] = 1
        _settle(slot)
    # REPORT_CANCEL_PENDING and REPORT_UNKNOWN: it rests until the venue says otherwise


@hot
def on_report(slot, report, rules, now_ns):
    """Apply a REPORT about this side. Returns KNOWN or FOREIGN. REPORT_BROKEN changes no order and is not for here."""
    intent_id = report["intent_id"]
    if intent_id == 0:
        return FOREIGN
    if intent_id == slot["pending_id"]:
        _on_pending(slot, report, rules, now_ns)
        return KNOWN
    if intent_id == slot["intent_id"]:
        _on_resting(slot, report, rules, now_ns)
        return KNOWN
    return FOREIGN


def check(slot) -> None:
    """Assert the rules of one SLOT, in order."""
    state = int(slot["state"])
    assert SLOT_NONE <= state <= SLOT_CANCEL_IN_FLIGHT, slot
    resting = slot["intent_id"] != 0
    assert resting == (slot["leaves_lots"] > 0), slot
    assert resting == (slot["price_ticks"] > 0), slot
    assert resting or state in (SLOT_NONE, SLOT_NEW_IN_FLIGHT, SLOT_REPLACE_IN_FLIGHT), slot
    assert not resting or state != SLOT_NONE and state != SLOT_NEW_IN_FLIGHT, slot
    assert (slot["pending_id"] != 0) == (state in (SLOT_NEW_IN_FLIGHT, SLOT_REPLACE_IN_FLIGHT)), slot
    assert (slot["cancel_id"] != 0) == (state == SLOT_CANCEL_IN_FLIGHT), slot
