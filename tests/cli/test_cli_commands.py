"""Exit codes, --json, and the sentence that each mistake gets. Nothing here needs compiled code."""

import json
import re
import subprocess
import sys

import pytest

from config.load import load
from procs.runtime.fabric import Fabric
from tests.support.cli import call, quintet
from tests.support.data import shared_data

pytestmark = pytest.mark.usefixtures("folders")


@pytest.fixture
def fabric(name):
    """A fabric without any process: every command that only reads or halts works on it."""
    made = Fabric(load(name))
    yield made
    made.destroy()


USAGE = [
    "",
    "nonsense",
    "demo --speed 0",
    "demo --speed fast",
    "demo --speed 1001",
    "demo --speed max",
    "demo --seconds 0",
    "demo --seconds soon",
    "demo --name UPPER",
    "demo --name 9.x",
    "up --profile test",
    "up --seconds 5",
    "halt",
    "halt --reason",
    "cancel-all --scope firm",
    "resume --name x",
    "config",
    "config mend",
    "status --watch --name ../x",
]


@pytest.mark.parametrize("line", USAGE)
def test_a_command_line_that_cannot_mean_anything_exits_2_and_says_why(line):
    answer = call(*line.split())
    assert answer.code == 2
    assert answer.out == ""
    assert "error: " in answer.err or "expected" in answer.err
    assert "Traceback" not in answer.err


def test_an_empty_reason_is_refused():
    answer = call("halt", "--reason", " ")
    assert answer.code == 2 and "--reason" in answer.err


FAILURES = [
    ("status --name nosuch", "quintet status: /quintet.nosuch: expected a fabric of that name, found "),
    ("status --watch --name nosuch", "quintet status: /quintet.nosuch: expected a fabric of that name, found "),
    ("down --name nosuch", "quintet down: /quintet.nosuch: expected a fabric of that name, found "),
    ("halt --reason r --scope all", "quintet halt: scope: expected firm, session:NAME, strategy:NAME or instrument:"),
    ("halt --reason r --scope strategy:mm9", "quintet halt: scope strategy:mm9: expected strategy, found 'mm9'"),
    ("resume --reason r --scope instrument:XYZ", "quintet resume: scope instrument:XYZ: expected QNTA or QNTB or "),
    ("demo --replay /nosuch.dbn.zst", "quintet demo: /nosuch.dbn.zst: expected a .dbn or .dbn.zst file, found nothing"),
    ("demo --replay /nosuch.itch.gz", "quintet demo: /nosuch.itch.gz: expected a readable ITCH 5.0 day file, found "),
    ("demo --replay README.md", "quintet demo: README.md: expected Databento DBN, found "),
    ("demo --strategy nosuch", "quintet demo: strategy.toml: module: expected a file in procs/strategy or the path "),
    ("demo --strategy ./nosuch.py", "quintet demo: strategy.toml: module: expected a file in procs/strategy or the "),
]


@pytest.mark.parametrize("line, sentence", FAILURES)
def test_what_cannot_be_done_exits_1_with_one_sentence(line, sentence):
    answer = call(*line.split())
    assert answer.code == 1
    assert answer.out == ""
    assert answer.err.startswith(sentence), answer.err
    assert answer.err.count("\n") == 1


def test_a_replay_without_its_extra_names_the_extra(tmp_path):
    (tmp_path / "databento_dbn.py").write_text("raise ImportError('not installed')")
    path = str(shared_data("dbn", "esh4-glbx-mdp3-20231225.mbo.dbn.zst"))
    answer = quintet("demo", "--replay", path, PYTHONPATH=str(tmp_path))
    assert answer.code == 1
    assert "expected the package databento-dbn, found none" in answer.err and "quintet[history]" in answer.err


def test_a_strategy_with_a_wrong_parameter_is_refused_before_anything_starts(tmp_path):
    lines = ["[strategy.strategy]", 'module = "fixed_spread"', 'universe = ["QNTA"]', "[strategy.strategy.params]"]
    (tmp_path / "strategy.toml").write_text("\n".join([*lines, "half_sprad_ticks = 3"]))
    for command in ("config check", "up", "demo"):
        answer = quintet(*command.split(), QUINTET_CONFIG=str(tmp_path))
        assert answer.code == 1, command
        assert "parameter half_sprad_ticks: expected one of requote_price_ticks, " in answer.err
        assert answer.err.count("\n") == 1


def test_a_name_in_use_is_refused_and_the_state_of_its_owner_stays(fabric, name):
    (fabric.state_folder / "journal").touch()
    for command in ("demo", "up"):
        answer = quintet(command, "--name", name)
        assert answer.code == 1
        assert "owners of" in answer.err or "brought up" in answer.err
        assert "expected" in answer.err and "Traceback" not in answer.err
    assert (fabric.state_folder / "journal").exists()
    answer = quintet("up", "--name", name)
    assert f"stop it with `quintet down --name {name}`, or start under another --name" in answer.err


def test_a_demo_never_erases_what_an_up_has_written(folders, name):
    Fabric(load(name)).destroy()
    kept = folders / "state" / name / "control.json"
    kept.write_text("{}")
    answer = quintet("demo", "--name", name)
    assert answer.code == 1 and "choose another --name, or move the folder away" in answer.err
    assert kept.exists()


def test_a_second_demo_does_not_touch_the_state_of_the_first(name):
    held = Fabric(load(name), fresh=True)
    try:
        (held.state_folder / "journal").touch()
        answer = quintet("demo", "--name", name)
        assert answer.code == 1 and "start under another --name" in answer.err
        assert (held.state_folder / "journal").exists()
    finally:
        held.destroy()


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    answer = quintet("halt", "--reason", "r", QUINTET_STATE=str(tmp_path / "file"))
    assert answer.code == 1
    assert answer.err.startswith("quintet halt: ") and answer.err.count("\n") == 1


def test_every_reading_command_prints_one_json_object(fabric, name):
    status = call("status", "--json", "--name", name)
    assert status.code == 0 and len(status.out.splitlines()) == 1
    taken = status.json()
    assert taken["name"] == name and len(taken["instances"]) == 8 and len(taken["rings"]) == 7
    assert {row["state"] for row in taken["instances"]} == {"not started"}
    for command, state in (("halt", "HALTED"), ("cancel-all", "HALTED"), ("resume", "ACTIVE")):
        answer = quintet(command, "--reason", "r", "--json", "--name", name)
        assert answer.code == 0 and answer.json() == {"scope": "firm", "state": state, "fabric": True}
    assert call("config", "check", "--json").json()["ok"] is True
    shown = call("config", "show", "--json", "--name", name).json()
    assert shown["name"] == name and shown["strategies"]["strategy"]["module"] == "avellaneda_stoikov"


def test_config_check_names_every_file_and_says_what_is_wrong(tmp_path):
    answer = call("config", "check")
    assert answer.code == 0
    assert [line.split("/")[-1] for line in answer.out.splitlines()] == [
        "topology.toml",
        "instruments.toml",
        "venues.toml",
        "limits.toml",
        "strategy.toml",
        "dev.toml",
    ]
    (tmp_path / "limits.toml").write_text("[firm]\nopen_orders_max = 'many'\n")
    answer = quintet("config", "check", QUINTET_CONFIG=str(tmp_path))
    assert answer.code == 1
    assert answer.err.startswith(f"quintet config: {tmp_path}/limits.toml: ") and "expected" in answer.err


def test_config_check_of_the_production_profile_refuses_a_machine_that_is_too_small():
    answer = quintet("config", "check", "--profile", "prod")
    if answer.code == 0:
        pytest.skip("this machine has a core for each instance")
    assert answer.code == 1 and "hosts/prod.toml: cores." in answer.err


def test_config_show_prints_every_value_in_force_one_a_line():
    answer = call("config", "show")
    assert answer.code == 0
    assert all(re.fullmatch(r"[^ =]+ = .+", line) for line in answer.out.splitlines())
    assert 'strategies.strategy.module = "avellaneda_stoikov"' in answer.out.splitlines()


def test_version_prints_one_line():
    answer = quintet("--version")
    assert answer.code == 0 and re.fullmatch(r"quintet .+\n", answer.out)


def test_a_fabric_of_another_version_is_named_and_not_a_traceback(name, monkeypatch):
    import procs.runtime.fabric as fabric_module

    monkeypatch.setattr(fabric_module, "encode", lambda config: b'{"name": "x"}')
    made = Fabric(load(name))
    try:
        for words in (("status",), ("halt", "--reason", "r")):
            answer = quintet(*words, "--name", name)
            assert answer.code == 1
            assert "expected the configuration of this version of Quintet" in answer.err
            assert answer.err.count("\n") == 1
    finally:
        made.destroy()


def test_a_closed_pipe_is_no_error(fabric, name):
    line = f"{sys.executable} -m procs.cli status --json --name {name} | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True)
    assert done.stderr == "" and done.stdout == "{"


def test_the_report_of_status_is_valid_json_with_the_documented_parts(fabric, name):
    taken = json.loads(call("status", "--json", "--name", name).out)
    assert {"risk", "orders", "instances", "rings", "feed", "hops_ns", "positions", "alarms", "errors"} <= set(taken)
    ring = taken["rings"][0]
    assert {"ring", "depth", "capacity", "high_water", "per_s", "refusals", "behind"} <= set(ring)
    instance = taken["instances"][0]
    wanted = {"pid", "tid", "core", "core_wanted", "state", "step_age_ns", "heartbeat_age_ns", "work_per_s"}
    assert wanted | {"idle_share", "restarts"} <= set(instance)
