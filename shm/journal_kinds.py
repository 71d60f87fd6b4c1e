"""Journal kinds: the records in the payload of each kind of entry, and the names of their codes. Imports no numba.

```
role             kind          payload
---------------  ------------  -----------------------------------
order_sender     ORDER_SENT    order, sent
order_sender     CANCEL_SENT   order, sent
order_sender     REPORT        report
order_sender     SESSION       session_entry
risk_gate        DECISION      decision
risk_gate        LIMITS        limit_change
position_keeper  FILL          fill, position
position_keeper  SNAPSHOT      position
strategy         QUOTE         quote
risk_engine      RISK          risk_entry, risk
```

For those who read journals: the writers fill payloads in place. A test keeps every kind that is written in this table.
"""

from typing import NamedTuple

import numpy as np

from shm import codes
from shm.records.decision import DECISION
from shm.records.fill import FILL
from shm.records.limit_change import LIMIT_CHANGE, LIMIT_EXPIRED, LIMIT_TAKEN
from shm.records.limits import LIMITS
from shm.records.order import ORDER
from shm.records.position import POSITION
from shm.records.quote import QUOTE
from shm.records.report import REPORT
from shm.records.risk import RISK
from shm.records.risk_entry import RISK_ENTRY
from shm.records.sent import SENT
from shm.records.session_entry import (
    SESSION_ENTRY,
    SESSION_LOGGED_IN,
    SESSION_LOST,
    SESSION_PASSED,
    SESSION_QUERY_ANSWERED,
)


class Part(NamedTuple):
    """One record of a payload."""

    name: str
    dtype: np.dtype


PAYLOADS = {
    codes.JOURNAL_ORDER_SENT: (Part("order", ORDER), Part("sent", SENT)),
    codes.JOURNAL_CANCEL_SENT: (Part("order", ORDER), Part("sent", SENT)),
    codes.JOURNAL_REPORT: (Part("report", REPORT),),
    codes.JOURNAL_SESSION: (Part("session_entry", SESSION_ENTRY),),
    codes.JOURNAL_DECISION: (Part("decision", DECISION),),
    codes.JOURNAL_LIMITS: (Part("limit_change", LIMIT_CHANGE),),
    codes.JOURNAL_FILL: (Part("fill", FILL), Part("position", POSITION)),
    codes.JOURNAL_SNAPSHOT: (Part("position", POSITION),),
    codes.JOURNAL_QUOTE: (Part("quote", QUOTE),),
    codes.JOURNAL_RISK: (Part("risk_entry", RISK_ENTRY), Part("risk", RISK)),
}


def _names(prefix: str) -> dict[int, str]:
    """{code: name in lower case} of every code of shm/codes.py with that prefix."""
    return {
        value: name.removeprefix(prefix).lower()
        for name, value in vars(codes).items()
        if name.startswith(prefix) and isinstance(value, int)
    }


KIND_NAMES = _names("JOURNAL_")
_SIDES, _INTENTS = _names("SIDE_"), _names("INTENT_")

# (part, field): names of its codes; what is not here is a plain number
CODE_NAMES = {
    ("order", "kind"): _INTENTS,
    ("order", "side"): _SIDES,
    ("order", "tif"): _names("TIF_"),
    ("report", "kind"): _names("REPORT_"),
    ("report", "side"): _SIDES,
    ("report", "liquidity"): _names("LIQUIDITY_"),
    ("decision", "kind"): _INTENTS,
    ("decision", "side"): _SIDES,
    ("decision", "code"): {codes.PASS: "pass", **codes.REJECT_NAMES},
    ("decision", "channel_state"): _names("CHANNEL_"),
    ("limit_change", "field"): dict(enumerate(LIMITS.names)),
    ("limit_change", "cause"): {LIMIT_TAKEN: "taken", LIMIT_EXPIRED: "expired"},
    ("fill", "side"): _SIDES,
    ("fill", "kind"): _names("REPORT_"),
    ("fill", "liquidity"): _names("LIQUIDITY_"),
    ("risk_entry", "event"): codes.RISK_EVENT_NAMES,
    ("risk_entry", "reason"): codes.RISK_REASON_NAMES,
    ("risk_entry", "step"): codes.RISK_STEP_NAMES,
    ("risk_entry", "step_before"): codes.RISK_STEP_NAMES,
    ("risk_entry", "state"): codes.STATE_NAMES,
    ("risk_entry", "scope"): codes.RISK_SCOPE_NAMES,
    ("risk", "state"): codes.STATE_NAMES,
    ("risk", "reason"): codes.RISK_REASON_NAMES,
    ("risk", "scope"): codes.RISK_SCOPE_NAMES,
    ("session_entry", "kind"): {
        SESSION_LOGGED_IN: "logged_in",
        SESSION_QUERY_ANSWERED: "query_answered",
        SESSION_LOST: "lost",
        SESSION_PASSED: "passed",
    },
}


def parts_of(kind: int, payload: bytes) -> dict[str, np.void]:
    """{name: record} of a payload; empty for a kind that is not in the table or a payload that is too short for it."""
    parts, at = {}, 0
    for part in PAYLOADS.get(kind, ()):
        if at + part.dtype.itemsize > len(payload):
            return {}
        parts[part.name] = np.frombuffer(payload, part.dtype, 1, at)[0]
        at += part.dtype.itemsize
    return parts


def plain(name: str, record: np.void) -> dict[str, int | str]:
    """A record as plain values, its codes by name, reserved fields left out."""
    fields = {}
    for field in record.dtype.names:
        if field.startswith("reserved"):
            continue
        value = record[field].item()
        if isinstance(value, bytes):
            value = value.decode("ascii", "backslashreplace").rstrip("\0 ")
        elif (name, field) in CODE_NAMES:
            value = CODE_NAMES[name, field].get(value, value)
        fields[field] = value
    return fields
