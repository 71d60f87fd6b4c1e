"""Every command of README.md is run. A command without an entry below fails, with a sentence that says what to add.

An entry of `TABLE` is keyed by the verb of a row of the README's table and lists lines that together use every option
and alternative of that row. An entry of `SHELL` is keyed by a line of an `sh` block or by a command inside a sentence.
Lines run as written against fabrics of our own: {name} is up for the whole file, {other} is only ever made by a line
here; {tmp} is a folder, {history} the real session.
"""

import ast
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.cli import Answer, nothing_left
from tests.support.data import shared_data
from tests.support.host import host_folder
from tests.support.manager import Manager
from tests.support.readme import ROOT, inline_commands, readme, shell_lines, table_rows

HERE = Path(__file__).relative_to(ROOT)
SECONDS = 120.0


class Line(NamedTuple):
    """A command with what its output must match. `codes` has more than one where it depends on the host.

    `until` ends it with Ctrl-C once that was printed, `ready` with SIGTERM once it told a service manager READY.
    """

    words: str
    says: str
    codes: tuple[int, ...] = (0,)
    until: str = ""
    ready: bool = False


class Ci(NamedTuple):
    """.ci/run runs it, because it needs a fresh environment, a network or half an hour: the words that stand there.

    Without words: the README's line itself, as a whole line.
    """

    words: str = ""


class Elsewhere(NamedTuple):
    """Another test runs it: `file::test`, with what that test's file must name of it."""

    test: str
    names: str


UNITS = "tests/systemd/test_units.py::test_the_steps_of_the_readme_enable_the_target_and_install_every_unit"
STEPS = Elsewhere(UNITS, "def install_steps")  # does every line of that block in a root of its own
REPLAY = "tests/flow/test_machine.py::test_the_whole_real_session_is_traded_in_driven_time_without_a_break"
JOIN = "tests/flow/test_readme_strategy.py::test_the_strategy_of_the_readme_quotes_and_fills_in_the_demo"
RECORDED = "tests/flow/test_recording_flow.py::"
DEMO_RECORDED = "tests/flow/test_recording_demo.py::test_a_demo_is_recorded_and_replays_to_the_same_bytes"
REFUSED = r"expected one of the cores|HALTED|is up"  # production on a host that is too small, or large enough

TABLE = {  # verb -> lines; in the order of the README, which is one that works
    "quintet demo": [
        Elsewhere(JOIN, '"--strategy", str(file)'),
        Line("demo --seconds 1 --replay {history} --speed max --name {other} --json", r'"orders": \{'),
        Elsewhere(DEMO_RECORDED, "--record"),
        Ci("quintet demo --scenario breach"),
    ],
    "quintet up": [
        Line("up --profile prod --name {other}", REFUSED, (0, 1)),
        Line("down --name {other}", "is down$|expected a fabric of that name", (0, 1)),
        Line("up --profile dev --name {name}", r"is up: supervisor \d+, firm ACTIVE"),
        Line("up --profile dev --record {tmp}/incident --name {other}r", "is up"),
        Line("down --name {other}r", "is down$"),
    ],
    "quintet replay": [
        Elsewhere(DEMO_RECORDED, '"--instance", "strategy", "--stop-at"'),
        Elsewhere(RECORDED + "test_the_command_replays_one_instance_and_says_so", '[*command, "--json"]'),
    ],
    "quintet status": [
        Line("status --name {name}", r"order_sender +running"),
        Line("status --json --name {name}", r'"instances": \['),
        Line("status --watch --name {name}", r"feed +fresh", until=r"order_sender"),
    ],
    "quintet halt": [Line("halt --reason lunch --scope instrument:QNTA --name {name}", "^instrument:QNTA HALTED")],
    "quintet cancel": [
        Line("cancel --side buy --reason lunch --name {name}", "^\\d+ orders of side buy"),
        Line(
            "cancel --venue sim --strategy strategy --instrument QNTA --side sell --reason lunch --name {name}",
            "^\\d+ orders of venue sim",
        ),
    ],
    "quintet cancel-all": [
        Line("cancel-all --reason lunch --scope strategy:strategy --name {name}", "^strategy:strategy CANCEL_ONLY")
    ],
    "quintet reduce": [
        Line("reduce --reason slow --scope instrument:QNTB --name {name}", "^instrument:QNTB REDUCING"),
        Line("reduce --reason slow --scope instrument:QNTB --confirm --name {name}", "REDUCING|expected", (0, 1)),
    ],
    "quintet flatten": [
        Line("flatten --scope firm --seconds 1 --reason out --name {name}", "executor = true", (1,)),
    ],
    "quintet resume": [
        Line("resume --reason back --scope instrument:QNTB --name {name}", "^instrument:QNTB ACTIVE"),
        Line("resume --reason back --scope instrument:QNTB --confirm --name {name}", "ACTIVE|expected", (0, 1)),
        Line("resume --reason back --scope instrument:QNTA --name {name}", "^instrument:QNTA ACTIVE"),
        Line("resume --reason back --scope strategy:strategy --name {name}", "^strategy:strategy ACTIVE"),
    ],
    "quintet positions": [
        Line("positions --by instrument --name {name}", "^QNT|^no fills yet"),
        Line("positions --by venue --name {name}", "^sim|^no fills yet"),
        Line("positions --by currency --name {name}", "^USD|^no fills yet"),
        Line("positions --by firm --name {name}", "^firm|^no fills yet"),
        Line("positions --by strategy --json --name {name}", '"by": "strategy"'),
        Line("positions --at 23:59:59 --epoch all --name {name}", "", (0, 1)),
    ],
    "quintet journal": [
        Line("journal --name {name}", r"order_sender +\d+ +live"),
        Line("journal risk_gate --from 0 --kind decision --where side=buy --name {name}", r"decision +code="),
        Line("journal order_sender --last 1 --follow --name {name}", "kind=", until=r"kind="),
        Line("journal --verify --name {name}", r"order_sender \d+: sound"),
        Line("journal prune --days 30 --apply --name {name}", r"lives (would go|went)|0 of \d+ lives"),
    ],
    "quintet orders": [
        Line(
            "orders --open --state working --strategy strategy --instrument QNTA --side buy --name {name}",
            "^time +order",
        ),
        Line("orders --side sell --since 00:00 --until 23:59:59 --epoch all --last 5 --json --name {name}", ""),
        Line("orders --at 23:59:59 --name {name}", "^time +order"),
    ],
    "quintet executions": [
        Line("executions --state done --strategy strategy --instrument QNTA --side buy --name {name}", "^time +match"),
        Line(
            "executions --side sell --since 00:00 --until 23:59:59 --epoch all --last 5 --name {name}", "^time +match"
        ),
    ],
    "quintet decisions": [
        Line(
            "decisions --code refused --strategy strategy --instrument QNTA --side buy --name {name}", "^time +intent"
        ),
        Line(
            "decisions --side sell --since 00:00 --until 23:59:59 --epoch all --last 5 --name {name}", "^time +intent"
        ),
    ],
    "quintet breaks": [
        Line("breaks --state open --kind position --instrument QNTA --epoch all --last 5 --name {name}", "^no breaks"),
        Line("breaks --state acknowledged --name {name}", "^no breaks"),
        Line("breaks --state cleared --name {name}", "", (0, 1)),
    ],
    "quintet chain": [Line("chain 1 --epoch all --name {name}", "gate passed", (0, 1))],
    "quintet oms": [
        Line("oms load --name {name}", "expected|entries in", (0, 1)),
        Line("oms check --name {name}", "breaks: no journal contradicts itself", (0, 1)),
    ],
    "quintet params": [
        Line("params --name {name}", "qty_lots"),
        Line("params qty_lots=200 --strategy strategy --instrument QNTA --reason trial --name {name}", "qty_lots"),
    ],
    "quintet limits": [
        Line("limits --scope firm --name {name}", "gross_micro_max"),
        Line("limits --checks --json --name {name}", "15c3-5"),
        Line("limits qty_lots_max=900 --scope instrument:QNTC --reason trial --for 10m --name {name}", "qty_lots_max"),
        Line("limits --reload --reason quarter --name {name}", "nothing changed|qty_lots_max"),
        Line("limits --confirm 123 --name {name}", "expected", (1,)),
        Line("limits --history --name {name}", "qty_lots_max"),
    ],
    "quintet risk": [
        Line("risk --name {name}", "firm"),
        Line("risk --history --json --name {name}", ""),
    ],
    "quintet down": [Line("down --name {name}", "is down$")],
    "quintet fabric": [
        Line("fabric create --profile prod --name {other}", REFUSED, (0, 1)),
        Line("fabric remove --name {other}", ""),
        Line("fabric create --profile dev --name {other}", r"is created: epoch \d+, \d+ bytes; the firm is HALTED"),
        Line("fabric watch --name {other}", "", ready=True),
        Line("fabric remove --name {other}", r"\d+ objects removed"),
    ],
    "quintet config": [
        Line("config check --profile dev", "topology.toml"),
        Line("config check --profile prod", r"topology.toml|expected one of the cores", (0, 1)),
        Line("config show", r'^profile = "dev"$'),
    ],
    "python -m bench.day_file": [
        Line("python -m bench.day_file --messages 6000 --instruments 20 --out {tmp}/day.itch.gz", ""),
    ],
    "python -m bench": [
        Line("python -m bench", r"tick_to_order +How long"),
        Line("python -m bench latest --smoke --json --report --out {tmp}", r'"name": "latest_read"'),
        Ci("python -m bench all --report --smoke --json --plot --out"),
    ],
}
SHELL = {  # a line of an `sh` block, or a command inside a sentence -> how it is run
    # two commands
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[history]' && .venv/bin/quintet demo": Ci(),
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/python -m pytest -q -n 2": Ci(),
    "python3 -m venv": Ci('python3 -m venv "$work/try"'),
    "apt-get update && apt-get install -y python3-venv": Ci(),
    # replaying, writing a strategy
    ".venv/bin/quintet demo --replay esh4-20231225.mbo.dbn.zst": Elsewhere(
        REPLAY, "esh4-glbx-mdp3-20231225.mbo.dbn.zst"
    ),
    ".venv/bin/python -m bench.day_file --messages 1000000 --instruments 500 --out day.itch.gz": Line(
        "python -m bench.day_file --messages 6000 --instruments 20 --out {tmp}/day.itch.gz", ""
    ),
    ".venv/bin/quintet demo --replay day.itch.gz": Line(
        "demo --replay {tmp}/day.itch.gz --name {other}d", "equal to the venue's ledger"
    ),
    "quintet demo --strategy ./join.py": Elsewhere(JOIN, '"--strategy", str(file)'),
    ".venv/bin/quintet demo --seconds 10 --record /tmp/incident": Elsewhere(DEMO_RECORDED, "--record"),
    ".venv/bin/quintet replay /tmp/incident": Elsewhere(DEMO_RECORDED, '"replay", str(folder)'),
    "NUMBA_DISABLE_JIT=1 .venv/bin/quintet replay /tmp/incident --instance strategy --stop-at 1234": Elsewhere(
        DEMO_RECORDED, '"--stop-at"'
    ),
    "quintet resume --reason …": Line("resume --reason checked --name {name}", "^firm ACTIVE"),
    # under systemd
    "python3 -m venv /opt/quintet": Ci('python3 -m venv "$work/opt/quintet"'),
    "/opt/quintet/bin/pip install .": Ci('"$work/opt/quintet/bin/pip" install -q .'),
    "install -D -m 644 systemd/quintet.sysusers.conf /etc/sysusers.d/quintet.conf": STEPS,
    "install -D -m 644 systemd/quintet.tmpfiles.conf /etc/tmpfiles.d/quintet.conf": STEPS,
    "install -D -m 644 -t /etc/quintet systemd/quintet.env config/*.toml": STEPS,
    "install -D -m 644 -t /etc/quintet/hosts config/hosts/prod.toml": STEPS,
    "cp -r systemd/quintet*.service systemd/quintet*.service.d systemd/quintet*.slice systemd/quintet.target"
    " /etc/systemd/system/": STEPS,
    "systemd-sysusers": STEPS,
    "systemd-tmpfiles --create": STEPS,
    "systemctl daemon-reload": STEPS,
    "systemctl enable --now quintet.target": STEPS,
    "set -a; . /etc/quintet/quintet.env": Line(
        "sh: set -a; . systemd/quintet.env; env", "^QUINTET_CONFIG=/etc/quintet$"
    ),
    "/opt/quintet/bin/quintet status": Line("status --name {name}", r"order_sender +running"),
    "resume --reason …": Line("resume --reason checked --name {name}", "^firm ACTIVE"),
    "systemctl stop quintet.target quintet-fabric.service": Elsewhere(
        "tests/systemd/test_fabric_steps.py::"
        "test_the_watch_latches_an_automatic_halt_and_cancels_when_it_is_told_to_leave",
        '"fabric", "watch"',
    ),
    "systemd-analyze security": Elsewhere(
        "tests/systemd/test_units.py::test_an_instance_is_exposed_no_more_than_promised", '"security"'
    ),
    "journalctl -u quintet@NAME": Line("sh: test -f systemd/quintet@.service", ""),
    # the book of record
    "quintet chain 361": Line("chain match:1 --epoch all --name {name}", "gate passed|no such|expected", (0, 1)),
    # limits, the kill, risk
    "quintet limits --scope instrument:QNTA": Line("limits --scope instrument:QNTA --name {name}", "qty_lots_max"),
    'quintet limits qty_lots_max=500 --scope instrument:QNTA --reason "thin book"': Line(
        "limits qty_lots_max=500 --scope instrument:QNTA --reason thin --name {name}", "qty_lots_max"
    ),
    'quintet limits qty_lots_max=2000 --scope instrument:QNTA --reason "block for desk 3" --for 10m': Line(
        "limits qty_lots_max=2000 --scope instrument:QNTA --reason block --for 10m --name {name}", "qty_lots_max"
    ),
    'quintet limits --reload --reason "Q3 limits, signed by the committee"': Line(
        "limits --reload --reason committee --name {name}", "nothing changed|qty_lots_max"
    ),
    "quintet limits --history": Line("limits --history --name {name}", "qty_lots_max"),
    "quintet demo --scenario breach": Ci("quintet demo --scenario breach"),
    "quintet journal risk_engine": Line("journal risk_engine --last 3 --name {name}", ""),
    "quintet journal risk_gate --kind limits": Line("journal risk_gate --kind limits --name {name}", "qty_lots_max"),
    "quintet params --strategy strategy.executor": Line(
        "params --strategy strategy.executor --name {name}", "expected one of strategy", (2,)
    ),
    "quintet resume --scope strategy:NAME": Line(
        "resume --scope strategy:strategy --reason seen --name {name}", "^strategy:strategy ACTIVE"
    ),
    "quintet resume --scope session:NAME": Line(
        "resume --scope session:order_sender --reason seen --name {name}", "^session:order_sender ACTIVE"
    ),
    "systemctl kill -s SIGUSR1 quintet@order_sender": Elsewhere(
        "tests/fault/test_kill_word.py::test_a_signal_and_a_file_halt_with_every_other_process_stopped_and_are_latched",
        "SIGUSR1",
    ),
    "quintet limits --checks": Line("limits --checks --name {name}", "15c3-5"),
    # testing, numbers
    "python -m pytest -n 2": Ci(".venv/bin/python -m pytest -q -n 2"),
    "python -m pytest -m soak": Ci("python -m pytest -q -m soak"),
    "-m soak tests/fault/test_bad_days.py tests/fault/test_feed.py": Ci(
        "python -m pytest -q -m soak tests/fault/test_bad_days.py tests/fault/test_feed.py"
    ),
    "python -m pytest -q -s -m soak tests/flow/test_day.py": Elsewhere(
        "tests/flow/test_day.py::test_a_day_is_replayed_without_a_gap_and_its_books_are_right_wherever_one_looks",
        '"ten million messages of 500", marks=pytest.mark.soak',
    ),
    "python -m bench --report": Ci("python -m bench all --report --smoke"),
    "python -m bench journal_readers": Ci("python -m bench all --report --smoke"),
    "python -m bench risk_engine_beside": Ci("python -m bench all --report --smoke"),
    "python -m bench all": Ci("python -m bench all --report --smoke"),
}

ADD = f"add an entry for it to %s in {HERE}"
_numbers = itertools.count()


# --- is everything in the table? ---


@pytest.mark.parametrize("row", table_rows(readme()), ids=lambda row: row.verb)
def test_every_row_of_the_table_of_commands_has_lines_that_use_all_its_options(row):
    assert row.verb in TABLE, f"README.md has `{row.text}`: " + ADD % "TABLE"
    used = " ".join(entry.names if isinstance(entry, Elsewhere) else entry.words for entry in TABLE[row.verb])
    for word in row.words:
        assert re.search(rf"(?<![\w-]){word}(?![\w-])", used), f"`{row.verb}` has {word}, which no line of TABLE uses"


@pytest.mark.parametrize("command", [*shell_lines(readme()), *inline_commands(readme())])
def test_every_command_outside_the_table_has_an_entry(command):
    assert command in SHELL, f"README.md has `{command}`: " + ADD % "SHELL"


def test_no_entry_is_left_of_a_command_that_the_readme_no_longer_has():
    told = readme()
    assert set(TABLE) - {row.verb for row in table_rows(told)} == set()
    assert set(SHELL) - {*shell_lines(told), *inline_commands(told)} == set()


def test_the_search_for_commands_bites():
    told = (
        "## Commands\n\n| `quintet buy [--qty N] now\\|later` | x |\n\nRun `quintet sell --all`, not `quintet buy`.\n"
    )
    told += "```sh\n# first\nrm -r /opt/quintet\n\nls \\\n  -l\n```\n"
    (row,) = table_rows(told)
    assert (row.verb, row.words) == ("quintet buy", ("--qty", "now", "later"))
    assert shell_lines(told) == ["rm -r /opt/quintet", "ls    -l"]
    assert inline_commands(told) == ["quintet sell --all"]
    with pytest.raises(AssertionError, match="add an entry for it to TABLE"):
        test_every_row_of_the_table_of_commands_has_lines_that_use_all_its_options(row)
    with pytest.raises(AssertionError, match="add an entry for it to SHELL"):
        test_every_command_outside_the_table_has_an_entry("quintet sell --all")


# --- run by others ---


def entries_of(kind) -> list:
    """(README's words, entry) of a kind, the README's order."""
    found = [(verb, entry) for verb, entries in TABLE.items() for entry in entries if isinstance(entry, kind)]
    return found + [(command, entry) for command, entry in SHELL.items() if isinstance(entry, kind)]


@pytest.mark.parametrize(("command", "entry"), entries_of(Ci))
def test_what_needs_a_fresh_environment_is_run_by_ci(command, entry):
    held = [line.strip() for line in (ROOT / ".ci/run").read_text().splitlines() if not line.strip().startswith("#")]
    if entry.words:
        assert any(entry.words in line for line in held), f".ci/run no longer runs {entry.words!r}"
    else:
        assert command in held, f".ci/run no longer has the line {command!r}"


@pytest.mark.parametrize(("command", "entry"), entries_of(Elsewhere))
def test_what_another_test_runs_is_still_run_there(command, entry):
    file, name = entry.test.split("::")
    text = (ROOT / file).read_text()
    names = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert name in names, f"`{command}`: {file} has no {name}"
    assert entry.names in text, f"`{command}`: {file} does not have {entry.names!r}"


# --- run here ---


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Environment and names of this file's fabrics. What a line leaves running is taken down at the end."""
    tmp = tmp_path_factory.mktemp("readme")
    environment = {**os.environ, "QUINTET_STATE": str(tmp / "state"), "QUINTET_RUNTIME": str(tmp / "run")}
    environment |= {"PYTHONPATH": str(ROOT), "QUINTET_VENUE": "", "QUINTET_CONFIG": host_folder(tmp)}
    subprocess.run([sys.executable, "-m", "tests.support.compile_all"], cwd=ROOT, env=environment, check=True)
    names = {"name": f"readme-{os.getpid()}", "other": f"readme2-{os.getpid()}", "tmp": str(tmp)}
    yield names | {"environment": environment}
    for name in (names["name"], names["other"]):
        typed(["quintet", "down", "--name", name], environment)
        typed(["quintet", "fabric", "remove", "--name", name], environment)
        assert nothing_left(name), name


def program(words: list[str]) -> list[str]:
    """The words as this interpreter runs them."""
    if words[0] == "python":
        return [sys.executable, *words[1:]]
    return [sys.executable, "-m", "procs.cli", *(words[1:] if words[0] == "quintet" else words)]


def typed(words: list[str], environment: dict, line: Line | None = None) -> Answer:
    """Run one command to its end, or until it said what `line` waits for."""
    command = words[1:] if words[0] == "sh:" else program(words)
    if line is not None and (line.until or line.ready):
        return interrupted(command, environment, line)
    if words[0] == "sh:":
        command = ["sh", "-c", " ".join(command)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS)
    return Answer(done.returncode, done.stdout, done.stderr)


def interrupted(command: list[str], environment: dict, line: Line) -> Answer:
    """Start a command that goes on until it is told to leave, and tell it."""
    address = f"@readme-{os.getpid()}-{next(_numbers)}"
    manager = Manager(address)
    given = environment | (manager.environment if line.ready else {})
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell leaves it to what it starts in the background
    try:
        child = subprocess.Popen(
            command, cwd=ROOT, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
    finally:
        signal.signal(signal.SIGINT, ours)
    try:
        if line.ready:
            manager.wait("READY=1", lambda: child.poll() is None)
            child.send_signal(signal.SIGTERM)
            seen = ""
        else:
            seen, deadline = "", time.monotonic() + SECONDS
            while not re.search(line.until, seen) and time.monotonic() < deadline:
                seen += child.stdout.readline()
            child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=SECONDS)
    finally:
        child.kill()
        child.wait()
        manager.socket.close()
    return Answer(child.returncode, seen + out, err)


def filled(line: Line, world: dict) -> list[str]:
    """The words with their places filled. Skips where the real session is absent."""
    if "{history}" in line.words:
        world = world | {"history": str(shared_data("dbn", "esh4-glbx-mdp3-20231225.mbo.dbn.zst"))}
    if line.words.startswith("sh:"):
        return ["sh:", line.words.removeprefix("sh:")]
    return [word.format(**world) for word in line.words.split()]


def part(line: Line) -> int:
    """What wants the machine up comes first, then its end, then what has the cores for itself."""
    return 2 if "{name}" not in line.words else 1 if line.words.startswith("down ") else 0


ORDERED = sorted(entries_of(Line), key=lambda pair: part(pair[1]))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("command", "line"), ORDERED, ids=[line.words for _, line in ORDERED])
def test_the_command_does_what_the_readme_says(command, line, world):
    shipped = {"QUINTET_CONFIG": ""} if "--record" in line.words else {}  # whose loops another test compiled
    answer = typed(filled(line, world), world["environment"] | shipped, line)
    assert answer.code in line.codes, f"{line.words}: exit code {answer.code}\n{answer.out}\n{answer.err}"
    assert re.search(line.says, answer.out + answer.err, re.MULTILINE), f"{line.words}:\n{answer.out}\n{answer.err}"
    assert "Traceback" not in answer.err, answer.err
