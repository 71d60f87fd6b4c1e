"""Paths: where a fabric keeps what must survive, and what need not."""

import os
import tempfile
from pathlib import Path


def state_folder(name: str) -> Path:
    """Journals, identifiers and the halt latch: `$QUINTET_STATE` or `$XDG_STATE_HOME/quintet`, then the name."""
    base = os.environ.get("QUINTET_STATE")
    if not base:
        base = os.path.join(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "quintet")
    return Path(base) / name


def runtime_folder(name: str) -> Path:
    """Logs and lock files: `$QUINTET_RUNTIME`, `$XDG_RUNTIME_DIR/quintet`, or under /tmp, then the name."""
    base = os.environ.get("QUINTET_RUNTIME")
    if not base and os.environ.get("XDG_RUNTIME_DIR"):
        base = os.path.join(os.environ["XDG_RUNTIME_DIR"], "quintet")
    if not base:
        base = os.path.join(tempfile.gettempdir(), f"quintet-{os.getuid()}")
    return Path(base) / name
