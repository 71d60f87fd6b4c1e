"""Fills: what a strategy executed in a short window of logic time, by lots, delta and vega.

Each strategy has a ring of its last executions. Delta and vega of one are its lots times the row of `greeks` at that
time. One side of the market is summed by itself: what makes the strategy longer delta (or vega) never nets what makes
it shorter. The window is (now - window, now]. A limit with a row of `greeks` that is missing, invalid or older than the
instrument's scale_age_ns_max counts as broken, and so does a ring that would have to forget an execution of the window.

After a restart lots are summed again from the journals; delta and vega of executions before it are not known, so a
strategy with such a limit waits until the last of them has left the window.
"""

from procs.risk_gate.checks import limits_row_is_set
from procs.risk_gate.holds import HELD_BURST, check_count, hold
from procs.risk_gate.limit_rows import limits_of
from procs.risk_gate.money import QTY_BOUND
from procs.risk_gate.rows import FILL_PASS, FILL_PASS_BYTES, FILL_RING, MEMORY, account_at
from procs.risk_gate.state import book_of, table_at
from shm.atomics import record_at
from shm.codes import PASS, REPORT_EXECUTED, SIDE_BUY, SIDE_SELL
from shm.error_log import ERROR_GATE_FILL_BURST
from shm.instance import note_error
from shm.jit import hot
from shm.latest import latest_read
from shm.records.greeks import GREEKS, GREEKS_VALID
from shm.records.instance_end import INSTANCE_END
from shm.records.limits import LIMIT_NONE

RISK_BOUND = 1 << 48  # delta or vega of one execution: a ring of them stays below 2^61; more counts as a burst

BURST_LOTS, BURST_DELTA, BURST_VEGA, BURST_UNKNOWN, BURST_RING = 1, 2, 3, 4, 5  # what an error row names


@hot
def _fill_at(memory, number):
    return record_at(memory["fill_addr"] + (number & (FILL_RING - 1)) * FILL_PASS_BYTES, FILL_PASS)


@hot
def _let_go(account, memory, now_ns):
    """Begin the sums with the first execution that is still in the window. Cost: each is let go once."""
    edge_ns = now_ns - account["fill_window_ns"]
    first, count = memory["fill_first"], memory["fill_count"]
    while first < count and _fill_at(memory, first)["now_ns"] <= edge_ns:
        first += 1
    memory["fill_first"] = first


@hot
def _has_risk_limit(account):
    return account["fill_delta_micro_max"] != LIMIT_NONE or account["fill_vega_micro_max"] != LIMIT_NONE


@hot
def _is_limited(account):
    return account["fill_lots_max"] != LIMIT_NONE or _has_risk_limit(account)


@hot
def _risk_of(signed_lots, per_lot):
    """Signed lots times what one lot has; RISK_BOUND with its sign when that or more."""
    if abs(per_lot) >= RISK_BOUND // max(1, abs(signed_lots)):
        return RISK_BOUND if (signed_lots > 0) == (per_lot > 0) else -RISK_BOUND
    return signed_lots * per_lot


@hot
def _scale_is_known(gate, instrument_id, now_ns):
    """Copy the instrument's row of `greeks`; 1 when it may be used."""
    if latest_read(table_at(gate["greeks_addr"]), instrument_id, gate["greek_row_addr"]) <= 0:
        return 0
    scale = record_at(gate["greek_row_addr"], GREEKS)
    if int(scale["flags"]) & GREEKS_VALID == 0:
        return 0
    age_max = account_at(book_of(gate), instrument_id)["scale_age_ns_max"]
    return 1 if now_ns - scale["now_ns"] <= age_max else 0


@hot
def _write(memory, now_ns, lots, delta, vega):
    """Write one execution behind the last, with the sums up to and with it."""
    number = memory["fill_count"]
    made = _fill_at(memory, number)
    made["now_ns"] = now_ns
    made["lots_before"] = memory["fill_lots"]
    made["long_delta_before"] = memory["long_delta"]
    made["short_delta_before"] = memory["short_delta"]
    made["long_vega_before"] = memory["long_vega"]
    made["short_vega_before"] = memory["short_vega"]
    memory["fill_lots"] += lots
    memory["long_delta"] += max(0, delta)
    memory["short_delta"] += max(0, -delta)
    memory["long_vega"] += max(0, vega)
    memory["short_vega"] += max(0, -vega)
    memory["fill_count"] = number + 1


@hot
def _record(account, memory, now_ns, lots, delta, vega):
    """Remember one execution. Returns BURST_RING when that forgot one of the window, else 0."""
    if memory["fill_count"] > 0:  # times never fall, whatever the clock does
        now_ns = max(now_ns, _fill_at(memory, memory["fill_count"] - 1)["now_ns"])
    _let_go(account, memory, now_ns)
    full = memory["fill_count"] - memory["fill_first"] >= FILL_RING
    if full:
        memory["fill_first"] += 1
    _write(memory, now_ns, lots, delta, vega)
    return BURST_RING if full else 0


@hot
def _over(account, found, limit, burst):
    """`burst` when `found` is above `limit`; then both are kept for who is refused."""
    if found <= limit:
        return 0
    account["burst_limit"] = limit
    account["burst_found"] = found
    return burst


@hot
def _find_burst(account, memory):
    """BURST_* of the first sum of the window over its limit, or 0."""
    first = _fill_at(memory, memory["fill_first"])
    burst = _over(account, memory["fill_lots"] - first["lots_before"], account["fill_lots_max"], BURST_LOTS)
    if burst == 0:
        longer = memory["long_delta"] - first["long_delta_before"]
        shorter = memory["short_delta"] - first["short_delta_before"]
        burst = _over(account, max(longer, shorter), account["fill_delta_micro_max"], BURST_DELTA)
    if burst == 0:
        longer = memory["long_vega"] - first["long_vega_before"]
        shorter = memory["short_vega"] - first["short_vega_before"]
        burst = _over(account, max(longer, shorter), account["fill_vega_micro_max"], BURST_VEGA)
    return burst


@hot
def _stop(gate, strategy_id, account, burst, now_ns, live):
    """A burst: refuse for a time, or until a person came."""
    if burst == BURST_UNKNOWN or burst == BURST_RING:
        account["burst_limit"] = 0
        account["burst_found"] = 0
    reset_ns = account["fill_reset_ns"]
    if reset_ns != LIMIT_NONE:
        account["burst_until_ns"] = max(account["burst_until_ns"], now_ns + reset_ns)
        if live == 1:
            note_error(record_at(gate["me_addr"], INSTANCE_END), ERROR_GATE_FILL_BURST, strategy_id, burst)
        return
    account["burst_until_ns"] = LIMIT_NONE
    if live == 1:
        hold(gate, strategy_id, account, HELD_BURST, ERROR_GATE_FILL_BURST, burst)
    else:
        account["held"] |= HELD_BURST


@hot
def _sum_fill(gate, strategy_id, account, report, live):
    """Sum one execution and act when that is a burst. `live` 0: replayed, its delta and vega are not known."""
    memory, now_ns = record_at(account["memory_addr"], MEMORY), report["now_ns"]
    lots, delta, vega, burst = report["qty_lots"], 0, 0, 0
    if _has_risk_limit(account):
        if live == 0:
            account["burst_until_ns"] = max(account["burst_until_ns"], now_ns + account["fill_window_ns"])
        elif _scale_is_known(gate, int(report["instrument_id"]), now_ns) == 1:
            scale = record_at(gate["greek_row_addr"], GREEKS)
            signed = lots if int(report["side"]) == SIDE_BUY else -lots
            delta, vega = _risk_of(signed, scale["delta_micro"]), _risk_of(signed, scale["vega_micro"])
        else:
            burst = BURST_UNKNOWN
        if abs(delta) >= RISK_BOUND or abs(vega) >= RISK_BOUND:
            burst = BURST_UNKNOWN
    full = _record(account, memory, now_ns, lots, delta, vega)
    found = _find_burst(account, memory)
    if found == 0:
        found = burst if burst != 0 else full
    if found != 0:
        _stop(gate, strategy_id, account, found, now_ns, live)


@hot
def note_fill(gate, report, live):
    """Count an execution of a strategy; any other report does nothing. `live` 0 replays: then no word is raised."""
    if int(report["kind"]) != REPORT_EXECUTED:
        return
    strategy_id, instrument_id = int(report["strategy_id"]), int(report["instrument_id"])
    if strategy_id < 0 or strategy_id >= gate["strategies"]:  # the house has no limits of its own
        return
    side, lots = int(report["side"]), report["qty_lots"]
    if instrument_id < 0 or instrument_id >= gate["instruments"] or lots <= 0 or lots > QTY_BOUND:
        return
    if side != SIDE_BUY and side != SIDE_SELL:
        return
    account = account_at(book_of(gate), gate["instruments"] + strategy_id)
    account["executions_counted"] += 1
    code = limits_of(gate, gate["instruments"] + strategy_id, report["now_ns"])
    if code != PASS and limits_row_is_set(account) != PASS:  # a row that waits for room leaves the last to judge by
        return
    if live == 1:
        check_count(gate, strategy_id, account)
    if _is_limited(account):
        _sum_fill(gate, strategy_id, account, report, live)


@hot
def hold_again(gate):
    """After a replay: raise the word of every strategy that is over its count or in a burst."""
    for strategy_id in range(gate["strategies"]):
        account = account_at(book_of(gate), gate["instruments"] + strategy_id)
        if account["held"] & HELD_BURST:  # whatever its limits say now: without its word it would read as let go on
            account["held"] &= ~HELD_BURST
            hold(gate, strategy_id, account, HELD_BURST, ERROR_GATE_FILL_BURST, 0)
        if account["limits_code"] == PASS:
            check_count(gate, strategy_id, account)
