"""Host facts that belong beside every number."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNITS = "KMG"


def _first_line(path: str | Path, key: str = "") -> str:
    try:
        lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    found = [line.split(":", 1)[-1].strip() for line in lines if line.startswith(key)]
    return found[0] if found else ""


def _chosen(path: str) -> str:
    """Of `always [madvise] never` the word in brackets; the whole line where nothing is."""
    line = _first_line(path)
    return line.partition("[")[2].partition("]")[0] or line


def _caches() -> str:
    """Data caches that one core sees, innermost first, as the kernel counts them."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if _first_line(index / "type") != "Instruction":
            found.append(f"L{_first_line(index / 'level')} {_readable(_first_line(index / 'size'))}")
    return ", ".join(found) or "unknown"


def _readable(size: str) -> str:
    """`266240K` as `260 MiB`."""
    if not size or size[-1] not in UNITS or not size[:-1].isdigit():
        return size
    number, unit = int(size[:-1]), UNITS.index(size[-1])
    while number % 1024 == 0 and unit < len(UNITS) - 1:
        number, unit = number // 1024, unit + 1
    return f"{number} {UNITS[unit]}iB"


def _version() -> str:
    try:
        return version("quintet")
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """Commit of the checkout that runs, with `+` behind it when files differ from it; `none` outside a checkout."""
    try:
        words = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    return done.stdout.strip() or "none"


def host_facts() -> dict:
    """CPU, caches, memory, kernel, clock, isolation, versions, load: what a reader needs to judge a figure."""
    return {
        "cpu": _first_line("/proc/cpuinfo", "model name"),
        "mhz": _first_line("/proc/cpuinfo", "cpu MHz"),
        "cores": sorted(os.sched_getaffinity(0)),
        "caches": _caches(),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') >> 20:,} MiB",
        "virtual": "hypervisor" in _first_line("/proc/cpuinfo", "flags"),
        "kernel": platform.release(),
        "clocksource": _first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "none",
        "isolated": _first_line("/sys/devices/system/cpu/isolated") or "none",
        "tickless": _first_line("/sys/devices/system/cpu/nohz_full").replace("(null)", "") or "none",
        "hugepages": int(_first_line("/proc/meminfo", "HugePages_Total") or 0),
        "transparent_hugepages": _chosen("/sys/kernel/mm/transparent_hugepage/enabled") or "none",
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numba": version("numba"),
        "llvmlite": version("llvmlite"),
        "numpy": version("numpy"),
        "quintet": _version(),
        "commit": _commit(),
    }
