"""Requests: how much the executor is to trade of each instrument, for whom, and what became of it. Executor only.

FLATTEN of the firm: until all desks together hold nothing. FLATTEN of a strategy: what that strategy holds, and never
more than the firm does. HEDGE: so many lots. A FLATTEN goes before a HEDGE, the operator before risk_engine; so in one
instrument one requester is worked for at a time, and each fill is counted for that one.

```
 new id ─► refused   unknown, or the scope's state does not allow it (FLATTEN needs REDUCING; HEDGE ACTIVE or REDUCING)
        └► working ─► done        nothing remains, and no order of ours is open, for SETTLE_NS
                    ─► refused     the scope was stopped meanwhile: it must be asked for again
                    ─► timed out   something remains after its life: an alarm
                    ─► withdrawn   by the next request of the same row
```

A FLATTEN's orders are reduce-only: risk_gate holds each against the firm's position and all open orders, so that what
is known here a little late cannot turn it. A restarted executor goes on with what was working, but for a FLATTEN of a
strategy: what was done for it is not known any more, and it is refused.
"""

from procs.strategy.state import ANSWER_BYTES, ASK_BYTES, WORK, WORK_BYTES
from shm.atomics import copy_bytes, record_at
from shm.codes import (
    REJECT_EXPIRED,
    REJECT_HALTED,
    REJECT_INSTRUMENT,
    REJECT_KIND,
    REJECT_LOT_SIZE,
    REJECT_REDUCING,
    REJECT_UNKNOWN_TARGET,
    STATE_HALTED,
    STATE_REDUCING,
)
from shm.control import control_state
from shm.counters import EXECUTOR_REFUSED, EXECUTOR_REQUESTS, EXECUTOR_TIMEOUTS
from shm.error_log import ERROR_REQUEST_TIMED_OUT
from shm.instance import count, note_error
from shm.jit import hot
from shm.latest import latest_claim, latest_publish, latest_read
from shm.records.position import POSITION
from shm.records.request import (
    REQUEST,
    REQUEST_DONE,
    REQUEST_FLATTEN,
    REQUEST_HEDGE,
    REQUEST_LIFE_NS,
    REQUEST_REFUSED,
    REQUEST_STATE,
    REQUEST_TIMED_OUT,
    REQUEST_WITHDRAW,
    REQUEST_WITHDRAWN,
    REQUEST_WORKING,
    REQUESTERS,
)

SCAN_NS = 1_000_000  # between two looks at everything that remains
SETTLE_NS = 50_000_000  # for so long nothing may remain: reports of other desks are on their way


@hot
def ask_at(desk, requester):
    """REQUEST of a requester, in range."""
    return record_at(desk["asks_addr"] + requester * ASK_BYTES, REQUEST)


@hot
def answer_at(desk, requester):
    """REQUEST_STATE of a requester, in range."""
    return record_at(desk["answers_addr"] + requester * ANSWER_BYTES, REQUEST_STATE)


@hot
def work_at(state, requester, row):
    """WORK of a requester in an instrument, in range."""
    return record_at(state.desk[0]["works_addr"] + (requester * len(state.rules) + row) * WORK_BYTES, WORK)


# --- what is asked for -----------------------------------------------------------------------------------------------


@hot
def _stopped(state, ask):
    """REJECT_* while the scope's state does not allow this, else 0.

    A strategy that is flattened may itself be under CANCEL_ONLY: it is not the one who trades.
    """
    control = state.control[0]
    where = control_state(control, -1, -1, ask["instrument_id"])
    scope = control_state(control, -1, ask["strategy_id"], ask["instrument_id"])
    if where > STATE_REDUCING or scope == STATE_HALTED:
        return REJECT_HALTED
    if ask["kind"] == REQUEST_FLATTEN and scope < STATE_REDUCING:
        return REJECT_REDUCING
    return 0


@hot
def _wrong(state, ask):
    """REJECT_* of a request that cannot be worked on, else 0."""
    rows = len(state.rules)
    instrument, strategy = ask["instrument_id"], ask["strategy_id"]
    desks = state.positions[0]["rows"] // rows
    if ask["kind"] != REQUEST_FLATTEN and ask["kind"] != REQUEST_HEDGE:
        return REJECT_KIND
    if instrument < -1 or instrument >= rows or (instrument >= 0 and state.rules[instrument]["in_universe"] == 0):
        return REJECT_INSTRUMENT
    if strategy < -1 or strategy >= desks - 1 or strategy == state.desk[0]["strategy_id"]:  # the last is the house
        return REJECT_KIND
    if ask["life_ns"] < 0:
        return REJECT_EXPIRED
    if ask["kind"] == REQUEST_HEDGE:
        if instrument < 0:
            return REJECT_INSTRUMENT
        if ask["lots"] == 0 or ask["lots"] % state.rules[instrument]["lot_lots"] != 0 or strategy != -1:
            return REJECT_LOT_SIZE
    return _stopped(state, ask)


@hot
def _tell(state, requester, now_ns):
    """Publish what became of a request. Cost: one row."""
    answer = answer_at(state.desk[0], requester)
    answer["changed_ns"] = now_ns
    target = latest_claim(state.request_states[0], requester)
    if target != 0:
        copy_bytes(target, state.desk[0]["answers_addr"] + requester * ANSWER_BYTES, ANSWER_BYTES)
        latest_publish(state.request_states[0], requester)


@hot
def _end(state, requester, ending, code, now_ns):
    answer = answer_at(state.desk[0], requester)
    answer["state"] = ending
    answer["code"] = code
    if ending == REQUEST_REFUSED:
        count(state.me[0], EXECUTOR_REFUSED, 1)
    elif ending == REQUEST_TIMED_OUT:
        count(state.me[0], EXECUTOR_TIMEOUTS, 1)
        note_error(state.me[0], ERROR_REQUEST_TIMED_OUT, answer["remaining_lots"], 0)
    _tell(state, requester, now_ns)


@hot
def _begin(state, requester, now_ns):
    """Take a request that was not seen before."""
    desk = state.desk[0]
    ask, answer = ask_at(desk, requester), answer_at(desk, requester)
    count(state.me[0], EXECUTOR_REQUESTS, 1)
    answer["request_id"] = ask["request_id"]
    answer["done_lots"] = 0
    answer["remaining_lots"] = 0
    answer["begun_ns"] = now_ns
    answer["base_lots"] = 0
    for row in range(len(state.rules)):
        work_at(state, requester, row)["lots"] = 0
    if ask["kind"] == REQUEST_WITHDRAW:
        _end(state, requester, REQUEST_WITHDRAWN, 0, now_ns)
        return
    code = _wrong(state, ask)
    if code != 0:
        _end(state, requester, REQUEST_REFUSED, code, now_ns)
        return
    if ask["kind"] == REQUEST_HEDGE:
        answer["base_lots"] = state.views[ask["instrument_id"]]["position_lots"]
    answer["state"] = REQUEST_WORKING
    desk["scan_ns"] = now_ns
    _tell(state, requester, now_ns)


@hot
def _watch(state, requester, now_ns):
    """End what was stopped or lasted too long. Returns 1 when that happened."""
    ask, answer = ask_at(state.desk[0], requester), answer_at(state.desk[0], requester)
    code = _stopped(state, ask)
    if code != 0:
        _end(state, requester, REQUEST_REFUSED, code, now_ns)
        return 1
    life_ns = ask["life_ns"] if ask["life_ns"] > 0 else REQUEST_LIFE_NS
    if now_ns - answer["begun_ns"] <= life_ns:
        return 0
    _end(state, requester, REQUEST_TIMED_OUT, 0, now_ns)
    return 1


@hot
def take_requests(state, now_ns):
    """Look at what is asked for. Returns 1 when something begins or ends: every instrument is to be looked at."""
    desk = state.desk[0]
    if desk["executes"] == 0:
        return 0
    changed = 0
    for requester in range(REQUESTERS):
        if latest_read(state.requests[0], requester, desk["asks_addr"] + requester * ASK_BYTES) <= 0:
            continue
        answer = answer_at(desk, requester)
        if ask_at(desk, requester)["request_id"] != answer["request_id"]:
            _begin(state, requester, now_ns)
            changed = 1
        elif answer["state"] == REQUEST_WORKING:
            changed |= _watch(state, requester, now_ns)
    if now_ns >= desk["scan_ns"]:
        _scan(state, now_ns)
    return changed


# --- how much --------------------------------------------------------------------------------------------------------


@hot
def _held_by(state, desk_row, row):
    """Lots that a desk holds in an instrument, as position_keeper says; 0 before it ever traded."""
    desk = state.desk[0]
    if latest_read(state.positions[0], desk_row * len(state.rules) + row, desk["position_addr"]) <= 0:
        return 0
    return record_at(desk["position_addr"], POSITION)["position_lots"]


@hot
def _firm_lots(state, row):
    """What all desks hold: our own as our reports say."""
    lots = state.views[row]["position_lots"]
    for desk_row in range(state.positions[0]["rows"] // len(state.rules)):
        if desk_row != state.desk[0]["strategy_id"]:
            lots += _held_by(state, desk_row, row)
    return lots


@hot
def _clipped(lots, firm_lots):
    """`lots` to trade, of which only what lowers the firm's position, not beyond flat."""
    if firm_lots > 0:
        return min(0, max(lots, -firm_lots))
    return max(0, min(lots, -firm_lots))


@hot
def _need(state, requester, row, firm_lots):
    """Signed lots that a working request still asks for in an instrument."""
    ask = ask_at(state.desk[0], requester)
    if ask["instrument_id"] >= 0 and ask["instrument_id"] != row:
        return 0
    done = work_at(state, requester, row)["lots"]
    if ask["kind"] == REQUEST_HEDGE:
        return ask["lots"] - done
    if ask["strategy_id"] < 0:
        return -firm_lots
    return _clipped(-_held_by(state, ask["strategy_id"], row) - done, firm_lots)


@hot
def _count_fills(state, row):
    """What our position moved by since the last look was traded for the one who was worked for."""
    mark, position = state.marks[row], state.views[row]["position_lots"]
    moved = position - mark["seen_lots"]
    mark["seen_lots"] = position
    if moved != 0 and mark["worked_for"] >= 0:
        work_at(state, mark["worked_for"], row)["lots"] += moved
        answer_at(state.desk[0], mark["worked_for"])["done_lots"] += abs(moved)


@hot
def work_of(state, row):
    """Bring `firm_lots` and `work_lots` of an instrument's view up to date, and for whom. Caller: the executor."""
    desk, mark, view = state.desk[0], state.marks[row], state.views[row]
    _count_fills(state, row)
    view["firm_lots"] = _firm_lots(state, row)
    view["work_lots"] = 0
    chosen, chosen_kind = -1, 0
    for requester in range(REQUESTERS):
        work_at(state, requester, row)["need"] = 0
        if answer_at(desk, requester)["state"] == REQUEST_WORKING:
            work_at(state, requester, row)["need"] = _need(state, requester, row, view["firm_lots"])
    for kind in (REQUEST_FLATTEN, REQUEST_HEDGE):
        for requester in range(REQUESTERS):
            need = work_at(state, requester, row)["need"]
            if need != 0 and chosen < 0 and ask_at(desk, requester)["kind"] == kind:
                chosen, chosen_kind = requester, kind
    if chosen != mark["worked_for"] and (mark["bid_span"] > 0 or mark["ask_span"] > 0):
        return  # what is open was meant for another: it is pulled first, and its fills are counted for that one
    mark["worked_for"] = chosen
    if chosen >= 0:
        mark["reduce_only"] = 1 if chosen_kind == REQUEST_FLATTEN else 0
        view["work_lots"] = work_at(state, chosen, row)["need"]


@hot
def _is_idle(state):
    """1 while no order of ours is open or on its way."""
    for row in range(len(state.marks)):
        if state.marks[row]["bid_span"] > 0 or state.marks[row]["ask_span"] > 0:
            return 0
    return 1


@hot
def _scan(state, now_ns):
    """Add up what remains of every working request, also where nothing can be traded now; end what is done."""
    desk = state.desk[0]
    desk["scan_ns"] = now_ns + SCAN_NS
    working = 0
    for requester in range(REQUESTERS):
        working += 1 if answer_at(desk, requester)["state"] == REQUEST_WORKING else 0
    if working == 0:
        return
    for row in range(len(state.rules)):
        work_of(state, row)
    idle = _is_idle(state)
    for requester in range(REQUESTERS):
        answer = answer_at(desk, requester)
        if answer["state"] != REQUEST_WORKING:
            continue
        remaining = 0
        for row in range(len(state.rules)):
            remaining += abs(work_at(state, requester, row)["need"])
        answer["remaining_lots"] = remaining
        if remaining > 0 or idle == 0:
            desk["settle_ns"] = now_ns + SETTLE_NS
            _tell(state, requester, now_ns)
        elif now_ns >= desk["settle_ns"]:
            _end(state, requester, REQUEST_DONE, 0, now_ns)


# --- a restart -------------------------------------------------------------------------------------------------------


@hot
def resume_requests(state, now_ns):
    """Go on where an earlier life of the process was. Caller: once positions are sampled; cold."""
    desk = state.desk[0]
    for row in range(len(state.marks)):
        state.marks[row]["seen_lots"] = state.views[row]["position_lots"]
    if desk["executes"] == 0:
        return
    for requester in range(REQUESTERS):
        answers_addr = desk["answers_addr"] + requester * ANSWER_BYTES
        answer = answer_at(desk, requester)
        if latest_read(state.request_states[0], requester, answers_addr) <= 0 or answer["state"] != REQUEST_WORKING:
            continue
        latest_read(state.requests[0], requester, desk["asks_addr"] + requester * ASK_BYTES)
        ask = ask_at(desk, requester)
        if ask["request_id"] != answer["request_id"]:
            continue  # a newer one waits
        if ask["kind"] == REQUEST_HEDGE:
            row = ask["instrument_id"]
            work_at(state, requester, row)["lots"] = state.views[row]["position_lots"] - answer["base_lots"]
        elif ask["strategy_id"] >= 0:
            _end(state, requester, REQUEST_REFUSED, REJECT_UNKNOWN_TARGET, now_ns)
