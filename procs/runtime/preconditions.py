"""Preconditions: what a production start refuses beside what it cannot get from the kernel (affinity.py). No numba.

Compiled code is loaded as it lies on disk: whoever may write the cache may run anything in the process that holds the
orders. In production nobody may but one owner, the user of the prepare step, and root.
"""

import contextlib
import stat
from pathlib import Path

from config.load import Config
from procs.runtime.affinity import HostRefused
from shm.code_cache import cache_folder

PRODUCTION = "prod"


def refuse_open_cache(config: Config) -> None:
    """Raise HostRefused when the profile is production and somebody but its owner could write the compiled code."""
    if config.profile != PRODUCTION:
        return
    folder = cache_folder().parent
    if not folder.is_dir():
        raise HostRefused(f"no compiled code at {folder}: run the prepare step first (systemctl start quintet-prepare)")
    owner = folder.stat().st_uid
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # replaced by a newer one between the listing and here
            _refuse_path(path, owner, folder)


def _refuse_path(path: Path, owner: int, folder: Path) -> None:
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(found.st_mode):
        raise HostRefused(f"{path} can be written by others than its owner (mode {mode:04o}): chmod -R go-w {folder}")
    if found.st_uid not in (owner, 0):
        raise HostRefused(f"{path} belongs to user {found.st_uid}, its cache to {owner}: chown -R {owner} {folder}")
