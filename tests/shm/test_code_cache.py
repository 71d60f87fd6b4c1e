"""Compiled code is valid exactly as long as everything that it was compiled from."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shm import code_cache
from shm.code_cache import ROOT, sources_stamp
from shm.jit import JIT_OFF

CALLEE = "from shm.jit import hot\n\n\n@hot\ndef answer(x):\n    return x + {}\n"
CALLER = (
    "from quintet_callee import answer\nfrom shm.jit import hot\n\n\n@hot\ndef ask(x):\n    return answer(x) * 10\n"
)
MAIN = (
    "import sys; sys.path.append({folder!r});"
    "from procs.runtime.compiled import compiled_count;"
    "from quintet_caller import ask; print(ask(1), {show})"
)


def test_a_stamp_changes_with_a_file_deep_in_the_imports_and_with_no_other():
    before = sources_stamp(ROOT / "procs" / "risk_gate" / "step.py")
    assert before == sources_stamp(ROOT / "procs" / "risk_gate" / "step.py")
    reached, todo = set(), [ROOT / "procs" / "risk_gate" / "step.py"]
    while todo:
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            todo.extend(code_cache._imports(path)[1])
    names = {str(path.relative_to(ROOT)) for path in reached}
    assert {"shm/ring.py", "shm/atomics.py", "shm/records/order.py", "procs/risk_gate/checks.py"} <= names
    assert not any(name.startswith(("procs/venue", "procs/cli", "procs/feed_handler")) for name in names)


@pytest.fixture
def run(tmp_path: Path):
    """run(addend): [answer, functions compiled] of a fresh process, in which `ask` calls `answer`; or `show` instead."""
    environment = {**os.environ, "QUINTET_CACHE": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # Python tells edits within a second apart by their size only
    probe = [sys.executable, "-c", "from shm.code_cache import generated_folder; print(generated_folder())"]
    folder = Path(subprocess.run(probe, env=environment, capture_output=True, text=True, check=True).stdout.strip())
    folder.mkdir(parents=True)
    (folder / "quintet_caller.py").write_text(CALLER)

    def run_once(addend: int, show: str = "compiled_count()") -> list[str]:
        (folder / "quintet_callee.py").write_text(CALLEE.format(addend))
        command = [sys.executable, "-c", MAIN.format(folder=str(folder), show=show)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()

    return run_once


@pytest.mark.skipif(JIT_OFF, reason="nothing is compiled with the JIT off")
def test_an_edited_callee_compiles_its_callers_anew_and_an_unedited_one_nothing(run, tmp_path):
    assert run(1) == ["20", "2"]
    assert run(1) == ["20", "0"]
    assert run(4) == ["50", "2"]
    assert run(4) == ["50", "0"]
    kept = sorted(path.name.split("-")[0] for path in tmp_path.rglob("*quintet_call*/*.code"))
    assert kept == ["answer", "ask"], "code of older sources is removed"


@pytest.mark.skipif(JIT_OFF, reason="nothing is compiled with the JIT off")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:100],
        lambda content: b"",
        lambda content: bytes([content[0] ^ 1]) + content[1:],
        lambda content: hashlib.sha256(b"no pickle").digest() + b"no pickle",
    ],
    ids=["cut", "empty", "another byte", "whole but no code"],
)
def test_code_that_cannot_be_read_back_is_compiled_again(run, tmp_path, spoil):
    assert run(1) == ["20", "2"]
    for path in tmp_path.rglob("*quintet_call*/*.code"):
        path.write_bytes(spoil(path.read_bytes()))
    assert run(1) == ["20", "2"]
    assert run(1) == ["20", "0"]


@pytest.mark.skipif(JIT_OFF, reason="nothing is compiled with the JIT off")
def test_a_start_that_compiles_nothing_leaves_numbas_implementations_out(run):
    loaded = "'numba.np.arraymath' in sys.modules"
    assert run(1, loaded) == ["20", "True"]
    assert run(1, loaded) == ["20", "False"], "a third of a role's start, in each of eight processes"
    assert run(1) == ["20", "0"]
