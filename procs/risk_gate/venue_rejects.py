"""Venue rejects: what the venue refused of a strategy and of the firm, in sliding windows of logic time.

```
strategy   more than its venue_rejects_max in its venue_rejects_window_ns: HALTED                      (holds.py)
firm       the same, all strategies and sessions together: the session that brought the last: CANCEL_ONLY
```

A new order or replace counts when the venue's REJECTED closed it: not what died here or never arrived, and once
whatever is told again or replayed. The window is (now - window, now], by the times of the reports, which never fall.
A ring remembers the last of each scope; one that is full of the window's counts as a breach whatever the limit. That
venues close the port of who is refused too often, and charge for it, is why the session is the last thing to stop.

Both words are the gate's own: latched, taken back by the operator's acknowledgement (`quintet resume --scope
session:NAME`). While the firm's window is full each other session that brings a reject stops likewise. The first order
that passes after the acknowledgement starts the count again and is marked `released` in the journal, so that a restart
knows what a person let go on; what nobody did is held again. Cancels and reduces never come here.
"""

from procs.risk_gate.case import STORM_NONE, STORM_RESUMED, STORM_STANDS
from procs.risk_gate.flow import times_after
from procs.risk_gate.holds import HELD_REJECTS, hold
from procs.risk_gate.limit_rows import limits_of
from procs.risk_gate.rows import MEMORY, REJECT_RING, account_at, word_at
from procs.risk_gate.state import book_of, stream_at
from shm.atomics import record_at
from shm.codes import PASS, REPORT_REJECTED, STATE_CANCEL_ONLY
from shm.control import control_own_state, control_session_scope, control_set
from shm.error_log import ERROR_GATE_SESSION_REJECTS, ERROR_GATE_VENUE_REJECTS
from shm.instance import note_error
from shm.jit import hot
from shm.records.control_end import CONTROL_END
from shm.records.instance_end import INSTANCE_END
from shm.records.limits import LIMIT_NONE

RING_MASK = REJECT_RING - 1


@hot
def _record(memory, now_ns):
    """Remember one reject. Returns its time: times of a scope never fall, whatever the clock does."""
    number = memory["reject_count"]
    if number > 0:
        now_ns = max(now_ns, word_at(memory["reject_addr"], (number - 1) & RING_MASK)["value"])
    slot = word_at(memory["reject_addr"], number & RING_MASK)
    slot["value"] = now_ns
    memory["reject_count"] = number + 1
    return now_ns


@hot
def rejects_in_window(account, now_ns):
    """Rejects of a strategy or the firm in the window that ends now, but those that a person forgave; else 0.

    At most REJECT_RING are known. Cost: ten looks.
    """
    if account["memory_addr"] == 0:
        return 0
    memory = record_at(account["memory_addr"], MEMORY)
    count = memory["reject_count"]
    found = times_after(memory["reject_addr"], RING_MASK, count, now_ns - account["venue_rejects_window_ns"])
    return min(found, count - memory["reject_first"])


@hot
def _count(gate, row, now_ns):
    """Count one reject against limits row `row`. Returns how many the window has when those are too many, else 0."""
    account = account_at(book_of(gate), row)
    memory = record_at(account["memory_addr"], MEMORY)
    at_ns = _record(memory, now_ns)
    if limits_of(gate, row, now_ns) != PASS or account["venue_rejects_max"] == LIMIT_NONE:
        return 0
    found = rejects_in_window(account, at_ns)
    if found <= min(account["venue_rejects_max"], REJECT_RING - 1):
        return 0
    memory["rejects_found"] = found
    return found


@hot
def _hold_session(gate, session, strategy_id, found, live):
    """Leave a session nothing but cancels, unless a person was asked to look at it already."""
    stream = stream_at(gate, session)
    if stream["held"] != 0:
        return
    stream["held"] = 1 + strategy_id
    if live == 0:
        return
    control = record_at(gate["control_addr"], CONTROL_END)
    scope = control_session_scope(control, session)
    if control_own_state(control, scope) < STATE_CANCEL_ONLY:
        control_set(control, scope, STATE_CANCEL_ONLY)
    note_error(record_at(gate["me_addr"], INSTANCE_END), ERROR_GATE_SESSION_REJECTS, strategy_id, found)


@hot
def note_reject(gate, session, report, found, live):
    """Count an order that the venue refused; any other report does nothing. `live` 0 replays: no word is raised yet.

    `found` is what `apply_report` said of it: only the report that closed the order counts.
    """
    if int(report["kind"]) != REPORT_REJECTED or found != 0:
        return
    strategy_id, now_ns = int(report["strategy_id"]), report["now_ns"]
    if strategy_id < gate["strategies"]:  # the house has no limits of its own
        row = gate["instruments"] + strategy_id
        too_many, account = _count(gate, row, now_ns), account_at(book_of(gate), row)
        if too_many > 0 and live == 1:
            hold(gate, strategy_id, account, HELD_REJECTS, ERROR_GATE_VENUE_REJECTS, too_many)
        elif too_many > 0:
            account["held"] |= HELD_REJECTS
    too_many = _count(gate, gate["instruments"] + book_of(gate)["strategies"], now_ns)
    if too_many > 0:
        _hold_session(gate, session, strategy_id, too_many, live)


@hot
def refuse_again(gate):
    """After a replay: raise the word of every strategy and session that no person let go on."""
    book = book_of(gate)
    for strategy_id in range(gate["strategies"]):
        account = account_at(book, gate["instruments"] + strategy_id)
        if account["held"] & HELD_REJECTS:
            account["held"] &= ~HELD_REJECTS
            found = record_at(account["memory_addr"], MEMORY)["rejects_found"]
            hold(gate, strategy_id, account, HELD_REJECTS, ERROR_GATE_VENUE_REJECTS, found)
    firm = account_at(book, gate["instruments"] + book["strategies"])
    for session in range(gate["sessions"]):
        stream = stream_at(gate, session)
        last = stream["held"] - 1
        stream["held"] = 0
        if last >= 0:
            _hold_session(gate, session, last, record_at(firm["memory_addr"], MEMORY)["rejects_found"], 1)


@hot
def storm_of(gate, session):
    """STORM_* of a session: whether it is held, and whether a person has acknowledged it since. Index in range."""
    if stream_at(gate, session)["held"] == 0:
        return STORM_NONE
    control = record_at(gate["control_addr"], CONTROL_END)
    resumed = control_own_state(control, control_session_scope(control, session)) == 0
    return STORM_RESUMED if resumed else STORM_STANDS


@hot
def release_session(gate, session):
    """Start the firm's count again, and let the session trade on."""
    stream = stream_at(gate, session)
    stream["held"] = 0
    book = book_of(gate)
    memory = record_at(account_at(book, gate["instruments"] + book["strategies"])["memory_addr"], MEMORY)
    memory["reject_first"] = memory["reject_count"]
