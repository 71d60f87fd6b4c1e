"""Journals written straight to disk, as the copiers leave them: scripted ones, and days of random trading.

`Scribe` writes the three journals of one epoch; `Trading` drives it as a machine would, and knows what came of it.
"""

import random
from pathlib import Path

import numpy as np

from config.load import encode, load
from procs.runtime.objects import JOURNAL_PAYLOADS
from procs.runtime.paths import state_folder
from procs.runtime.settled import CONFIGURATION
from shm import codes
from shm.journal_disk import JournalDisk
from shm.journal_kinds import PAYLOADS
from shm.journal_view import _TABLES, entry_crcs, entry_dtype
from shm.records.journal_end import journal_entry_bytes
from shm.records.session_entry import SESSION_LOGGED_IN

LOGIC_NS = 1_703_462_400_000_000_000  # 2023-12-25 00:00:00 UTC
CHAIN = [table.tolist() for table in _TABLES]


def chained(entries: np.ndarray, prev_crc: int) -> int:
    """Fill in prev_crc and crc of every entry; returns the last crc. CRC is linear: only the chain word is a loop."""
    base = entry_crcs(entries).tolist()
    before = []
    for number in base:
        before.append(prev_crc)
        low = prev_crc
        prev_crc = number ^ CHAIN[7][low & 255] ^ CHAIN[6][low >> 8 & 255] ^ CHAIN[5][low >> 16 & 255]
        prev_crc ^= CHAIN[4][low >> 24 & 255]
    entries["head"]["prev_crc"] = before
    entries["head"]["crc"] = entry_crcs(entries)
    return int(entries["head"]["crc"][-1]) if len(entries) else prev_crc


class Scribe:
    """The journals of one epoch of fabric `name`. `write` appends what was noted since the last time."""

    def __init__(self, name: str, epoch: int, configured: bool = True):
        self.name, self.epoch = name, epoch
        self.folder: Path = state_folder(name) / "journal" / str(epoch)
        self.folder.mkdir(parents=True, exist_ok=True)
        if configured:
            (self.folder / CONFIGURATION).write_bytes(encode(load(name)))
        self.noted: dict[str, list[tuple[int, int, bytes]]] = {}
        self.ends: dict[str, tuple[int, int]] = {}  # next sequence, last crc
        self.report_seq = 0
        self.clock_ns = 0

    def note(self, instance: str, entry_kind: int, /, **fields) -> int:
        """Note an entry; `fields` of its records by name, `part__field` where two parts have it. Returns its sequence."""
        self.clock_ns += 1_000
        parts = {part.name: np.zeros(1, part.dtype) for part in PAYLOADS[entry_kind]}
        for key, value in fields.items():
            named, _, field = key.rpartition("__")
            for name, record in parts.items():
                if field in record.dtype.names and named in ("", name):
                    record[field] = value
        for record in parts.values():
            if "now_ns" in record.dtype.names and not record["now_ns"][0]:
                record["now_ns"] = LOGIC_NS + self.clock_ns
        payload = b"".join(record.tobytes() for record in parts.values())
        held = self.noted.setdefault(instance, [])
        held.append((entry_kind, self.clock_ns, payload))
        return self.ends.get(instance, (0, 0))[0] + len(held) - 1

    def order(self, order_id: int, **fields) -> int:
        """order_sender journals an order before its first byte leaves."""
        given = {"kind": codes.INTENT_NEW, "side": codes.SIDE_BUY, "tif": codes.TIF_DAY, "qty_lots": 100}
        given |= {"price_ticks": 1_000_000, "user_ref_num": order_id - 100, "intent_id": order_id + 1000}
        return self.note("order_sender", codes.JOURNAL_ORDER_SENT, order_id=order_id, **(given | fields))

    def cancel(self, order_id: int, **fields) -> int:
        """order_sender journals that a cancel was asked for."""
        given = {"kind": codes.INTENT_CANCEL, "user_ref_num": order_id - 100}
        return self.note("order_sender", codes.JOURNAL_CANCEL_SENT, target_order_id=order_id, **(given | fields))

    def report(self, kind: int, order_id: int, leaves_lots: int = 100, **fields) -> int:
        """order_sender journals a report; returns its report_seq."""
        self.report_seq += 1
        given = {"qty_lots": 100, "price_ticks": 1_000_000, "user_ref_num": order_id - 100, "side": codes.SIDE_BUY}
        given |= {"report_seq": self.report_seq, "intent_id": order_id + 1000}
        given |= {"kind": kind, "order_id": order_id, "leaves_lots": leaves_lots, **fields}
        self.note("order_sender", codes.JOURNAL_REPORT, **given)
        return self.report_seq

    def login(self) -> None:
        """A venue session is logged in."""
        self.note("order_sender", codes.JOURNAL_SESSION, kind=SESSION_LOGGED_IN, venue_session=b"SESSION001")

    def decision(self, **fields) -> int:
        """risk_gate answers an intent."""
        given = {"code": codes.PASS, "kind": codes.INTENT_NEW, "side": codes.SIDE_BUY, "limits_version": 1}
        return self.note(
            "risk_gate", codes.JOURNAL_DECISION, **(given | {"channel_state": codes.CHANNEL_FRESH} | fields)
        )

    def quote(self, intent_id: int, **fields) -> int:
        """A strategy decided on one intent."""
        given = {"bid_price_ticks": 999_900, "bid_qty_lots": 300, "ask_price_ticks": 1_000_100, "ask_qty_lots": 200}
        given |= {"first_intent_id": intent_id, "last_intent_id": intent_id, "venue_seq": self.clock_ns // 1_000}
        return self.note("strategy", codes.JOURNAL_QUOTE, **(given | fields))

    def fill(self, **fields) -> int:
        """position_keeper applies an execution; `position__*` are fields of the row as it is after it."""
        given = {"fill__kind": codes.REPORT_EXECUTED, "fill__liquidity": codes.LIQUIDITY_ADDED}
        return self.note("position_keeper", codes.JOURNAL_FILL, **(given | fields))

    def write(self) -> None:
        """Append everything noted to the files."""
        for instance, held in self.noted.items():
            entry_bytes = journal_entry_bytes(JOURNAL_PAYLOADS[instance.partition(".")[0]])
            entries = np.zeros(len(held), entry_dtype(entry_bytes))
            next_seq, crc = self.ends.get(instance, (0, 0))
            heads = entries["head"]
            heads["journal_seq"] = np.arange(next_seq + 1, next_seq + 1 + len(held))
            heads["kind"] = [kind for kind, _, _ in held]
            heads["payload_bytes"] = [len(payload) for _, _, payload in held]
            heads["stamp_ns"] = [at_ns for _, at_ns, _ in held]
            heads["now_ns"] = [LOGIC_NS + at_ns for _, at_ns, _ in held]
            heads["epoch"] = self.epoch
            room = entry_bytes - 64
            content = b"".join(payload.ljust(room, b"\0") for _, _, payload in held)
            entries["payload"] = np.frombuffer(content, np.uint8).reshape(len(held), room)
            crc = chained(entries, crc)
            disk = JournalDisk(self.folder / instance, entry_bytes)
            disk.recover()
            if next_seq:
                disk.seek(next_seq)
            disk.append(next_seq, entries)
            disk.sync()
            disk.close()
            self.ends[instance] = (next_seq + len(held), crc)
        self.noted = {}


class Trading:
    """Random trading as a machine journals it: orders, replaces, cancels, partial fills, races, rejects."""

    def __init__(self, scribe: Scribe, seed: int, first_order: int = 101):
        self.scribe, self.random = scribe, random.Random(seed)
        self.next_order, self.match = first_order, 0
        self.open: dict[int, dict] = {}
        self.positions: dict[tuple[int, int], int] = {}
        self.executions = 0
        self.orders = 0
        self.rejects = 0

    def turn(self) -> None:
        """One thing happens."""
        chance = self.random.random()
        if chance < 0.08:
            self.scribe.decision(
                code=codes.REJECT_COLLAR_FAR, intent_id=self.next_order + 500_000, limit_value=5, found_value=9
            )
            self.rejects += 1
        elif chance < 0.45 or not self.open:
            self._enter()
        else:
            self._change(self.random.choice(list(self.open)))

    def _enter(self, parent: int = 0) -> None:
        number, self.next_order = self.next_order, self.next_order + 1
        old = self.open.get(parent)
        side = old["side"] if old else self.random.choice((codes.SIDE_BUY, codes.SIDE_SELL))
        held = {
            "side": side,
            "strategy_id": 0,
            "instrument_id": old["instrument_id"] if old else self.random.randrange(2),
        }
        kind = codes.INTENT_REPLACE if parent else codes.INTENT_NEW
        price, qty = 1_000_000 + 100 * self.random.randrange(50), 100 * self.random.randrange(1, 6)
        if old:
            qty += old["cum"]
        shared = {**held, "price_ticks": price, "qty_lots": qty, "intent_id": number + 1000}
        stamp = self.scribe.clock_ns + 10_000
        stamps = {"recv_stamp_ns": stamp - 900, "tick_stamp_ns": stamp - 700, "decide_stamp_ns": stamp - 500}
        stamps["pass_stamp_ns"] = stamp - 300
        self.scribe.quote(number + 1000, instrument_id=held["instrument_id"], microprice_milli=price * 1000 + 7)
        self.scribe.decision(order_id=number, kind=kind, **shared, **stamps)
        self.scribe.order(
            number, kind=kind, target_order_id=parent, publish_stamp_ns=stamp - 100, stamp_ns=stamp, **shared, **stamps
        )
        self.orders += 1
        cum = old["cum"] if old else 0
        row = {**held, "price": price, "leaves": qty - cum, "cum": cum}
        fields = {
            **held,
            "price_ticks": price,
            "qty_lots": qty,
            "send_stamp_ns": stamp + 50,
            "ack_stamp_ns": stamp + 9_000,
        }
        if self.random.random() < 0.05:
            self.scribe.report(codes.REPORT_REJECTED, number, 0, old_order_id=parent, reason=3, **fields)
        elif parent:
            self.scribe.report(
                codes.REPORT_REPLACED,
                number,
                qty - cum,
                cum_lots=cum,
                old_order_id=parent,
                venue_order_ref=number * 7,
                venue_seq=1,
                **fields,
            )
            del self.open[parent]
            self.open[number] = row
        else:
            self.scribe.report(codes.REPORT_ACCEPTED, number, qty, venue_order_ref=number * 7, venue_seq=1, **fields)
            self.open[number] = row

    def _change(self, number: int) -> None:
        row, chance = self.open[number], self.random.random()
        fields = {
            "side": row["side"],
            "instrument_id": row["instrument_id"],
            "venue_order_ref": number * 7,
            "venue_seq": 1,
        }
        if chance < 0.45:
            self._execute(number, row, fields)
        elif chance < 0.75:
            self.scribe.cancel(number)
            if row["leaves"] and self.random.random() < 0.2:
                self._execute(number, row, fields)  # the fill and the cancel cross
            if number in self.open:
                self.scribe.report(
                    codes.REPORT_CANCELED,
                    number,
                    0,
                    qty_lots=row["leaves"],
                    cum_lots=row["cum"],
                    reason=ord("U"),
                    **fields,
                )
                del self.open[number]
        else:
            self._enter(number)

    def _execute(self, number: int, row: dict, fields: dict) -> None:
        lots = self.random.choice((row["leaves"], 100)) if row["leaves"] > 100 else row["leaves"]
        self.match += 1
        self.executions += 1
        row["leaves"] -= lots
        row["cum"] += lots
        seq = self.scribe.report(
            codes.REPORT_EXECUTED,
            number,
            row["leaves"],
            qty_lots=lots,
            cum_lots=row["cum"],
            match_number=self.match,
            price_ticks=row["price"],
            liquidity=codes.LIQUIDITY_ADDED,
            ack_stamp_ns=self.scribe.clock_ns,
            **fields,
        )
        place = (0, row["instrument_id"])
        signed = lots if row["side"] == codes.SIDE_BUY else -lots
        self.positions[place] = self.positions.get(place, 0) + signed
        self.scribe.fill(
            report_seq=seq,
            match_number=self.match,
            order_id=number,
            fill__price_ticks=row["price"],
            fill__qty_lots=lots,
            fill__side=row["side"],
            fee_micro=-20 * lots,
            instrument_id=row["instrument_id"],
            position__position_lots=self.positions[place],
            position__reports_seq=seq,
        )
        if not row["leaves"]:
            del self.open[number]


def dump(connection) -> dict[str, list[tuple]]:
    """Every row of every table of a record, but for the cursors' `ended`: two records with equal dumps say the same."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {}
    for name in sorted(set(names) - {"sqlite_stat1", "sqlite_stat4"}):
        fields = "epoch, instance, next_seq" if name == "cursors" else "*"
        found[name] = sorted(tuple(row) for row in connection.execute(f"SELECT {fields} FROM {name}"))
    return found
