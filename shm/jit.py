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

Compiled code is cached on disk by shm/code_cache.py.
"""

from numba import njit, types
from numba.core import config as numba_config
from numba.extending import intrinsic

from shm.code_cache import cache_folder

numba_config.CACHE_LOCATOR_CLASSES = "shm.code_cache.SourcesLocator"
numba_config.CACHE_DIR = str(cache_folder())  # for whatever asks numba itself

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
