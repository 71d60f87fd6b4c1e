"""A benchmark's result: percentiles of samples, beside its reference measured in the same run and its goal."""

from typing import NamedTuple

import numpy as np

from shm.inspect import HistogramSeen, histogram_of
from shm.instance import bucket_of
from shm.jit import hot
from shm.records.histogram import HISTOGRAM_BUCKETS


class Result(NamedTuple):
    """`samples` in `unit` (int64), or `value` for a throughput. `reference` is a figure of the raw machine, same unit.

    `limit` and `better` state the goal: "at most" a number of `unit` at `goal_at`, or "at least" a value; `ratio_max`
    bounds p50 / reference where the goal is a ratio. None means that the goal does not bound it.
    """

    name: str
    question: str
    unit: str
    samples: np.ndarray | None
    value: float | None
    reference: float
    reference_is: str
    goal: str
    limit_p50: float | None = None
    limit_p99: float | None = None
    value_min: float | None = None
    ratio_max: float | None = None
    notes: tuple[str, ...] = ()
    scale: int = 1  # samples are integers in units of `unit / scale`

    def percentiles(self) -> dict[str, float]:
        """p50, p99, p99.9 and max, exact order statistics of the samples."""
        ordered = np.sort(self.samples)
        last = len(ordered) - 1
        picked = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999, "max": 1.0}
        return {key: float(ordered[int(np.ceil(share * last))]) / self.scale for key, share in picked.items()}

    def figure(self) -> float:
        """What is compared with the reference: p50, or the value."""
        return self.value if self.samples is None else self.percentiles()["p50"]

    def ratio(self) -> float:
        """Figure over reference; for a throughput too, so that above 1 is more than the reference."""
        return self.figure() / self.reference if self.reference else float("nan")

    def met(self) -> bool:
        """Whether every bound of the goal holds in this run."""
        at = {} if self.samples is None else self.percentiles()
        return (
            (self.limit_p50 is None or at["p50"] <= self.limit_p50)
            and (self.limit_p99 is None or at["p99"] <= self.limit_p99)
            and (self.value_min is None or self.value >= self.value_min)
            and (self.ratio_max is None or self.ratio() <= self.ratio_max)
        )

    def as_json(self, host: dict) -> dict:
        """One object a line of `--json`."""
        figures = {"value": self.value} if self.samples is None else self.percentiles()
        return {
            "name": self.name,
            "question": self.question,
            "unit": self.unit,
            **figures,
            "count": 0 if self.samples is None else len(self.samples),
            "reference": round(self.reference, 3),
            "reference_is": self.reference_is,
            "ratio": round(self.ratio(), 4),
            "goal": self.goal,
            "met": self.met(),
            "notes": list(self.notes),
            "host": host,
        }

    def histogram(self) -> HistogramSeen:
        """The samples as a latency histogram, for `.hgrm`."""
        counts = np.zeros(HISTOGRAM_BUCKETS, np.int64)
        fill_buckets(self.samples, counts)
        return histogram_of(
            self.name, counts, int(self.samples.min()), int(self.samples.max()), int(self.samples.sum())
        )


@hot
def fill_buckets(samples, counts):
    """Count every sample in its bucket."""
    for row in range(samples.shape[0]):
        counts[bucket_of(samples[row])] += 1
