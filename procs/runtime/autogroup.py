"""Autogroup: the niceness of a session's scheduler group, where the kernel makes one for each session."""

import contextlib
from pathlib import Path

GROUP_NICENESS = 5


def yield_to_others() -> None:
    """Let other work of this host go first on cores that hot threads share with it. Caller: the leader of a session.

    Threads that yield all the time starve every other session's processes where the kernel groups them by session: a
    loop of 0.3 s took 7 to 14 s here, and 0.37 s with this group a little nicer. Does nothing without such groups.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(GROUP_NICENESS))
