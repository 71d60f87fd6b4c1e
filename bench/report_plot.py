"""Plots of the report as inline SVG: latency by percentile on logarithmic axes, a throughput beside its reference.

Colours are CSS variables of the page, so that a plot follows its light or dark scheme.
"""

import math
from html import escape

import numpy as np

from bench.plot import LONG_PERCENTILES, PERCENTILES, curve
from bench.result import Result

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 72, 16, 14, 44
CURVES = 6  # colours of the page
STEPS_OF_FEW_DECADES = (1, 2, 5)
MARKED = (("p50", 2.0), ("p99", 100.0), ("p99_9", 1000.0))  # percentile, its place on the axis 1 / (1 - share)


def time_text(ns: float) -> str:
    """A time with three digits and its unit: `174 ns`, `18 µs`."""
    for limit, unit in ((1e3, "ns"), (1e6, "µs"), (1e9, "ms")):
        if ns < limit:
            return f"{ns * 1e3 / limit:.3g} {unit}"
    return f"{ns / 1e9:.3g} s"


def rate_text(value: float) -> str:
    """A number of things a second: `137.5 M`, `12,000`."""
    return f"{value / 1e6:,.1f} M" if value >= 1e6 else f"{value:,.0f}"


class Axis:
    """A logarithmic axis from `low` to `high` over pixels `start` to `end`."""

    def __init__(self, low: float, high: float, start: float, end: float):
        self.low, self.high, self.start = low, high, start
        self.scale = (end - start) / math.log(high / low)

    def at(self, value: float) -> float:
        """Pixel of a value; what lies outside is drawn on the edge."""
        return self.start + math.log(min(max(value, self.low), self.high) / self.low) * self.scale

    def ticks(self) -> list[float]:
        """Round values inside: decades, and 2 and 5 of each where there are few."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        steps = STEPS_OF_FEW_DECADES if last - first <= 3 else (1,)
        values = [step * 10.0**decade for decade in range(first, last + 1) for step in steps]
        return [value for value in values if self.low <= value <= self.high]


def limits(result: Result) -> list[tuple[float, float]]:
    """(place on the percentile axis, most ns) of every bound that the goal sets."""
    bounds = [(2.0, result.limit_p50), (100.0, result.limit_p99)]
    if result.ratio_max is not None:
        bounds.append((2.0, result.ratio_max * result.reference))
    return [(odds, ns) for odds, ns in bounds if ns is not None]


def _frame(odds_axis: Axis, time_axis: Axis) -> list[str]:
    """Grid, tick labels and the words at the axes."""
    parts = []
    for odds, text in (*PERCENTILES, *LONG_PERCENTILES):
        if odds <= odds_axis.high:
            x = odds_axis.at(odds)
            parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>')
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{text}</text>')
    for ns in time_axis.ticks():
        y = time_axis.at(ns)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{time_text(ns)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - 6}" text-anchor="middle">percentile of the samples</text>')
    return parts


def _on_curve(place: float, odds: np.ndarray, values: np.ndarray) -> float:
    """Where the drawn curve stands at a place between two of its points."""
    return math.exp(np.interp(math.log(place), np.log(odds), np.log(values)))


def percentile_plot(results: list[Result]) -> str:
    """SVG of the curves of results measured in ns. Dotted: the reference of the same run; rings: the goal."""
    curves = [curve(result.samples, result.scale) for result in results]
    marks = [limits(result) for result in results]
    seen = [float(end) for _, values in curves for end in (values[0], values[-1])]
    seen += [result.reference for result in results if result.reference > 0]
    seen += [ns for bounds in marks for _, ns in bounds]
    longest = max(200.0, *(float(odds[-1]) for odds, _ in curves))
    odds_axis = Axis(1.0, longest * 1.15, LEFT, WIDTH - RIGHT)
    time_axis = Axis(min(seen) / 1.3, max(seen) * 1.3, HEIGHT - BOTTOM, TOP)
    parts = _frame(odds_axis, time_axis)
    for row, (result, (odds, values)) in enumerate(zip(results, curves, strict=True)):
        color = f"var(--curve-{row % CURVES})"
        y = time_axis.at(result.reference)
        if result.reference > 0:
            parts.append(
                f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{color}"'
                ' stroke-width="1.2" stroke-dasharray="2 4"/>'
            )
        points = " ".join(
            f"{odds_axis.at(float(x)):.1f},{time_axis.at(float(y)):.1f}" for x, y in zip(odds, values, strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        figures = result.percentiles()
        for key, place in MARKED:
            if place <= odds[-1]:
                x, y = odds_axis.at(place), time_axis.at(_on_curve(place, odds, values))
                told = f"{result.name} {key.replace('_', '.')}: {time_text(figures[key])}"
                parts.append(
                    f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"><title>{escape(told)}</title></circle>'
                )
        for place, ns in marks[row]:
            x, y = odds_axis.at(place), time_axis.at(ns)
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="none" stroke="{color}" stroke-width="1.5">'
                f"<title>{escape(f'goal of {result.name}: {time_text(ns)}')}</title></circle>"
            )
    return _svg(parts, HEIGHT, f"latency by percentile: {', '.join(result.name for result in results)}")


def throughput_plot(result: Result) -> str:
    """SVG of a value, its reference and its goal as bars from zero."""
    bars = [("measured", result.value, "var(--curve-0)"), ("reference", result.reference, "var(--muted)")]
    if result.value_min is not None:
        bars.append(("goal: at least", result.value_min, "none"))
    most, left, high = max(value for _, value, _ in bars) * 1.02, 110, 30
    parts = []
    for row, (label, value, fill) in enumerate(bars):
        y, width = TOP + row * high, (WIDTH - left - 150) * value / most
        parts.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{label}</text>')
        parts.append(
            f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{high - 10}" fill="{fill}" stroke="var(--muted)"/>'
        )
        figure = f"{rate_text(value)} {result.unit}"
        parts.append(f'<text x="{left + width + 8:.1f}" y="{y + 15}">{escape(figure)}</text>')
    return _svg(parts, TOP + high * len(bars) + 4, f"throughput: {result.name}")


def _svg(parts: list[str], height: int, label: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
    return "\n".join([f'{head} aria-label="{escape(label, quote=True)}">', *parts, "</svg>"])
