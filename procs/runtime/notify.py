"""Notify: tells the service manager how a process is, over the datagram socket that `NOTIFY_SOCKET` names. No numba.

This is sd_notify(3): lines of NAME=value in one datagram. Without the variable nobody listens and nothing is sent. The
control thread calls `beat` each turn with the step words of the hot thread; READY=1 goes out when they advanced for the
first time, WATCHDOG=1 only if each of them advanced since the one before. So a hot thread that hangs is restarted by
systemd however healthy the control thread feels, and a control thread that hangs is too.
"""

import os
import socket
from collections.abc import Mapping, Sequence

FEEDS = 4  # watchdog messages in one WatchdogSec, so that three may come late
CATCH_UP_SECONDS = 60  # a role that reads its journal does not step; systemd waits so long for it
TRANSIENT = (BlockingIOError, ConnectionRefusedError, FileNotFoundError)  # the manager is busy, or starts itself again


class Notifier:
    """One process's line to its service manager. Never blocks, never raises for a manager that is away."""

    def __init__(self, environment: Mapping[str, str] = os.environ):
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_us = int(environment.get("WATCHDOG_USEC", "0")) if address and ours else 0
        self._ready = False
        self._steps_fed: list[int] | None = None
        self._fed_ns = 0

    def send(self, **fields: object) -> bool:
        """Send one message; returns whether the manager has it (also when there is none to have it)."""
        if self._socket is None:
            return True
        text = "\n".join(f"{name}={value}" for name, value in fields.items())
        try:
            self._socket.sendto(text.encode(), self._address)
        except TRANSIENT:
            return False
        return True

    def status(self, text: str) -> None:
        """What `systemctl status` shows, one line."""
        self.send(STATUS=text)

    def beat(self, now_ns: int, steps: Sequence[int]) -> None:
        """One turn of the control thread: say READY at the first advance, feed the watchdog at later ones."""
        steps = list(steps)
        if self._steps_fed is None:
            self._steps_fed = steps
        if any(step == fed for step, fed in zip(steps, self._steps_fed, strict=True)):
            return
        if not self._ready:
            self._ready = self.send(READY=1)
        if self.watchdog_us and now_ns - self._fed_ns >= self.watchdog_us * 1000 // FEEDS and self.send(WATCHDOG=1):
            self._steps_fed, self._fed_ns = steps, now_ns

    def catching_up(self) -> None:
        """The hot thread left its loop to read a journal: a longer watchdog until `caught_up`."""
        if self.watchdog_us:
            self.send(WATCHDOG_USEC=max(self.watchdog_us, CATCH_UP_SECONDS * 1_000_000))

    def caught_up(self) -> None:
        """The hot thread goes back into its loop: the unit's watchdog again."""
        if self.watchdog_us:
            self.send(WATCHDOG_USEC=self.watchdog_us)

    def stopping(self) -> None:
        """The process leaves on purpose."""
        self.send(STOPPING=1)
