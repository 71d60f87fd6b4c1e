"""Each way of running the tests shows that it bites: compiled, with bounds checks, interpreted.

```
mode         environment             an index outside its array        an address outside
-----------  ----------------------  --------------------------------  -----------------------------
compiled                             writes there: guards show it      writes there: guards show it
bounds       NUMBA_BOUNDSCHECK=1     IndexError                        writes there: guards show it
interpreted  NUMBA_DISABLE_JIT=1     IndexError                        writes there: guards show it
```

Every test of spoilt bytes runs in all three (`.ci/run`). A warm cache must not hand a mode the code of another.
"""

import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from numba.core import config

from shm.atomics import address_of, record_at
from shm.jit import JIT_OFF, hot
from tests.support.guarded import GUARD_BYTES, Guards, deadline

ROOT = Path(__file__).resolve().parents[2]
BOUNDS = bool(config.BOUNDSCHECK) and not JIT_OFF
MODES = {"compiled": {}, "bounds": {"NUMBA_BOUNDSCHECK": "1"}, "interpreted": {"NUMBA_DISABLE_JIT": "1"}}
WORD = np.dtype([("word", "<i8")])
BITES = "test_an_index_outside or test_an_address_outside or test_hot_code_is"


@hot
def write_at(values, index):
    """What a codec without its range check would do."""
    values[index] = 7


@hot
def write_behind(address):
    """What a record at a wrong address would do."""
    outside = record_at(address, WORD)
    outside["word"] = 7


@hot
def count_forever(values):
    """A loop that never ends."""
    while values[0] >= 0:
        values[0] = (values[0] + 1) & 0xFF
    return values[0]


def guarded(size: int) -> tuple[Guards, np.ndarray]:
    guards = Guards()
    with guards.around():
        made = np.zeros(size, np.int64)
    return guards, made


def test_hot_code_is_compiled_or_interpreted_as_the_environment_says():
    assert isinstance(write_at, types.FunctionType) == JIT_OFF
    if not JIT_OFF:
        write_at(np.zeros(1, np.int64), 0)
        assert write_at.signatures, "nothing was compiled"


def test_an_index_outside_its_array_raises_or_breaks_a_guard():
    guards, values = guarded(8)
    write_at(values, 7)
    assert guards.broken() == []
    if JIT_OFF or BOUNDS:
        with pytest.raises(IndexError):
            write_at(values, 8)
        assert guards.broken() == []
    else:
        write_at(values, 8)
        assert guards.broken() == [(64, 64)]


@pytest.mark.parametrize("offset", [-8, 64, -GUARD_BYTES, 64 + GUARD_BYTES - 8])
def test_an_address_outside_breaks_a_guard_in_every_mode(offset):
    guards, values = guarded(8)
    write_behind(address_of(values))
    assert guards.broken() == [] and values[0] == 7
    write_behind(address_of(values) + offset)
    ((size, where),) = guards.broken()
    assert (size, where) == (64, offset)


def test_guarded_arrays_are_those_that_numpy_would_make():
    guards = Guards()
    with guards.around():
        made = [np.zeros((3, 5), np.uint8), np.zeros(4, WORD), np.full(6, -1, np.int64), np.zeros((), np.int64)]
    assert [array.shape for array in made] == [(3, 5), (4,), (6,), ()]
    assert all(array.flags.c_contiguous and array.flags.aligned and array.flags.writeable for array in made)
    assert not made[0].any() and (made[2] == -1).all() and all(array.ctypes.data % 64 == 0 for array in made)
    assert np.zeros(3).base is None, "the guards end with the block"


def run_in(mode: str, select: str) -> subprocess.CompletedProcess:
    """This file's tests that `select` names, in another mode."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", select],
        cwd=ROOT,
        env={**kept, **MODES[mode]},
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.skipif(JIT_OFF or BOUNDS, reason="one process starts the others")
@pytest.mark.parametrize("mode", ["bounds", "interpreted"])
def test_the_other_modes_bite_though_this_one_has_filled_the_cache(mode):
    write_at(np.zeros(1, np.int64), 0)
    done = run_in(mode, BITES)
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout, done.stdout


@pytest.mark.skipif(JIT_OFF, reason="compiled code alone cannot be interrupted")
def test_a_hot_loop_that_hangs_is_ended_by_the_deadline_with_its_stack():
    code = (
        "import numpy as np, tests.wire.test_wire_modes as t\nwith t.deadline(1.0): t.count_forever(np.zeros(1, int))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "Timeout" in done.stderr and "<module>" in done.stderr
    with deadline(60):
        pass  # and a body that ends in time is left alone
