"""Page: what the control thread of an instance writes about itself on the INSTANCE page. No numba."""

import os
import time

import numpy as np

from config.topology import ROLES
from shm.codes import LIFE_STARTING
from shm.process import process_start_ns


def introduce(page: np.void, role: str, core: int) -> None:
    """Write who we are, before anything that may take long. `core` -1: any."""
    page["start_ns"] = process_start_ns(os.getpid())
    page["core_wanted"] = core
    page["incarnation"] += 1
    page["role_id"] = ROLES.index(role)
    page["warnings"] = page["exit_code"] = page["started_ns"] = 0
    page["alive_ns"] = page["step_seen_ns"] = time.monotonic_ns()
    page["life"] = LIFE_STARTING  # before the pid: nobody may see the dead process's RUNNING under ours
    page["pid"] = os.getpid()


def note_error(rows: np.ndarray, code: int, detail_a: int = 0, detail_b: int = 0) -> None:
    """Count one occurrence of an ERROR_* code in the ERROR_ROW rows that are the control thread's."""
    free = [row for row in rows if row["code"] in (0, code)]
    row = free[0] if free else rows[-1]
    at_ns = time.monotonic_ns()
    row["first_ns"] = row["first_ns"] or at_ns
    row["last_ns"], row["detail_a"], row["detail_b"] = at_ns, detail_a, detail_b
    row["count"] += 1
    row["code"] = code
