"""Interrupt: Ctrl-C, a closed terminal and SIGTERM ask a long command to leave; it winds down in order."""

import signal
from collections.abc import Callable

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Leave:
    """True once somebody asked us to leave. `then` is called at that moment, for what cannot look by itself."""

    def __init__(self):
        self.asked = False
        self.then: Callable[[], None] | None = None
        for number in NUMBERS:
            signal.signal(number, self._ask)

    def _ask(self, *_) -> None:
        self.asked = True
        if self.then is not None:
            self.then()

    def __bool__(self) -> bool:
        return self.asked
