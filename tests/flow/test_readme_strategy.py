"""The strategy that the README teaches is written from the README alone, and trades."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(300)
def test_the_strategy_of_the_readme_quotes_and_fills_in_the_demo(folders, no_leftovers, tmp_path: Path):
    chapter = (ROOT / "README.md").read_text().split("## Writing a strategy")[1]
    source = re.search(r"```python\n(.*?)```", chapter, re.DOTALL)[1]
    file = tmp_path / "join.py"
    file.write_text(source)
    words = ["demo", "--seconds", "6", "--json", "--name", f"join-{os.getpid()}", "--strategy", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "procs.cli", *words], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert report["orders"]["sent"] > 0 and report["fills"] > 0
    assert report["position_breaks"] == 0 and report["errors"] == {}
