"""GLFT makes a market over the whole real session: obligation met, inventory within limits at every fill, spread earned."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from config.load import load
from shm.codes import REPORT_EXECUTED, SIDE_BUY
from shm.journal import JOURNAL_REPORT
from shm.journal_reader import JournalReader
from shm.records.report import REPORT
from tests.support.data import shared_data

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]


def positions(journal: Path) -> list[int]:
    """The position after each execution that order_sender wrote down."""
    held, seen = 0, []
    for chunk in JournalReader(journal).chunks():
        chunk = chunk[chunk["head"]["kind"] == JOURNAL_REPORT]
        for report in np.frombuffer(chunk["payload"][:, : REPORT.itemsize].tobytes(), REPORT):
            if report["kind"] == REPORT_EXECUTED:
                held += int(report["qty_lots"]) if report["side"] == SIDE_BUY else -int(report["qty_lots"])
                seen.append(held)
    return seen


def test_glft_meets_its_obligation_over_the_whole_real_session_within_its_position_limit(folders):
    path = shared_data("dbn", "esh4-glbx-mdp3-20231225.mbo.dbn.zst")
    name = f"glft-{os.getpid()}"
    words = ["demo", "--replay", str(path), "--strategy", "glft", "--json", "--name", name]
    done = subprocess.run(
        [sys.executable, "-m", "procs.cli", *words], cwd=ROOT, capture_output=True, text=True, timeout=290
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert report["counters"]["venue_history_done"] == 1
    (quoting,) = report["quoting"]
    assert quoting["obliged_ns"] > 3_500 * 10**9 and quoting["present_share"] >= 0.9
    (epoch,) = (folders / "state" / name / "journal").iterdir()
    held = positions(epoch / "order_sender")
    assert len(held) == report["fills"] > 20 and held[-1] == report["positions"][0]["position_lots"]
    limit = load().strategies["strategy"].params_of("ESH4")["position_lots_max"]
    assert max(abs(lots) for lots in held) <= limit
    assert report["pnl"]["spread"] > 0
    assert quoting["marked_lots"]["1s"] > 20 and quoting["markout_micro"]["60s"] != 0
    assert "selection" in done.stdout and "obligation" in done.stdout
