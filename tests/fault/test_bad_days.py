"""Bad days: what the host refuses is a sentence, what strangers send is counted, who falls behind catches up."""

import ctypes
import json
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import textwrap

import pytest
from msgspec import structs

from config.load import load
from procs.cli.session import open_orders
from procs.net.sockets import open_multicast_sender
from shm.errors import OutOfSharedMemory
from tests.conftest import ROOT
from tests.support.sockets import connection_of
from tests.support.system import ROLES, System, system_config

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]

TICKS, REPORTS = "ticks.feed_handler.strategy", "reports.order_sender.position_keeper"
GARBAGE_SEED = 20240301


# --- what the host refuses -------------------------------------------------------------------------------------------


def demo(name: str, *, seconds: int = 1, **keywords) -> subprocess.CompletedProcess:
    """Run `quintet demo`."""
    command = [sys.executable, "-m", "procs.cli", "demo", "--seconds", str(seconds), "--name", name]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, **keywords)


def test_a_port_in_use_ends_the_start_with_a_sentence_that_says_what_to_do(folders):
    name = f"port-{os.getpid()}"
    port = load(name).venues[0].session.port
    with socket.create_server(("127.0.0.1", port)):
        done = demo(name)
    assert done.returncode == 1
    assert f"expected port {port} on 127.0.0.1 free" in done.stderr
    assert "stop the process that holds it" in done.stderr
    assert "Traceback" not in done.stderr


def test_too_little_shared_memory_is_refused_before_anything_starts(folders):
    config = system_config("small")
    config = structs.replace(config, host=structs.replace(config.host, shared_memory_bytes_max=1 << 20))
    with pytest.raises(OutOfSharedMemory, match="make the rings and journals of topology.toml smaller"):
        System(config)


def test_a_small_dev_shm_is_refused_with_a_sentence_and_nothing_stays(folders):
    """In a mount namespace of its own, where /dev/shm has one MiB."""
    script = (
        "mount -t tmpfs -o size=1m tmpfs /dev/shm && {python} -m procs.cli demo --seconds 1 --name {name}; ls /dev/shm"
    )
    script = script.format(python=sys.executable, name=f"tiny-{os.getpid()}")
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    if subprocess.run([*command[:-1], "mount -t tmpfs tmpfs /dev/shm"], capture_output=True).returncode:
        pytest.skip("this system gives no mount namespace of one's own")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert "bytes free in /dev/shm; enlarge /dev/shm" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() == "", "left in /dev/shm"


def without_privileges() -> None:
    """Take the right to lock memory and to set a real-time policy from the process that is to be started."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (14, 23):  # CAP_IPC_LOCK, CAP_SYS_NICE; refused to those who have none to give up
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))


def unprivileged(name: str, **host) -> subprocess.CompletedProcess:
    """A machine with these host settings, without privileges; prints the warnings of every instance as JSON."""
    script = f"""
        import json
        from msgspec import structs
        from procs.runtime.supervisor import StartFailed
        from tests.support.system import System, system_config
        config = system_config({name!r})
        try:
            with System(structs.replace(config, host=structs.replace(config.host, **{host!r}))) as machine:
                print(json.dumps({{row["instance"]: row["warnings"] for row in machine.snapshot.instances()}}))
        except StartFailed as error:
            print(error)
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, preexec_fn=without_privileges
    )


def test_without_the_right_to_lock_memory_and_real_time_development_warns_and_goes_on(folders):
    done = unprivileged("warn", memory_lock="try", realtime="try", realtime_priority=50)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("oms") == told.pop("risk_engine") == [], "a cold role asks for neither"
    for instance, warnings in told.items():
        assert {"memory not locked", "no real-time policy"} <= set(warnings), instance


@pytest.mark.parametrize(
    "host, sentence",
    [
        ({"memory_lock": "require"}, "memory is not locked"),
        ({"memory_lock": "off", "realtime": "require", "realtime_priority": 50}, "no real-time policy"),
    ],
)
def test_without_them_production_refuses_and_says_which_limit_to_raise(folders, host, sentence):
    done = unprivileged("refuse", **host)
    assert sentence in done.stdout, done.stdout + done.stderr
    assert "Limit" in done.stdout


# --- what strangers send, who falls behind ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machine(module_folders):
    """A machine with small rings to the two roles that will be stopped."""
    config = system_config("bad")
    capacities = {TICKS: 256, REPORTS: 32}
    rings = tuple(
        structs.replace(ring, capacity=capacities.get(ring.name, ring.capacity)) for ring in config.topology.rings
    )
    config = structs.replace(config, topology=structs.replace(config.topology, rings=rings))
    with System(config) as running:
        yield running
        check_quiet_end(running)


def check_quiet_end(machine) -> None:
    """The session ends well: the only errors are those that these tests provoke."""
    report = machine.finish()
    provoked = [label for label in report["errors"] if "malformed" in label or "session" in label]
    left = [text for text in report["failures"] if not any(label in text for label in provoked)]
    assert left == [], machine.logs()
    assert {row["instance"]: row["late_compiles"] for row in machine.snapshot.instances() if row["late_compiles"]} == {}


@pytest.fixture
def trading(machine):
    """Every test begins with orders at work and ends with a new order sent, no role having died."""
    machine.wait(lambda: open_orders(machine.snapshot) > 0, "orders work")
    yield machine
    sent = machine.sent()
    machine.wait(lambda: machine.sent() > sent, "an order afterwards")
    assert [row["instance"] for row in machine.snapshot.instances() if row["restarts"]] == []


def ring(machine, name: str) -> dict:
    return next(row for row in machine.snapshot.rings() if row["ring"] == name)


def counted(machine, label: str, before: int, what: str) -> None:
    machine.wait(lambda: machine.counters().get(label, 0) > before, f"{what} counted as {label}")


def test_malformed_bytes_at_the_venues_door_are_counted_and_harm_nobody(trading):
    rng = random.Random(GARBAGE_SEED)
    port = trading.config.venues[0].session.port
    for garbage in (
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">H", 0) + b"x",  # a packet without a type
        struct.pack(">H", 3) + b"Zab",  # a type that nobody knows
        struct.pack(">H", 65535) + b"U" + bytes(3000),  # longer than any packet
        struct.pack(">H", 9) + b"Utooearly",  # an order before the login
        struct.pack(">H", 5) + b"Labcd",  # a login that is cut short
        rng.randbytes(5000),
    ):
        before = trading.counters().get("venue_malformed", 0)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as stranger:
            stranger.sendall(garbage)
            counted(trading, "venue_malformed", before, f"{garbage[:16]!r}")


def test_malformed_bytes_on_order_senders_session_end_the_connection_and_the_next_one_goes_on(trading):
    port = trading.config.venues[0].session.port
    for garbage in (struct.pack(">H", 0), struct.pack(">H", 4) + b"?xyz", struct.pack(">H", 5) + b"S\xff\xff\xff\xff"):
        before = trading.counters()
        with connection_of(trading.fabric.page("venue").pid, local_port=port) as venues_end:
            venues_end.sendall(garbage)
        counted(trading, "sender_malformed", before.get("sender_malformed", 0), f"{garbage!r}")
        counted(trading, "sender_sessions", before["sender_sessions"], "a new session")
        sent = trading.sent()
        trading.wait(lambda seen=sent: trading.sent() > seen, "an order in the new session")


def test_malformed_requests_in_a_members_session_are_counted_by_the_venue(trading):
    port = trading.config.venues[0].session.port
    before = trading.counters().get("venue_malformed", 0)
    with connection_of(trading.fabric.page("order_sender").pid, remote_port=port) as members_end:
        members_end.sendall(struct.pack(">H", 6) + b"Uhello")
    counted(trading, "venue_malformed", before, "a request that is no OUCH message")


def test_malformed_datagrams_are_counted_by_reason_and_change_nothing(trading):
    rng = random.Random(GARBAGE_SEED)
    channel = trading.config.venues[0].channel
    gaps = trading.snapshot.feed()[0]["gaps"]
    session = b"Qstranger0"
    cases = [
        (b"", "feed_malformed"),
        (b"short", "feed_malformed"),
        (session + struct.pack(">QH", 1, 3) + b"\0\5hello", "feed_malformed"),  # fewer blocks than announced
        (session + struct.pack(">QH", 1, 1) + b"\xff\xffhello", "feed_malformed"),  # a block beyond the end
        (session + struct.pack(">QH", 0, 0), "feed_malformed"),  # sequences start at 1
        (session + struct.pack(">QH", 1 << 62, 0), "feed_foreign_session"),
        (session + struct.pack(">QH", 1, 1) + b"\0\1?", "feed_foreign_session"),
        (rng.randbytes(1400), "feed_malformed"),
        (rng.randbytes(2040), "feed_malformed"),
    ]
    for line in "ab":
        group, port = getattr(channel, f"group_{line}"), getattr(channel, f"port_{line}")
        with open_multicast_sender(group, port, channel.interface) as stranger:
            for datagram, label in cases:
                before = trading.counters().get(label, 0)
                stranger.send(datagram)
                counted(trading, label, before, f"{datagram[:24]!r}")
    assert trading.snapshot.feed()[0]["gaps"] == gaps
    assert trading.snapshot.feed()[0]["state"] == "fresh"


def test_a_strategy_that_stops_loses_ticks_and_its_orders_and_comes_back_by_a_resync(trading):
    trading.wait(lambda: open_orders(trading.snapshot) > 0, "orders work")
    before = trading.counters()
    trading.kill_signal("strategy", signal.SIGSTOP)
    trading.wait(lambda: trading.counters().get("feed_ticks_skipped", 0) > 0, "its ring of ticks is full")
    trading.wait(lambda: open_orders(trading.snapshot) == 0, "its orders are cancelled")
    messages = trading.counters()["feed_messages"]
    trading.wait(lambda: trading.counters()["feed_messages"] > messages + 100, "the books go on without it")
    trading.kill_signal("strategy", signal.SIGCONT)
    counted(trading, "strategy_resyncs", before.get("strategy_resyncs", 0), "a resync")
    ended = ("sender_cancels_sent", "sender_mass_cancels", "sender_fills", "sender_expired")
    assert any(trading.counters().get(name, 0) > before.get(name, 0) for name in ended), "how its orders ended"


def test_a_position_keeper_that_stops_is_left_behind_and_catches_up_from_the_journal(trading):
    trading.kill_signal("position_keeper", signal.SIGSTOP)
    trading.wait(lambda: ring(trading, REPORTS)["behind"], "its ring of reports is full")
    fills = trading.counters()["sender_fills"]
    trading.wait(lambda: trading.counters()["sender_fills"] > fills + 5, "fills that its ring does not have")
    before = trading.counters().get("keeper_catch_ups", 0)
    trading.kill_signal("position_keeper", signal.SIGCONT)
    counted(trading, "keeper_catch_ups", before, "the journal read")
    trading.wait(lambda: not ring(trading, REPORTS)["behind"], "the ring is complete again")
    assert trading.counters().get("gate_breaks", 0) == 0


def test_every_role_lived_through_it(trading):
    trading.wait(lambda: {row["state"] for row in trading.snapshot.instances()} == {"running"}, "all of them run")
    assert len(ROLES) == 5
