"""Killer: ends an interpreted role at any call of the functions behind which shared memory or the world is different."""

import importlib
import pkgutil


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Replaces functions where they are called; the `at`-th call of any of them ends the process, before or after it.

    `again` more calls later, thus perhaps inside the recovery, it ends once more. 0: never.
    """

    def __init__(self, monkeypatch, package: str, names: tuple[str, ...]):
        self.calls, self.at, self.again, self.after = 0, 0, 0, False
        root = importlib.import_module(package)
        found = [importlib.import_module(f"{package}.{entry.name}") for entry in pkgutil.iter_modules(root.__path__)]
        for name in names:
            modules = [module for module in found if hasattr(module, name)]
            assert modules, name
            for module in modules:
                monkeypatch.setattr(module, name, self.wrap(getattr(module, name)))

    def arm(self, at: int, *, after: bool, again: int = 0) -> None:
        """Count from 0; the process ends at call `at`."""
        self.calls, self.at, self.again, self.after = 0, at, at + again if again else 0, after

    def rise(self, start) -> int:
        """Call `start` until it comes to its end. Returns the deaths so far in this life, the one that led here included."""
        deaths = 1
        while True:
            try:
                start()
                return deaths
            except Killed:
                deaths += 1
                assert deaths <= 2, "more deaths than were asked for"

    def wrap(self, function):
        def called(*arguments):
            self.calls += 1
            here = self.calls in (self.at, self.again)
            if here and not self.after:
                raise Killed
            result = function(*arguments)
            if here:
                raise Killed
            return result

        return called
