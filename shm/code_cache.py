"""Where compiled code is kept, and when it is still that of the sources. Imports no numba.

numba's own cache notices a change of the file that a function stands in, but neither a change of a callee in another
file nor a change of mode. Here a function's code is valid while its file and everything that this file imports of ours,
down to the last, are unchanged (`sources_stamp`); and the folder is keyed by the versions, the CPU and the mode
(`machine_key`). An edit of one role so compiles that role anew and no other.

The folder holds executable code: in production it is written by the compile step and is read-only to roles.
"""

import hashlib
import os
import platform
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path

from shm.failpoints import BUILT_IN

ROOT = Path(__file__).resolve().parent.parent
OURS = ("shm", "procs", "bench", "tests", "quintet_")  # first words of modules that hot functions may come from
MODE_VARIABLES = ("NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK", "NUMBA_OPT")
IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(.*)|import[ \t]+([\w.]+))", re.MULTILINE)


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            return "".join(line for line in lines if line.startswith(("model name", "flags")))[:4096]
    except OSError:
        return platform.processor()


@cache
def machine_key() -> str:
    """Sixteen hex digits that change with any version, CPU or compile mode."""
    digest = hashlib.sha256()
    for package in ("numba", "llvmlite", "numpy"):
        digest.update(f"{package}={version(package)}".encode())
    digest.update(platform.python_version().encode())
    digest.update(_cpu_model().encode())
    for name in MODE_VARIABLES:
        digest.update(f"{name}={os.environ.get(name, '')}".encode())
    digest.update(f"failpoints={BUILT_IN}".encode())  # not the file: only whether they are there changes the code
    for name in ("jit.py", "guest.py", "code_store.py"):  # the flags of every compilation
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled code lives: `$QUINTET_CACHE`, or `$XDG_CACHE_HOME/quintet`, then a folder per `machine_key`."""
    base = os.environ.get("QUINTET_CACHE")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "quintet")
    return Path(base) / machine_key()


def generated_folder() -> Path:
    """Where generated loops and steps are written."""
    return cache_folder() / "generated"


def _file_of(module: str) -> Path | None:
    """Source file of one of our modules, None for everything else."""
    if not module.startswith(OURS):
        return None
    base = generated_folder() if module.startswith("quintet_") else ROOT
    stem = base.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _imports(path: Path) -> tuple[bytes, tuple[Path, ...]]:
    """(digest of a file, files of ours that it imports)."""
    source = path.read_bytes()
    found = set()
    for package, names, plain in IMPORT.findall(source):
        module = (package or plain).decode()
        if not module.startswith(OURS):
            continue
        found.add(_file_of(module))
        for name in re.findall(rb"\w+", names):  # `from procs.net import port` names a module
            found.add(_file_of(f"{module}.{name.decode()}"))
    return hashlib.sha256(source).digest(), tuple(sorted(found - {None}))


@cache
def sources_stamp(path: Path) -> str:
    """Sixteen hex digits that change with `path` or any file of ours that it imports, however far down."""
    todo, seen = [path], set()
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo.extend(_imports(file)[1])
    digest = hashlib.sha256()
    for file in sorted(seen):
        digest.update(str(file).encode() + _imports(file)[0])
    return digest.hexdigest()[:16]


def code_folder(path: Path) -> Path:
    """Where the compiled functions of one source file are kept."""
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    return cache_folder() / f"{path.parent.name}.{path.stem}.{digest}"
