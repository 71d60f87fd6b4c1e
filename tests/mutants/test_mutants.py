"""Planted faults: each breaks one promise in one line of a copy of the sources, and a test of this suite must notice.

A mutant that survives is a missing test. Each copy is first shown to pass unchanged, so that what fails, fails for the
mutant. The tests run interpreted: nothing is compiled for a copy. The default run plants the ones that every system of
this kind was once caught with (DEFAULT), `-m soak` all.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

COPIED = ("shm", "procs", "config", "tests", "pyproject.toml")
SECONDS = 300  # of one run, on a busy machine


@dataclass(frozen=True)
class Mutant:
    """`file`: `old`, which stands there once, becomes `new`; `tests`: those of which one must fail."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


TAKE_FIRST = """        if _on_intent(gate, by_intent, by_order, ids, strategy_id, end["next_seq"], intent, now_ns) == 0:
            break
        ring_advance(end)
"""
RELEASE_FIRST = """        ring_advance(end)
        ring_release(end)
        if _on_intent(gate, by_intent, by_order, ids, strategy_id, end["next_seq"] - 1, intent, now_ns) == 0:
            break
"""
JOURNAL_FIRST = """    commit_decision(gate, case["pass_stamp_ns"], case["now_ns"])
    failpoint(FP_DECISION_JOURNALLED)
    write_order(order_addr, intent, case)
    publish_order(gate, case["session"], order_addr)
"""
PUBLISH_FIRST = """    write_order(order_addr, intent, case)
    publish_order(gate, case["session"], order_addr)
    commit_decision(gate, case["pass_stamp_ns"], case["now_ns"])
"""
RESEND = """    put_query(desk, tx)
    from procs.order_sender.transmit import put_order
    for slot in range(desk["slots"]):
        if row_of(desk, slot)["state"] == ORDER_STATE_UNKNOWN:
            put_order(desk, tx, slot, {"expires_ns": 1 << 62, "recv_stamp_ns": 0})
"""
GATE_KILLS = "tests/risk_gate/test_gate_recovery.py::test_a_kill_at_any_call_decides_nothing_twice_and_loses_nothing"
SENDER_CRASH = "tests/order_sender/test_sender_crash.py"
SENDER_KILLS = "tests/order_sender/test_sender_kill.py"
KEEPER_KILLS = "tests/position_keeper/test_keeper_kill.py"
ARBITRATION = "tests/feed_handler/test_arbitration.py"
JOURNAL = "tests/shm/test_journal.py"
KEEPER = "tests/position_keeper/test_keeper_step.py"
APPROVAL = "tests/order_sender/test_sender_approval.py"

MUTANTS = {
    "an order passes without a reservation": Mutant(
        "procs/risk_gate/orders.py",
        "    if _reserve(gate, by_intent, by_order, decision) == NO_SLOT:\n        return 0\n",
        "",
        ("tests/risk_gate/test_gate_step.py",),
    ),
    "an order is published before its decision is in the journal": Mutant(
        "procs/risk_gate/orders.py", JOURNAL_FIRST, PUBLISH_FIRST, (GATE_KILLS,)
    ),
    "the gate gives an intent's slot back before it is answered": Mutant(
        "procs/risk_gate/step.py", TAKE_FIRST, RELEASE_FIRST, (GATE_KILLS,)
    ),
    "a report of the gate's stream may be missing": Mutant(
        "procs/risk_gate/streams.py",
        '    if sequence > stream["applied_seq"] + 1:\n        return -1\n',
        "",
        ("tests/risk_gate/test_gate_reports.py", "tests/risk_gate/test_gate_role.py"),
    ),
    "an order of unknown fate gives its exposure back": Mutant(
        "procs/risk_gate/reports.py",
        "    return 0 if kind == REPORT_CANCEL_PENDING or kind == REPORT_UNKNOWN else FOUND_IMPOSSIBLE\n",
        "    return _never_lived(book, by_intent, by_order, slot)\n",
        ("tests/risk_gate/test_gate_reports.py", "tests/risk_gate/test_gate_model.py"),
    ),
    "an order leaves before it is in the journal": Mutant(
        "procs/order_sender/entry_journal.py",
        "    _commit(desk, payload_addr, JOURNAL_ORDER_SENT, user_ref_num, target_slot, now_ns)\n    return 1\n",
        "    return 1\n",
        (SENDER_KILLS,),
    ),
    "what is unanswered is sent again after a restart": Mutant(
        "procs/order_sender/session.py",
        "    put_query(desk, tx)\n    failpoint(FP_QUERY_ENCODED)\n",
        RESEND,
        (SENDER_KILLS,),
    ),
    "an order that is in the journal is taken from its ring again": Mutant(
        "procs/order_sender/entries.py",
        '    if order["order_id"] <= desk["order_id_last"]:\n',
        "    if False:\n",
        (SENDER_KILLS,),
    ),
    "an order that the gate did not approve is sent": Mutant(
        "procs/order_sender/approval.py",
        "    if is_sealed(order_addr) == 1:\n        return 1\n",
        "    if True:\n        return 1\n",
        (APPROVAL,),
    ),
    "an old record that stands in the ring again is sent": Mutant(
        "procs/order_sender/approval.py",
        '    if order["decision_seq"] <= desk["decision_seq_last"]:\n',
        "    if False:\n",
        (APPROVAL,),
    ),
    "the seal leaves the size out": Mutant(
        "shm/order_seal.py",
        "    for offset in range(FIRST, FIRST_END, 8):\n",
        '    for offset in range(FIRST, ORDER.fields["qty_lots"][1], 8):\n',
        (APPROVAL,),
    ),
    "order_sender gives an order's slot back while it holds it": Mutant(
        "procs/order_sender/entries.py",
        '    if desk["held_head"] < desk["held_tail"]:\n        safe_seq = held_of(desk, desk["held_head"])["sequence"]\n',
        "",
        (f"{SENDER_CRASH}::test_the_queue_of_held_orders_gives_slots_back_only_when_they_are_safe",),
    ),
    "an unanswered order is closed without evidence": Mutant(
        "procs/order_sender/session.py",
        '    if row["user_ref_num"] >= desk["next_ref_num"]:\n        return REPORT_NEVER_ARRIVED\n',
        "    return REPORT_NEVER_ARRIVED\n",
        (f"{SENDER_CRASH}::test_an_entry_that_the_venue_numbered_and_never_answered_stays_unknown",),
    ),
    "a partly seen datagram is dropped whole": Mutant(
        "procs/feed_handler/arbitration.py",
        '    if end <= row["next_seq"]:\n',
        '    if seq < row["next_seq"]:\n',
        (ARBITRATION,),
    ),
    "a partly seen datagram is delivered whole": Mutant(
        "procs/feed_handler/arbitration.py",
        '    seen = row["next_seq"] - seq\n',
        "    seen = 0\n",
        (ARBITRATION,),
    ),
    "the journal is cut at its first bad record": Mutant(
        "shm/journal_disk.py",
        "        if mask[valid:].any():\n",
        "        if False:\n",
        (f"{JOURNAL}::test_corruption_with_valid_entries_behind_stops_and_cuts_nothing",),
    ),
    "a failed sync is tried again": Mutant(
        "shm/journal_disk.py",
        "        if self.failed:\n            raise self._error(",
        "        if False:\n            raise self._error(",
        (f"{JOURNAL}::test_write_and_sync_errors_are_fatal_and_never_tried_again",),
    ),
    "ids are given out before their block is on disk": Mutant(
        "shm/ids_disk.py", "            os.fdatasync(self._handle)\n", "", ("tests/shm/test_ids.py",)
    ),
    "a fill is counted by its order's total": Mutant(
        "procs/position_keeper/step.py",
        '    qty = report["qty_lots"]\n',
        '    qty = report["cum_lots"]\n',
        (KEEPER,),
    ),
    "a fill is applied again after a restart": Mutant(
        "procs/position_keeper/recovery.py",
        '        state.applied_seq[sender] = max(int(state.applied_seq[sender]), int(state.rows[at]["reports_seq"]))\n'
        "    for at in range(len(state.rows)):\n",
        '        state.rows[at]["reports_seq"] = 0\n    for at in range(len(state.rows)):\n',
        (KEEPER_KILLS,),
    ),
    "a row is published before its fill is in the journal": Mutant(
        "procs/position_keeper/step.py",
        "    copy_bytes(address + FILL_BYTES, row_addr(state, at), POSITION_BYTES)\n",
        "    publish_position(state, at)\n    copy_bytes(address + FILL_BYTES, row_addr(state, at), POSITION_BYTES)\n",
        (KEEPER_KILLS,),
    ),
}

DEFAULT = (
    "an order passes without a reservation",
    "the gate gives an intent's slot back before it is answered",
    "what is unanswered is sent again after a restart",
    "an order that the gate did not approve is sent",
    "a partly seen datagram is dropped whole",
    "the journal is cut at its first bad record",
    "a fill is counted by its order's total",
)


def run(copy: Path, tests: tuple[str, ...], seconds: int = SECONDS) -> subprocess.CompletedProcess:
    """The tests in a copy, interpreted, until the first failure."""
    environment = {
        **os.environ,
        "NUMBA_DISABLE_JIT": "1",
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "QUINTET_STATE": str(copy / "state"),
        "QUINTET_RUNTIME": str(copy / "run"),
    }
    environment.pop("PYTEST_XDIST_WORKER", None)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-n", "0", *tests]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=seconds)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The sources, to be spoilt one at a time."""
    folder = tmp_path_factory.mktemp("mutants")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def passed(copy, request):
    """The tests of all mutants of this run pass in the copy as it is: one process for all of them."""
    chosen = {item.callspec.params["name"] for item in request.session.items if "passed" in item.fixturenames}
    tests = dict.fromkeys(test for name, mutant in MUTANTS.items() if name in chosen for test in mutant.tests)
    done = run(copy, tuple(tests), len(chosen) * SECONDS)
    assert done.returncode == 0, f"fails without a mutant:\n{done.stdout[-3000:]}"
    return tests


def test_every_mutant_changes_what_stands_there_once():
    for name, mutant in MUTANTS.items():
        assert (ROOT / mutant.file).read_text().count(mutant.old) == 1, f"{name}: {mutant.file}"
    assert set(DEFAULT) < set(MUTANTS)


@pytest.mark.timeout((len(MUTANTS) + 1) * SECONDS)  # the first one waits for all of them unspoilt
@pytest.mark.parametrize(
    "name", [name if name in DEFAULT else pytest.param(name, marks=pytest.mark.soak) for name in MUTANTS]
)
def test_a_planted_fault_is_noticed(copy, passed, name):
    mutant = MUTANTS[name]
    assert passed.keys() >= set(mutant.tests)
    file = copy / mutant.file
    source = file.read_text()
    file.write_text(source.replace(mutant.old, mutant.new))
    try:
        done = run(copy, mutant.tests)
    finally:
        file.write_text(source)
    assert done.returncode == 1, f"survived {mutant.tests}:\n{done.stdout[-3000:]}"
    assert " failed" in done.stdout or " error" in done.stdout, done.stdout[-3000:]
