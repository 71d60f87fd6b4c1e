"""The report: one self-contained page of a run, and the same as JSON for programs.

```
run of a benchmark ──► Outcome ──► report.html   host, a table of every figure beside reference, ratio and goal, plots
                              └──► report.json   {"quintet_bench": 1, "date", "smoke", "host", "benchmarks": [...]}
```

The page needs nothing from anywhere: style and plots are inside it.
"""

import json
from datetime import datetime
from html import escape
from pathlib import Path
from typing import NamedTuple

from bench.report_plot import CURVES, percentile_plot, rate_text, throughput_plot
from bench.result import Result

FORMAT = 1  # of report.json
HOST_WORDS = {  # key of host_facts: what a reader calls it; a key without words is shown by its name
    "cpu": "CPU",
    "mhz": "frequency, MHz",
    "cores": "cores we may use",
    "caches": "caches of a core",
    "memory": "memory",
    "virtual": "virtual machine",
    "kernel": "kernel",
    "clocksource": "clock source",
    "governor": "frequency governor",
    "isolated": "isolated cores",
    "tickless": "cores without a tick",
    "hugepages": "huge pages reserved",
    "transparent_hugepages": "transparent huge pages",
    "load": "load at the start",
    "python": "Python",
    "quintet": "Quintet",
}
STYLE = """
:root { --ink: #1b1f24; --muted: #667079; --paper: #ffffff; --line: #d8dde2; --good: #116329; --bad: #a40e26;
  --curve-0: #0b62a8; --curve-1: #c14a00; --curve-2: #107c5a; --curve-3: #a2407f; --curve-4: #7a6a00;
  --curve-5: #4b4b9d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --muted: #98a2ac; --paper: #15181c; --line: #343a41;
  --good: #5fc27e; --bad: #ff8a8a; --curve-0: #6db3f2; --curve-1: #ff9d5c; --curve-2: #4ec9a0; --curve-3: #e58cc4;
  --curve-4: #d6c65a; --curve-5: #a6a6f0; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 66rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; }
p { margin: .3rem 0; } a { color: inherit; } .muted { color: var(--muted); }
.warning { border: 1px solid var(--bad); color: var(--bad); padding: .5rem .8rem; border-radius: .3rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .6rem 0; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; }
td.goal { min-width: 15rem; }
td.n, th.n { text-align: right; } td.n, th.n, td.name { white-space: nowrap; }
.met { color: var(--good); } .missed, .failed { color: var(--bad); font-weight: 600; }
svg { width: 100%; height: auto; display: block; margin: .6rem 0; } svg text { font: 12px system-ui, sans-serif;
  fill: var(--muted); } svg .grid { stroke: var(--line); stroke-width: 1; }
.key { display: inline-block; width: 1.4rem; height: .2rem; vertical-align: middle; margin-right: .4rem; }
.legend span { margin-right: 1.4rem; white-space: nowrap; }
pre { font: 12.5px/1.45 ui-monospace, monospace; overflow-x: auto; color: var(--muted); }
@media print { .wide { overflow: visible; } }
"""


class Outcome(NamedTuple):
    """One benchmark: its results, or why it has none. `method` is its docstring, `load` that of the host before it."""

    name: str
    question: str
    method: str
    results: tuple[Result, ...]
    error: str
    seconds: float
    load: float


def number(value: float) -> str:
    """A figure with as many digits as it deserves: `3.42`, `17.4`, `1,075`."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def write_report(outcomes: list[Outcome], host: dict, began: datetime, smoke: bool, out: Path) -> Path:
    """Write report.html and report.json into `out`. Returns the page's path. Errors: OSError."""
    page = out / "report.html"
    page.write_text(page_of(outcomes, host, began, smoke), encoding="utf-8")
    told = {"quintet_bench": FORMAT, "date": began.isoformat(timespec="seconds"), "smoke": smoke, "host": host}
    told["benchmarks"] = [
        {
            "name": outcome.name,
            "question": outcome.question,
            "seconds": round(outcome.seconds, 1),
            "load": outcome.load,
            "error": outcome.error,
            "results": [_without_host(result) for result in outcome.results],
        }
        for outcome in outcomes
    ]
    (out / "report.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return page


def _without_host(result: Result) -> dict:
    return {key: value for key, value in result.as_json({}).items() if key != "host"}


def page_of(outcomes: list[Outcome], host: dict, began: datetime, smoke: bool) -> str:
    """The whole page."""
    title = f"Quintet: benchmarks of {began:%Y-%m-%d}"
    results = [result for outcome in outcomes for result in outcome.results]
    met, failed = sum(result.met() for result in results), [outcome for outcome in outcomes if outcome.error]
    summary = f"{len(results)} results, {met} of their goals met, {len(results) - met} missed"
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{began:%Y-%m-%d %H:%M:%S %Z}, commit {escape(host["commit"])}. {summary}'
        + (f", {len(failed)} failed.</p>" if failed else ".</p>"),
    ]
    if smoke:
        parts.append(
            '<p class="warning">Smoke size: this run shows that every benchmark runs, not how fast anything is.</p>'
        )
    parts += ["<h2>Host</h2>", _host_table(host), "<h2>Figures</h2>", _figures_table(outcomes)]
    parts.append(
        '<p class="muted">The ratio is p50, or the throughput, over the reference, which was measured in the same run.'
        " In the plots a dotted line is the reference, a ring the goal, dots are p50, p99 and p99.9.</p>"
    )
    parts += [_chapter(outcome) for outcome in outcomes]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _host_table(host: dict) -> str:
    rows = [
        f"<tr><th>{escape(HOST_WORDS.get(key, key))}</th><td>{escape(_host_text(value))}</td></tr>"
        for key, value in host.items()
    ]
    return "\n".join(["<table>", *rows, "</table>"])


def _host_text(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"{len(value)}: {', '.join(map(str, value))}"
    return str(value)


def _figures_table(outcomes: list[Outcome]) -> str:
    heads = ("p50", "p99", "p99.9", "max", "reference", "", "ratio")
    rows = ["<tr><th>result</th>" + "".join(f'<th class="n">{head}</th>' for head in heads) + "<th></th><th>goal</th>"]
    for outcome in outcomes:
        rows += [_figures_row(outcome.name, result) for result in outcome.results]
        if outcome.error:
            cells = f'<td colspan="7">{escape(outcome.error)}</td><td class="failed">failed</td><td></td>'
            rows.append(f'<tr><td class="name">{_link(outcome.name, outcome.name)}</td>{cells}')
    return "\n".join(['<div class="wide"><table>', *(f"{row}</tr>" for row in rows), "</table></div>"])


def _link(chapter: str, text: str) -> str:
    return f'<a href="#{escape(chapter, quote=True)}">{escape(text)}</a>'


def _figures_row(chapter: str, result: Result) -> str:
    if result.samples is None:
        figures = [rate_text(result.value), "", "", "", rate_text(result.reference)]
    else:
        figures = [number(value) for value in (*result.percentiles().values(), result.reference)]
    figures += [result.unit, f"{result.ratio():.3f} x"]
    cells = "".join(f'<td class="n">{escape(text)}</td>' for text in figures)
    verdict = "met" if result.met() else "missed"
    return (
        f'<tr><td class="name">{_link(chapter, result.name)}</td>{cells}'
        f'<td class="{verdict}">{verdict}</td><td class="goal">{escape(result.goal)}</td>'
    )


def _chapter(outcome: Outcome) -> str:
    """Question, plots, what the reference is, notes, and how it is measured."""
    name = escape(outcome.name, quote=True)
    parts = [f'<h2 id="{name}">{escape(outcome.name)}</h2>', f"<p>{escape(outcome.question)}</p>"]
    if outcome.error:
        parts.append(f'<p class="failed">failed: {escape(outcome.error)}</p>')
    sampled = [result for result in outcome.results if result.samples is not None]
    if sampled:
        parts += [percentile_plot(sampled), _legend(sampled)]
    parts += [throughput_plot(result) for result in outcome.results if result.samples is None]
    for result in outcome.results:
        count = "" if result.samples is None else f"; {len(result.samples):,} samples"
        reference = rate_text(result.reference) if result.samples is None else number(result.reference)
        parts.append(
            f'<p class="muted">{escape(result.name)}: reference {reference} {escape(result.unit)} is'
            f" {escape(result.reference_is)}{count}</p>"
        )
        parts += [f'<p class="muted">{escape(note)}</p>' for note in result.notes]
    parts.append(f'<p class="muted">took {outcome.seconds:.1f} s; load of the host before it {outcome.load:.2f}</p>')
    parts.append(f"<details><summary>how it is measured</summary><pre>{escape(outcome.method)}</pre></details>")
    return "\n".join(parts)


def _legend(results: list[Result]) -> str:
    keys = [
        f'<span><i class="key" style="background: var(--curve-{row % CURVES})"></i>{escape(result.name)}</span>'
        for row, result in enumerate(results)
    ]
    return f'<p class="legend">{"".join(keys)}</p>'
