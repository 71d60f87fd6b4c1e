"""The one place where hot functions are compiled, with the flags and the reason of each.

Importing this module imports numba (0.3-0.6 s). Cold code (the CLI, configuration, segment headers) must not.

Flags of `hot`:
  nogil=True            the hot thread runs beside its control thread and must never wait for the GIL
  error_model="numpy"   division by zero gives a value instead of a Python exception, which hot code cannot raise
  _nrt=False            no reference counts: without it every `state.array` counts its array up and down, atomically;
                        the order book took 281 ns an operation with them and 71 without. Hot code neither allocates
                        nor returns arrays, so nothing needs counting; an allocation becomes a compile error
  no_cfunc_wrapper=True nobody passes hot functions as C pointers; the wrapper was a tenth of the compile time
No fastmath: results must be equal with the JIT on and off. No bounds checks by default; `NUMBA_BOUNDSCHECK=1` adds
them, and every index from outside is range-checked by our own code.

How calls between hot functions are compiled is in shm/guest.py, how code is kept on disk in shm/code_store.py.
"""

from numba.core import config as numba_config
from numba.extending import intrinsic

from shm.code_cache import cache_folder
from shm.guest import Host

numba_config.CACHE_DIR = str(cache_folder())  # for whatever asks numba itself

JIT_OFF = bool(numba_config.DISABLE_JIT)

_FLAGS = {"nopython": True, "nogil": True, "error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}


def hot(function):
    """Compile a free function of scalars, records and arrays; see the flags above."""
    return function if JIT_OFF else Host(function, dict(_FLAGS), stored=True)


def hot_inline(function):
    """As `hot`, and its code stands in each caller, whatever its size: for what runs once a message."""
    return function if JIT_OFF else Host(function, dict(_FLAGS, forceinline=True), stored=True)


def hot_user(function):
    """As `hot` for a user's function, which is kept on disk as a part of its caller only."""
    return function if JIT_OFF else Host(function, dict(_FLAGS), stored=False)


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
