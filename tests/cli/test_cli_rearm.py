"""What lets a scope trade again: `resume` and `reduce`, one person, two persons, and a file in the way."""

import json
import os

import pytest
from msgspec import structs

from config.load import load
from procs.cli import second_person
from procs.cli.second_person import Person, SecondPersonMissing, ask, confirm, pending
from procs.runtime.fabric import Fabric
from procs.runtime.kill import HALT_FILE, KILL_SIGNAL, Kill
from procs.runtime.paths import runtime_folder, state_folder
from shm.codes import STATE_ACTIVE, STATE_CANCEL_ONLY, STATE_HALTED, STATE_REDUCING
from shm.control_words import latch_load
from tests.support.cli import call, wait_until

ANN, BEN = Person(5001, "ann"), Person(5002, "ben")


@pytest.fixture
def as_person(monkeypatch):
    """Makes the process somebody else's."""

    def become(who: Person) -> None:
        monkeypatch.setattr(second_person, "person", lambda: who)

    return become


@pytest.fixture
def fabric(name):
    made = Fabric(load(name))
    made.arm()
    yield made
    made.destroy()


@pytest.fixture
def production(name):
    """A fabric of the production profile, without processes, on a host that need not be one."""
    config = load(name)
    made = Fabric(structs.replace(config, profile="prod"))
    yield made
    made.destroy()


def firm(fabric) -> int:
    return fabric.control.effective(0)


def history(name) -> list[dict]:
    return [json.loads(line) for line in (state_folder(name) / "control.jsonl").read_text().splitlines()]


# --- reduce ----------------------------------------------------------------------------------------------------------


def test_reduce_makes_a_scope_stricter_and_takes_a_halt_back_only_so_far(fabric, name):
    assert call("reduce", "--reason", "careful", "--name", name).out == "firm REDUCING\n"
    assert firm(fabric) == STATE_REDUCING and latch_load(state_folder(name))["firm"]["state"] == "REDUCING"
    assert call("halt", "--reason", "worse", "--name", name).out == "firm HALTED\n"
    assert call("reduce", "--reason", "better", "--name", name).out == "firm REDUCING\n"
    assert latch_load(state_folder(name))["firm"]["state"] == "REDUCING"
    assert call("resume", "--reason", "well", "--name", name).out == "firm ACTIVE\n"
    assert [entry["state"] for entry in history(name)] == ["REDUCING", "HALTED", "REDUCING", "ACTIVE"]
    assert [entry["reason"] for entry in history(name)] == ["careful", "worse", "better", "well"]


def test_reduce_acknowledges_an_automatic_halt_and_one_raised_later_stands(fabric, name):
    fabric.control.writer_set(2, 0, STATE_HALTED)
    assert call("reduce", "--reason", "seen", "--name", name).out == "firm REDUCING\n"
    fabric.control.writer_set(2, 0, STATE_HALTED)
    assert firm(fabric) == STATE_HALTED


def test_cancel_all_never_weakens_a_halt(fabric, name):
    call("halt", "--reason", "x", "--name", name)
    assert call("cancel-all", "--reason", "y", "--name", name).out == "firm HALTED\n"


def test_a_reduce_survives_a_restart(name):
    first = Fabric(load(name))
    first.arm()
    call("reduce", "--reason", "x", "--name", name)
    first.destroy()
    second = Fabric(load(name))
    second.arm()
    assert firm(second) == STATE_REDUCING
    second.destroy()


# --- two persons -----------------------------------------------------------------------------------------------------


def test_in_production_a_halt_needs_one_person_and_a_resume_two(production, name, as_person):
    as_person(ANN)
    answer = call("resume", "--reason", "all is well", "--name", name)
    assert answer.code == 1 and "asked for by ann" in answer.err and "--confirm" in answer.err
    assert firm(production) == STATE_HALTED
    answer = call("resume", "--confirm", "--reason", "me again", "--name", name)
    assert answer.code == 1 and "expected a second person, found ann" in answer.err
    as_person(BEN)
    answer = call("resume", "--confirm", "--scope", "strategy:strategy", "--reason", "other", "--name", name)
    assert answer.code == 1 and "expected a request to confirm, found none" in answer.err
    assert firm(production) == STATE_HALTED
    answer = call("resume", "--confirm", "--reason", "looked at it", "--name", name)
    assert (answer.code, answer.out) == (0, "firm ACTIVE\n"), answer.err
    assert call("halt", "--reason", "stop", "--name", name).out == "firm HALTED\n"
    answer = call("resume", "--confirm", "--reason", "once more", "--name", name)
    assert answer.code == 1, "a request is good for one act"
    assert firm(production) == STATE_HALTED
    events = [json.loads(line) for line in (state_folder(name) / "second_person.jsonl").read_text().splitlines()]
    assert [(event["event"], event["by"]) for event in events] == [
        ("asked", "ann"), ("refused", "ann"), ("confirmed", "ben"),
    ]  # fmt: skip


def test_in_production_reduce_of_what_is_halted_needs_two_and_of_what_trades_one(production, name, as_person):
    as_person(ANN)
    assert call("reduce", "--reason", "x", "--name", name).code == 1
    as_person(BEN)
    assert call("reduce", "--confirm", "--reason", "y", "--name", name).out == "firm REDUCING\n"
    production.control.operator_set(0, STATE_ACTIVE)
    assert call("reduce", "--reason", "careful", "--name", name).out == "firm REDUCING\n"


def test_without_a_fabric_the_latch_of_production_needs_two_as_well(name, as_person):
    made = Fabric(structs.replace(load(name), profile="prod"))
    call("halt", "--reason", "x", "--name", name)
    made.destroy()
    as_person(ANN)
    assert call("resume", "--reason", "x", "--name", name).code == 1
    assert latch_load(state_folder(name))["firm"]["state"] == "HALTED"
    as_person(BEN)
    assert call("resume", "--confirm", "--reason", "x", "--name", name).code == 0
    assert latch_load(state_folder(name)) == {}


def test_a_request_that_is_too_old_must_be_made_again(tmp_path, as_person):
    as_person(ANN)
    ask(tmp_path, "resume", {"scope": "firm"}, "x", life_seconds=-1)
    assert pending(tmp_path) == []
    as_person(BEN)
    with pytest.raises(SecondPersonMissing, match="still valid"):
        confirm(tmp_path, "resume", {"scope": "firm"}, "y")
    with pytest.raises(SecondPersonMissing, match="found none"):
        confirm(tmp_path, "resume", {"scope": "firm"}, "y")


def test_a_request_that_nobody_understands_is_refused(tmp_path, as_person):
    as_person(ANN)
    ask(tmp_path, "resume", {"scope": "firm"}, "x")
    path = next((tmp_path / "pending").glob("*.json"))
    for text in ("", "{}", '{"version": 2}', '{"version": 1, "act": "resume"}', "[1]"):
        path.write_text(text)
        as_person(BEN)
        with pytest.raises(SecondPersonMissing, match="as this version writes it"):
            confirm(tmp_path, "resume", {"scope": "firm"}, "y")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_the_kernel_says_who_it_is(tmp_path):
    """A child with another uid confirms what this process asked for; this process may not."""
    if second_person.person().uid != os.getuid():
        pytest.skip("a login uid stands above the uid here, and a child has the same")
    tmp_path.chmod(0o777)
    ask(tmp_path, "resume", {"scope": "firm"}, "x")
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o777)
    with pytest.raises(SecondPersonMissing, match="expected a second person"):
        confirm(tmp_path, "resume", {"scope": "firm"}, "y")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.chdir("/")
            folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
            os.setuid(65534)
            os._exit(0 if confirm(f"/proc/self/fd/{folder}", "resume", {"scope": "firm"}, "y") else 2)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pending(tmp_path) == []


# --- signal and file -------------------------------------------------------------------------------------------------


def of_fabric(fabric, name) -> Kill:
    kill = Kill(state_folder(name), runtime_folder(name), "test")
    kill.use(fabric.control)
    return kill


@pytest.fixture
def signals():
    import signal

    before = signal.getsignal(KILL_SIGNAL)
    yield
    signal.signal(KILL_SIGNAL, before)


def test_the_signal_halts_at_once_and_is_latched_with_its_name(fabric, name, signals):
    kill = of_fabric(fabric, name)
    kill.on_signal()
    os.kill(os.getpid(), KILL_SIGNAL)
    assert firm(fabric) == STATE_HALTED
    assert kill.look() == "signal SIGUSR1 to test" and kill.look() == ""
    assert wait_until(lambda: latch_load(state_folder(name)).get("firm", {}).get("reason") == "signal SIGUSR1 to test")


@pytest.mark.parametrize("folder", [state_folder, runtime_folder])
def test_a_file_halts_is_latched_and_nothing_is_armed_while_it_is_there(fabric, name, folder):
    kill = of_fabric(fabric, name)
    assert kill.look() == ""
    path = folder(name) / HALT_FILE
    path.write_text("the feed looks wrong\nmore")
    assert kill.look() == f"file {path}: the feed looks wrong"
    assert firm(fabric) == STATE_HALTED
    assert wait_until(lambda: "feed looks wrong" in latch_load(state_folder(name)).get("firm", {}).get("reason", ""))
    assert kill.look() == ""
    answer = call("resume", "--reason", "x", "--name", name)
    assert answer.code == 1 and "expected no file that asks for a halt" in answer.err and str(path) in answer.err
    fabric.arm()
    assert firm(fabric) == STATE_HALTED
    path.unlink()
    assert kill.look() == "" and firm(fabric) == STATE_HALTED, "taking the file away arms nothing"
    assert call("resume", "--reason", "over", "--name", name).out == "firm ACTIVE\n"


def test_a_fabric_that_starts_with_the_file_there_is_halted_and_stays_so(name):
    state_folder(name).mkdir(parents=True)
    (state_folder(name) / HALT_FILE).touch()
    made = Fabric(load(name))
    made.arm()
    assert firm(made) == STATE_HALTED
    (state_folder(name) / HALT_FILE).unlink()
    made.destroy()
    again = Fabric(load(name))
    again.arm()
    assert firm(again) == STATE_HALTED, "it was latched"
    again.destroy()


def test_a_stricter_word_than_cancel_only_is_what_signal_and_file_say(fabric, name):
    fabric.control.operator_set(0, STATE_CANCEL_ONLY)
    (state_folder(name) / HALT_FILE).touch()
    assert of_fabric(fabric, name).look() != ""
    assert firm(fabric) == STATE_HALTED
