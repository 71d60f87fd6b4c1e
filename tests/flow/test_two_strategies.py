"""Two strategy instances in one machine: both trade, also the same symbol, and the report keeps them apart."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.host import host_folder

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("strategy.glft", "strategy.reservation")

STRATEGIES = """
[strategy."strategy.glft"]
module = "glft"
universe = ["QNTA", "QNTB"]

[strategy."strategy.glft".params]
levels = 2

[strategy."strategy.reservation"]
module = "avellaneda_stoikov"
universe = ["QNTB", "QNTC"]
"""

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]


def twice(text: str) -> str:
    """Every [[instance]] and [[ring]] of the strategy once for each name."""
    made = []
    for part in text.strip().split("\n\n"):
        made += [part] if _named(part, NAMES[0]) == part else [_named(part, name) for name in NAMES]
    return "\n\n".join(made)


def _named(part: str, name: str) -> str:
    lines = []
    for line in part.splitlines():
        if line.startswith("name = ") and "strategy" in line.split('"')[1].split("."):
            words = [name if word == "strategy" else word for word in line.split('"')[1].split(".")]
            line = f'name = "{".".join(words)}"'
        lines.append(line)
    return "\n".join(lines)


@pytest.fixture
def config_folder(tmp_path, monkeypatch):
    folder = tmp_path / "config"
    host_folder(tmp_path)
    folder.mkdir(exist_ok=True)
    shipped = ROOT / "config"
    (folder / "topology.toml").write_text(twice((shipped / "topology.toml").read_text()))
    limits = (shipped / "limits.toml").read_text()
    head, one = limits.split("[strategy.strategy]\n")
    table, rest = one.split("\n\n", 1)
    tables = "\n\n".join(f'[strategy."{name}"]\n{table}' for name in NAMES)
    (folder / "limits.toml").write_text(f"{head}{tables}\n\n{rest}")
    (folder / "strategy.toml").write_text(STRATEGIES)
    for other in ("instruments.toml", "venues.toml"):
        shutil.copy(shipped / other, folder / other)
    monkeypatch.setenv("QUINTET_CONFIG", str(folder))
    return folder


def test_two_strategies_trade_side_by_side_and_each_has_its_own_positions(folders, config_folder):
    words = ["demo", "--seconds", "8", "--json", "--name", f"two-{os.getpid()}"]
    done = subprocess.run(
        [sys.executable, "-m", "procs.cli", *words], cwd=ROOT, capture_output=True, text=True, timeout=290
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert report["position_breaks"] == 0 and report["errors"] == {} and report["restarts"] == {}
    fills = {(row["strategy"], row["instrument"]): row["fills"] for row in report["positions"]}
    assert set(fills) <= {(NAMES[0], "QNTA"), (NAMES[0], "QNTB"), (NAMES[1], "QNTB"), (NAMES[1], "QNTC")}
    for name in NAMES:
        assert sum(count for (strategy, _), count in fills.items() if strategy == name) > 0, (name, fills)
        quoting = next(row for row in report["quoting"] if row["strategy"] == name)
        assert quoting["obliged_ns"] > 10**9 and quoting["present_share"] is not None
        assert name in done.stdout  # the text report has a row for each
    assert sum(fills.values()) == report["fills"] == report["counters"]["sender_fills"]
