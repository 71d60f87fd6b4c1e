"""Load a strategy: one Python file, shipped or the user's own, that defines `quote` and may define PARAMS and STATE."""

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from procs.strategy.params import Param, StrategyRefused, check_table, params_dtype, quoting_table

SHIPPED = Path(__file__).resolve().parent
ARGUMENTS = ("view", "params", "state", "out")


class Strategy(NamedTuple):
    """What a strategy file defines. `sources` is a digest of its folder's Python files: helpers may live beside it."""

    name: str
    path: Path
    quote: Callable
    params: dict[str, Param]
    quoting: dict[str, Param]
    params_dtype: np.dtype
    state_dtype: np.dtype
    sources: str


def strategy_path(module: str) -> Path:
    """File of a strategy: a path that ends in `.py`, or a name in procs/strategy. Raises StrategyRefused."""
    path = Path(module).expanduser() if module.endswith(".py") else SHIPPED / f"{module}.py"
    if not path.is_file():
        raise StrategyRefused(
            where="strategy.toml: module",
            expected="a file in procs/strategy or the path of a Python file",
            found=f"{module} (no file {path})",
            do="correct the name",
        )
    return path.resolve()


def _import(path: Path) -> ModuleType:
    # compiled code finds its module again by this name, so it is registered, and the same in every process
    if path.parent == SHIPPED:
        return importlib.import_module(f"procs.strategy.{path.stem}")
    name = f"quintet_strategy_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _refuse(path: Path, expected: str, found: object) -> StrategyRefused:
    return StrategyRefused(where=str(path), expected=expected, found=found, do="see README, section Writing a strategy")


def load_strategy(module: str) -> Strategy:
    """Import the strategy `module` (a name in procs/strategy or a path) and check its shape. Raises StrategyRefused."""
    path = strategy_path(module)
    loaded = _import(path)
    quote = getattr(loaded, "quote", None)
    quote = getattr(quote, "py_func", quote)  # decorated or not, it is compiled as a part of the step
    if not callable(quote):
        raise _refuse(path, "a function quote(view, params, state, out)", "none")
    arguments = tuple(inspect.signature(quote).parameters)
    if len(arguments) != len(ARGUMENTS):
        raise _refuse(path, "quote(view, params, state, out)", f"quote({', '.join(arguments)})")
    table = getattr(loaded, "PARAMS", {})
    if not isinstance(table, dict) or not all(isinstance(param, Param) for param in table.values()):
        raise _refuse(path, "PARAMS, a dict of name -> Param(default, low, high, meaning)", repr(table))
    if wrong := check_table(table):
        raise _refuse(path, "parameters with own names, a type of theirs and a default within bounds", wrong)
    quoting = quoting_table(getattr(loaded, "DEFAULTS", {}))
    state = np.dtype(getattr(loaded, "STATE", [("reserved", "<i8")]))
    if state.names is None or state.hasobject:
        raise _refuse(path, "STATE, a numpy record of numbers", state)
    digest = hashlib.sha256()
    for source in [*sorted(path.parent.glob("*.py")), *sorted((SHIPPED / "signals").glob("*.py"))]:
        digest.update(source.read_bytes())
    return Strategy(path.stem, path, quote, table, quoting, params_dtype(table), state, digest.hexdigest()[:16])
