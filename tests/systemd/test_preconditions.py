"""What production refuses to start without: each refusal is a sentence that says what to do."""

import errno
import os
from types import SimpleNamespace

import numpy as np
import pytest
from msgspec import structs

from config.errors import ConfigError
from config.load import load
from procs.runtime import affinity
from procs.runtime.affinity import HostRefused, keep_off, lock_memory, pin_thread, take_realtime
from procs.runtime.agent import Agent
from procs.runtime.preconditions import refuse_open_cache
from shm.code_cache import cache_folder
from shm.records.instance import INSTANCE


@pytest.fixture
def production(monkeypatch, tmp_path):
    """The production configuration on a host of eight cores, with a cache of its own."""
    monkeypatch.delenv("QUINTET_CONFIG", raising=False)
    monkeypatch.setenv("QUINTET_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as cores:
        cores.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
        return load(profile="prod")


def test_compiled_code_that_is_not_there_is_refused(production):
    with pytest.raises(HostRefused, match="run the prepare step first"):
        refuse_open_cache(production)


@pytest.mark.parametrize("mode", (0o775, 0o757))
def test_compiled_code_that_group_or_others_may_write_is_refused_wherever_it_lies(production, mode):
    deep = cache_folder() / "generated"
    deep.mkdir(parents=True)
    for path in (deep, *deep.parents[:2]):
        path.chmod(0o755)
    refuse_open_cache(production)
    deep.chmod(mode)
    with pytest.raises(HostRefused, match=rf"generated can be written .*{mode:04o}.*chmod -R go-w"):
        refuse_open_cache(production)
    refuse_open_cache(structs.replace(production, profile="dev"))


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_compiled_code_of_two_owners_is_refused(production):
    folder = cache_folder()
    folder.mkdir(parents=True)
    stray = folder / "stray.code"
    stray.write_bytes(b"")
    for path in (folder, folder.parent, stray):
        path.chmod(0o644 if path is stray else 0o755)
    os.chown(stray, 12345, -1)
    with pytest.raises(HostRefused, match="belongs to user 12345"):
        refuse_open_cache(production)


def test_memory_that_cannot_be_locked_is_refused_with_the_setting_that_grants_it(monkeypatch):
    monkeypatch.setattr(affinity, "_libc", SimpleNamespace(mlockall=lambda _: -1))
    assert "LimitMEMLOCK=infinity" in lock_memory("try")
    with pytest.raises(HostRefused, match="LimitMEMLOCK=infinity"):
        lock_memory("require")


def test_a_real_time_policy_that_is_not_granted_is_refused_with_the_setting_that_grants_it(monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert "LimitRTPRIO=50" in take_realtime("try", 50)
    with pytest.raises(HostRefused, match="LimitRTPRIO=50"):
        take_realtime("require", 50)


def test_a_core_that_is_not_granted_is_refused_in_production_and_a_warning_elsewhere(production, monkeypatch):
    monkeypatch.setattr("procs.runtime.agent.pin_thread", lambda _: False)
    monkeypatch.setattr("procs.runtime.agent.name_thread", lambda _: None)
    monkeypatch.setattr("procs.runtime.agent.take_realtime", lambda *_: "")

    def agent_of(config) -> Agent:
        wiring = SimpleNamespace(
            instance="risk_gate", config=config, place=SimpleNamespace(core=4), page=np.zeros(1, INSTANCE)[0]
        )
        agent = Agent.__new__(Agent)
        agent.wirings, agent.states, agent.warnings, agent.hot_error = [wiring], [], 0, None
        agent.recorded = ()
        agent.stop_word, agent.loop = np.zeros(1, np.int64), lambda *_: 1
        agent._hot()
        return agent

    refused = agent_of(production)
    assert isinstance(refused.hot_error, HostRefused) and "core 4" in str(refused.hot_error)
    shared = structs.replace(production, host=structs.replace(production.host, core_sharing="allow"))
    warned = agent_of(shared)
    assert warned.hot_error is None and warned.warnings == 1


def test_cores_that_two_instances_would_share_are_refused(monkeypatch):
    monkeypatch.delenv("QUINTET_CONFIG", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    with pytest.raises(ConfigError, match="expected one of the cores"):
        load(profile="prod")


def test_a_thread_is_pinned_to_one_core_and_kept_off_the_hot_ones():
    before = os.sched_getaffinity(0)
    core = min(before)
    try:
        keep_off(before)
        assert os.sched_getaffinity(0) == before, "no core is left: it stays where it is"
        keep_off({core})
        assert core not in os.sched_getaffinity(0) or len(before) == 1
        assert pin_thread(core) and os.sched_getaffinity(0) == {core}
        assert not pin_thread(1023)
    finally:
        os.sched_setaffinity(0, before)
