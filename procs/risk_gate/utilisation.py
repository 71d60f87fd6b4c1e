"""Utilisation: the gate's sums of one scope, published for eyes in idle steps, a row at a time.

Nothing waits for it and nothing decides by it. A row costs about as much as a look at one open order; with a pause
between two, so that a gate that has nothing to do keeps the rows of what it trades in its caches.
"""

from procs.risk_gate.flow import first_pass_after, lots_after, times_after, value_after
from procs.risk_gate.limit_rows import end_overrides, limits_of
from procs.risk_gate.rows import account_at
from procs.risk_gate.state import book_of, table_at
from procs.risk_gate.venue_rejects import rejects_in_window
from shm.atomics import record_at
from shm.jit import hot
from shm.latest import latest_claim, latest_publish
from shm.records.exposure import EXPOSURE
from shm.records.limits import LIMIT_NONE

PUBLISH_EVERY_NS = 250_000  # logic time: twelve rows every 3 ms, a thousand every quarter of a second


@hot
def _fill_flow(row, account, now_ns):
    """What the scope sent in its windows."""
    edge_ns = now_ns - account["rate_window_ns"]
    limited = account["rate_window_ns"] != LIMIT_NONE
    mask = account["time_mask"]
    row["orders_in_window"] = account["pass_count"] - first_pass_after(account, edge_ns) if limited else 0
    messages = times_after(account["message_addr"], mask, account["message_count"], edge_ns)
    row["messages_in_window"] = messages if limited else 0
    cancels = times_after(account["cancel_addr"], mask, account["cancel_count"], edge_ns)
    row["cancels_in_window"] = cancels if limited else 0
    first = first_pass_after(account, now_ns - account["burst_window_ns"])
    row["burst_lots"] = lots_after(account, first)
    row["burst_micro"] = value_after(account, first)
    row["messages"] = account["message_count"]
    row["executions"] = account["executions"]
    row["rejects_in_window"] = rejects_in_window(account, now_ns)


@hot
def _fill(row, account, now_ns):
    """What the scope holds and has open."""
    row["open_orders"] = account["orders"]
    row["open_buy_micro"] = account["value_buy"]
    row["open_sell_micro"] = account["value_sell"]
    row["gross_micro"] = account["gross"]
    row["net_long_micro"] = account["value"] + account["value_buy"]
    row["net_short_micro"] = account["value_sell"] - account["value"]
    row["position_lots"] = account["position"]
    row["open_buy_lots"] = account["open_buy"]
    row["open_sell_lots"] = account["open_sell"]
    row["limits_version"] = account["version"]
    row["limits_seen"] = account["limits_seen"]
    row["now_ns"] = now_ns
    for word in range(4):
        row["reserved"][word] = 0


@hot
def publish_exposure(gate, now_ns):
    """Bring the next row's limits up to date and publish what is counted against them. Caller: a step with time."""
    since_ns = now_ns - gate["exposure_now_ns"]
    if 0 <= since_ns < PUBLISH_EVERY_NS:
        return
    gate["exposure_now_ns"] = now_ns
    if now_ns >= gate["limits_expire_ns"]:
        end_overrides(gate, now_ns)
    book, table = book_of(gate), table_at(gate["exposure_addr"])
    number = gate["exposure_at"]
    gate["exposure_at"] = number + 1 if number < book["instruments"] + book["strategies"] else 0
    limits_of(gate, number, now_ns)
    address = latest_claim(table, number)
    if address == 0:
        return
    row, account = record_at(address, EXPOSURE), account_at(book, number)
    _fill(row, account, now_ns)
    _fill_flow(row, account, now_ns)
    latest_publish(table, number)
