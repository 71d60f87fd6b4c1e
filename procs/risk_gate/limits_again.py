"""Limits again: the copies as the gate decided by them when it died, so that what changed since is journalled."""

import numpy as np

from procs.risk_gate.limit_rows import VERSION_WORD, WORDS
from procs.risk_gate.rows import LIMITS_OFFSET
from procs.risk_gate.state import State, parts_of
from shm.records.limits import LIMITS

TAKEN_EARLIER = -1  # a version that no table has: the row is looked at again, and compared with the copy


def limits_again(state: State, configured: np.ndarray, changes: np.ndarray) -> None:
    """Start the copies from the configuration's rows and apply the journalled LIMIT_CHANGE records in order. Cold.

    Nothing decides by a copy before `limits_of` looked at the table. Rows that do not exist are passed over: a
    configuration may have changed after a power loss.
    """
    accounts = parts_of(state).exposure.accounts
    words = LIMITS.itemsize // 8
    copies = accounts.view(np.int64).reshape(len(accounts), -1)[:, LIMITS_OFFSET // 8 : LIMITS_OFFSET // 8 + words]
    copies[:] = configured.view(np.int64).reshape(len(configured), words)
    for change in changes:
        row, word = int(change["row"]), int(change["field"])
        if 0 <= row < len(accounts) and word < WORDS:
            copies[row, word] = change["after"]
            copies[row, VERSION_WORD] = change["version"]
    accounts["limits_seen"] = TAKEN_EARLIER
