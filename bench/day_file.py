"""`python -m bench.day_file --messages N --instruments M --out FILE.itch[.gz]`: write a generated Nasdaq day.

```
04:00  S start of messages, S start of system hours, R of every instrument, H of every instrument
       a tenth of what moves books
09:30  S start of market hours, Q of every instrument
       nine tenths
16:00  S end of market hours, Q of every instrument, S end of system hours, S end of messages
```

Framing and messages are those of Nasdaq's public files (two bytes of length before each message); books move by A, F,
E, C, X, D, U and P (bench/itch_day.py). The same arguments give the same bytes. QNTA to QNTD, which the shipped
configuration trades, are the first four instruments unless `--strangers` leaves them out.
"""

import argparse
import gzip
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.itch_day import BLOCK_BYTES_MAX, Market, fill_run, open_market
from procs.wire.big_endian import write_u16
from procs.wire.itch.encode_all import encode_itch_all
from procs.wire.itch.event import (
    ITCH_CROSS,
    ITCH_DIRECTORY,
    ITCH_EVENT_END_OF_MARKET_HOURS,
    ITCH_EVENT_END_OF_MESSAGES,
    ITCH_EVENT_END_OF_SYSTEM_HOURS,
    ITCH_EVENT_START_OF_MARKET_HOURS,
    ITCH_EVENT_START_OF_MESSAGES,
    ITCH_EVENT_START_OF_SYSTEM_HOURS,
    ITCH_SYSTEM,
    ITCH_TRADING_ACTION,
)
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES
from shm.codes import TRADING_OPEN

SEED = 20191230
TRADED = ["QNTA", "QNTB", "QNTC", "QNTD"]
HOUR_NS = 3_600_000_000_000
SYSTEM_NS, OPEN_NS, CLOSE_NS, END_NS = 4 * HOUR_NS, 19 * HOUR_NS // 2, 16 * HOUR_NS, 20 * HOUR_NS
CHUNK_MESSAGES = 200_000
LIVE_MAX = 200_000  # what a development machine's books hold
EARLY = 10  # one in so many messages comes before the opening


class Day(NamedTuple):
    """What was written."""

    messages: int
    bytes: int
    live: int  # orders in the books at its end


class DayWriter:
    """One day on its way to a file."""

    def __init__(self, market: Market, file):
        self.market, self.file = market, file
        self.event = market.event[0]
        self.buf = np.zeros(CHUNK_MESSAGES * BLOCK_BYTES_MAX, np.uint8)
        self.messages = self.bytes = 0

    def put(self, messages: int, size: int) -> None:
        """Write the first `size` bytes of the buffer."""
        self.file.write(self.buf[:size].data)
        self.messages += messages
        self.bytes += size

    def say(self, kind: int, instruments=(-1,), **fields) -> None:
        """One message of `kind` for each instrument; -1 is the whole market."""
        self.event["kind"] = kind
        for name, value in fields.items():
            self.event[name] = value
        at = 0
        for instrument in instruments:
            self.event["locate"] = instrument + 1
            self.event["symbol"] = self.market.symbols[instrument]["word"] if instrument >= 0 else 0
            size = int(encode_itch_all(self.buf, at + MOLD_BLOCK_HEAD_BYTES, self.event))
            if size <= 0:
                raise RuntimeError(f"day_file: a message {chr(kind)} that cannot be encoded, code {size}")
            write_u16(self.buf, at, size)
            at += MOLD_BLOCK_HEAD_BYTES + size
        self.put(len(instruments), at)

    def trade(self, messages: int, until_ns: int) -> None:
        """That many messages on books, evenly until then."""
        row = self.market.row[0]
        row["gap_ns"] = max(1, (until_ns - int(self.event["venue_ns"])) // (messages + 1))
        while messages > 0:
            now = min(messages, CHUNK_MESSAGES)
            size = int(fill_run(row, self.market.live, self.event, self.buf, now))
            if size < 0:
                raise RuntimeError("day_file: the generator made a message that cannot be encoded")
            self.put(now, size)
            messages -= now
        self.event["venue_ns"] = until_ns


def write_day(
    file, messages: int, instruments: int, *, seed: int = SEED, strangers: bool = False, live_max: int = LIVE_MAX
) -> Day:
    """Write a day of exactly `messages` messages to an open binary file. Raises ValueError when they are too few."""
    frame = 6 + 4 * instruments
    if not 1 <= instruments <= 0xFFFF or messages <= frame:
        raise ValueError(f"day_file: expected more than {frame} messages and 1 to 65535 instruments, found {messages}")
    body = messages - frame
    live_max = max(2, min(live_max, body // 4))
    market = open_market(instruments, live_max, seed, [] if strangers else TRADED[:instruments])
    market.row[0]["every_kind"] = 1
    day = DayWriter(market, file)
    every = range(instruments)
    day.event["venue_ns"] = SYSTEM_NS
    letters = dict(market_category="Q", financial_status="N", round_lots_only="N", issue_classification="C")
    letters |= dict(authenticity="P", short_sale_threshold="N", ipo_flag="N", luld_tier="1", etp_flag="N")
    for field, letter in (letters | {"inverse_indicator": "N"}).items():
        day.event[field] = ord(letter)
    day.say(ITCH_SYSTEM, event_code=ITCH_EVENT_START_OF_MESSAGES)
    day.say(ITCH_SYSTEM, event_code=ITCH_EVENT_START_OF_SYSTEM_HOURS)
    day.say(ITCH_DIRECTORY, every, qty_lots=100, issue_subtype=0x5A20)
    note = int(day.event["note"])
    day.say(ITCH_TRADING_ACTION, every, trading_state=TRADING_OPEN, note=0x20202020)
    day.event["note"] = note
    day.trade(body // EARLY, OPEN_NS)
    day.say(ITCH_SYSTEM, event_code=ITCH_EVENT_START_OF_MARKET_HOURS)
    day.say(ITCH_CROSS, every, qty_lots=0, price_ticks=0, match_number=0, cross_type=ord("O"))
    day.trade(body - body // EARLY, CLOSE_NS)
    day.say(ITCH_SYSTEM, event_code=ITCH_EVENT_END_OF_MARKET_HOURS)
    day.say(ITCH_CROSS, every, qty_lots=0, price_ticks=0, match_number=0, cross_type=ord("C"))
    day.event["venue_ns"] = END_NS
    day.say(ITCH_SYSTEM, event_code=ITCH_EVENT_END_OF_SYSTEM_HOURS)
    day.say(ITCH_SYSTEM, event_code=ITCH_EVENT_END_OF_MESSAGES)
    return Day(day.messages, day.bytes, int(market.row[0]["live"]))


def write_day_file(path: Path, messages: int, instruments: int, **options) -> Day:
    """`write_day` to a file, gzip when its name ends so; it appears whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
                day = write_day(packed, messages, instruments, **options)
        else:
            day = write_day(raw, messages, instruments, **options)
    os.replace(partial, path)
    return day


def main(argv: list[str] | None = None) -> int:
    """Exit 0 when the file was written, 2 when the arguments cannot mean a day."""
    parser = argparse.ArgumentParser(prog="python -m bench.day_file", description="Write a generated ITCH 5.0 day.")
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--instruments", type=int, default=500)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--strangers", action="store_true", help="no instrument that the shipped configuration trades")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="gzip when it ends in .gz")
    given = parser.parse_args(argv)
    begun = time.monotonic()
    try:
        options = {"seed": given.seed, "strangers": given.strangers}
        day = write_day_file(given.out, given.messages, given.instruments, **options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    seconds = time.monotonic() - begun
    print(f"{given.out}: {day.messages:,} messages, {day.bytes:,} bytes, {day.live:,} live orders, {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
