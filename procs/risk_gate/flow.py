"""Flow: what a scope has sent, in exact sliding windows of logic time. Recorded when a message passes, never recounted.

```
passes     ring of (time, lots and value entered before it): new orders and replaces
messages   ring of times: everything passed, cancels, reduces and the gate's own cancels included   (strategy, firm)
cancels    ring of times: cancels and reduces                                                       (strategy, firm)
```

A rate is full when the message that lies `rate_max` messages back is still inside the window, so nothing is counted or
expired. A sum over a window is the total less what was entered before its first pass; passes that left the window are
let go two at each new one, and all of them before a sum is said to be over its limit. The window is (now - window,
now]: a message exactly `window` old has left it. Totals may wrap around; their differences do not.
"""

from procs.risk_gate.rows import PASS_BYTES, PASS_SLOT, account_at, word_at
from shm.atomics import record_at
from shm.jit import hot
from shm.records.limits import LIMIT_NONE

NEVER_NS = -(1 << 62)  # the time of a message that never was
LET_GO = 2  # passes that leave the window at each new one: one more than comes, so that the ring always empties


@hot
def _pass_at(account, number):
    return record_at(account["pass_addr"] + (number & account["pass_mask"]) * PASS_BYTES, PASS_SLOT)


@hot
def nth_pass_ns(account, back):
    """Time of the pass that lies `back` passes back; NEVER_NS when there were fewer, or for LIMIT_NONE."""
    if back == LIMIT_NONE:
        return NEVER_NS
    back = min(back, account["pass_mask"] + 1)
    if account["pass_count"] < back:
        return NEVER_NS
    return _pass_at(account, account["pass_count"] - back)["now_ns"]


@hot
def _nth_time_ns(addr, mask, count, back):
    if back == LIMIT_NONE:
        return NEVER_NS
    back = min(back, mask + 1)
    if count < back:
        return NEVER_NS
    return word_at(addr, (count - back) & mask)["value"]


@hot
def nth_message_ns(account, back):
    """The same for all messages of a strategy or the firm."""
    return _nth_time_ns(account["message_addr"], account["time_mask"], account["message_count"], back)


@hot
def nth_cancel_ns(account, back):
    """The same for cancels and reduces of a strategy or the firm."""
    return _nth_time_ns(account["cancel_addr"], account["time_mask"], account["cancel_count"], back)


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
    account["pass_tail"] = tail
    account["lots_tail"] = account["lots_total"]
    account["value_tail"] = account["value_total"]
    if tail < count:
        first = _pass_at(account, tail)
        account["lots_tail"] = first["lots_before"]
        account["value_tail"] = first["value_before"]
    return gone


@hot
def burst_room(account, now_ns):
    """1 when the ring of passes takes one more without forgetting one inside the window."""
    if account["pass_count"] - account["pass_tail"] <= account["pass_mask"]:
        return 1
    return 1 if let_go(account, now_ns, account["pass_mask"] + 1) > 0 else 0


@hot
def _record_pass(account, now_ns, lots, value):
    passed = account["pass_count"]
    if passed > 0:  # times of a scope never fall, whatever the clock does
        now_ns = max(now_ns, _pass_at(account, passed - 1)["now_ns"])
    let_go(account, now_ns, LET_GO)
    if passed - account["pass_tail"] > account["pass_mask"]:  # only where the sums have no limit: the oldest goes
        account["pass_tail"] += 1
        second = _pass_at(account, account["pass_tail"])
        account["lots_tail"] = second["lots_before"]
        account["value_tail"] = second["value_before"]
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
