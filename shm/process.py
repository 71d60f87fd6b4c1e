"""Processes by pid and start time: a pid alone is reused, and a zombie is dead. Cold, no numba."""

NS_PER_CLOCK_TICK = 10_000_000  # USER_HZ is 100 on every Linux that we run on


def process_start_ns(pid: int) -> int:
    """Start time of a process since boot, ns; 0 when there is none, or only its zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = text[text.rindex(b")") + 2 :].split()  # the name may hold spaces and brackets
    return 0 if fields[0] in (b"Z", b"X", b"x") else int(fields[19]) * NS_PER_CLOCK_TICK


def process_alive(pid: int, start_ns: int) -> bool:
    """Whether the very process that had `pid` and `start_ns` still runs."""
    return pid > 0 and start_ns > 0 and process_start_ns(pid) == start_ns
