"""Every role dies at every named failpoint, at random instants, in company, and is stopped; then the promises are asked.

One machine lives through all of it. In a round at most one death of each role: they die near each other in time, come
back together, and trading goes on. The end compares every order and execution with the venue's own stream. The default
run takes order_sender and one other role, another one each time, and of their failpoints a part; the soak runs have
every one of them, in company and alone at random hits, and hundreds of random instants. QUINTET_SEED gives a seed back.
"""

import contextlib
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from shm.codes import REPORT_ACCEPTED, REPORT_EXPIRED, REPORT_NEVER_ARRIVED
from shm.failpoints import NAMES
from tests.conftest import ROOT
from tests.support.crash import Crash, Death
from tests.support.system import ROLES

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("no_leftovers")]

SEED = int(os.environ.get("QUINTET_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
SOAK_KILLS = int(os.environ.get("QUINTET_KILLS", "300"))

# how   the role's other failpoints are passed all the time
# ----  --------------------------------------------------------------------------------------------------------------
# stop  with the firm under CANCEL_ONLY: refusals, cancels by the gate, mass cancels
# gap   with datagrams lost on both lines: the feed is stale, the strategy pulls its quotes
# early in the first rounds: the longer the journal, the rarer its snapshots
# start while the role starts again after a kill; such rows of one role are one round, a death each
PLAN = """
order_sender     order_numbered
order_sender     order_journalled
order_sender     order_encoded
order_sender     cancel_taken             gap
order_sender     cancel_journalled        gap
order_sender     cancel_encoded           gap
order_sender     mass_cancel_journalled   stop
order_sender     send_before
order_sender     send_partial
order_sender     send_after
order_sender     received
order_sender     message_decoded
order_sender     report_journalled
order_sender     report_applied
order_sender     report_between_readers
order_sender     report_published
order_sender     entry_filled
order_sender     copy_written
order_sender     segment_renamed
order_sender     id_block_written
order_sender     id_block_handed_over
order_sender     sender_replayed          start
order_sender     sender_republished       start
order_sender     login_connected          start
order_sender     login_answered           start
order_sender     session_before_journal   start
order_sender     session_journalled       start
order_sender     query_encoded            start
order_sender     query_answered           start
order_sender     sweep_lost               start
order_sender     sweep_evidence           start
risk_gate        order_decided
risk_gate        order_reserved
risk_gate        decision_journalled
risk_gate        order_published
risk_gate        reject_decided           stop
risk_gate        reject_journalled        stop
risk_gate        reject_published         stop
risk_gate        leaving_decided          gap
risk_gate        leaving_journalled       gap
risk_gate        leaving_published        gap
risk_gate        own_cancel_journalled    stop
risk_gate        own_cancel_published     stop
risk_gate        gate_report_applied
risk_gate        release_before
risk_gate        entry_claimed
risk_gate        copy_synced
risk_gate        segment_full
risk_gate        id_block_synced
risk_gate        gate_journals_read       start
risk_gate        gate_rebuilt             start
position_keeper  fill_booked
position_keeper  fill_journalled
position_keeper  position_published
position_keeper  pnl_published
position_keeper  total_published
position_keeper  row_claimed
position_keeper  row_journalled
position_keeper  entry_committed
position_keeper  copy_published
position_keeper  segment_synced
position_keeper  snapshot_begun           early
position_keeper  snapshot_written         early
position_keeper  snapshot_synced          early
position_keeper  snapshot_renamed         early
position_keeper  snapshot_pruned          early
position_keeper  keeper_rebuilt           start
position_keeper  keeper_row_resumed       start
feed_handler     datagram_delivered
feed_handler     top_published
feed_handler     depth_published
feed_handler     ticks_held
feed_handler     latest_filled
feed_handler     stale_unstamped          start
strategy         intents_staged
strategy         intents_published
strategy         strategy_report_applied
strategy         part_marked
strategy         parts_published
strategy         release_after
strategy         id_block_wanted
"""


def planned(rng: random.Random) -> list[Death]:
    """The rows of the plan; a partial send takes a random part of a message of 50 bytes."""
    found = []
    for line in PLAN.strip().splitlines():
        role, point, how = (line.split() + [""])[:3]
        found.append(Death(role, point, how, limit=rng.randrange(1, 50) if point == "send_partial" else 0))
    return found


def built_in(request) -> tuple[str, ...]:
    """Who has failpoints: to compile all of them takes longer than all deaths. order_sender's are needed by name."""
    if any(item.get_closest_marker("soak") for item in request.session.items if item.path == request.path):
        return ROLES
    return ("order_sender", random.Random(SEED).choice([role for role in ROLES if role != "order_sender"]))


def sample(deaths: list[Death], roles: tuple[str, ...], rng: random.Random) -> list[Death]:
    """Of each of these roles and each way to get there a third, at least one."""
    groups: dict[tuple[str, str], list[Death]] = {}
    for death in (death for death in deaths if death.role in roles):
        groups.setdefault((death.role, death.how), []).append(death)
    return [death for group in groups.values() for death in rng.sample(group, -(-len(group) // 3))]


def rounds_of(deaths: list[Death], rng: random.Random) -> list[list[Death]]:
    """Rounds with at most one death of each role. What a start goes through is left: a round for each role, in a row."""
    deaths = rng.sample(deaths, len(deaths))
    steady = sorted((death for death in deaths if death.how in ("early", "")), key=lambda death: death.how != "early")
    rounds = []
    for held in (steady, *([death for death in deaths if death.how == how] for how in ("stop", "gap"))):
        while held:
            chosen = []
            for death in list(held):
                if death.role not in {other.role for other in chosen}:
                    chosen.append(death)
                    held.remove(death)
            rounds.append(chosen)
    return rounds


def placed() -> set[str]:
    """Names of the failpoints that are called anywhere."""
    calls = "".join(
        path.read_text()
        for folder in ("shm", "procs")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "failpoints.py"
    )
    return {name for name in NAMES if f"FP_{name.upper()})" in calls or f"FP_{name.upper()} " in calls
            or f"FP_{name.upper()}, size" in calls}  # fmt: skip


@pytest.fixture(scope="module")
def crash(module_folders, request):
    """The machine; its end is the comparison with the venue, and the figures."""
    roles = built_in(request)
    print(f"QUINTET_SEED={SEED}: failpoints in {', '.join(roles)}")
    with Crash("crash", module_folders, roles) as running:
        yield running
        running.finish()
        for line in running.figures():
            print(line)
        assert running.missed() == []


def test_the_plan_visits_every_failpoint_once():
    points = [death.point for death in planned(random.Random(0))]
    assert len(points) == len(set(points)) and len(points) >= 40
    assert set(points) == placed()


def die_at(crash: Crash, deaths: list[Death], rng: random.Random) -> None:
    """All of these deaths, in company where they can be."""
    for chosen in rounds_of(deaths, rng):
        crash.kill(*chosen)
    for role in ROLES:
        chosen = [death for death in deaths if death.role == role and death.how == "start"]
        if chosen:
            crash.kill(*chosen)


def test_each_role_dies_at_its_failpoints_and_comes_back(crash):
    rng = random.Random(SEED)
    die_at(crash, sample(planned(rng), crash.built_in, rng), rng)


def test_each_role_dies_alone_at_a_random_instant(crash):
    rng = random.Random(SEED)
    for role in ("order_sender", *ROLES):
        time.sleep(rng.random() * 0.2)  # the instant is the point of the test
        crash.kill(Death(role))


@pytest.mark.parametrize("together", [2, 3, 5])
def test_roles_die_together_at_random_instants_under_load(crash, together):
    rng = random.Random(SEED + together)
    time.sleep(rng.random() * 0.2)  # the instant is the point of the test
    crash.kill(*(Death(role) for role in rng.sample(ROLES, together)))


@pytest.mark.parametrize("seconds", [0.1, 0.6])
@pytest.mark.parametrize("role", ROLES)
def test_a_stopped_role_wakes_up_and_trading_goes_on(crash, role, seconds):
    crash.stop(role, seconds)


def test_an_order_sender_stopped_for_five_seconds_wakes_up_and_trading_goes_on(crash):
    crash.stop("order_sender", 5.0)


def test_an_order_that_was_encoded_when_its_sender_was_stopped_dies_unsent(crash):
    order_id = crash.stop("order_sender", 0.6, "order_encoded")
    kinds = [int(report["kind"]) for report in crash.promises.reports if report["order_id"] == order_id]
    fate = {REPORT_EXPIRED: "it died here", REPORT_NEVER_ARRIVED: "its bytes were given up with the session"}
    assert kinds[-1] in fate and REPORT_ACCEPTED not in kinds, f"an order of 50 ms that waited 600 ms: {kinds}"


# --- system calls ----------------------------------------------------------------------------------------------------


def tracing_is_refused() -> str:
    """Why no process can be traced here; "" when one can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    traced = subprocess.Popen(["sleep", "60"])
    tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(traced.pid)])
    try:
        status, deadline = Path(f"/proc/{traced.pid}/status"), time.monotonic() + 20
        while f"TracerPid:\t{tracer.pid}" not in status.read_text():
            if tracer.poll() is not None or time.monotonic() > deadline:
                return "no process may be traced here"
            time.sleep(0.01)
        return ""
    finally:
        for process in (tracer, traced):
            process.kill()
            process.wait()


@contextlib.contextmanager
def tracing(pid: int, call: str, nth: int):
    """strace on a process that is killed at its n-th system call of one kind from now on."""
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}"]
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", *inject, "-p", str(pid)])
    try:
        yield tracer
    finally:
        tracer.terminate()
        tracer.wait()


def die_in(crash: Crash, call: str, nth: int) -> None:
    """order_sender is killed at a system call."""
    with contextlib.ExitStack() as stack:
        crash.kill_by(
            "order_sender", lambda pid: stack.enter_context(tracing(pid, call, nth)), f"order_sender in {call} {nth}"
        )


CALLS = {"sendto": 30, "recvfrom": 3000, "pwrite64": 10, "fdatasync": 10}  # and how many of them a second may see


@pytest.mark.parametrize("call", CALLS)
def test_order_sender_dies_at_a_system_call(crash, call):
    if refused := tracing_is_refused():
        pytest.skip(refused)
    die_in(crash, call, random.Random(f"{SEED} {call}").randrange(1, CALLS[call]))


# --- soak ------------------------------------------------------------------------------------------------------------


@pytest.mark.soak
def test_each_role_dies_at_every_failpoint_and_comes_back(crash):
    rng = random.Random(SEED)
    die_at(crash, planned(rng), rng)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_each_failpoint_alone_at_random_hits(crash):
    rng = random.Random(SEED)
    for death in planned(rng):
        hit = 1 if death.how else rng.choice((1, 2, 5, 20))  # what is brought about may pass it once
        crash.kill(death._replace(hit=hit))


@pytest.mark.soak
@pytest.mark.timeout(14400)
def test_hundreds_of_deaths_at_random_instants_alone_and_together(crash):
    rng = random.Random(SEED)
    for _ in range(SOAK_KILLS):
        time.sleep(rng.random() * 0.5)
        crash.kill(*(Death(role) for role in rng.sample(ROLES, rng.choice((1, 1, 1, 2, 2, 3, 5)))))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seconds", [5.0, 20.0])
@pytest.mark.parametrize("role", ROLES)
def test_a_role_stopped_for_long_wakes_up_and_trading_goes_on(crash, role, seconds):
    crash.stop(role, seconds)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("call", CALLS)
def test_order_sender_dies_at_many_system_calls(crash, call):
    if refused := tracing_is_refused():
        pytest.skip(refused)
    rng = random.Random(f"{SEED} {call}")
    for _ in range(SOAK_KILLS // 10):
        die_in(crash, call, rng.randrange(1, CALLS[call]))
