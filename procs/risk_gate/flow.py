"""Flow: what a scope has sent, in exact sliding windows of logic time. Recorded when a message passes, never recounted.

```
passes     ring of (time, lots and value entered before it): new orders and replaces
messages   ring of times: everything passed, cancels, reduces and the gate's own cancels included   (strategy, firm)
cancels    ring of times: cancels and reduces                                                       (strategy, firm)
```

A rate is full when the message that lies `rate_max` messages back is still inside the window, so nothing is counted or
expired. A sum over a window is the total less what was entered before its first pass; passes that left the window are
let go two at each new one, and all of them before a sum is said to be over its limit. The window is (now - window,
now]: a message exactly `window` old has left it. A clock that goes back finds again what was let go by a later one.
Totals may wrap around; their differences do not.
"""

from procs.risk_gate.rows import PASS_BYTES, PASS_SLOT, account_at, word_at
from shm.atomics import record_at
from shm.jit import hot
from shm.records.limits import LIMIT_NONE

NEVER_NS = -(1 << 62)  # the time of a message that never was
NOW_OR_LATER_NS = (1 << 63) - 1  # what a rate of nothing finds in its window
LET_GO = 2  # passes that leave the window at each new one: one more than comes, so that the ring always empties


@hot
def _pass_at(account, number):
    return record_at(account["pass_addr"] + (number & account["pass_mask"]) * PASS_BYTES, PASS_SLOT)


@hot
def nth_pass_ns(account, back):
    """Time of the pass that lies `back` > 0 passes back; NEVER_NS when there were fewer, or for LIMIT_NONE."""
    count, ring = account["pass_count"], account["pass_mask"] + 1
    if count < back and (count < ring or back == LIMIT_NONE):
        return NEVER_NS
    return _pass_at(account, count - min(back, ring))["now_ns"]


@hot
def _nth_time_ns(addr, mask, count, back):
    if count < back and (count <= mask or back == LIMIT_NONE):
        return NEVER_NS
    return word_at(addr, (count - min(back, mask + 1)) & mask)["value"] if back > 0 else NOW_OR_LATER_NS


@hot
def nth_message_ns(account, back):
    """The same for all messages of a strategy or the firm; NOW_OR_LATER_NS for `back` 0."""
    return _nth_time_ns(account["message_addr"], account["time_mask"], account["message_count"], back)


@hot
def nth_cancel_ns(account, back):
    """The same for cancels and reduces of a strategy or the firm."""
    return _nth_time_ns(account["cancel_addr"], account["time_mask"], account["cancel_count"], back)


@hot
def _start_at(account, tail):
    """Let the sums begin with pass number `tail`."""
    account["pass_tail"] = tail
    account["lots_tail"] = account["lots_total"]
    account["value_tail"] = account["value_total"]
    if tail < account["pass_count"]:
        first = _pass_at(account, tail)
        account["lots_tail"] = first["lots_before"]
        account["value_tail"] = first["value_before"]


@hot
def rewind(account):
    """Take back in what the ring remembers: the window may have become longer."""
    _start_at(account, max(0, account["pass_count"] - account["pass_mask"] - 1))


@hot
def let_go(account, now_ns, passes):
    """Take up to `passes` passes that left the burst window out of its sums. Returns how many."""
    gone = 0
    tail, count = account["pass_tail"], account["pass_count"]
    edge_ns = now_ns - account["burst_window_ns"]
    while gone < passes and tail < count and _pass_at(account, tail)["now_ns"] <= edge_ns:
        tail += 1
        gone += 1
    if gone == 0:
        return 0
    _start_at(account, tail)
    return gone


@hot
def take_back(account, now_ns):
    """Count again what is inside of the burst window for a clock that went back. Cost: a look at each pass taken back.

    Caller: before a decision by a time earlier than one by which passes were let go.
    """
    if account["burst_lots_max"] == LIMIT_NONE and account["burst_micro_max"] == LIMIT_NONE:
        return
    tail, oldest = account["pass_tail"], account["pass_count"] - account["pass_mask"] - 1
    edge_ns = now_ns - account["burst_window_ns"]
    while tail > 0 and tail > oldest and _pass_at(account, tail - 1)["now_ns"] > edge_ns:
        tail -= 1
    _start_at(account, tail)


@hot
def burst_is_full(account):
    """1 when the ring of passes takes no more without forgetting one that the sums still hold."""
    return 1 if account["pass_count"] - account["pass_tail"] > account["pass_mask"] else 0


@hot
def lots_entered(account):
    """Lots entered in the burst window, and some that left it and were not let go yet."""
    return account["lots_total"] - account["lots_tail"]


@hot
def value_entered(account):
    """The same in the firm's money."""
    return account["value_total"] - account["value_tail"]


@hot
def order_messages_max(account):
    """Messages in the rate window that new orders and replaces may reach: all but the headroom of cancels."""
    messages_max = account["rate_messages_max"]
    return messages_max if messages_max == LIMIT_NONE else max(0, messages_max - account["rate_headroom"])


@hot
def _record_pass(account, now_ns, lots, value):
    passed = account["pass_count"]
    if passed > 0:  # times of a scope never fall, whatever the clock does
        now_ns = max(now_ns, _pass_at(account, passed - 1)["now_ns"])
    let_go(account, now_ns, LET_GO)
    if passed - account["pass_tail"] > account["pass_mask"]:  # only where the sums have no limit: the oldest goes
        _start_at(account, account["pass_tail"] + 1)
    slot = _pass_at(account, passed)
    slot["now_ns"] = now_ns
    slot["lots_before"] = account["lots_total"]
    slot["value_before"] = account["value_total"]
    account["lots_total"] += lots
    account["value_total"] += value
    account["pass_count"] = passed + 1


@hot
def _put_time(addr, mask, count, now_ns):
    """Write message `count` of a ring of times."""
    if count > 0:
        now_ns = max(now_ns, word_at(addr, (count - 1) & mask)["value"])
    slot = word_at(addr, count & mask)
    slot["value"] = now_ns


@hot
def _record_message(account, now_ns):
    if account["message_addr"] != 0:
        _put_time(account["message_addr"], account["time_mask"], account["message_count"], now_ns)
    account["message_count"] += 1


@hot
def record_order(book, strategy_id, instrument_id, now_ns, lots, value):
    """Remember a NEW or REPLACE that passed, in its three scopes. `value` in the firm's currency."""
    instrument = account_at(book, instrument_id)
    strategy = account_at(book, book["instruments"] + strategy_id)
    firm = account_at(book, book["instruments"] + book["strategies"])
    firm["newest_ns"] = max(firm["newest_ns"], now_ns)
    _record_pass(instrument, now_ns, lots, value)
    _record_pass(strategy, now_ns, lots, value)
    _record_pass(firm, now_ns, lots, value)
    _record_message(instrument, now_ns)
    _record_message(strategy, now_ns)
    _record_message(firm, now_ns)


@hot
def _record_leaving(account, now_ns):
    if account["cancel_addr"] != 0:
        _put_time(account["cancel_addr"], account["time_mask"], account["cancel_count"], now_ns)
    account["cancel_count"] += 1


@hot
def record_cancel(book, strategy_id, instrument_id, now_ns):
    """Remember a cancel or reduce that passed, or a cancel of the gate's own, in its three scopes."""
    instrument = account_at(book, instrument_id)
    strategy = account_at(book, book["instruments"] + strategy_id)
    firm = account_at(book, book["instruments"] + book["strategies"])
    _record_message(instrument, now_ns)
    _record_message(strategy, now_ns)
    _record_message(firm, now_ns)
    _record_leaving(instrument, now_ns)
    _record_leaving(strategy, now_ns)
    _record_leaving(firm, now_ns)


# --- for eyes ---------------------------------------------------------------------------------------------------------


@hot
def first_pass_after(account, edge_ns):
    """Number of the oldest remembered pass later than `edge_ns`; pass_count when there is none. Cost: 16 looks."""
    low = max(0, account["pass_count"] - account["pass_mask"] - 1)
    high = account["pass_count"]
    while low < high:
        middle = (low + high) >> 1
        if _pass_at(account, middle)["now_ns"] > edge_ns:
            high = middle
        else:
            low = middle + 1
    return low


@hot
def times_after(addr, mask, count, edge_ns):
    """How many of a ring of times are later than `edge_ns`; those that it forgot are not counted. `addr` 0: none."""
    if addr == 0:
        return 0
    low, high = max(0, count - mask - 1), count
    while low < high:
        middle = (low + high) >> 1
        if word_at(addr, middle & mask)["value"] > edge_ns:
            high = middle
        else:
            low = middle + 1
    return count - low


@hot
def lots_after(account, first):
    """Lots entered by pass number `first` and later."""
    if first == account["pass_count"]:
        return 0
    return account["lots_total"] - _pass_at(account, first)["lots_before"]


@hot
def value_after(account, first):
    """Value entered by pass number `first` and later."""
    if first == account["pass_count"]:
        return 0
    return account["value_total"] - _pass_at(account, first)["value_before"]
