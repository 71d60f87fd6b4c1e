"""`quintet journal` on a fabric without processes, whose order_sender journal this test writes."""

import ctypes
import json
import re

import numpy as np
import pytest

from config.load import load
from procs.runtime.fabric import Fabric
from procs.runtime.paths import state_folder
from procs.runtime.wiring import Wiring
from shm.codes import JOURNAL_REPORT, JOURNAL_SESSION, REPORT_ACCEPTED, REPORT_EXECUTED, SIDE_BUY, SIDE_SELL
from shm.counters import JOURNAL_COPIED, JOURNAL_FREE_BYTES, JOURNAL_LAG_BYTES, JOURNAL_LOW_SPACE
from shm.journal import journal_claim, journal_commit
from shm.journal_disk import list_files
from shm.journal_kinds import KIND_NAMES, PAYLOADS
from shm.records.report import REPORT
from shm.records.session_entry import SESSION_ENTRY, SESSION_LOGGED_IN
from tests.support.cli import ROOT, call, quintet_started, wait_until

pytestmark = pytest.mark.usefixtures("folders")
LOGIC_NS = 1_703_462_400_000_000_000  # 2023-12-25 00:00:00 UTC


class Writer:
    """The end of order_sender in a living fabric."""

    def __init__(self, name: str):
        self.fabric = Fabric(load(name))
        self.wiring = Wiring(name, "order_sender")
        self.end = self.wiring.journal()
        self.closed = False

    def append(self, kind: int, record: np.ndarray) -> None:
        payload = record.tobytes()
        address = journal_claim(self.end[0])
        assert address
        ctypes.memmove(address, payload, len(payload))
        sequence = int(self.end[0]["next_seq"])
        assert journal_commit(self.end[0], kind, len(payload), 0, LOGIC_NS + sequence * 1000) == sequence

    def reports(self, count: int, first: int = 0) -> None:
        """Accepted and executed by turns; buys on even, sells on odd."""
        for seq in range(first, first + count):
            report = np.zeros(1, REPORT)
            report["report_seq"], report["order_id"], report["price_ticks"] = seq + 1, 100 + seq, 1_000_000
            report["kind"] = REPORT_EXECUTED if seq % 2 else REPORT_ACCEPTED
            report["side"] = SIDE_SELL if seq % 2 else SIDE_BUY
            report["qty_lots"] = 7
            self.append(JOURNAL_REPORT, report)

    def on_disk(self) -> bool:
        return wait_until(lambda: self.wiring._background.copier.view.watermark == self.end[0]["next_seq"])

    def close(self) -> None:
        """The writer leaves; the files stay, the memory goes."""
        if not self.closed:
            self.closed = True
            self.wiring.close_background()
            self.wiring.detach()
            self.fabric.destroy()


@pytest.fixture
def writer(name):
    """A live journal with one session entry and ten reports."""
    made = Writer(name)
    login = np.zeros(1, SESSION_ENTRY)
    login["kind"], login["venue_session"] = SESSION_LOGGED_IN, b"SESSION001"
    made.append(JOURNAL_SESSION, login)
    made.reports(10)
    yield made
    made.close()


def test_the_list_names_every_journal_with_its_extent(writer, name):
    answer = call("journal", "--name", name)
    assert answer.code == 0
    assert re.search(r"order_sender +\d+ +live +11 +[\d.]+ +2023-12-25 00:00:00 +2023-12-25 00:00:00", answer.out)
    (row,) = call("journal", "--name", name, "--json").json()["journals"]
    assert (row["instance"], row["entries"], row["live"]) == ("order_sender", 11, True)
    assert row["last_ns"] == LOGIC_NS + 10_000


def test_an_entry_is_one_line_with_its_codes_by_name(writer, name):
    lines = call("journal", "order_sender", "--name", name).out.splitlines()
    assert len(lines) == 11
    assert re.match(r" +0  2023-12-25 00:00:00.000000  session +kind=logged_in venue_session=SESSION001$", lines[0])
    assert re.match(
        r" +2  2023-12-25 00:00:00.000002  report +kind=executed side=sell report_seq=2 .*qty_lots=7", lines[2]
    )


def test_json_has_every_field_and_numbers_as_numbers(writer, name):
    row = json.loads(call("journal", "order_sender", "--from", "2", "--json", "--name", name).out.splitlines()[0])
    assert (row["seq"], row["kind"], row["now_ns"]) == (2, "report", LOGIC_NS + 2000)
    fields = [field for field in REPORT.names if not field.startswith("reserved")]
    assert list(row["report"]) == fields
    assert row["report"]["kind"] == "executed" and row["report"]["price_ticks"] == 1_000_000


FILTERS = """
--kind session                          : 0
--kind report --where side=sell         : 2 4 6 8 10
--where kind=accepted --where order_id=104 : 5
--where order_id=99                     :
--last 2                                : 9 10
--last 4 --where side=buy               : 7 9
--from 9                                : 9 10
--from 50                               :
"""

MISTAKES = """
--kind fills    : --kind: expected order_sent, report
--where side    : --where: expected FIELD=VALUE
--where =3      : --where: expected FIELD=VALUE
"""


def test_filters_choose(writer, name):
    for line in FILTERS.strip().splitlines():
        words, _, found = line.rpartition(":")
        answer = call("journal", "order_sender", "--name", name, "--json", *words.split())
        assert answer.code == 0, words
        assert [json.loads(row)["seq"] for row in answer.out.splitlines()] == [int(seq) for seq in found.split()], words


def test_a_filter_that_cannot_mean_anything_exits_2_and_says_what_it_may_be(writer, name):
    for line in MISTAKES.strip().splitlines():
        words, _, sentence = line.partition(" : ")
        answer = call("journal", "order_sender", "--name", name, *words.split())
        assert answer.code == 2 and sentence.strip() in answer.err and answer.out == "", words


def test_a_journal_that_is_not_there_is_one_sentence_with_what_there_is(writer, name):
    answer = call("journal", "sender", "--name", name)
    assert answer.code == 1 and "expected a journal of sender, found order_sender" in answer.err
    answer = call("journal", "--epoch", "7", "--name", name)
    assert answer.code == 1 and "in epoch 7" in answer.err
    answer = call("journal", "--name", name + "x")
    assert answer.code == 1 and "found none" in answer.err


def test_follow_prints_what_is_appended_and_ends_with_the_fabric(writer, name):
    child = quintet_started("journal", "order_sender", "--follow", "--json", "--last", "1", "--name", name)
    first = json.loads(child.stdout.readline())
    assert first["seq"] == 10
    writer.reports(3, first=10)
    assert [json.loads(child.stdout.readline())["seq"] for _ in range(3)] == [11, 12, 13]
    writer.close()
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (0, "", "")


def test_after_the_fabric_is_gone_the_files_say_the_same(writer, name):
    before = call("journal", "order_sender", "--name", name).out
    assert writer.on_disk()
    writer.close()
    assert call("journal", "order_sender", "--name", name).out == before
    assert "live" not in call("journal", "--name", name).out


def test_verify_passes_on_sound_journals_and_exits_1_on_damage(writer, name):
    assert writer.on_disk()
    answer = call("journal", "--verify", "--name", name)
    assert answer.code == 0 and re.search(r"order_sender \d+: sound, 11 entries from 0 on in 1 file", answer.out)
    writer.close()
    (folder,) = (state_folder(name) / "journal").glob("*/order_sender")
    ((_, path),) = list_files(folder)
    content = bytearray(path.read_bytes())
    content[512 + 3 * 320 + 70] ^= 1
    path.write_bytes(content)
    answer = call("journal", "order_sender", "--verify", "--name", name)
    assert answer.code == 1 and "DAMAGED" in answer.out and "entry 3 is not valid" in answer.out
    (row,) = call("journal", "--verify", "--json", "--name", name).json()["journals"]
    assert row["sound"] is False and "entry 3" in row["problem"]


def test_every_kind_of_entry_that_a_role_writes_has_a_payload_in_the_table():
    written = set()
    for path in sorted((ROOT / "procs").rglob("*.py")):
        written |= set(re.findall(r"\bJOURNAL_[A-Z_]+\b", path.read_text()))
    kinds = {f"JOURNAL_{name.upper()}": kind for kind, name in KIND_NAMES.items()}
    used = {kinds[name] for name in written if name in kinds}
    assert used and used <= set(PAYLOADS), [name for name in written if kinds.get(name) not in PAYLOADS]


def test_the_control_thread_counts_what_the_copier_did_and_alarms_when_the_disk_fills(writer, monkeypatch):
    words = writer.wiring._counters
    assert writer.on_disk()
    writer.wiring.watch_journal(1e9)
    assert words[JOURNAL_COPIED] == 11 and words[JOURNAL_LAG_BYTES] == 0
    assert words[JOURNAL_FREE_BYTES] > 0 and words[JOURNAL_LOW_SPACE] == 0
    disk = writer.wiring._background.copier.disk
    monkeypatch.setattr(disk, "free_bytes", lambda: 2 * disk.file_entries * disk.entry_bytes - 1)
    writer.wiring.watch_journal(2e9)
    assert words[JOURNAL_LOW_SPACE] == 1
    assert "journal_low_space" in call("status", "--name", writer.wiring.config.name).out
