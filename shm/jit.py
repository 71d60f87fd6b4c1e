"""The one place where hot functions are compiled, with the flags and the reason of each.

Importing this module imports numba (0.3-0.6 s). Cold code (the CLI, configuration, segment headers) must not.

Flags of `hot`:
  nogil=True            the hot thread runs beside its control thread and must never wait for the GIL
  cache=True            a start with a warm cache compiles nothing
  error_model="numpy"   division by zero gives a value instead of a Python exception, which hot code cannot raise
  _nrt=False            no reference counts: without it every `state.array` counts its array up and down, atomically;
                        the order book took 281 ns an operation with them and 71 without. Hot code neither allocates
                        nor returns arrays, so nothing needs counting; an allocation becomes a compile error
  no_cfunc_wrapper=True nobody passes hot functions as C pointers; the wrapper was a tenth of the compile time
No fastmath: results must be equal with the JIT on and off. No bounds checks by default; `NUMBA_BOUNDSCHECK=1` adds
them, and every index from outside is range-checked by our own code.

The on-disk cache notices neither a change in a callee of another file nor a change of mode, so its folder is keyed by
all sources, the versions, the CPU and the mode (`cache_key`). The folder holds executable code: in production it is
written by the compile step and is read-only to roles.
"""

import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILED_FOLDERS = ("shm", "procs")  # whatever a hot function may call in another file
MODE_VARIABLES = ("NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK", "QUINTET_FAILPOINTS")


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            return "".join(line for line in lines if line.startswith(("model name", "flags")))[:4096]
    except OSError:
        return platform.processor()


def cache_key() -> str:
    """Sixteen hex digits that change with any source, version, CPU or compile mode. Cost: about 5 ms."""
    digest = hashlib.sha256()
    for folder in COMPILED_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    for package in ("numba", "llvmlite", "numpy"):
        digest.update(f"{package}={version(package)}".encode())
    digest.update(platform.python_version().encode())
    digest.update(_cpu_model().encode())
    for name in MODE_VARIABLES:
        digest.update(f"{name}={os.environ.get(name, '')}".encode())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled code lives: `$QUINTET_CACHE`, or `$XDG_CACHE_HOME/quintet`, then a folder per key."""
    base = os.environ.get("QUINTET_CACHE")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "quintet")
    return Path(base) / cache_key()


if "NUMBA_CACHE_DIR" not in os.environ:  # set before numba is imported: numba reads it once
    os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())

from numba import njit, types  # noqa: E402
from numba.core import config as numba_config  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

# a file that imports numba before this one made numba read the variable too early: its own folder would serve any mode
numba_config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]

JIT_OFF = bool(numba_config.DISABLE_JIT)

_FLAGS = {"nogil": True, "error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}


def _widened(made):
    """Let calls from other hot functions see int64 where a constant stands: numba compiles one body for each constant.

    The step of feed_handler was 160 compilations with, and is 95 without. LLVM still inlines and folds the constants.
    """
    if not JIT_OFF:
        resolve = made.get_call_template
        made.get_call_template = lambda args, kws: resolve(
            tuple(types.unliteral(arg) for arg in args), {name: types.unliteral(arg) for name, arg in kws.items()}
        )
    return made


def hot(function):
    """Compile a free function of scalars, records and arrays; see the flags above."""
    return _widened(njit(cache=True, **_FLAGS)(function))


def hot_guest(function):
    """As `hot` for a user's function, which is cached as a part of its caller only."""
    return _widened(njit(**_FLAGS)(function))


def intrinsic_or(twin):
    """Decorator for a numba intrinsic with a plain-Python twin of the same signature.

    With the JIT on the intrinsic is compiled in place; with `NUMBA_DISABLE_JIT=1` the twin is called instead.
    """

    def choose(typing_function):
        if JIT_OFF:
            return twin
        made = intrinsic(typing_function)
        made.twin = twin
        return made

    return choose
