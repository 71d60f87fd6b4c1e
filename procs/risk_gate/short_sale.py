"""Short sale: whether a sale is one, whether it may be, and at which price (Reg SHO rules 200(g), 201 and 203(b)).

```
held        position of the firm in the instrument, less all open sells but those of the order that a replace means
short       a sale whose open size is not covered whole by what is held; the replace of a short order stays short
located     position, all open sells and this one: what would be short if all of them trade and no buy does
```

A sale is marked once, at entry, by what is known then: when another fill arrives later the mark of what is open stays,
as the rule has it. Where the gate is not sure it says short, never long: sells that are open already take from what
is held whether they were marked long or not. In futures and options nothing is located or marked; there `short` of the
permissions says whether more may be sold than is held.

The price test compares with the best bid of our own venue's book, which is at most the national best bid.
"""

from procs.risk_gate.case import say
from procs.risk_gate.rows import ACCOUNT, HOLDING
from shm.atomics import record_at
from shm.codes import (
    LIMIT_SCOPE_INSTRUMENT,
    LIMIT_SCOPE_ORDER,
    PASS,
    PERMIT_BUY,
    PERMIT_SELL,
    PERMIT_SHORT,
    REJECT_LOCATE,
    REJECT_RESTRICTED,
    REJECT_SHORT_PRICE,
    SIDE_BUY,
    SIDE_SELL,
    TOP_FLAG_SHORT_RESTRICTED,
)
from shm.jit import hot

PERMITS = PERMIT_BUY | PERMIT_SELL | PERMIT_SHORT


@hot
def permit_of(side):
    """PERMIT_* that an order of this side needs, short or not."""
    return PERMIT_BUY if side == SIDE_BUY else PERMIT_SELL


@hot
def check_restricted(permit, permitted):
    """`permit` is one of PERMIT_*. A word with other bits in it permits nothing."""
    known = 0 <= permitted <= PERMITS
    return PASS if known and permitted & permit != 0 else REJECT_RESTRICTED


@hot
def is_short(open_after, held, was_short):
    """1 for a sale that would leave `open_after` lots open and has `held` to deliver."""
    return 1 if was_short == 1 or open_after > max(0, held) else 0


@hot
def short_after(own, added_lots):
    """Lots short in the instrument if every open sell and `added_lots` more trade and no buy does."""
    return own["open_sell"] + added_lots - own["position"]


@hot
def check_locate(after, locate_lots):
    """At most what was located; less than nothing is nothing."""
    return PASS if after <= max(0, locate_lots) else REJECT_LOCATE


@hot
def check_short_price(price, bid, flags):
    """While rule 201 restricts the instrument: above the best bid. Without a bid any price is."""
    return PASS if flags & TOP_FLAG_SHORT_RESTRICTED == 0 or price > bid else REJECT_SHORT_PRICE


@hot
def judge_sale(case):
    """PASS or REJECT_* of a SELL; sets its mark. Caller: after the checks of market and target."""
    account, own = record_at(case["instrument_addr"], ACCOUNT), record_at(case["instrument_addr"], HOLDING)
    held = own["position"] - own["open_sell"] + case["family_lots"]
    short = is_short(case["open_after"], held, case["target_short"])
    case["short"] = short & account["equity"]
    if short == 0:
        return PASS
    code = check_restricted(PERMIT_SHORT, account["permitted"])
    if code == PASS and account["equity"] == 1:
        code = check_locate(short_after(own, case["added_lots"]), account["locate_lots"])
        if code == PASS:
            code = check_short_price(case["price"], case["bid"], case["top_flags"])
    return code


@hot
def scope_of_sale(code):
    """Whose limit refused a short sale."""
    return LIMIT_SCOPE_ORDER if code == REJECT_SHORT_PRICE else LIMIT_SCOPE_INSTRUMENT


@hot
def may_stay(order, permitted):
    """1 while an open order's side, and its mark, are still permitted in its instrument."""
    if check_restricted(permit_of(order["side"]), permitted) != PASS:
        return 0
    return 1 if order["short"] == 0 or check_restricted(PERMIT_SHORT, permitted) == PASS else 0


@hot
def explain_sale(case, code, account, own):
    """Numbers of a refused permission, locate or price."""
    if code == REJECT_RESTRICTED:
        permit = permit_of(case["side"])
        if case["side"] == SIDE_SELL and check_restricted(permit, account["permitted"]) == PASS:
            permit = PERMIT_SHORT
        say(case, account["permitted"], permit)
    elif code == REJECT_LOCATE:
        say(case, account["locate_lots"], short_after(own, case["added_lots"]))
    elif code == REJECT_SHORT_PRICE:
        say(case, case["bid"], case["price"])
