"""Returns: a file of past daily returns, one column an underlying, for value at risk by historical simulation."""

import csv
import math
from pathlib import Path

from config.errors import ConfigError

ROWS_MIN = 20


def read_returns(path: Path, symbols: list[str]) -> dict[str, list[float]]:
    """{symbol: returns, oldest first} of a CSV file whose first line names symbols, a column each.

    A return is price over price before, less one. Columns may be fewer than `symbols`; the rows of all are of the same
    days. Raises ConfigError with the line.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, "(file)", "a readable CSV file of returns", str(error)) from None
    names = [name.strip() for name in lines[0]] if lines else []
    for name in names or [""]:
        if name not in symbols or names.count(name) > 1:
            expected = "a first line of underlyings of instruments.toml, each once"
            raise ConfigError(path, "line 1", expected, repr(name))
    if len(lines) <= ROWS_MIN:
        raise ConfigError(path, "(file)", f"at least {ROWS_MIN} lines of returns", str(len(lines) - 1))
    found: dict[str, list[float]] = {name: [] for name in names}
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(names):
            raise ConfigError(path, f"line {number}", f"{len(names)} values", str(len(line)))
        for name, text in zip(names, line, strict=True):
            found[name].append(_value(path, number, name, text))
    return found


def _value(path: Path, number: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -1 < value <= 10:
        raise ConfigError(path, f"line {number}, {name}", "a return above -1, at most 10", repr(text))
    return value
