"""Segments: creating, attaching, adopting and removing the POSIX shared-memory objects of a fabric. Cold, no numba.

```
/quintet.<name>.<epoch>.<object>        +-----------------------------------------------+
                                    0   | header (records/segment_header): what it is   |  the fabric step, once
                                  256   | owner_pid, owner_start_ns, owner_attached     |  the owner, at each attach
                                  504   | ready, stored last                            |
                                  512   | body: ring slots, table rows, counters ...    |  the owner
                                        +-----------------------------------------------+
```

The fabric step creates every object, allocated for real and touched, never sparse: a full /dev/shm is an error here and
not a SIGBUS in a hot loop. Roles only attach. An attach checks everything that the header says before it hands out an
address, and refuses with a typed error (shm/errors.py). Readers map read-only. The owner *adopts*: an flock on the
object's descriptor, held for the life of the attachment, makes two writers exclude each other, and the kernel releases
it whatever way the process dies; pid and start time in the header name the holder, and are a second lock for hosts
where flock is not honoured.

Ordering: this file runs in the interpreter; on x86-64 its aligned 8-byte stores and loads are single instructions in
program order, which is what `ready`, stored last and read first, relies on. Everything hot goes through shm/atomics.py.
"""

import ctypes
import errno
import fcntl
import hashlib
import mmap
import os
import re
import time
from functools import cache
from pathlib import Path

import numpy as np
import posix_ipc

from shm.errors import (
    BadCapacity,
    BadName,
    CapacityMismatch,
    ForeignEpoch,
    ForeignOwner,
    HeaderVersionMismatch,
    KindMismatch,
    LayoutMismatch,
    NoSuchSegment,
    NotASegment,
    NotReady,
    OutOfSharedMemory,
    PermissionRefused,
    SegmentExists,
    SegmentTooSmall,
    WriterAlreadyAlive,
)
from shm.process import process_alive, process_start_ns
from shm.records.histogram import HISTOGRAM_BYTES
from shm.records.instance import HISTOGRAMS_MAX, HISTOGRAMS_OFFSET
from shm.records.ring_end import RING_HEAD_BYTES, RING_SLOTS_OFFSET
from shm.records.segment_header import (
    SEGMENT_HEADER,
    SEGMENT_HEADER_VERSION,
    SEGMENT_KIND_INSTANCE,
    SEGMENT_KIND_LATEST,
    SEGMENT_KIND_RING_DATA,
    SEGMENT_KIND_RING_HEAD,
    SEGMENT_MAGIC,
    SEGMENT_READY,
)
from shm.records.table_end import LATEST_ROWS_OFFSET, latest_stride

SHARED_MEMORY_FOLDER = "/dev/shm"
PREFIX = "quintet."
HEADER_BYTES = SEGMENT_HEADER.itemsize
READY_DEADLINE_S = 1.0  # creation takes milliseconds; longer means that the creator died in the middle
POLL_S = 0.002
MODE = 0o640  # owner writes, group reads
MADV_POPULATE_READ, MADV_POPULATE_WRITE = 22, 23  # Linux 5.14; not yet in Python's mmap module
NAME_RULE = re.compile(r"[a-z0-9_-]{1,32}")
OBJECT_RULE = re.compile(r"[A-Za-z0-9_.-]{1,96}")
OWNER_RULE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_libc = ctypes.CDLL(None, use_errno=True)


# --- names and fingerprints -------------------------------------------------------------------------------------------


def segment_name(name: str, epoch: int, object_name: str) -> str:
    """Full name of an object, as shm_open takes it."""
    _matching(NAME_RULE, name, "the fabric's name")
    _matching(OBJECT_RULE, object_name, "the object's name")
    return f"/{PREFIX}{name}.{epoch}.{object_name}"


def _matching(rule, text, what):
    if not rule.fullmatch(text):
        raise BadName(where=what, expected=f"to match {rule.pattern}", found=repr(text), do="choose another name")


@cache
def fingerprint(dtype: np.dtype) -> bytes:
    """SHA-256 of everything that fixes a record's layout: field names, types, order, offsets, size."""
    fields = [
        (name, dtype.fields[name][0].str, dtype.fields[name][0].shape, dtype.fields[name][1]) for name in dtype.names
    ]
    return hashlib.sha256(repr((dtype.itemsize, dtype.descr, fields)).encode()).digest()


@cache
def build_hash() -> bytes:
    """SHA-256 of the sources of this package: which code made a segment, for people."""
    digest = hashlib.sha256()
    folder = Path(__file__).resolve().parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.digest()


def object_bytes(kind: int, record_bytes: int, capacity: int) -> int:
    """Size of an object of `kind`; for kinds without a layout of their own, a header and `capacity` records."""
    if kind == SEGMENT_KIND_RING_DATA:
        return RING_SLOTS_OFFSET + capacity * record_bytes
    if kind == SEGMENT_KIND_RING_HEAD:
        return RING_HEAD_BYTES
    if kind == SEGMENT_KIND_LATEST:
        return LATEST_ROWS_OFFSET + capacity * latest_stride(record_bytes)
    if kind == SEGMENT_KIND_INSTANCE:
        return HISTOGRAMS_OFFSET + HISTOGRAMS_MAX * HISTOGRAM_BYTES
    return HEADER_BYTES + capacity * record_bytes


# --- one mapped object ------------------------------------------------------------------------------------------------


class Segment:
    """One mapped object. `address` stays valid until `close`; hot rows that hold it must not outlive this."""

    def __init__(self, full_name: str, fd: int, size: int, writable: bool, adopted: bool):
        self.full_name, self.size, self.writable, self.adopted = full_name, size, writable, adopted
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        self._map = mmap.mmap(fd, size, flags=mmap.MAP_SHARED, prot=protection)
        self._fd = fd
        self._map.madvise(mmap.MADV_DONTFORK)
        self.bytes = np.frombuffer(self._map, np.uint8)
        self.address = int(self.bytes.ctypes.data)
        self._populate()
        self.locked = _libc.mlock(ctypes.c_void_p(self.address), ctypes.c_size_t(size)) == 0

    def _populate(self):
        """Fault every page in now. Never by a read-modify-write: another process may be writing the same word."""
        try:
            self._map.madvise(MADV_POPULATE_WRITE if self.writable else MADV_POPULATE_READ)
        except OSError as error:
            if error.errno != errno.EINVAL:  # kernels before 5.14
                raise
            int(self.bytes[:: mmap.PAGESIZE].sum())

    @property
    def header(self) -> np.void:
        """The SEGMENT_HEADER, a live view."""
        return self.view(0, SEGMENT_HEADER)[0]

    @property
    def capacity(self) -> int:
        return int(self.header["capacity"])

    @property
    def record_bytes(self) -> int:
        return int(self.header["record_bytes"])

    def view(self, offset: int, dtype: np.dtype, count: int = 1) -> np.ndarray:
        """A live array over `count` elements at byte `offset`."""
        return np.frombuffer(self._map, dtype, count, offset)

    def close(self) -> None:
        """Give up ownership and detach. Never unlinks. The mapping itself goes with the last view of it."""
        if self._map is None:
            return
        if self.adopted:
            self.header["owner_pid"] = 0
        self.bytes = self._map = None
        os.close(self._fd)  # releases the flock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# --- creating ---------------------------------------------------------------------------------------------------------


def create_segment(
    name: str,
    epoch: int,
    object_name: str,
    kind: int,
    dtype: np.dtype,
    capacity: int,
    owner: str,
    *,
    total_bytes: int | None = None,
    mode: int = MODE,
    uid: int = -1,
    gid: int = -1,
    build: bytes | None = None,
) -> Segment:
    """Create one object, allocated and zeroed, with its header and `ready` stored last. Caller: the fabric step.

    `owner` is the instance that may adopt it; `mode`, `uid` and `gid` are what the kernel enforces (-1: leave).
    `total_bytes` overrides the size that `object_bytes` gives. Returned mapped for writing, not adopted.
    """
    full_name = segment_name(name, epoch, object_name)
    _matching(OWNER_RULE, owner, f"owner of {full_name}")
    ring = kind in (SEGMENT_KIND_RING_DATA, SEGMENT_KIND_RING_HEAD)
    if capacity < 1 or (ring and capacity & (capacity - 1)):
        expected = "a power of two" if ring else "at least 1"
        raise BadCapacity(where=full_name, expected=expected, found=capacity, do="correct it in the topology")
    size = total_bytes if total_bytes is not None else object_bytes(kind, dtype.itemsize, capacity)
    try:
        fd = posix_ipc.SharedMemory(full_name, posix_ipc.O_CREX, mode=mode).fd
    except posix_ipc.ExistentialError:
        do = "stop the fabric that owns it, or remove it with `quintet down`"
        raise SegmentExists(where=full_name, expected="no such object", found="one", do=do) from None
    try:
        allocate(fd, size, full_name)
        os.fchmod(fd, mode)  # shm_open applied the umask
        if uid != -1 or gid != -1:
            os.fchown(fd, uid, gid)
        segment = Segment(full_name, fd, size, writable=True, adopted=False)
    except BaseException:
        os.close(fd)
        posix_ipc.unlink_shared_memory(full_name)
        raise
    header = segment.header
    header["magic"] = SEGMENT_MAGIC
    header["header_version"] = SEGMENT_HEADER_VERSION
    header["kind"] = kind
    header["record_bytes"] = dtype.itemsize
    header["capacity"] = capacity
    header["total_bytes"] = size
    header["epoch"] = epoch
    header["created_ns"] = time.time_ns()
    header["fingerprint"] = fingerprint(dtype)
    header["build"] = build if build is not None else build_hash()
    header["object_name"] = object_name.encode()
    header["owner"] = owner.encode()
    header["ready"] = SEGMENT_READY
    return segment


def allocate(fd: int, size: int, full_name: str) -> None:
    """Reserve `size` real bytes behind `fd`, or raise OutOfSharedMemory with the numbers."""
    statistics = os.statvfs(SHARED_MEMORY_FOLDER)
    free = statistics.f_bavail * statistics.f_frsize
    try:
        if size > free:
            raise OSError(errno.ENOSPC, "asked before trying")
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        do = f"enlarge {SHARED_MEMORY_FOLDER} (docker: --shm-size), stop another fabric, or take a smaller profile"
        found = f"{free} bytes free in {SHARED_MEMORY_FOLDER}"
        raise OutOfSharedMemory(where=full_name, expected=f"{size} bytes", found=found, do=do) from None


# --- attaching --------------------------------------------------------------------------------------------------------


def attach_segment(
    name: str,
    epoch: int,
    object_name: str,
    kind: int,
    dtype: np.dtype | None,
    capacity: int | None = None,
    *,
    writable: bool = False,
    adopt: bool = False,
    owner: str | None = None,
    deadline_s: float = READY_DEADLINE_S,
) -> Segment:
    """Map an existing object after checking everything that its header says.

    `adopt=True` takes ownership (and implies writable): needs `owner`, the instance's name, and raises
    WriterAlreadyAlive while another process holds it. `writable=True` alone is for objects with several writers, each
    on lines of its own (control, instance pages). `dtype=None` and `capacity=None` skip those checks (status does).
    Blocks at most `deadline_s` for an object that is still being made.
    """
    if adopt and owner is None:
        raise TypeError(f"attach_segment {object_name}: adopt=True needs owner=")
    full_name = segment_name(name, epoch, object_name)
    writable = writable or adopt
    fd = open_object(full_name, writable)
    try:
        size = wait_until_ready(fd, full_name, deadline_s)
        with mmap.mmap(fd, HEADER_BYTES, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ) as window:
            header = np.frombuffer(bytes(window), SEGMENT_HEADER)[0]
        check_header(header, full_name, size, epoch, kind, dtype, capacity)
        if owner is not None and header["owner"] != owner.encode():
            found = f"that it belongs to {header['owner'].decode(errors='replace')}"
            do = "attach read-only, or give the ring or table to this instance in the topology"
            raise ForeignOwner(where=full_name, expected=f"owner {owner}", found=found, do=do)
        if adopt:
            _lock(fd, full_name, header)
        segment = Segment(full_name, fd, size, writable, adopt)
    except BaseException:
        os.close(fd)
        raise
    if adopt:
        line = segment.header
        line["owner_start_ns"] = process_start_ns(os.getpid())
        line["owner_attached"] += 1
        line["owner_pid"] = os.getpid()
    return segment


def open_object(full_name: str, writable: bool) -> int:
    """Descriptor of an existing object."""
    try:
        return posix_ipc.SharedMemory(full_name, 0, read_only=not writable).fd
    except posix_ipc.ExistentialError:
        do = "start the fabric first (`quintet up`), and follow the roster for the epoch"
        raise NoSuchSegment(where=full_name, expected="an object", found="none", do=do) from None
    except posix_ipc.PermissionsError:
        wanted = "write" if writable else "read"
        do = "run as the owner's user (to write) or in its group (to read)"
        raise PermissionRefused(where=full_name, expected=f"leave to {wanted}", found="EACCES", do=do) from None


def wait_until_ready(fd: int, full_name: str, deadline_s: float) -> int:
    """Size of the object behind `fd`, once its `ready` word is stored. Raises on what can never become ready."""
    give_up = time.monotonic() + deadline_s
    window = None
    try:
        while True:
            size = os.fstat(fd).st_size
            if window is None and size >= HEADER_BYTES:
                window = mmap.mmap(fd, HEADER_BYTES, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
            if window is not None:
                header = np.frombuffer(window[:], SEGMENT_HEADER)[0]
                if header["magic"] not in (0, SEGMENT_MAGIC):
                    found = f"{int(header['magic']):#x}"
                    do = "remove the foreign object; nothing of Quintet made it"
                    raise NotASegment(where=full_name, expected=f"magic {SEGMENT_MAGIC:#x}", found=found, do=do)
                if header["ready"] == SEGMENT_READY:
                    return size
            if time.monotonic() >= give_up:
                break
            time.sleep(POLL_S)
    finally:
        if window is not None:
            window.close()
    do = "its creator died in the middle: `quintet down`, then `quintet up`"
    if size < HEADER_BYTES:
        raise SegmentTooSmall(where=full_name, expected=f"at least {HEADER_BYTES} bytes", found=size, do=do)
    expected = f"the ready word within {deadline_s} s"
    raise NotReady(where=full_name, expected=expected, found=f"{int(header['ready']):#x}", do=do)


def check_header(header, full_name, size, epoch, kind, dtype, capacity) -> None:
    """Compare a ready header with what the caller was built and configured for; raise the first difference."""
    new_epoch = "stop the fabric and start it again: a change of layout or size needs a new epoch"

    def require(error, what, expected, found, do=new_epoch):
        if expected != found:
            raise error(where=full_name, expected=f"{what} {expected}", found=found, do=do)

    require(HeaderVersionMismatch, "header version", SEGMENT_HEADER_VERSION, int(header["header_version"]))
    require(KindMismatch, "kind", kind, int(header["kind"]))
    require(ForeignEpoch, "epoch", epoch, int(header["epoch"]), "follow the roster to the current epoch")
    if dtype is not None:
        require(LayoutMismatch, "record size", dtype.itemsize, int(header["record_bytes"]))
        found = bytes(header["fingerprint"]).ljust(32, b"\0").hex()
        require(LayoutMismatch, "fingerprint", fingerprint(dtype).hex(), found)
    held = int(header["capacity"])
    if capacity is not None:
        require(CapacityMismatch, "capacity", capacity, held)
    ring = kind in (SEGMENT_KIND_RING_DATA, SEGMENT_KIND_RING_HEAD)
    if held < 1 or (ring and held & (held - 1)):
        require(CapacityMismatch, "capacity", "a power of two" if ring else "at least 1", held)
    require(SegmentTooSmall, "size as in the header,", int(header["total_bytes"]), size)
    least = object_bytes(kind, int(header["record_bytes"]), held)
    if size < least:
        require(SegmentTooSmall, "at least", least, size)


def _lock(fd, full_name, header):
    holder, start_ns = int(header["owner_pid"]), int(header["owner_start_ns"])
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = holder != os.getpid() and process_alive(holder, start_ns)
    except BlockingIOError:
        held = True
    if held:
        do = "stop that process first; one writer at a time"
        raise WriterAlreadyAlive(where=full_name, expected="no living owner", found=f"process {holder}", do=do)


# --- removing ---------------------------------------------------------------------------------------------------------


def unlink_object(full_name: str) -> bool:
    """Remove the name; mappings live on. Returns whether it was there."""
    try:
        posix_ipc.unlink_shared_memory(full_name)
    except posix_ipc.ExistentialError:
        return False
    return True


def list_objects(name: str) -> list[tuple[int, str]]:
    """(epoch, object) of every object of the fabric `name`, roster excluded, sorted."""
    prefix = f"{PREFIX}{name}."
    found = []
    for entry in os.listdir(SHARED_MEMORY_FOLDER):
        epoch, dot, object_name = entry.removeprefix(prefix).partition(".")
        if entry.startswith(prefix) and dot and epoch.isdigit():
            found.append((int(epoch), object_name))
    return sorted(found)
