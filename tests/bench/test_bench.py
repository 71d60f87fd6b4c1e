"""The benchmarks run at smoke size, verify their own results, and say what they measured in the agreed form."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "ring_hop",
    "ring_throughput",
    "latest",
    "histogram_span",
    "itch_decode",
    "ouch_encode",
    "journal_append",
    "journal_replay",
    "recording_step",
    "itch_book",
    "strategy_step",
    "risk_check",
    "greeks",
    "var_historical",
    "tick_to_order",
    "journal_readers",
    "risk_engine_beside",
    "kill",
)
FAST = {  # benchmark -> names of its results; risk_check compiles the whole gate, the last three start a fabric
    "ring_hop": ["ring_hop"],
    "ring_throughput": ["ring_throughput"],
    "latest": ["latest_read", "latest_write"],
    "histogram_span": ["histogram_span"],
    "itch_decode": ["itch_decode"],
    "ouch_encode": ["ouch_encode_enter", "ouch_encode_replace", "ouch_encode_cancel"],
    "journal_append": ["journal_append"],
    "journal_replay": ["journal_replay"],
    "recording_step": ["recording_step"],
    "itch_book": ["itch_book", "itch_book_market"],
    "greeks": ["greeks"],
    "var_historical": ["var_historical"],
}
THROUGHPUTS = {"ring_throughput", "journal_replay"}
KEYS = {"name", "question", "unit", "count", "reference", "ratio", "goal", "met", "host"}
HOST_KEYS = {"cpu", "cores", "caches", "kernel", "clocksource", "governor", "load", "python", "numba", "commit"}


def bench(*arguments):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_without_a_name_every_benchmark_is_listed_with_its_question():
    done = bench()
    assert done.returncode == 0, done.stderr
    entries, how = done.stdout.split("\n\n", 1)
    listed = [re.sub(r"\s+", " ", entry).split(" ", 1) for entry in re.split(r"\n(?! )", entries)]
    assert [name for name, _ in listed] == list(NAMES)
    assert all(question.endswith("?") for _, question in listed)
    assert max(map(len, done.stdout.splitlines())) <= 120, "a line for a terminal"
    assert "--report" in how


def test_an_unknown_name_is_a_usage_error_that_names_the_known_ones():
    done = bench("ring_hops")
    assert done.returncode == 2
    assert "ring_hops" in done.stderr and "ring_throughput" in done.stderr


@pytest.mark.parametrize("name", FAST)
def test_a_benchmark_runs_at_smoke_size_and_prints_one_whole_object_for_each_result(name, tmp_path):
    done = bench(name, "--smoke", "--json", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert [found["name"] for found in objects] == FAST[name]
    for found in objects:
        figures = {"value"} if found["name"] in THROUGHPUTS else {"p50", "p99", "p99_9", "max"}
        assert KEYS | figures <= set(found)
        assert HOST_KEYS <= set(found["host"])
        assert found["reference"] > 0 and found["ratio"] > 0 and found["met"] in (True, False)
        if "p50" in figures:
            assert 0 < found["p50"] <= found["p99"] <= found["p99_9"] <= found["max"]
            assert found["count"] > 0
            assert (tmp_path / f"{found['name']}.hgrm").read_text().splitlines()[0].split()[:2] == [
                "Value",
                "Percentile",
            ]
        else:
            assert found["value"] > 0
