"""Segments: what is created is real, what is attached is checked, one writer at a time, each refusal typed and fast."""

import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import posix_ipc
import pytest

from shm import errors
from shm.process import process_alive, process_start_ns
from shm.records.segment_header import (
    SEGMENT_HEADER,
    SEGMENT_KIND_CLOCK,
    SEGMENT_KIND_INSTANCE,
    SEGMENT_KIND_JOURNAL,
    SEGMENT_KIND_LATEST,
    SEGMENT_KIND_RING_DATA,
    SEGMENT_KIND_RING_HEAD,
)
from shm.records.tick import TICK
from shm.records.top import TOP
from shm.segment import HEADER_BYTES, attach_segment, create_segment, fingerprint, object_bytes, segment_name
from shm.segment_kinds import (
    attach_ring_consumer,
    attach_ring_producer,
    create_clock,
    create_instance,
    create_latest,
    create_ring,
    instance_end,
    ring_end_consumer,
    ring_end_producer,
    table_end,
)

EPOCH = 11
REFUSED_WITHIN_S = 1.5
RING_DATA = ("r.data", SEGMENT_KIND_RING_DATA, TICK, 8)
# as TICK, with two fields of equal size exchanged: only the fingerprint can tell
SWAPPED = np.dtype(
    [
        (({"bid_qty_lots": "ask_qty_lots", "ask_qty_lots": "bid_qty_lots"}).get(name, name), *rest)
        for name, *rest in TICK.descr
    ]
)

HOLDER = """
import sys, time
from shm.records.tick import TICK
from shm.segment_kinds import attach_ring_producer
held = attach_ring_producer(sys.argv[1], int(sys.argv[2]), "r", TICK, 8, "producer")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def ring(fabric):
    for segment in create_ring(fabric, EPOCH, "r", TICK, 8, "producer", "consumer"):
        segment.close()
    return fabric


def shared_file(fabric, object_name="r.data"):
    return "/dev/shm" + segment_name(fabric, EPOCH, object_name)


def poke(fabric, field, value, object_name="r.data"):
    kind, offset = SEGMENT_HEADER.fields[field][:2]
    with open(shared_file(fabric, object_name), "r+b") as file:
        file.seek(offset)
        file.write(np.array([value], kind).tobytes())


def hold(fabric):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, fabric, str(EPOCH)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert child.stdout.readline() == b"held\n"
    return child


# --- creating ---------------------------------------------------------------------------------------------------------


def test_an_object_is_allocated_whole_with_its_mode_and_reads_back_what_it_is(fabric):
    with create_segment(fabric, EPOCH, "x", SEGMENT_KIND_JOURNAL, TOP, 1000, "feed_handler", mode=0o640) as segment:
        status = os.stat(shared_file(fabric, "x"))
        assert status.st_mode & 0o777 == 0o640
        assert status.st_size == segment.size == HEADER_BYTES + 1000 * TOP.itemsize
        assert status.st_blocks * 512 >= status.st_size, "sparse"
        header = segment.header
        assert (header["owner"], header["object_name"], header["owner_pid"]) == (b"feed_handler", b"x", 0)
        assert segment.address % 4096 == 0
        assert not segment.view(HEADER_BYTES, np.dtype("u1"), segment.size - HEADER_BYTES).any()


@pytest.mark.parametrize("capacity", [0, -1, 3, 12])
def test_a_ring_capacity_that_is_not_a_power_of_two_is_refused(fabric, capacity):
    with pytest.raises(errors.BadCapacity):
        create_segment(fabric, EPOCH, "r.data", SEGMENT_KIND_RING_DATA, TICK, capacity, "a")
    assert not os.path.exists(shared_file(fabric))


@pytest.mark.parametrize("bad", ["", "a b", "a/b", "x" * 97, "é"])
def test_a_name_that_shared_memory_cannot_carry_is_refused(fabric, bad):
    with pytest.raises(errors.BadName):
        create_segment(fabric, EPOCH, bad, SEGMENT_KIND_LATEST, TOP, 1, "a")
    with pytest.raises(errors.BadName):
        segment_name(bad, EPOCH, "x")


def test_creation_never_overwrites(ring):
    with pytest.raises(errors.SegmentExists):
        create_segment(ring, EPOCH, *RING_DATA, "producer")


def test_full_shared_memory_says_how_much_is_needed_and_leaves_nothing(fabric):
    with pytest.raises(errors.OutOfSharedMemory, match=r"expected \d+ bytes, found \d+ bytes free in /dev/shm"):
        create_segment(fabric, EPOCH, "huge", SEGMENT_KIND_LATEST, TOP, 1 << 40, "a")
    assert not os.path.exists(shared_file(fabric, "huge"))


def test_enospc_while_allocating_is_the_same_error_and_leaves_nothing(fabric, monkeypatch):
    def full(fd, offset, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(errors.OutOfSharedMemory):
        create_segment(fabric, EPOCH, "x", SEGMENT_KIND_LATEST, TOP, 1, "a")
    assert not os.path.exists(shared_file(fabric, "x"))


# --- the matrix of refused attaches -----------------------------------------------------------------------------------


def truncate(size):
    return lambda fabric: os.truncate(shared_file(fabric), size)


def poked(field, value):
    return lambda fabric: poke(fabric, field, value)


def asked(**words):
    return words


REFUSALS = {
    # what is wrong                 in memory                         asked otherwise                error
    "wrong magic": (poked("magic", 0x1234567812345678), asked(), errors.NotASegment),
    "header version": (poked("header_version", 2), asked(), errors.HeaderVersionMismatch),
    "other kind": (None, asked(kind=SEGMENT_KIND_LATEST), errors.KindMismatch),
    "record size": (None, asked(dtype=TOP), errors.LayoutMismatch),
    "record size in memory": (poked("record_bytes", 64), asked(), errors.LayoutMismatch),
    "fields exchanged": (None, asked(dtype=SWAPPED), errors.LayoutMismatch),
    "fingerprint in memory": (poked("fingerprint", b"\x01" * 32), asked(), errors.LayoutMismatch),
    "capacity": (None, asked(capacity=16), errors.CapacityMismatch),
    "capacity not a power of two": (poked("capacity", 7), asked(capacity=None), errors.CapacityMismatch),
    "capacity zero": (poked("capacity", 0), asked(capacity=None), errors.CapacityMismatch),
    "capacity larger than the object": (poked("capacity", 1 << 20), asked(capacity=None), errors.SegmentTooSmall),
    "foreign epoch": (poked("epoch", EPOCH + 1), asked(), errors.ForeignEpoch),
    "total size": (poked("total_bytes", 1 << 20), asked(), errors.SegmentTooSmall),
    "truncated by a page": (truncate(1024), asked(), errors.SegmentTooSmall),
    "truncated header": (truncate(100), asked(), errors.SegmentTooSmall),
    "zero length": (truncate(0), asked(), errors.SegmentTooSmall),
    "never ready": (poked("ready", 0), asked(), errors.NotReady),
    "half made, no magic": (lambda f: (poke(f, "ready", 0), poke(f, "magic", 0)), asked(), errors.NotReady),
    "no such object": (lambda f: os.unlink(shared_file(f)), asked(), errors.NoSuchSegment),
    "not the owner": (None, asked(adopt=True, owner="mallory"), errors.ForeignOwner),
}


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize("adopt", [False, True])
def test_refused_attach_raises_its_typed_error_in_time(ring, case, adopt):
    damage, asked_otherwise, error = REFUSALS[case]
    if damage:
        damage(ring)
    words = {"kind": SEGMENT_KIND_RING_DATA, "dtype": TICK, "capacity": 8, "owner": "producer", "adopt": adopt}
    before = time.monotonic()
    with pytest.raises(error) as caught:
        attach_segment(ring, EPOCH, "r.data", **{**words, **asked_otherwise}).close()
    assert time.monotonic() - before < REFUSED_WITHIN_S
    assert isinstance(caught.value, errors.QuintetError)
    for word in ("expected", "found", segment_name(ring, EPOCH, "r.data")):
        assert word in str(caught.value)


def test_errors_survive_the_way_to_another_process():
    import pickle

    error = errors.NotReady(where="/x", expected="a", found="b", do="c")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is errors.NotReady and str(again) == str(error)
    assert errors.NotReady.exit_code == errors.EXIT_TRANSIENT != errors.LayoutMismatch.exit_code == errors.EXIT_FATAL


def test_an_object_that_becomes_ready_within_the_deadline_is_attached(ring):
    poke(ring, "ready", 0)
    code = (
        "import sys; f = open(sys.argv[1], 'r+b'); sys.stdin.readline(); f.seek(504);"
        "f.write((0x5245414459).to_bytes(8, 'little'))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, shared_file(ring)], stdin=subprocess.PIPE)
    child.stdin.write(b"\n")
    child.stdin.flush()
    attach_segment(ring, EPOCH, *RING_DATA, deadline_s=20).close()
    child.communicate()
    assert child.returncode == 0


# --- ownership --------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_while_the_first_lives_and_adopts_after_kill_9(ring):
    child = hold(ring)
    try:
        before = time.monotonic()
        with pytest.raises(errors.WriterAlreadyAlive, match=f"process {child.pid}"):
            attach_ring_producer(ring, EPOCH, "r", TICK, 8, "producer")
        assert time.monotonic() - before < REFUSED_WITHIN_S
        attach_segment(ring, EPOCH, *RING_DATA).close()  # readers are welcome
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, not reaped: a zombie is no owner
        data, head = attach_ring_producer(ring, EPOCH, "r", TICK, 8, "producer")
        assert data.header["owner_pid"] == os.getpid() and data.header["owner_attached"] == 2
        data.close(), head.close()
    finally:
        child.kill()
        child.wait()


def test_two_writers_in_one_process_exclude_each_other_until_close(ring):
    first = attach_ring_producer(ring, EPOCH, "r", TICK, 8, "producer")
    with pytest.raises(errors.WriterAlreadyAlive):
        attach_ring_producer(ring, EPOCH, "r", TICK, 8, "producer")
    for segment in first:
        segment.close()
        segment.close()
    assert attach_ring_producer(ring, EPOCH, "r", TICK, 8, "producer")[0].header["owner_attached"] == 2


def test_a_recycled_pid_does_not_look_like_the_owner(ring):
    poke(ring, "owner_pid", 1)  # alive, but another start time
    poke(ring, "owner_start_ns", 42)
    attach_ring_producer(ring, EPOCH, "r", TICK, 8, "producer")[0].close()
    poke(ring, "owner_pid", os.getppid())
    poke(ring, "owner_start_ns", process_start_ns(os.getppid()))
    with pytest.raises(errors.WriterAlreadyAlive):
        attach_ring_producer(ring, EPOCH, "r", TICK, 8, "producer")


def test_a_process_is_known_by_pid_and_start_time():
    assert process_alive(os.getpid(), process_start_ns(os.getpid()))
    assert not process_alive(os.getpid(), process_start_ns(os.getpid()) + 10_000_000)
    assert not process_alive(0, 0) and process_start_ns(1 << 22) == 0


# --- what a mapping allows --------------------------------------------------------------------------------------------


def test_each_side_of_a_ring_maps_the_other_side_read_only(ring):
    producer, consumer = (
        attach(ring, EPOCH, "r", TICK, 8, owner)
        for attach, owner in ((attach_ring_producer, "producer"), (attach_ring_consumer, "consumer"))
    )
    assert [segment.writable for segment in producer] == [True, False]
    assert [segment.writable for segment in consumer] == [False, True]
    for segment in (producer[1], consumer[0]):
        with pytest.raises(ValueError):
            segment.bytes[600] = 1
    ends = ring_end_producer(*producer), ring_end_consumer(*consumer)
    assert [int(end[0]["capacity"]) for end in ends] == [8, 8]
    assert ends[0][0]["slots_addr"] - producer[0].address == ends[1][0]["slots_addr"] - consumer[0].address == 1024
    for segment in (*producer, *consumer):
        segment.close()


def test_a_store_through_a_read_only_mapping_is_stopped_by_the_kernel(ring):
    code = (
        "import ctypes, sys; from shm.segment import *; from shm.records.tick import TICK;"
        "from shm.records.segment_header import *;"
        f"s = attach_segment('{ring}', {EPOCH}, 'r.data', SEGMENT_KIND_RING_DATA, TICK);"
        "ctypes.c_int64.from_address(s.address + 1024).value = 1"
    )
    child = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": "."}, timeout=60)
    assert child.returncode == -signal.SIGSEGV


def test_an_attached_object_takes_no_page_fault_any_more(fabric):
    rows, pages = 8192, 8192 * TOP.itemsize // 4096
    create_segment(fabric, EPOCH, "big", SEGMENT_KIND_JOURNAL, TOP, rows, "x").close()
    with (
        attach_segment(fabric, EPOCH, "big", SEGMENT_KIND_JOURNAL, TOP, adopt=True, owner="x") as writer,
        attach_segment(fabric, EPOCH, "big", SEGMENT_KIND_JOURNAL, TOP) as reader,
    ):
        before = resource.getrusage(resource.RUSAGE_SELF)
        writer.bytes[HEADER_BYTES::4096] = 1
        total = int(reader.bytes[HEADER_BYTES::4096].sum())
        after = resource.getrusage(resource.RUSAGE_SELF)
        assert total == pages
        assert after.ru_majflt == before.ru_majflt and after.ru_minflt - before.ru_minflt < pages // 4


def test_a_forked_child_does_not_inherit_the_mapping(ring):
    segment = attach_segment(ring, EPOCH, *RING_DATA)
    with open(f"/proc/{os.getpid()}/smaps") as file:
        ours = file.read().split(segment.full_name)[1].split("VmFlags:")[1].splitlines()[0]
    assert " dc " in f" {ours} ", f"MADV_DONTFORK is not set: {ours}"
    segment.close()


def test_the_other_makers_fill_in_kind_and_size(fabric):
    table = create_latest(fabric, EPOCH, "tops", TOP, 5, "feed_handler")
    instance = create_instance(fabric, EPOCH, "strategy.mm1")
    clock = create_clock(fabric, EPOCH, "fabric")
    assert (table.size, int(table_end(table)[0]["rows"])) == (512 + 5 * (64 + 128), 5)
    assert instance.header["owner"] == b"strategy.mm1" and instance.header["kind"] == SEGMENT_KIND_INSTANCE
    assert clock.header["kind"] == SEGMENT_KIND_CLOCK
    me = instance_end(instance, clock)[0]
    assert (me["page_addr"] - instance.address, me["clock_addr"] - clock.address) == (512, 512)
    for segment in (table, instance, clock):
        segment.close()


@pytest.mark.parametrize("mode, refused", [(0o640, ("read", "write")), (0o644, ("write",))])
def test_the_kernel_keeps_other_users_away_by_mode(fabric, mode, refused):
    if os.geteuid() != 0:
        pytest.skip("needs root to act as another user")
    create_segment(fabric, EPOCH, *RING_DATA, "producer", mode=mode).close()
    code = (
        "import os, sys; from shm import errors; from shm.segment import *; from shm.records.tick import TICK\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "for way in (False, True):\n"
        f"  try: attach_segment('{fabric}', {EPOCH}, 'r.data', 1, TICK, writable=way).close()\n"
        "  except errors.PermissionRefused as error: print('write' if way else 'read')"
    )
    environment = {**os.environ, "PYTHONPATH": "."}
    child = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True)
    assert tuple(child.stdout.decode().split()) == refused


def test_sizes_follow_from_kind():
    assert object_bytes(SEGMENT_KIND_RING_DATA, 128, 8) == 1024 + 8 * 128
    assert object_bytes(SEGMENT_KIND_RING_HEAD, 128, 8) == 1024
    assert object_bytes(SEGMENT_KIND_JOURNAL, 64, 10) == 512 + 640


def test_fingerprints_tell_layouts_apart():
    assert fingerprint(TICK) == fingerprint(np.dtype(TICK.descr))
    assert len({fingerprint(dtype) for dtype in (TICK, SWAPPED, TOP)}) == 3


def test_foreign_names_are_ours_to_clean_only_by_prefix(fabric):
    from shm.segment import list_objects

    posix_ipc.SharedMemory(f"/quintet.{fabric}x.1.a", posix_ipc.O_CREX, size=1).close_fd()
    try:
        assert list_objects(fabric) == []
    finally:
        posix_ipc.unlink_shared_memory(f"/quintet.{fabric}x.1.a")
