"""Compiled: counts what numba compiles in this process. After warm-up the count must stay where it is."""

from numba.core import event

from shm.jit import JIT_OFF


class _Counter(event.Listener):
    """Counts compilations; a load from the cache raises no such event."""

    def __init__(self):
        self.count = 0
        self.names: list[str] = []

    def on_start(self, event):
        self.count += 1
        function = event.data["dispatcher"].py_func
        self.names.append(f"{function.__module__}.{function.__qualname__}")

    def on_end(self, _event):
        pass


_counter = _Counter()
if not JIT_OFF:
    event.register("numba:compile", _counter)


def compiled_count() -> int:
    """Functions compiled in this process since this module was imported."""
    return _counter.count


def compiled_names() -> list[str]:
    """Their names, in order."""
    return list(_counter.names)
