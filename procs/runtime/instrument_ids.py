"""Instrument ids: which symbol has which instrument_id, for good. One number space a state folder. No numba.

```
quintet instruments 1
0 QNTA
1 QNTB
end 2 9f2c01ab         number of symbols, CRC-32 of every line before this one
```

A symbol gets the next free id when it is first seen, configured symbols before those that only a day's directory
names, and keeps it on all days, whatever the order in instruments.toml; the file is only ever extended. It is written
whole beside the old one, synced, and renamed over it: a crash leaves one or the other. A file that was cut, edited by
halves or names a symbol twice is refused: wrong ids would put one instrument's position under another's name.
"""

import contextlib
import fcntl
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import structs

from config.instruments import in_rows
from config.load import Config
from shm.errors import Fatal

IDS_FILE = "instruments.ids"
LOCK_FILE = "instruments.lock"
HEAD = "quintet instruments 1"
IDS_MAX = 1 << 18  # a market lists some 11,000; delisted symbols keep their ids
SYMBOL = re.compile(r"[!-~]{1,8}")
LINE = re.compile(r"(0|[1-9][0-9]{0,5}) ([!-~]{1,8})")
END = re.compile(r"end (0|[1-9][0-9]*) ([0-9a-f]{8})")
DO = "restore it from a copy; never write ids by hand"


class InstrumentIdsDamaged(Fatal):
    """The file of instrument ids exists and cannot be trusted."""


class InstrumentIdsFull(Fatal):
    """There are more symbols than ids."""


class SymbolRefused(Fatal):
    """A symbol that the venue's wire cannot carry."""


def read_ids(path: Path) -> dict[str, int]:
    """{symbol: instrument_id}; empty where there is no file yet. Raises InstrumentIdsDamaged."""
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        return {}

    def damaged(where: str, expected: str, found: object) -> InstrumentIdsDamaged:
        return InstrumentIdsDamaged(where=f"{path}{where}", expected=expected, found=found, do=DO)

    lines = raw.decode("ascii", errors="replace").split("\n")
    if lines[0] != HEAD:
        raise damaged(" line 1", f"`{HEAD}`", repr(lines[0][:40]))
    end = END.fullmatch(lines[-2]) if len(lines) > 2 and lines[-1] == "" else None
    if end is None:
        raise damaged("", "a last line `end COUNT CRC`", f"{len(raw)} bytes without it")
    crc = f"{zlib.crc32(raw[: -len(lines[-2]) - 1]):08x}"
    if end[2] != crc or int(end[1]) != len(lines) - 3:
        raise damaged(f" line {len(lines) - 1}", f"end {len(lines) - 3} {crc}", lines[-2])
    ids: dict[str, int] = {}
    for row, line in enumerate(lines[1:-2]):
        held = LINE.fullmatch(line)
        if held is None or int(held[1]) != row or row >= IDS_MAX:
            raise damaged(f" line {row + 2}", f"`{row} SYMBOL`, ids below {IDS_MAX}", repr(line[:40]))
        if held[2] in ids:
            raise damaged(f" line {row + 2}", "every symbol once", f"{held[2]} again, which has id {ids[held[2]]}")
        ids[held[2]] = row
    return ids


def extend_ids(folder: Path, symbols: Iterable[str]) -> dict[str, int]:
    """Give every symbol that has none the next id, durably; returns all. Waits for another process that does the same.

    Raises InstrumentIdsDamaged, InstrumentIdsFull, SymbolRefused; then nothing was changed. Cost: three syncs if new.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / LOCK_FILE):
        ids = read_ids(folder / IDS_FILE)
        known = len(ids)
        for symbol in symbols:
            if not SYMBOL.fullmatch(symbol):
                expected = "a symbol of 1 to 8 printable ASCII characters"
                raise SymbolRefused(where="instrument", expected=expected, found=repr(symbol), do="correct its source")
            ids.setdefault(symbol, len(ids))
        if len(ids) > IDS_MAX:
            raise InstrumentIdsFull(
                where=str(folder / IDS_FILE),
                expected=f"at most {IDS_MAX} symbols",
                found=len(ids),
                do="begin a new state folder with the symbols that still trade",
            )
        if len(ids) > known:
            _write(folder, ids)
    return ids


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(folder: Path, ids: dict[str, int]) -> None:
    """Replace the file durably: write, fsync, rename, fsync of the folder."""
    body = "".join([HEAD, "\n", *(f"{row} {symbol}\n" for symbol, row in ids.items())])
    partial = folder / (IDS_FILE + ".partial")
    with open(partial, "w", encoding="ascii") as file:
        file.write(f"{body}end {len(ids)} {zlib.crc32(body.encode()):08x}\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, folder / IDS_FILE)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def number_instruments(config: Config, folder: Path, listed: tuple[str, ...] = ()) -> Config:
    """`config` with its instruments in the rows of their permanent ids, and rows for the symbols in `listed`.

    Further known symbols get the rows that the host's `instruments_max` leaves. Caller: the fabric step.
    """
    configured = {instrument.symbol: instrument for instrument in config.instruments if instrument.configured}
    ids = extend_ids(folder, (*configured, *listed))
    needed = max((ids[symbol] for symbol in (*configured, *listed)), default=-1) + 1
    rows = max(needed, min(config.host.instruments_max, len(ids)))
    by_row = {ids[symbol]: instrument for symbol, instrument in configured.items()}
    symbols = {row: symbol for symbol, row in ids.items()}
    return structs.replace(config, instruments=in_rows(by_row, symbols, rows))
