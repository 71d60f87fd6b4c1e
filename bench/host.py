"""Host facts that belong beside every number."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def _first_line(path: str, key: str = "") -> str:
    try:
        lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    found = [line.split(":", 1)[-1].strip() for line in lines if line.startswith(key)]
    return found[0] if found else ""


def host_facts() -> dict:
    """CPU, cores, kernel, clock source, governor, isolation, versions, load: what a reader needs to judge a figure."""
    return {
        "cpu": _first_line("/proc/cpuinfo", "model name"),
        "mhz": _first_line("/proc/cpuinfo", "cpu MHz"),
        "cores": sorted(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in _first_line("/proc/cpuinfo", "flags"),
        "kernel": platform.release(),
        "clocksource": _first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "none",
        "isolated": _first_line("/sys/devices/system/cpu/isolated") or "none",
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numba": version("numba"),
    }
