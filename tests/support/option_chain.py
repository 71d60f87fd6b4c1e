"""The SPXW chain of January and February 2018: end-of-day quotes of every strike of one monthly expiry, day by day.

Assumptions, since the vendor's rates are not known: time is calendar days / 365; the forward of a day is the median of
strike + call - put over strikes within 3 % of the index with both sides bid (put-call parity, undiscounted: a month's
discount moves it by less than a tenth of a point); the discount rate is 1.4 %, a month's Treasury bill then.
"""

import csv
import math
from collections import defaultdict
from datetime import date, datetime
from statistics import median
from typing import NamedTuple

from tests.support.data import shared_data

CALL, PUT = 1, -1
RATE = 0.014


class Quote(NamedTuple):
    """One row of the file. vol, delta, gamma, vega, theta as the vendor published them, rounded to four decimals."""

    day: date
    expiry: date
    right: int
    strike: float
    bid: float
    ask: float
    index: float
    volume: int
    vol: float
    delta: float
    vega: float
    theta: float

    @property
    def mid(self) -> float:
        return 0.5 * (self.bid + self.ask)

    @property
    def years(self) -> float:
        """Calendar days / 365."""
        return (self.expiry - self.day).days / 365.0


def _date(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()


def read_chain() -> list[Quote]:
    """All 14,438 quotes, in the order of the file; the header has a byte-order mark and blanks."""
    with open(shared_data("options", "spxw_2018_chain.csv"), encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        names = [name.strip() for name in next(rows)]
        return [_quote(dict(zip(names, row, strict=True))) for row in rows]


def _quote(row: dict) -> Quote:
    return Quote(
        day=_date(row["quotedate"]),
        expiry=_date(row["expiration"]),
        right=CALL if row["type"] == "call" else PUT,
        strike=float(row["strike"]),
        bid=float(row["bid"]),
        ask=float(row["ask"]),
        index=float(row["underlying_last"]),
        volume=int(row["volume"]),
        vol=float(row["impliedvol"]),
        delta=float(row["delta"]),
        vega=float(row["vega"]),
        theta=float(row["theta"]),
    )


def by_day(quotes: list[Quote]) -> dict[tuple[date, date], list[Quote]]:
    """{(day, expiry): its quotes}, days in order."""
    groups = defaultdict(list)
    for quote in quotes:
        groups[quote.day, quote.expiry].append(quote)
    return dict(sorted(groups.items()))


def forward_of(quotes: list[Quote]) -> float:
    """By put-call parity, as above."""
    mids = {(quote.right, quote.strike): quote.mid for quote in quotes if quote.bid > 0}
    near = {quote.strike for quote in quotes if abs(quote.strike / quote.index - 1) < 0.03}
    return median(k + mids[CALL, k] - mids[PUT, k] for k in near if (CALL, k) in mids and (PUT, k) in mids)


def carry_of(quotes: list[Quote]) -> float:
    """Per year, from the forward and the index."""
    return math.log(forward_of(quotes) / quotes[0].index) / quotes[0].years
