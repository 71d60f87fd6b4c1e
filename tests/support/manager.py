"""Manager: the receiving end of a NOTIFY_SOCKET, in place of systemd."""

import os
import socket
import time

from procs.runtime.notify import Notifier


class Manager:
    """Binds `address`, a path or `@name`; `environment` is what a process that it starts is given."""

    def __init__(self, address: str):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.environment = {"NOTIFY_SOCKET": address}
        self.kept: list[str] = []

    def heard(self) -> list[str]:
        """Every message since the last look."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                self.kept += found
                return found

    def wait(self, message: str, alive=lambda: True, seconds: float = 60.0) -> None:
        """Wait until `message` arrives anew while `alive()` holds."""
        deadline = time.monotonic() + seconds
        while message not in self.heard():
            assert alive() and time.monotonic() < deadline, f"no {message}; heard {self.kept[-20:]}"
            time.sleep(0.01)

    def notifier(self, **environment: str) -> Notifier:
        """What a process that this manager started says it with."""
        return Notifier({**self.environment, **environment})

    def started(self, **environment: str) -> dict[str, str]:
        """Environment of a child process."""
        return {**os.environ, **self.environment, **environment}
