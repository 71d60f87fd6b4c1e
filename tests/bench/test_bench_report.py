"""The report: every figure, ratio, goal and host fact of a run is on the page, which is well-formed and self-contained."""

import json
import math
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from bench.__main__ import BENCHMARKS, arguments_of, outcomes_of
from bench.host import host_facts
from bench.report import Outcome, number, page_of, write_report
from bench.report_plot import HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, percentile_plot, time_text
from bench.result import Result

ROOT = Path(__file__).resolve().parents[2]
VOID = {"meta", "br"}  # elements of HTML that are never closed
BEGAN = datetime(2026, 3, 5, 14, 7, 9, tzinfo=UTC)
SEED = 11


class Page(HTMLParser):
    """Checks that elements close in order; collects the text, the cells of every table row, links and places."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.rows, self.words, self.links, self.ids, self.outside = [], [], [], [], [], []
        self.plots = [text[at : text.index("</svg>", at) + 6] for at in range(len(text)) if text.startswith("<svg", at)]
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.outside += [given[name] for name in ("src", "data", "srcset") if name in given]
        self.outside += [given["href"]] if tag in ("link", "use", "image") else []
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        if "style" in self.open:
            self.outside += ["style"] if "url(" in data or "@import" in data else []
            return
        self.words.append(data)
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data

    def row(self, first: str) -> list[str]:
        """Cells of the row that starts with `first`."""
        return next(cells for cells in self.rows if cells and cells[0] == first)

    def text(self) -> str:
        return " ".join(self.words)


def sampled(name="hop", **fields) -> Result:
    rng = np.random.default_rng(SEED)
    samples = rng.lognormal(5, 0.4, 20_000).astype(np.int64) + 1
    given = {"reference": 100.0, "reference_is": "raw <machine> & co", "goal": "p50 at most 200 ns", "limit_p50": 200}
    given |= {"question": "How long?", "unit": "ns", "value": None, "notes": ('core 1; 20,000 "samples"',)} | fields
    return Result(name=name, samples=samples, **given)


def throughput(value=2.5e8) -> Result:
    words = {"reference_is": "by hand", "goal": "at least 1,000 M records/s", "value_min": 1e9}
    return Result("carry", "How many?", "records/s", None, value, 3e8, **words)


def outcome(name, *results, error="") -> Outcome:
    return Outcome(name, f"What of {name}?", "Measured <so>.\n\nAnd so.", results, error, 1.25, 0.5)


def read(*outcomes, smoke=False, host=None) -> Page:
    return Page(page_of(list(outcomes), host or host_facts(), BEGAN, smoke))


def test_every_figure_ratio_and_verdict_is_in_the_table():
    result, met = sampled(), sampled("fast", limit_p50=10_000, ratio_max=10.0)
    missed = sampled("slow", limit_p50=1.0)
    page = read(outcome("hop", result, met), outcome("slow", missed), outcome("carry", throughput()))
    for found in (result, met, missed):
        cells = page.row(found.name)
        assert cells[1:5] == [number(value) for value in found.percentiles().values()]
        assert cells[5:] == ["100", "ns", f"{found.ratio():.3f} x", "met" if found.met() else "missed", found.goal]
    assert page.row("slow")[-2] == "missed" and page.row("fast")[-2] == "met"
    assert page.row("carry")[1:] == [
        *("250.0 M", "", "", "", "300.0 M", "records/s", "0.833 x", "missed", "at least 1,000 M records/s")
    ]
    assert "4 results" in page.text() and page.text().count("failed") == 0


def test_questions_references_notes_methods_and_the_date_are_on_the_page():
    page = read(outcome("hop", sampled()))
    for words in ("What of hop?", "raw <machine> & co", 'core 1; 20,000 "samples"', "Measured <so>.", "20,000 samples"):
        assert words in page.text(), words
    assert "2026-03-05 14:07:09 UTC" in page.text()


def test_every_host_fact_is_on_the_page_and_nothing_is_loaded_from_elsewhere():
    host = host_facts()
    page = read(outcome("hop", sampled()), host=host)
    shown = [cells for cells in page.rows if len(cells) == 2]
    assert len(shown) == len(host)
    assert page.row("CPU")[1] == host["cpu"] and page.row("caches of a core")[1] == host["caches"]
    assert page.row("load at the start")[1] == str(host["load"]) and page.row("numba")[1] == host["numba"]
    assert page.row("commit")[1] == host["commit"] and host["commit"] in page.text()
    assert page.outside == []


def test_links_lead_to_a_chapter_of_the_page():
    page = read(outcome("hop", sampled("a"), sampled("b")), outcome("carry", error="RuntimeError: no <core>"))
    assert page.links == ["#hop", "#hop", "#carry"]
    assert set(page.ids) == {"hop", "carry"}


def test_only_a_run_at_smoke_size_says_so():
    assert "Smoke size" in read(outcome("hop", sampled()), smoke=True).text()
    assert "Smoke size" not in read(outcome("hop", sampled())).text()


def test_a_benchmark_that_failed_is_on_the_page_with_its_sentence():
    page = read(outcome("hop", sampled()), outcome("carry", error="RuntimeError: lost <2> records"))
    assert page.row("carry") == ["carry", "RuntimeError: lost <2> records", "failed", ""]
    assert "1 failed" in page.text() and page.text().count("RuntimeError: lost <2> records") == 2


def test_plots_are_well_formed_and_draw_inside_their_frame():
    curves = [sampled("a"), sampled("b", reference=1e9, ratio_max=1.05), sampled("c", reference=0.5, limit_p99=1e7)]
    page = read(outcome("hop", *curves), outcome("carry", throughput()))
    assert len(page.plots) == 2
    for text in page.plots:
        svg = ElementTree.fromstring(text)
        _, _, wide, high = map(float, svg.get("viewBox").split())
        for element in svg.iter():
            for name, most in (("x", wide), ("x1", wide), ("x2", wide), ("cx", wide), ("y", high), ("cy", high)):
                assert 0 <= float(element.get(name, 0)) <= most, (element.tag, element.attrib)
    lines = ElementTree.fromstring(page.plots[0]).findall("{*}polyline")
    assert len(lines) == 3
    for line in lines:
        points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
        assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT for x, y in points)
        assert points == sorted(points, key=lambda point: (point[0], -point[1])), "percentiles only grow"
    assert page.plots[0].count("goal of a") == 1 and page.plots[0].count("goal of b") == 2


@pytest.mark.parametrize("samples", [[7], [7, 7, 7], [0, 0, 5], [1, 10**10]])
def test_a_plot_of_few_equal_zero_or_far_apart_samples_is_drawn(samples):
    result = sampled()._replace(samples=np.array(samples), reference=0.0, limit_p50=None)
    text = percentile_plot([result])
    assert "nan" not in text and "inf" not in text
    assert ElementTree.fromstring(text).find("{*}polyline") is not None


def test_an_axis_has_round_ticks_inside_and_keeps_what_is_outside_on_its_edge():
    axis = Axis(3.0, 700.0, 0.0, 100.0)
    assert axis.ticks() == [5, 10, 20, 50, 100, 200, 500]
    assert axis.at(3.0) == axis.at(1.0) == 0.0 and math.isclose(axis.at(10_000), 100.0)
    assert Axis(0.5, 2e9, 0.0, 1.0).ticks() == [10.0**decade for decade in range(10)]


@pytest.mark.parametrize(
    ("ns", "text"), [(0.5, "0.5 ns"), (174, "174 ns"), (18_000, "18 µs"), (1.25e6, "1.25 ms"), (3e9, "3 s")]
)
def test_times_have_the_unit_that_fits(ns, text):
    assert time_text(ns) == text


def test_the_json_twin_holds_the_same_figures(tmp_path):
    result = sampled()
    outcomes, host = [outcome("hop", result), outcome("carry", error="RuntimeError: x")], host_facts()
    page = write_report(outcomes, host, BEGAN, True, tmp_path)
    assert page == tmp_path / "report.html"
    told = json.loads((tmp_path / "report.json").read_text())
    assert (told["date"], told["smoke"], told["host"]) == ("2026-03-05T14:07:09+00:00", True, host)
    hop, carry = told["benchmarks"]
    assert hop["results"][0]["p99"] == result.percentiles()["p99"] and hop["results"][0]["met"] is result.met()
    assert (carry["results"], carry["error"]) == ([], "RuntimeError: x")


def test_report_without_a_name_means_every_benchmark():
    assert arguments_of(["--report"]).names == arguments_of(["all"]).names == list(BENCHMARKS)
    assert arguments_of(["--report", "latest"]).names == ["latest"]
    assert arguments_of([]).names == []


def test_a_benchmark_that_raises_is_an_outcome_only_where_a_report_is_written(monkeypatch):
    import bench.latest

    def fail(smoke):
        raise RuntimeError("lost 2 records")

    monkeypatch.setattr(bench.latest, "run", fail)
    (found,) = outcomes_of(["latest"], True, True)
    assert (found.name, found.results, found.error) == ("latest", (), "RuntimeError: lost 2 records")
    assert found.question == bench.latest.QUESTION and found.method == bench.latest.__doc__.strip()
    with pytest.raises(RuntimeError, match="lost 2 records"):
        list(outcomes_of(["latest"], True, False))


def test_a_real_run_at_smoke_size_writes_page_and_twin(tmp_path):
    words = ["latest", "histogram_span", "--report", "--smoke", "--out", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "report.html") in done.stderr
    page = Page((tmp_path / "report.html").read_text())
    told = json.loads((tmp_path / "report.json").read_text())
    results = [result for each in told["benchmarks"] for result in each["results"]]
    assert [result["name"] for result in results] == ["latest_read", "latest_write", "histogram_span"]
    for result in results:
        keys = ("p50", "p99", "p99_9", "max")
        assert page.row(result["name"])[1:5] == [number(result[key]) for key in keys]
    assert len(page.plots) == 2
