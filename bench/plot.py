"""Plot: latency by percentile, one curve a result, on the axis that HdrHistogram's plotters use."""

from pathlib import Path

import numpy as np

from bench.result import Result

PERCENTILES = ((1, "0 %"), (2, "50 %"), (10, "90 %"), (100, "99 %"), (1e3, "99.9 %"), (1e4, "99.99 %"))
LONG_PERCENTILES = ((1e5, "99.999 %"), (1e6, "99.9999 %"))
TIMES = ((1, "1 ns"), (10, "10 ns"), (100, "100 ns"), (1e3, "1 us"), (1e4, "10 us"), (1e5, "100 us"))
LONG_TIMES = ((1e6, "1 ms"), (1e7, "10 ms"), (1e8, "100 ms"), (1e9, "1 s"))
LEAST_NS = 0.5  # what was subtracted can leave nothing; a logarithm needs something


def curve(samples: np.ndarray, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """(1 / (1 - share), value) of at most 400 percentiles, closer together towards the tail."""
    ordered = np.sort(samples) / scale
    count = len(ordered)
    rows = np.unique(np.clip(np.rint(count * (1 - np.geomspace(1, 0.5 / count, 400))), 0, count - 1).astype(int))
    return 1 / (1 - (rows + 0.5) / count), np.maximum(ordered[rows], LEAST_NS)


def plot(results: list[Result], host: dict, path: Path) -> None:
    """Draw results that are measured in ns. A dotted line is the curve's reference, a ring its goal."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(11, 6.5))
    longest = 1.0
    for result in results:
        odds, values = curve(result.samples, result.scale)
        color = axes.plot(odds, values, linewidth=1.6)[0].get_color()
        at = result.percentiles()
        label = f"{result.name}   {at['p50']:,.3g} / {at['p99']:,.3g} ns"
        axes.lines[-1].set_label(label)
        axes.axhline(result.reference, linestyle=":", linewidth=0.9, color=color)
        for odds_at, limit in ((2, result.limit_p50), (100, result.limit_p99)):
            if limit is not None:
                axes.plot([odds_at], [limit], "o", markerfacecolor="none", markersize=9, color=color)
        longest = max(longest, float(odds[-1]), 200.0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = [(odds, text) for odds, text in (*PERCENTILES, *LONG_PERCENTILES) if odds <= 2 * longest]
    axes.set_xticks([odds for odds, _ in ticks], [text for _, text in ticks])
    low, high = axes.get_ylim()
    times = [(ns, text) for ns, text in (*TIMES, *LONG_TIMES) if low <= ns <= high]
    axes.set_yticks([ns for ns, _ in times], [text for _, text in times])
    axes.minorticks_off()
    axes.set_xlabel("percentile of the samples")
    axes.set_title(
        f"{host['cpu']}, {len(host['cores'])} cores{', virtual' if host['virtual'] else ''}, load {host['load']}\n"
        "dotted: the reference of the same run    ring: the goal at p50 or p99",
        fontsize=10,
        loc="left",
    )
    axes.grid(True, which="major", linewidth=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(title="result   p50 / p99", loc="upper left", fontsize=9, frameon=False, alignment="left")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
