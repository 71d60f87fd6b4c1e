"""Kept: memory that modules hold for the life of a process, because hot rows have bare addresses of it.

Tests that make thousands of benches in one process let go of each one's when nothing of it runs any more.
"""

import procs.net.port as port_module
import shm.scratch as scratch_module


class Kept:
    """How much is held now."""

    def __init__(self):
        self._ports, self._scratch = len(port_module._alive), len(scratch_module._alive)

    def let_go(self) -> None:
        """Let go of what was made since. Caller: in the reverse order of the making, and nothing of it is used again."""
        del port_module._alive[self._ports :], scratch_module._alive[self._scratch :]
