"""`quintet journal`: lists, prints, follows, filters and verifies journals of any life of a fabric.

Reads only, but for `prune --apply` (procs/cli/prune.py).
"""

import json
import sys
import time

import numpy as np

from config.errors import ConfigError
from procs.cli.interrupt import Leave
from procs.cli.prune import prune
from procs.cli.text import count, table
from procs.runtime.journals import Place, Source, find, live_epoch
from shm.journal_disk import list_files
from shm.journal_kinds import KIND_NAMES, parts_of, plain
from shm.journal_verify import Verdict, verify

FOLLOW_SECONDS = 0.1
SECOND_NS = 1_000_000_000
USAGE = {"file": "(command line)"}


def run(arguments) -> int:
    """List, print, verify or prune. Exit 0; 1 when a journal is damaged or there is none."""
    if arguments.instance == "prune":
        return prune(arguments)
    if arguments.apply or arguments.days is not None:
        key = "--apply" if arguments.apply else "--days"
        raise ConfigError(**USAGE, key=key, expected="`quintet journal prune`", found="quintet journal")
    places = find(arguments.name, arguments.instance, arguments.epoch)
    live = live_epoch(arguments.name)
    if arguments.verify:
        return verify_all(arguments, places, live)
    if arguments.instance is None:
        return list_all(arguments, places, live)
    place = places[-1]
    with Source(arguments.name, place, live == place.epoch) as source:
        return print_entries(arguments, source)


# --- list and verify --------------------------------------------------------------------------------------------------


def list_all(arguments, places: list[Place], live: int | None) -> int:
    """One line a journal: how many entries, from when to when."""
    rows = []
    for place in places:
        with Source(arguments.name, place, live == place.epoch) as source:
            first, tail = source.first_seq(), source.reader.tail_seq()
            ends = [source.reader.read(sequence, 1) for sequence in (first, tail - 1)] if tail > first else []
            rows.append(
                {
                    "instance": place.instance,
                    "epoch": place.epoch,
                    "live": source.segment is not None,
                    "entries": tail - first,
                    "bytes": sum(path.stat().st_size for _, path in list_files(place.folder)),
                    "first_ns": int(ends[0]["head"]["now_ns"][0]) if ends else 0,
                    "last_ns": int(ends[1]["head"]["now_ns"][0]) if ends else 0,
                }
            )
    if arguments.json:
        print(json.dumps({"name": arguments.name, "journals": rows}))
        return 0
    header = ("journal", "epoch", "", "entries", "MB", "first, logic time", "last")
    lines = [
        (
            row["instance"],
            row["epoch"],
            "live" if row["live"] else "",
            count(row["entries"]),
            f"{row['bytes'] / 1e6:.1f}",
            instant(row["first_ns"])[:19] or "-",
            instant(row["last_ns"])[:19] or "-",
        )
        for row in rows
    ]
    print(table(header, lines))
    return 0


def verify_all(arguments, places: list[Place], live: int | None) -> int:
    """Verify every file of the journals asked for. Exit 1 when one is damaged."""
    verdicts: list[tuple[Place, Verdict]] = []
    for place in places:
        with Source(arguments.name, place, live == place.epoch) as source:
            watermark = source.view.watermark if source.view is not None and source.view.started else 0
        verdicts.append((place, verify(place.folder, watermark)))
    if arguments.json:
        rows = [{"instance": p.instance, "epoch": p.epoch, "sound": not v.problem, **v._asdict()} for p, v in verdicts]
        print(json.dumps({"name": arguments.name, "journals": rows}))
    else:
        for place, verdict in verdicts:
            print(f"{place.instance} {place.epoch}: {sentence(verdict)}")
    return 1 if any(verdict.problem for _, verdict in verdicts) else 0


def sentence(verdict: Verdict) -> str:
    """A verdict in words."""
    if verdict.problem:
        return f"DAMAGED: {verdict.problem}; keep the files for a person"
    held = verdict.tail_seq - verdict.first_seq
    text = f"sound, {count(held)} entries from {verdict.first_seq} on in {verdict.files} file(s)"
    if verdict.torn_bytes:
        text += f", then a torn tail of {count(verdict.torn_bytes)} bytes, which the next start cuts"
    return text


# --- print and follow -------------------------------------------------------------------------------------------------


def print_entries(arguments, source: Source) -> int:
    """Print what passes the filters, oldest first; with --follow go on until Ctrl-C or the fabric's end."""
    chosen = Filter(arguments.kind, arguments.where)
    first, tail = source.first_seq(), source.reader.tail_seq()
    sequence = max(first, tail - arguments.last) if arguments.last is not None else max(first, arguments.start or 0)
    show = as_json if arguments.json else as_text
    leave = Leave() if arguments.follow else None
    while True:
        for chunk in source.reader.chunks(sequence):
            for entry in chunk:
                line = chosen.line(entry, show)
                if line:
                    print(line)
            sequence += len(chunk)
        sys.stdout.flush()
        gone = live_epoch(arguments.name) != source.place.epoch
        if not arguments.follow or leave or gone and sequence >= source.reader.tail_seq():
            return 0
        time.sleep(FOLLOW_SECONDS)


class Filter:
    """--kind and --where: every one of them must hold."""

    def __init__(self, kinds: list[str], where: list[str]):
        known = {name: kind for kind, name in KIND_NAMES.items()}
        for kind in kinds:
            if kind not in known:
                raise ConfigError(**USAGE, key="--kind", expected=", ".join(known), found=kind)
        self.kinds = {known[kind] for kind in kinds}
        self.fields = [self._condition(text) for text in where]

    @staticmethod
    def _condition(text: str) -> tuple[str, str]:
        field, equals, value = text.partition("=")
        if not equals or not field or not value:
            raise ConfigError(**USAGE, key="--where", expected="FIELD=VALUE, as side=buy", found=text)
        return field, value

    def line(self, entry: np.void, show) -> str:
        """What to print of an entry; empty when it does not pass."""
        head = entry["head"]
        if self.kinds and int(head["kind"]) not in self.kinds:
            return ""
        payload = entry["payload"].tobytes()[: int(head["payload_bytes"])]
        parts = {name: plain(name, record) for name, record in parts_of(int(head["kind"]), payload).items()}
        for field, value in self.fields:
            if not any(str(fields.get(field)) == value for fields in parts.values()):
                return ""
        return show(head, parts, payload)


def as_json(head: np.void, parts: dict[str, dict], payload: bytes) -> str:
    """One entry as one JSON object: head, then each record by its name; bytes in hexadecimal where it has none."""
    kind = int(head["kind"])
    row = {"seq": int(head["journal_seq"]) - 1, "kind": KIND_NAMES.get(kind, kind), "epoch": int(head["epoch"])}
    row |= {"now_ns": int(head["now_ns"]), "stamp_ns": int(head["stamp_ns"])}
    return json.dumps(row | (parts or {"payload": payload.hex()}))


def as_text(head: np.void, parts: dict[str, dict], payload: bytes) -> str:
    """One entry as one line: sequence, logic time, kind; codes, then numbers that are not zero, without stamps."""
    words = [
        f"{field}={value}" for fields in parts.values() for field, value in fields.items() if telling(field, value)
    ]
    words.sort(key=lambda word: word.split("=")[1].lstrip("-").isdigit())
    kind = KIND_NAMES.get(int(head["kind"]), int(head["kind"]))
    text = " ".join(words) if parts else payload.hex()
    return f"{int(head['journal_seq']) - 1:>9}  {instant(int(head['now_ns']))}  {kind:<11}  {text}"


def telling(field: str, value: int | str) -> bool:
    """Whether a field belongs on the line of an entry."""
    if field in ("instrument_id", "strategy_id"):
        return True
    return value not in (0, "") and not field.endswith("stamp_ns") and field not in ("ring_seq", "now_ns")


def instant(utc_ns: int) -> str:
    """Logic time, UTC, to the microsecond; empty when there is none."""
    if utc_ns <= 0:
        return ""
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(utc_ns // SECOND_NS))
    return f"{text}.{utc_ns % SECOND_NS // 1000:06d}"
