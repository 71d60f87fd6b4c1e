"""The `quintet` command as a child process, and what a machine holds before and after."""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from procs.cli.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


class Answer(NamedTuple):
    """Exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    def json(self) -> dict:
        """The object of the last line of stdout."""
        return json.loads(self.out.strip().splitlines()[-1])


def quintet(*words: str, seconds: float = 60.0, **env: str) -> Answer:
    """Run one command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "procs.cli", *words],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def call(*words: str) -> Answer:
    """Run one command in this process: for what never gets as far as a signal or a child."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(list(words))
        except SystemExit as leaving:  # argparse
            code = leaving.code
    return Answer(code, out.getvalue(), err.getvalue())


def quintet_started(*words: str, **env: str) -> subprocess.Popen:
    """Start one command; its output is read by the caller."""
    return subprocess.Popen(
        [sys.executable, "-m", "procs.cli", *words],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_of(name: str) -> list[psutil.Process]:
    """Living processes whose command line names fabric `name`."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if name in words and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def objects_of(name: str) -> list[str]:
    """Objects of fabric `name` in shared memory."""
    return sorted(
        entry for entry in os.listdir("/dev/shm") if entry == f"quintet.{name}" or entry.startswith(f"quintet.{name}.")
    )


def nothing_left(name: str, seconds: float = 5.0) -> bool:
    """Whether neither a process nor an object of fabric `name` is left, within `seconds`."""
    return wait_until(lambda: not processes_of(name) and not objects_of(name), seconds)


def wait_until(condition, seconds: float = 20.0) -> bool:
    """Poll until `condition()` holds; returns whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
