"""`quintet journal`: lists, prints, follows, filters and verifies journals of any life of a fabric. Reads only."""

import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from config.errors import ConfigError
from procs.cli.interrupt import Leave
from procs.cli.text import count, table
from procs.runtime.paths import state_folder
from shm.errors import NoSuchFabric, NoSuchSegment, NotReady, QuintetError
from shm.journal_disk import list_files, read_header
from shm.journal_kinds import KIND_NAMES, parts_of, plain
from shm.journal_reader import JournalReader
from shm.journal_verify import Verdict, verify
from shm.journal_view import JournalView
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import SEGMENT_KIND_JOURNAL
from shm.roster import read_roster
from shm.segment import Segment, attach_segment

FOLLOW_SECONDS = 0.1
SECOND_NS = 1_000_000_000
USAGE = {"file": "(command line)"}


class NoSuchJournal(QuintetError):
    """No journal of that name or epoch on disk."""


class Place(NamedTuple):
    """One journal: an instance in one epoch."""

    instance: str
    epoch: int
    folder: Path


def run(arguments) -> int:
    """List, print or verify. Exit 0; 1 when a journal is damaged or there is none."""
    places = find(arguments.name, arguments.instance, arguments.epoch)
    live = live_epoch(arguments.name)
    if arguments.verify:
        return verify_all(arguments, places, live)
    if arguments.instance is None:
        return list_all(arguments, places, live)
    place = places[-1]
    with Source(arguments.name, place, live == place.epoch) as source:
        return print_entries(arguments, source)


def find(name: str, instance: str | None, epoch: int | None) -> list[Place]:
    """Journals on disk, oldest epoch first. Raises NoSuchJournal when none is as asked."""
    folder = state_folder(name) / "journal"
    epochs = sorted(int(path.name) for path in folder.glob("*") if path.name.isdigit())
    places = [
        Place(path.name, held, path)
        for held in epochs
        if epoch in (None, held)
        for path in sorted((folder / str(held)).iterdir())
        if path.is_dir() and instance in (None, path.name)
    ]
    if not places:
        wanted = f"a journal of {instance or 'any instance'}" + (f" in epoch {epoch}" if epoch is not None else "")
        names = sorted({path.name for held in epochs for path in (folder / str(held)).iterdir() if path.is_dir()})
        held = f"{', '.join(names)} in {len(epochs)} epochs" if names else "none"
        do = "`quintet journal` lists them" if names else "start a fabric of that name, or give --name"
        raise NoSuchJournal(where=str(folder), expected=wanted, found=held, do=do)
    return places


def live_epoch(name: str) -> int | None:
    """Epoch of the fabric that has shared memory now; its journals' newest entries are there."""
    try:
        return read_roster(name).epoch
    except (NoSuchFabric, NotReady):
        return None


class Source:
    """Reader of one journal: its files, and its memory while the fabric has it. A context manager."""

    def __init__(self, name: str, place: Place, live: bool):
        self.place, self.segment = place, memory(name, place) if live else None
        view = view_of(place, self.segment) if self.segment is not None else None
        self.view, self.reader = view, JournalReader(place.folder, view)

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_) -> None:
        self.reader.close()
        if self.segment is not None:
            self.segment.close()

    def first_seq(self) -> int:
        """First sequence that can be read."""
        files = list_files(self.place.folder)
        return files[0][0] if files else 0


def memory(name: str, place: Place) -> Segment | None:
    """The journal's part in shared memory, read-only; None when it was removed in between."""
    try:
        return attach_segment(name, place.epoch, f"journal.{place.instance}", SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY)
    except NoSuchSegment:
        return None


def view_of(place: Place, segment: Segment) -> JournalView | None:
    """The memory as entries; their size is what the first file says. None before there is a file."""
    files = list_files(place.folder)
    if not files:
        return None
    with open(files[0][1], "rb") as file:
        entry_bytes = int(read_header(files[0][1], file.fileno())["entry_bytes"])
    return JournalView(segment.bytes, entry_bytes, segment.capacity)


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
