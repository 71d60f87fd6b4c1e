"""A disk that fails under a living machine: HALTED at once, no order afterwards, cancels still leave, nothing is lost.

One machine with its state folder on a small file system of its own. Each journal's copier meets EIO in its next
fdatasync (strace), then the file system is filled up so that the next journal file cannot be made.
"""

import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from msgspec import structs

from procs.runtime.objects import journals_of
from shm.codes import JOURNAL_ORDER_SENT, JOURNAL_REPORT, REPORT_EXECUTED, STATE_ACTIVE, STATE_HALTED
from shm.control_words import operator_resume
from shm.journal_verify import verify
from shm.journal_view import JournalView
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.order import ORDER
from shm.records.report import REPORT
from shm.records.segment_header import SEGMENT_KIND_JOURNAL
from tests.support.system import System, system_config

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]

STATE_BYTES = 24_000_000
HALTED_MS_MAX = 100
FILE_ENTRIES = 256
WRITERS = ("order_sender", "risk_gate", "position_keeper")


def mounted(folder) -> bool:
    """Whether a small file system of its own could be mounted there; it takes root."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={STATE_BYTES}", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, timeout=20).returncode == 0


@pytest.fixture(scope="module")
def state_folder(module_folders):
    folder = module_folders / "state"
    folder.mkdir()
    small = mounted(folder)
    yield folder if small else None
    if small:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


@pytest.fixture(scope="module")
def machine(state_folder):
    config = system_config("disk")
    topology = structs.replace(config.topology, journal_file_entries=FILE_ENTRIES)
    with System(structs.replace(config, topology=topology)) as running:
        yield running


@pytest.fixture
def trading(machine):
    machine.wait(lambda: venue_open(machine) > 0, "orders rest at the venue")
    fills = machine.fills()
    machine.wait(lambda: machine.fills() > fills, "fills")
    return machine


def venue_open(machine) -> int:
    """Open orders in the venue's own ledger."""
    return int(machine.snapshot.ledger()["orders_open"].sum())


def venue_accepted(machine) -> int:
    """Orders that the venue ever accepted, by its own ledger."""
    return int(machine.snapshot.ledger()["orders_accepted"].sum())


def view_of(machine, instance: str) -> JournalView:
    shape = journals_of(machine.config)[instance]
    segment = machine.snapshot.view.segment(shape.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY)
    return JournalView(segment.bytes, journal_entry_bytes(shape.payload_bytes), shape.entries)


def seconds_to_halt(machine, views: dict, seconds: float = 20.0) -> tuple[str, float]:
    """(whose journal said first that a write failed, seconds from its word to HALTED for the firm), spinning."""
    deadline, failed_at, who = time.monotonic() + seconds, 0.0, ""
    while True:
        for instance, view in views.items() if not who else ():
            if view.failed:
                failed_at, who = time.perf_counter(), instance
        if who and machine.fabric.control.effective(0) == STATE_HALTED:
            return who, time.perf_counter() - failed_at
        assert time.monotonic() < deadline, f"failed: {who or 'none'}; {machine.logs()}"


def check_halted(machine, who: str, halted_s: float) -> None:
    """Cancels have left, no order has, and the reason is there to read."""
    print(f"{who}: HALTED {halted_s * 1e3:.3f} ms after its copier's write failed")
    assert halted_s * 1e3 <= HALTED_MS_MAX
    sent = machine.sent()
    machine.wait(lambda: venue_open(machine) == 0, f"every order is cancelled after {who}'s disk failed", 10)
    assert machine.sent() == sent, "an order left after the halt"
    accepted = venue_accepted(machine)
    until = time.monotonic() + 0.3
    machine.wait(lambda: time.monotonic() > until, "a while")
    assert (machine.sent(), venue_accepted(machine), venue_open(machine)) == (sent, accepted, 0)
    assert f"{who}: journal_failed" in machine.snapshot.errors(), machine.snapshot.errors()


def start_again(machine, *instances: str) -> None:
    """Other processes on a sound disk, one after the other; then a person lets the firm trade.

    One whose copier did not fail is left alone once it has caught up: what it appended while the disk was full found
    room, or waited for order_sender's, which goes first.
    """
    for instance in instances:
        view = view_of(machine, instance)
        tail = view.tail()
        machine.wait(
            lambda view=view, tail=tail: view.failed or view.watermark >= tail, f"what {instance}'s copier does"
        )
        if view.failed:
            machine.kill(instance)
    control = machine.fabric.control
    assert control.effective(0) == STATE_HALTED, "a restart alone takes nothing back"
    operator_resume(control, machine.fabric.state_folder, "firm", "the disk is sound again")
    machine.wait(lambda: control.effective(0) == STATE_ACTIVE, "the firm may trade")


@pytest.mark.parametrize("instance", WRITERS)
def test_a_failed_sync_halts_the_firm_and_a_start_on_a_sound_disk_goes_on_with_everything(trading, instance):
    machine = trading
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: it makes fdatasync fail")
    view = view_of(machine, instance)
    pid = machine.fabric.page(instance).pid
    inject = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1"]
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", *inject, "-p", str(pid)], stderr=subprocess.PIPE
    )
    try:
        who, halted_s = seconds_to_halt(machine, {instance: view})
    except AssertionError:
        if tracer.poll() is not None:
            pytest.skip(f"strace may not trace here: {tracer.stderr.read().decode()[:200]}")
        raise
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=20)
    check_halted(machine, who, halted_s)
    assert machine.fabric.page(instance).pid == pid, "it lives on: only it can cancel, and its memory is read"
    watermark, tail = view.watermark, view.tail()
    assert watermark < tail, "what was appended behind the failed sync is not called durable"
    start_again(machine, instance)
    machine.wait(lambda: view.watermark >= tail, "what was only in memory is on the disk")


def test_a_full_disk_halts_the_firm(state_folder, trading):
    if state_folder is None:
        pytest.skip("no small file system could be mounted: it takes root and mount(2)")
    machine = trading
    views = {instance: view_of(machine, instance) for instance in WRITERS}
    filler = state_folder / "filler"
    handle = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space left"):
        while True:
            os.write(handle, bytes(4096))
    os.close(handle)
    who, halted_s = seconds_to_halt(machine, views, 60.0)
    check_halted(machine, who, halted_s)
    filler.unlink()
    start_again(machine, *WRITERS)
    fills = machine.fills()
    machine.wait(lambda: machine.fills() > fills, "fills afterwards")


def test_afterwards_nothing_is_missing_anywhere(machine):
    sender = view_of(machine, "order_sender")
    machine.wait(lambda: sender.tail() > 2 * FILE_ENTRIES, "order_sender's journal has more than one file")
    report = machine.finish()
    left = [text for text in report["failures"] if "error" not in text]
    assert left == [], (report["failures"], machine.logs())
    heads, orders = machine.journal("order_sender", JOURNAL_ORDER_SENT, ORDER)
    assert len(orders) == len(np.unique(orders["order_id"])) > 0
    _, reports = machine.journal("order_sender", JOURNAL_REPORT, REPORT)
    trades = reports[reports["kind"] == REPORT_EXECUTED]
    assert len(np.unique(trades[["match_number", "order_id"]])) == len(trades)
    assert len(trades) == int(machine.snapshot.ledger()["fills"].sum()), "an execution is missing or twice"
    for instance in WRITERS:
        folder = machine.fabric.state_folder / "journal" / str(machine.fabric.epoch) / instance
        verdict = verify(folder, view_of(machine, instance).watermark)
        assert verdict.problem == "", f"{instance}: {verdict}"
        assert verdict.files > 1 or instance != "order_sender", "no file was ever full"
