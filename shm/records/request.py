"""Request: what somebody asks the executor to trade; and how far it is.

Writers of REQUEST (latest `requests`, a row a requester): the operator's command under the roster's lock, and
risk_engine. Reader: the executor (a strategy instance). Writer of REQUEST_STATE (latest `request_states`, the same
rows): the executor. Readers: anyone. Both tables belong to the fabric's life, as positions do.

off  size  type   field          meaning of REQUEST
---  ----  -----  -------------  ----------------------------------------
  0     8  i8     request_id     rises within a row; 0 nothing was ever asked for
  8     8  i8     kind           REQUEST_*
 16     8  i8     strategy_id    FLATTEN: what this strategy holds; -1 what the firm holds
 24     8  i8     instrument_id  FLATTEN: only this one, -1 every one; HEDGE: the instrument
 32     8  i8     lots           HEDGE: to trade, a buy is positive; else 0
 40     8  i8     life_ns        logic time from its acceptance on; 0: REQUEST_LIFE_NS
 48     8  i8     asked_utc_ns   when it was asked for
 56     8  i8     reserved       zero
 64    64  i8x8   reason         text (reason_words)

off  size  type   field            meaning of REQUEST_STATE
---  ----  -----  ---------------  ----------------------------------------
  0     8  i8     request_id       the request that this is about; 0 none yet
  8     8  i8     state            REQUEST_WORKING and so on
 16     8  i8     code             REJECT_* that refused it; 0
 24     8  i8     done_lots        traded for it, all instruments, both sides
 32     8  i8     remaining_lots   still to be traded, all instruments, when last looked at
 40     8  i8     begun_ns         logic time of its acceptance
 48     8  i8     changed_ns       logic time of this row
 56     8  i8     base_lots        HEDGE: position of the executor's desk at the acceptance
"""

import numpy as np

REQUEST_FLATTEN = 1
REQUEST_HEDGE = 2
REQUEST_WITHDRAW = 3  # work no longer on what this row asked for before

REQUEST_WORKING = 1
REQUEST_DONE = 2
REQUEST_REFUSED = 3
REQUEST_TIMED_OUT = 4
REQUEST_WITHDRAWN = 5
REQUEST_STATE_NAMES = {1: "working", 2: "done", 3: "refused", 4: "timed out", 5: "withdrawn"}

REQUESTER_OPERATOR = 0
REQUESTER_RISK_ENGINE = 1
REQUESTERS = 2
REQUESTER_NAMES = {REQUESTER_OPERATOR: "operator", REQUESTER_RISK_ENGINE: "risk_engine"}

REQUEST_LIFE_NS = 60_000_000_000
REASON_BYTES = 64

REQUEST = np.dtype(
    [
        ("request_id", "<i8"),
        ("kind", "<i8"),
        ("strategy_id", "<i8"),
        ("instrument_id", "<i8"),
        ("lots", "<i8"),
        ("life_ns", "<i8"),
        ("asked_utc_ns", "<i8"),
        ("reserved", "<i8"),
        ("reason", "<i8", (8,)),
    ]
)

REQUEST_STATE = np.dtype(
    [
        ("request_id", "<i8"),
        ("state", "<i8"),
        ("code", "<i8"),
        ("done_lots", "<i8"),
        ("remaining_lots", "<i8"),
        ("begun_ns", "<i8"),
        ("changed_ns", "<i8"),
        ("base_lots", "<i8"),
    ]
)

assert REQUEST.itemsize == 128
assert REQUEST.fields["reason"][1] == 64 and REQUEST.fields["reason"][0].itemsize == REASON_BYTES
assert REQUEST_STATE.itemsize == 64


def reason_words(text: str) -> np.ndarray:
    """int64[8] that hold the first 64 bytes of a text, cut at a whole character."""
    cut = text.encode()[:REASON_BYTES].decode(errors="ignore").encode()
    return np.frombuffer(cut.ljust(REASON_BYTES, b"\0"), "<i8")


def reason_text(words) -> str:
    """The text in `reason`."""
    return np.ascontiguousarray(words).tobytes().rstrip(b"\0").decode(errors="replace")
