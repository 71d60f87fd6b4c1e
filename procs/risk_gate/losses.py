"""Losses: what risk_engine last said about the P&L of a strategy and of the firm, and what that allows.

A breach is a loss or a drawdown that reached its limit, a row with a stale input, one that is missing, impossible, or
older than the firm's `risk_age_ns_max`. It leaves what REDUCING leaves: orders of which even all open lots of their
side together make the strategy's position in the instrument smaller and never turn it. HALTED, when it comes to that,
is risk_engine's own word.

The firm's `risk_age_ns_max` by itself makes everything depend on the firm's row. A row from a time ahead of ours is
young. One source: the gate works out no P&L of its own, so a loss is known here as late as risk_engine publishes it.
"""

from procs.risk_gate.case import say
from procs.risk_gate.rows import ACCOUNT
from procs.risk_gate.state import table_at
from shm.atomics import record_at
from shm.codes import (
    PASS,
    REJECT_DRAWDOWN,
    REJECT_LOSS,
    REJECT_RISK_STALE,
)
from shm.jit import hot, hot_inline
from shm.latest import latest_read, latest_version
from shm.records.limits import LIMIT_NONE
from shm.records.risk import RISK


@hot
def take_risk(gate, account, row, scope, scope_id):
    """Bring the account's copy of row `row` of `risk` up to date. Row and account of the same scope."""
    table = table_at(gate["risk_addr"])
    version = latest_version(table, row)
    if version == account["risk_seen"] and version != 0:
        return
    account["risk_code"] = REJECT_RISK_STALE
    account["risk_seen"] = 0
    if version == 0 or latest_read(table, row, gate["risk_row_addr"]) <= 0:
        return
    risk = record_at(gate["risk_row_addr"], RISK)
    account["risk_seen"] = version
    if int(risk["scope"]) != scope or int(risk["scope_id"]) != scope_id:
        return
    account["pnl"] = risk["pnl_micro"]
    account["drawdown"] = risk["drawdown_micro"]
    account["risk_stale"] = int(risk["stale"])
    account["risk_now_ns"] = risk["now_ns"]
    if risk["drawdown_micro"] >= 0 and risk["now_ns"] >= 0 and int(risk["stale"]) >= 0:
        account["risk_code"] = PASS


@hot
def check_risk_stale(risk_code, stale, age_ns, age_max):
    """`risk_code` is PASS when there is a row that may be believed; `stale` counts its inputs that are too old."""
    return PASS if risk_code == PASS and stale == 0 and age_ns <= age_max else REJECT_RISK_STALE


@hot
def check_loss(pnl, loss_max):
    """A loss that reached the limit is a breach."""
    return PASS if loss_max == LIMIT_NONE or pnl > -loss_max else REJECT_LOSS


@hot
def check_drawdown(drawdown, drawdown_max):
    """The same of the distance from the highest P&L."""
    return PASS if drawdown_max == LIMIT_NONE or drawdown < drawdown_max else REJECT_DRAWDOWN


@hot_inline
def breach_of(case, account):
    """PASS or the REJECT_* of what one scope may not do any more. Only for a scope that is watched."""
    firm = record_at(case["firm_addr"], ACCOUNT)
    age_ns = case["now_ns"] - account["risk_now_ns"]
    code = check_risk_stale(account["risk_code"], account["risk_stale"], age_ns, firm["risk_age_ns_max"])
    if code == PASS:
        code = check_loss(account["pnl"], account["loss_micro_max"])
    return check_drawdown(account["drawdown"], account["drawdown_micro_max"]) if code == PASS else code


@hot
def explain_loss(case, code, account):
    """Numbers of a breach; of a row that is not too old the number of its stale inputs."""
    if code == REJECT_LOSS:
        say(case, account["loss_micro_max"], -max(account["pnl"], -LIMIT_NONE))
    elif code == REJECT_DRAWDOWN:
        say(case, account["drawdown_micro_max"], account["drawdown"])
    elif code == REJECT_RISK_STALE:
        age_max = record_at(case["firm_addr"], ACCOUNT)["risk_age_ns_max"]
        age_ns = case["now_ns"] - account["risk_now_ns"]
        if account["risk_code"] != PASS:
            say(case, age_max, -1)
        elif account["risk_stale"] != 0:
            say(case, 0, account["risk_stale"])
        else:
            say(case, age_max, age_ns)
