"""Inside: death in the middle of a call, at a failpoint (shm/failpoints.py).

Cold failpoints (recovery, login, copier, identifier blocks) are reached with the JIT on and off. Hot ones are reached
only with the JIT off, where compiled code is plain Python; a run that is to be the same in both modes leaves them out.
"""

import shm.failpoints as failpoints

COLD = frozenset(
    number
    for name, number in failpoints.NAMES.items()
    if name.startswith(("login", "copy", "segment", "id_block", "snapshot", "keeper", "gate_journals", "gate_rebuilt"))
    or name in ("sender_replayed", "send_before", "send_after")
)


class ProcessDied(Exception):
    """A simulated process met its end inside a call."""


class Inside:
    """Whose code runs now, and after how many failpoints it dies. One a run; `with inside.of(name):` around each call.

    Entered with `on_reach` set, so two runs at once are not possible.
    """

    def __init__(self, *, hot: bool):
        self.hot = hot
        self.running = ""
        self.left: dict[str, int] = {}  # role -> failpoints until it dies
        self.reached: set[int] = set()
        self.died_at: set[int] = set()

    def __enter__(self) -> "Inside":
        failpoints.on_reach = self._reach
        return self

    def __exit__(self, *_) -> None:
        failpoints.on_reach = None

    def arm(self, name: str, hits: int) -> None:
        """Let a role die at its `hits`-th failpoint from now."""
        self.left[name] = hits

    def _reach(self, number: int) -> None:
        if not self.running or (not self.hot and number not in COLD):
            return
        self.reached.add(number)
        if self.running in self.left:
            self.left[self.running] -= 1
            if self.left[self.running] <= 0:
                del self.left[self.running]
                self.died_at.add(number)
                raise ProcessDied(number)
