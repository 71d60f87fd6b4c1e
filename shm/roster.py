"""Roster: the small object `/quintet.<name>` that says which life of a fabric is current. Cold, no numba.

A fabric lives while its creator lives or any owner of any of its objects does (pid and start time). A new life is
refused over a living one, and takes the remains of a dead one away first. Epochs only grow, also over a reboot that
empties /dev/shm: an epoch is the second (UTC) of its creation, and at least the epoch before + 1.

Creation and removal hold an flock on the roster object; whoever waited for the lock looks whether the object that he
locked is still the one with the name.
"""

import fcntl
import os
import time
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import posix_ipc

from shm.errors import BlobTooLarge, FabricAlive, NoSuchFabric, NoSuchSegment
from shm.process import process_alive, process_start_ns
from shm.records.roster import ROSTER, ROSTER_BLOB_BYTES_MAX, ROSTER_BLOB_OFFSET, ROSTER_OFFSET
from shm.records.segment_header import (
    SEGMENT_HEADER,
    SEGMENT_HEADER_VERSION,
    SEGMENT_KIND_ROSTER,
    SEGMENT_MAGIC,
    SEGMENT_READY,
)
from shm.segment import (
    HEADER_BYTES,
    MODE,
    NAME_RULE,
    PREFIX,
    READY_DEADLINE_S,
    SHARED_MEMORY_FOLDER,
    Segment,
    allocate,
    build_hash,
    check_header,
    fingerprint,
    list_objects,
    open_object,
    segment_name,
    unlink_object,
    wait_until_ready,
)

ROSTER_BYTES = ROSTER_BLOB_OFFSET + ROSTER_BLOB_BYTES_MAX


class Roster(NamedTuple):
    """What the roster of one fabric says."""

    name: str
    epoch: int
    creator_pid: int
    creator_start_ns: int
    created_ns: int
    blob: bytes  # effective configuration, JSON

    @property
    def creator_alive(self) -> bool:
        return process_alive(self.creator_pid, self.creator_start_ns)


def roster_name(name: str) -> str:
    """Full name of the roster object."""
    if not NAME_RULE.fullmatch(name):
        segment_name(name, 0, "roster")  # raises BadName
    return f"/{PREFIX}{name}"


def read_roster(name: str, deadline_s: float = READY_DEADLINE_S) -> Roster:
    """The current life of `name`, or NoSuchFabric."""
    full_name = roster_name(name)
    fd = _open_roster(name)
    try:
        size = wait_until_ready(fd, full_name, deadline_s)
        segment = Segment(full_name, fd, size, writable=False, adopted=False)
    except BaseException:
        os.close(fd)
        raise
    with segment:
        header = segment.header
        check_header(header, full_name, size, int(header["epoch"]), SEGMENT_KIND_ROSTER, ROSTER, 1)
        row = segment.view(ROSTER_OFFSET, ROSTER)[0]
        used = min(max(int(row["blob_bytes"]), 0), ROSTER_BLOB_BYTES_MAX)
        blob = segment.bytes[ROSTER_BLOB_OFFSET : ROSTER_BLOB_OFFSET + used].tobytes()
        numbers = (int(row[field]) for field in ("epoch", "creator_pid", "creator_start_ns", "created_ns"))
        return Roster(name, *numbers, blob)


def _open_roster(name) -> int:
    try:
        return open_object(roster_name(name), writable=False)
    except NoSuchSegment:
        do = "start one with `quintet up`, or give --name"
        found = f"fabrics {', '.join(list_fabrics())}" if list_fabrics() else "none at all"
        raise NoSuchFabric(where=roster_name(name), expected="a fabric of that name", found=found, do=do) from None


def list_fabrics() -> list[str]:
    """Names of all fabrics that have a roster on this host, living or dead."""
    entries = (entry.removeprefix(PREFIX) for entry in os.listdir(SHARED_MEMORY_FOLDER) if entry.startswith(PREFIX))
    return sorted(entry for entry in entries if NAME_RULE.fullmatch(entry))


def living_owners(name: str) -> dict[str, int]:
    """{object: pid} of every object of `name`, in any epoch, whose owner is alive."""
    living = {}
    for epoch, object_name in list_objects(name):
        try:
            with open(f"{SHARED_MEMORY_FOLDER}/{segment_name(name, epoch, object_name)[1:]}", "rb") as file:
                head = file.read(HEADER_BYTES)
        except FileNotFoundError:
            continue  # removed between the listing and here
        if len(head) < HEADER_BYTES:
            continue
        pid, start_ns = (_word(head, field) for field in ("owner_pid", "owner_start_ns"))
        if process_alive(pid, start_ns):
            living[f"{epoch}.{object_name}"] = pid
    return living


def create_fabric_epoch(
    name: str, blob: bytes = b"", goes_on: int | None = None, *, mode: int = MODE, gid: int = -1
) -> int:
    """Begin a new life of `name`: refuse a living one, remove a dead one's objects, write the roster. Returns epoch.

    `blob` is the effective configuration. `goes_on`: the epoch of a life that ended without being settled; this one has
    its number and so its journals. Caller: the fabric step, which then creates the objects under that epoch.
    """
    if len(blob) > ROSTER_BLOB_BYTES_MAX:
        expected = f"at most {ROSTER_BLOB_BYTES_MAX} bytes of configuration"
        raise BlobTooLarge(where=roster_name(name), expected=expected, found=len(blob), do="shorten the configuration")
    fd = _locked(name, mode)
    previous = _refuse_living(name, fd)
    for epoch, object_name in list_objects(name):
        unlink_object(segment_name(name, epoch, object_name))
        previous = max(previous, epoch)
    epoch = max(previous + 1, int(time.time())) if goes_on is None else goes_on
    allocate(fd, ROSTER_BYTES, roster_name(name))
    os.fchmod(fd, mode)
    if gid != -1:
        os.fchown(fd, -1, gid)
    with Segment(roster_name(name), fd, ROSTER_BYTES, writable=True, adopted=False) as segment:
        header = segment.header
        header["ready"] = 0
        row = segment.view(ROSTER_OFFSET, ROSTER)[0]
        row["epoch"], row["created_ns"], row["blob_bytes"] = epoch, time.time_ns(), len(blob)
        row["creator_pid"], row["creator_start_ns"] = os.getpid(), process_start_ns(os.getpid())
        segment.view(ROSTER_BLOB_OFFSET, np.uint8, len(blob))[:] = np.frombuffer(blob, np.uint8)
        header["magic"], header["header_version"] = SEGMENT_MAGIC, SEGMENT_HEADER_VERSION
        header["kind"], header["record_bytes"], header["capacity"] = SEGMENT_KIND_ROSTER, ROSTER.itemsize, 1
        header["total_bytes"], header["epoch"], header["created_ns"] = ROSTER_BYTES, epoch, row["created_ns"]
        header["fingerprint"], header["build"] = fingerprint(ROSTER), build_hash()
        header["object_name"], header["owner"] = b"roster", b"fabric"
        header["ready"] = SEGMENT_READY
    return epoch  # closing the segment released the lock


@contextmanager
def roster_lock(name: str):
    """Hold the roster's lock: one at a time may write what has no single owner (limits). NoSuchFabric when none."""
    fd = _open_roster(name)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def destroy(name: str, *, force: bool = False) -> int:
    """Remove the roster and all objects of `name`. Returns how many went.

    Refuses while another process lives in it, unless `force`: then living processes keep their mappings, but nobody
    finds them any more.
    """
    if name not in list_fabrics() and not list_objects(name):
        return 0
    fd = _locked(name, MODE)
    try:
        if not force:
            _refuse_living(name, fd, but_not=os.getpid(), keep_lock=True)
        removed = sum(unlink_object(segment_name(name, epoch, made)) for epoch, made in list_objects(name))
        return removed + unlink_object(roster_name(name))
    finally:
        os.close(fd)


def _locked(name, mode) -> int:
    """Descriptor of the roster object, made if it was not there, with its lock held."""
    while True:
        fd = posix_ipc.SharedMemory(roster_name(name), posix_ipc.O_CREAT, mode=mode).fd
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)  # its remover held the lock before us


def _refuse_living(name, fd, but_not=0, keep_lock=False) -> int:
    """Epoch in the locked roster (0: none), or FabricAlive when somebody lives in it."""
    head = os.pread(fd, ROSTER_BLOB_OFFSET, 0)
    epoch = pid = start_ns = 0
    if len(head) == ROSTER_BLOB_OFFSET:
        epoch, pid, start_ns = (_word(head, field, ROSTER) for field in ("epoch", "creator_pid", "creator_start_ns"))
    living = living_owners(name)
    if process_alive(pid, start_ns):
        living["roster"] = pid
    living = {made: holder for made, holder in living.items() if holder != but_not}
    if not living:
        return epoch
    if not keep_lock:
        os.close(fd)
    some = ", ".join(f"{made} (process {holder})" for made, holder in list(living.items())[:3])
    do = f"stop it with `quintet down --name {name}`, or start under another --name"
    raise FabricAlive(where=roster_name(name), expected="no living process", found=f"owners of {some}", do=do)


def _word(data, field, dtype=SEGMENT_HEADER):
    offset = dtype.fields[field][1] + (ROSTER_OFFSET if dtype is ROSTER else 0)
    return int.from_bytes(data[offset : offset + 8], "little", signed=True)
