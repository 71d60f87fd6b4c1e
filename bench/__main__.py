"""`python -m bench [NAME ...] [--json] [--plot] [--smoke]`: list the benchmarks with their questions, or run them."""

import argparse
import importlib
import json
import signal
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from bench.host import host_facts
from bench.plot import plot
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
    "itch_book",
    "strategy_step",
    "risk_check",
    "tick_to_order",
)


def question(name: str) -> str:
    """The benchmark's question."""
    return importlib.import_module(f"bench.{name}").QUESTION


def show(result: Result) -> str:
    """One result as text."""
    lines = [f"{result.name}: {result.question}"]
    if result.samples is None:
        lines.append(f"  {result.value:,.0f} {result.unit}")
    else:
        at = result.percentiles()
        figures = "  ".join(f"{label} {at[key]:,.1f}" for key, label in LABELS)
        lines.append(f"  {figures} {result.unit}  ({len(result.samples):,} samples)")
    lines.append(f"  {result.ratio():.3f} x {result.reference:,.1f} {result.unit}: {result.reference_is}")
    lines.append(f"  goal {result.goal}: {'met' if result.met() else 'MISSED'}")
    return "\n".join(lines + [f"  {note}" for note in result.notes])


LABELS = (("p50", "p50"), ("p99", "p99"), ("p99_9", "p99.9"), ("max", "max"))


def main(argv: list[str] | None = None) -> int:
    """Exit 0 when everything ran, whether or not goals were met; 1 when a benchmark failed; 2 usage."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Quintet against the raw machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run; `all` runs every one")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--plot", action="store_true", help="draw the percentiles (needs the extra `plot`)")
    parser.add_argument("--smoke", action="store_true", help="smallest size: shows that it runs, not how fast")
    parser.add_argument("--out", type=Path, help="folder for .hgrm files and the plot (default: a new one under /tmp)")
    arguments = parser.parse_args(argv)
    if not arguments.names:
        for name in BENCHMARKS:
            print(f"{name:<16}  {question(name)}")
        return 0
    names = BENCHMARKS if arguments.names == ["all"] else arguments.names
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if arguments.plot and find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib: pip install 'quintet[plot]'")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a benchmark that is stopped takes its memory with it
    host = host_facts()
    if not arguments.json:
        print("host  " + "  ".join(f"{key} {value}" for key, value in host.items()))
    out = arguments.out or Path(tempfile.mkdtemp(prefix="quintet-bench-"))
    out.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name in names:
        for result in importlib.import_module(f"bench.{name}").run(arguments.smoke):
            print(json.dumps(result.as_json(host)) if arguments.json else "\n" + show(result), flush=True)
            if result.samples is not None:
                write_hgrm(result.histogram(), out / f"{result.name}.hgrm", result.scale)
                drawn.append(result)
    if arguments.plot and drawn:
        plot(drawn, host, out / "percentiles.png")
    print(f"percentile files in {out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
