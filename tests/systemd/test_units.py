"""The unit files: systemd accepts them, they are as closed as promised, and they agree with the shipped configuration."""

import ipaddress
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from config.host import Host
from config.load import PACKAGE, _read
from config.topology import Topology
from config.venues import Venues
from procs.cli.session import FLAT_SECONDS
from procs.runtime.cold import DRAIN_SECONDS
from procs.runtime.supervisor import RESTART_WINDOW_SECONDS, RESTARTS_MAX, STOP_ORDER, STOP_SECONDS
from shm.errors import EXIT_FATAL
from shm.roster import roster_name
from shm.segment import SHARED_MEMORY_FOLDER

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "systemd"
NETWORKED = ("venue", "feed_handler", "order_sender")
RING_ONLY_MAX, NETWORK_MAX = 5, 13  # exposure in tenths, as --threshold takes it
HOUSEKEEPING = 0

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


@pytest.fixture(autouse=True)
def shipped(monkeypatch):
    """The shipped configuration, whatever the environment names."""
    monkeypatch.delenv("QUINTET_CONFIG", raising=False)


@cache
def settings(*files: str) -> dict[str, list[str]]:
    """{key: values} of unit files in the order in which systemd reads them."""
    found: dict[str, list[str]] = {}
    for file in files:
        for line in (UNITS / file).read_text().splitlines():
            if line and line[0] not in "#[;":
                key, _, value = line.partition("=")
                found.setdefault(key, []).append(value)
    return found


def instance_settings(name: str) -> dict[str, list[str]]:
    """The template and the drop-ins of one instance."""
    folder = f"quintet@{name}.service.d"
    return settings("quintet@.service", *(f"{folder}/{path.name}" for path in sorted((UNITS / folder).iterdir())))


def instances() -> list[str]:
    return [instance.name for instance in _read("topology.toml", Topology).instances]


def cold_instances() -> list[str]:
    return [instance.name for instance in _read("topology.toml", Topology).instances if instance.cold]


def started_before(name: str) -> set[str]:
    """Instances that `name` names in After=."""
    words = " ".join(instance_settings(name)["After"]).split()
    return {match[1] for word in words if (match := re.fullmatch(r"quintet@(.+)\.service", word))}


def install_steps() -> list[str]:
    """The commands of the README."""
    text = (ROOT / "README.md").read_text().partition("## Operating under systemd")[2]
    return re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root in which the README's steps were done, with a stand-in for the interpreter."""
    root = tmp_path_factory.mktemp("root")
    (root / "usr/lib/systemd").mkdir(parents=True)
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "opt/quintet/bin").mkdir(parents=True)
    (root / "etc/systemd/system").mkdir(parents=True)
    (root / "opt/quintet/bin/python").write_text("#!/bin/sh\n")
    (root / "opt/quintet/bin/python").chmod(0o755)
    script = [
        "set -eu",
        f"R={root}",
        'systemd-sysusers() { command systemd-sysusers --root="$R"; }',
        'systemd-tmpfiles() { command systemd-tmpfiles --root="$R" --prefix=/etc/quintet --prefix=/run/quintet'
        ' --prefix=/var/lib/quintet --prefix=/var/cache/quintet "$@"; }',
        'systemctl() { test "$1" != enable || command systemctl --root="$R" enable quintet.target; }',
    ]
    for line in install_steps():
        if not line.startswith(("python3 -m venv", "/opt/quintet/bin/pip")):  # what needs the world outside
            owners = line.startswith(("systemd-sysusers", "systemd-tmpfiles"))
            script.append(line.replace(" /etc/", ' "$R"/etc/') if os.geteuid() == 0 or not owners else ":")
    done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return root


def analyze(root: Path, verb: str, *words: str) -> subprocess.CompletedProcess:
    """systemd-analyze in a root of its own."""
    command = ["systemd-analyze", verb, f"--root={root}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@needs_systemd
def test_systemd_accepts_every_unit(root):
    units = [path.name for path in UNITS.iterdir() if path.suffix in (".service", ".target", ".slice")]
    units = [unit.replace("@.", "@risk_gate.") for unit in units]
    units += [f"quintet@{name}.service" for name in instances()]
    done = analyze(root, "verify", "--man=no", "--recursive-errors=no", *units)
    ours = [
        line for line in done.stderr.splitlines() if "quintet" in line
    ]  # the host's own units are not ours to judge
    assert (done.returncode, ours) == (0, [])


@needs_systemd
def test_systemd_refuses_what_is_spelled_wrong(root):
    unit = root / "etc/systemd/system/quintet@.service"
    text = unit.read_text()
    try:
        unit.write_text(text.replace("WatchdogSec=", "WatchdogSecs="))
        done = analyze(root, "verify", "--man=no", "--recursive-errors=no", "quintet@risk_gate.service")
        assert "WatchdogSecs" in done.stderr
    finally:
        unit.write_text(text)


@needs_systemd
@pytest.mark.parametrize("name", instances())
def test_an_instance_is_exposed_no_more_than_promised(root, name):
    most = NETWORK_MAX if name in NETWORKED else RING_ONLY_MAX
    unit = f"quintet@{name}.service"
    done = analyze(root, "security", "--offline=true", f"--threshold={most}", unit)
    assert done.returncode == 0, done.stdout
    assert analyze(root, "security", "--offline=true", "--threshold=2", unit).returncode != 0, "the gate bites"


@needs_systemd
def test_the_cold_units_are_exposed_no_more_than_one(root):
    units = ["quintet-prepare.service", "quintet-fabric.service", "quintet-watch.service", "quintet-halt@x.service"]
    done = analyze(root, "security", "--offline=true", "--threshold=10", *units)
    assert done.returncode == 0, done.stdout


@needs_systemd
def test_the_steps_of_the_readme_enable_the_target_and_install_every_unit(root):
    installed = root / "etc/systemd/system"
    for path in UNITS.rglob("*"):
        if path.is_file() and not path.name.endswith((".env", "sysusers.conf", "tmpfiles.conf")):
            assert (installed / path.relative_to(UNITS)).read_bytes() == path.read_bytes(), path
    assert (installed / "multi-user.target.wants/quintet.target").is_symlink()
    assert "systemctl daemon-reload" in install_steps()
    held = {path.relative_to(root / "etc/quintet").as_posix() for path in (root / "etc/quintet").rglob("*.toml")}
    assert held == {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.toml")} - {"hosts/dev.toml"}


@needs_systemd
@pytest.mark.skipif(os.geteuid() != 0, reason="giving folders to users needs root")
def test_the_steps_of_the_readme_give_each_folder_to_its_user_and_nobody_else(root):
    users = {line.split(":")[0]: int(line.split(":")[2]) for line in (root / "etc/passwd").read_text().splitlines()}
    for folder, user in (
        ("run/quintet", "quintet"),
        ("var/lib/quintet", "quintet"),
        ("var/cache/quintet", "quintet-build"),
    ):
        found = (root / folder).stat()
        assert (found.st_uid, found.st_mode & 0o777) == (users[user], 0o750), folder
    for path in (root / "etc/quintet").rglob("*"):
        found = path.stat()
        assert (found.st_uid, found.st_mode & 0o027) == (0, 0), f"{path}: venue passwords are in there"


def test_every_instance_of_the_topology_has_its_drop_ins_and_there_are_no_others():
    named = {path.name for path in UNITS.glob("quintet@*.service.d")}
    assert named == {f"quintet@{name}.service.d" for name in instances()}
    for name in instances():
        files = {path.name for path in (UNITS / f"quintet@{name}.service.d").iterdir()}
        first = "10-cold.conf" if name in cold_instances() else "10-core.conf"
        assert files == {first} | ({"20-network.conf"} if name in NETWORKED else set())


def test_a_cold_instance_runs_in_the_cold_slice_and_its_end_halts_nobody():
    assert cold_instances() == ["risk_engine", "oms"]
    for name in cold_instances():
        unit = instance_settings(name)
        assert (unit["Slice"][-1], unit["CPUAffinity"]) == ("quintet-cold.slice", [str(HOUSEKEEPING)])
        assert unit["LimitRTPRIO"][-1] == "0" and int(unit["WatchdogSec"][-1]) > int(unit["WatchdogSec"][0])
        assert int(unit["TimeoutStopSec"][-1].removesuffix("s")) > DRAIN_SECONDS
        commands = settings("quintet-halt@.service", f"quintet-halt@{name}.service.d/10-cold.conf")["ExecStart"]
        assert "procs.cli halt" in commands[0] and commands[1] == "" and "halt" not in commands[2]
        units = [path for path in UNITS.iterdir() if path.is_file() and name in path.read_text()]
        needing = [path.name for path in units if f"Requires=quintet@{name}" in path.read_text()]
        assert needing == [], "nothing may need a cold instance"


def test_target_and_watch_name_every_instance_and_no_other():
    services = {f"quintet@{name}.service" for name in instances()}
    wanted = set(" ".join(settings("quintet.target")["Wants"]).split())
    assert wanted == services | {"quintet-fabric.service", "quintet-watch.service"}
    after = set(" ".join(settings("quintet-watch.service")["After"]).split())
    assert after == services | {"quintet-fabric.service"}


def test_cores_are_those_of_the_production_host():
    cores = _read("hosts/prod.toml", Host).cores
    assert set(cores) == set(instances()) - set(cold_instances())
    for name, core in cores.items():
        assert instance_settings(name)["CPUAffinity"] == [f"{HOUSEKEEPING} {core}"], name
    assert HOUSEKEEPING not in cores.values()
    everything = f"{HOUSEKEEPING}-{max(cores.values())}"
    assert sorted(cores.values()) == list(range(1, len(cores) + 1))
    for unit in ("fabric", "prepare"):
        assert settings(f"quintet-{unit}.service.d/10-core.conf")["CPUAffinity"] == [everything]
    assert settings("quintet-cold.slice")["AllowedCPUs"] == [str(HOUSEKEEPING)]
    for unit in ("quintet-watch.service", "quintet-halt@.service"):
        assert settings(unit)["CPUAffinity"] == [str(HOUSEKEEPING)]


def test_a_role_starts_after_those_that_it_needs_and_stops_before_them():
    reached = {name: started_before(name) for name in instances()}
    for _ in reached:  # the transitive closure
        reached = {name: set.union(before, *(reached[held] for held in before)) for name, before in reached.items()}
    assert all(name not in before for name, before in reached.items()), "a cycle"
    assert {"order_sender", "position_keeper"} <= reached["risk_gate"]
    assert {"risk_gate", "feed_handler"} <= reached["strategy"]
    assert "venue" in reached["order_sender"] & reached["feed_handler"]
    for later, name in enumerate(STOP_ORDER):  # `quintet up` stops in this order: no unit may contradict it
        assert not reached[name] & set(STOP_ORDER[:later]), name
    assert "quintet-fabric.service" in settings("quintet@.service")["After"]
    assert settings("quintet@.service")["Requires"] == ["quintet-fabric.service"]


def test_a_death_is_treated_as_the_supervisor_treats_it():
    unit = settings("quintet@.service")
    assert unit["StartLimitBurst"] == [str(RESTARTS_MAX)]
    assert unit["StartLimitIntervalSec"] == [f"{RESTART_WINDOW_SECONDS:.0f}"]
    assert unit["RestartPreventExitStatus"] == [str(EXIT_FATAL)]
    assert unit["TimeoutStopSec"] == [f"{STOP_SECONDS:.0f}s"]
    assert unit["OnFailure"] == ["quintet-halt@%i.service"]
    assert "procs.runtime.death" in unit["ExecStopPost"][0]
    roster = f"{SHARED_MEMORY_FOLDER}{roster_name('quintet')}"  # without a fabric there is nothing to halt
    assert settings("quintet-halt@.service")["ConditionPathExists"] == [roster]
    assert int(settings("quintet-watch.service")["TimeoutStopSec"][0].removesuffix("s")) > FLAT_SECONDS


def test_the_real_time_limit_is_the_priority_that_the_host_file_asks_for():
    assert settings("quintet@.service")["LimitRTPRIO"] == [str(_read("hosts/prod.toml", Host).realtime_priority)]
    assert settings("quintet@.service")["LimitMEMLOCK"] == ["infinity"]


def test_networks_hold_the_addresses_of_the_venues_and_only_who_needs_one_has_it():
    allowed = {
        name: [ipaddress.ip_network(word) for word in instance_settings(name).get("IPAddressAllow", [])]
        for name in instances()
    }
    for venue in _read("venues.toml", Venues).venues:
        market_data = (venue.channel.group_a, venue.channel.group_b, venue.channel.interface)
        wanted = {
            "feed_handler": (*market_data, venue.channel.retransmission_host),
            "order_sender": (venue.session.host,),
            "venue": (*market_data, venue.session.host),
        }
        for name, addresses in wanted.items():
            for address in addresses:
                assert any(ipaddress.ip_address(address) in network for network in allowed[name]), (name, address)
    for name in instances():
        assert instance_settings(name)["PrivateNetwork"][-1] == ("no" if name in NETWORKED else "yes"), name
        assert bool(allowed[name]) == (name in NETWORKED), name
