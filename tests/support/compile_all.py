"""Compile the loops of the shipped configuration side by side: `python -m tests.support.compile_all`."""

import time

from config.load import load
from procs.runtime.prepare import compile_missing


def main() -> None:
    """Says what it did in one line."""
    begun, told = time.monotonic(), {"compiled": 0}
    compile_missing(load("compile-all"), "procs", lambda done, what, compiled: told.update(compiled=compiled))
    print(f"compiled {told['compiled']} functions in {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
