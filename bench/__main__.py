"""`python -m bench [NAME ...] [--report] [--json] [--plot] [--smoke]`: list the benchmarks, or run them."""

import argparse
import importlib
import inspect
import json
import os
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from bench.host import host_facts
from bench.plot import plot
from bench.report import Outcome, write_report
from bench.result import Result
from shm.inspect import write_hgrm

BENCHMARKS = (
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


def question(name: str) -> str:
    """The benchmark's question."""
    return importlib.import_module(f"bench.{name}").QUESTION


WIDTH = 100  # columns of the listing


def listing() -> str:
    """Every benchmark with its question, and how to run them."""
    indent = max(map(len, BENCHMARKS)) + 2
    lines = []
    for name in BENCHMARKS:
        lines += textwrap.wrap(
            question(name), WIDTH, initial_indent=f"{name:<{indent}}", subsequent_indent=" " * indent
        )
    return "\n".join(lines)


HOW = """
python -m bench NAME ...    runs them and prints p50, p99, p99.9 and max beside a reference of the same run and a goal
python -m bench --report    runs all and writes one page with every figure, plot and host fact
"""


def show_host(host: dict) -> str:
    """Host facts, one a line."""
    wide = max(map(len, host))
    return "\n".join(f"{key:<{wide}}  {_host_text(value)}" for key, value in host.items())


def _host_text(value) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


LABELS = (("p50", "p50"), ("p99", "p99"), ("p99_9", "p99.9"), ("max", "max"))


def show(result: Result) -> str:
    """One result as text."""
    lines = [f"{result.name}: {result.question}"]
    if result.samples is None:
        digits, of_what = 0, "measured"
        lines.append(f"  measured   {result.value:,.0f} {result.unit}")
    else:
        at = result.percentiles()
        digits, of_what = 1, "p50"
        figures = "  ".join(f"{label} {at[key]:,.1f}" for key, label in LABELS)
        lines.append(f"  measured   {figures} {result.unit}  ({len(result.samples):,} samples)")
    lines.append(f"  reference  {result.reference:,.{digits}f} {result.unit}: {result.reference_is}")
    lines.append(f"  ratio      {of_what} is {result.ratio():.3f} x the reference")
    lines.append(f"  goal       {result.goal}: {'met' if result.met() else 'MISSED'}")
    return "\n".join(lines + [f"  note       {note}" for note in result.notes])


def outcomes_of(names: list[str], smoke: bool, keep_on: bool) -> Iterator[Outcome]:
    """Run the benchmarks one after the other. With `keep_on` one that raises is an outcome, too."""
    for name in names:
        load, begun = round(os.getloadavg()[0], 2), time.monotonic()
        module = importlib.import_module(f"bench.{name}")
        results, error = (), ""
        try:
            results = tuple(module.run(smoke))
        except Exception as failure:
            if not keep_on:
                raise
            error = f"{type(failure).__name__}: {failure}"
        method = inspect.cleandoc(module.__doc__)
        yield Outcome(name, module.QUESTION, method, results, error, time.monotonic() - begun, load)


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """The command line; `names` are those to run, none for the listing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Quintet against the raw machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run; `all` runs every one")
    parser.add_argument(
        "--report", action="store_true", help="write report.html and report.json; without a NAME runs every benchmark"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--plot", action="store_true", help="draw the percentiles (needs the extra `plot`)")
    parser.add_argument("--smoke", action="store_true", help="smallest size: shows that it runs, not how fast")
    parser.add_argument(
        "--out", type=Path, help="folder for report, .hgrm files and plot (default: a new one under /tmp)"
    )
    arguments = parser.parse_args(argv)
    if arguments.names == ["all"] or (arguments.report and not arguments.names):
        arguments.names = list(BENCHMARKS)
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if arguments.plot and find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib: pip install 'quintet[plot]'")
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Exit 0 when everything ran, whether or not goals were met; 1 when a benchmark failed; 2 usage."""
    arguments = arguments_of(argv)
    if not arguments.names:
        print(listing() + "\n" + HOW, end="")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a benchmark that is stopped takes its memory with it
    host, began = host_facts(), datetime.now(UTC)
    if not arguments.json:
        print(show_host(host))
    out = arguments.out or Path(tempfile.mkdtemp(prefix="quintet-bench-"))
    out.mkdir(parents=True, exist_ok=True)
    drawn, outcomes = [], []
    for outcome in outcomes_of(arguments.names, arguments.smoke, arguments.report):
        outcomes.append(outcome)
        if outcome.error:
            print(f"{outcome.name} failed: {outcome.error}", file=sys.stderr, flush=True)
        for result in outcome.results:
            print(json.dumps(result.as_json(host)) if arguments.json else "\n" + show(result), flush=True)
            if result.samples is not None:
                write_hgrm(result.histogram(), out / f"{result.name}.hgrm", result.scale)
                drawn.append(result)
        if arguments.report:  # after each, so that a run that is stopped leaves what it measured
            page = write_report(outcomes, host, began, arguments.smoke, out)
    if arguments.plot and drawn:
        plot(drawn, host, out / "percentiles.png")
    print(f"report in {page}" if arguments.report else f"percentile files in {out}", file=sys.stderr)
    return 1 if any(outcome.error for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
