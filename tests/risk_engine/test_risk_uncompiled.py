"""The same figures with the JIT on and off."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.risk_figures import figures

ROOT = Path(__file__).resolve().parents[2]


def test_compiled_and_uncompiled_figures_are_equal():
    compiled = figures()
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.risk_figures"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    plain = json.loads(done.stdout)
    assert plain.keys() == compiled.keys()
    for what, numbers in compiled.items():
        assert plain[what] == pytest.approx(numbers, rel=1e-12, abs=1e-12), what
