"""Plain text for terminals: aligned tables, durations, money."""

import time


def table(header: tuple[str, ...], rows: list[tuple], left: int = 1, right_until: int | None = None) -> str:
    """Aligned columns; the first `left` are left-aligned, those up to `right_until` (None: all) right-aligned."""
    cells = [tuple(str(cell) for cell in row) for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        words = [
            cell.rjust(w) if left <= k < (right_until or len(row)) else cell.ljust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(words).rstrip())
    return "\n".join(lines)


def duration(ns: int) -> str:
    """A latency with three digits: 950 ns, 1.23 us, 45.6 ms, 7.89 s."""
    value = float(ns)
    for unit, scale in (("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)):
        if abs(value) < scale * 999.5 or unit == "s":
            number = value / scale
            digits = 0 if unit == "ns" or abs(number) >= 99.95 else 1 if abs(number) >= 9.995 else 2
            return f"{number:.{digits}f} {unit}"


def age(ns: int | None) -> str:
    """How long ago, to the second from ten seconds on: 3.21 ms, 42 s, 3:07, 5:03:07; "-" for never."""
    if ns is None or ns < 10_000_000_000:
        return "-" if ns is None else duration(max(0, ns))
    seconds = ns // 1_000_000_000
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def clock(utc_ns: int) -> str:
    """Time of day, UTC; "-" when there is none."""
    return time.strftime("%H:%M:%S", time.gmtime(utc_ns // 1_000_000_000)) + "Z" if utc_ns > 0 else "-"


DECIMALS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3}  # ISO 4217; all others 2


def money(micro: int, currency: str = "") -> str:
    """Micro-units as units with the currency's decimals and thousands separators, rounded half away from zero."""
    decimals = DECIMALS.get(currency, 2)
    step = 10 ** (6 - decimals)
    minor = (abs(micro) + step // 2) // step
    whole, part = divmod(minor, 10**decimals)
    return f"{'-' if micro < 0 and minor else ''}{whole:,}{f'.{part:0{decimals}d}' if decimals else ''}"


def signed(units: float) -> str:
    """Money that adds to something: +1.50, -0.25, 0.00."""
    text = f"{units:+,.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def count(value: int) -> str:
    """An integer with thousands separators."""
    return f"{value:,}"


def rate(per_second: float) -> str:
    """Events a second."""
    return f"{per_second:,.0f}/s"
