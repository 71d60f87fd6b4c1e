"""Where the genuine market data lies: beside the project, or in `$QUINTET_DATA`. Tests skip where it is absent."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def shared_data(*parts: str) -> Path:
    """The path of a file or folder of the genuine data; skips the calling test when it is not there."""
    named = os.environ.get("QUINTET_DATA")
    # a clone may lie one or two folders below the one that holds `shared/`
    bases = [Path(named)] if named else [PROJECT.parent / "shared" / "data", PROJECT.parent.parent / "shared" / "data"]
    for base in bases:
        path = base.joinpath(*parts)
        if path.exists():
            return path
    pytest.skip(f"genuine data absent: {'/'.join(parts)} under {bases[0]} (set QUINTET_DATA to its folder)")
