"""Compile the loops of the shipped configuration on our host side by side: `python -m tests.support.compile_all`."""

import time

from config.load import load
from procs.runtime.prepare import compile_missing
from tests.support.host import on_our_host


def main() -> None:
    """Says what it did in one line."""
    begun, told = time.monotonic(), {"compiled": 0}
    config = on_our_host(load("compile-all"))
    compile_missing(config, "procs", lambda done, what, compiled: told.update(compiled=compiled))
    print(f"compiled {told['compiled']} functions in {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
