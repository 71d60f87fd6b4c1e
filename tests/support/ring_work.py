"""Hot producers, consumers and latest writers of the two-process tests, and the processes that run them.

A test record's words all follow from its sequence (`word_of`), so a consumer checks every word of every record.
Children are forked from multiprocessing's fork server, a process without threads or mappings of ours, so that hundreds
of trials start warm.
"""

import multiprocessing
import os

import numpy as np

from shm.atomics import record_at
from shm.errors import WriterAlreadyAlive
from shm.jit import hot
from shm.latest import latest_claim, latest_peek, latest_publish, latest_read, latest_stands, latest_version
from shm.records.segment_header import SEGMENT_KIND_LATEST
from shm.ring import (
    ring_advance,
    ring_claim_part,
    ring_peek,
    ring_publish_parts,
    ring_release,
    ring_resume_consumer,
    ring_resume_producer,
)
from shm.segment import attach_segment
from shm.segment_kinds import (
    attach_ring_consumer,
    attach_ring_producer,
    ring_end_consumer,
    ring_end_producer,
    table_end,
)

WORDS_MAX = 31
SMALL = np.dtype([("ring_seq", "<i8"), ("cause", "<i8"), ("part", "<i8"), ("parts", "<i8"), ("words", "<i8", (4,))])
LARGE = np.dtype([("ring_seq", "<i8"), ("cause", "<i8"), ("part", "<i8"), ("parts", "<i8"), ("words", "<i8", (28,))])
VALUE = np.dtype([("version", "<i8"), ("words", "<i8", (WORDS_MAX,))])
PATIENCE = 2000  # empty or full looks before the core is given away
BAD_WORD, BAD_ORDER, BAD_PART = -1, -2, -3


@hot
def word_of(sequence, index):
    """Word `index` of record `sequence`: below 2^62 and different for neighbours."""
    return ((sequence + 1) * 0x9E3779B1 + index * 0x85EBCA6B) & 0x3FFFFFFFFFFFFFFF


@hot
def parts_of(cause):
    """How many records the cause has: 1, 2 or 3."""
    return 1 + (cause * 7 + (cause >> 3)) % 3


@hot
def fill(address, dtype, words, cause, part, parts):
    """Write every word of one test record but ring_seq."""
    record = record_at(address, dtype)
    record["cause"] = cause
    record["part"] = part
    record["parts"] = parts
    for index in range(words):
        record["words"][index] = word_of(cause * 4 + part, index)


@hot
def produce_small(end, cause, until):
    """Publish causes until `until` or until the ring stays full; returns the next cause."""
    waited = 0
    while cause < until and waited < PATIENCE:
        parts = parts_of(cause)
        claimed = 0
        while claimed < parts:
            address = ring_claim_part(end, claimed, 0)
            if address == 0:
                break
            fill(address, SMALL, 4, cause, claimed, parts)
            claimed += 1
        if claimed < parts:
            waited += 1
            continue
        ring_publish_parts(end, parts)
        cause += 1
        waited = 0
    return cause


@hot
def produce_large(end, cause, until):
    """As `produce_small`, records of 256 bytes."""
    waited = 0
    while cause < until and waited < PATIENCE:
        parts = parts_of(cause)
        claimed = 0
        while claimed < parts:
            address = ring_claim_part(end, claimed, 0)
            if address == 0:
                break
            fill(address, LARGE, 28, cause, claimed, parts)
            claimed += 1
        if claimed < parts:
            waited += 1
            continue
        ring_publish_parts(end, parts)
        cause += 1
        waited = 0
    return cause


@hot
def check_record(address, dtype, words, progress):
    """Compare one record with what must come next after progress[cause, part]; returns its word sum or BAD_*."""
    record = record_at(address, dtype)
    cause, part = progress[0], progress[1]
    if record["cause"] != cause or record["part"] != part:
        return BAD_ORDER
    if record["parts"] != parts_of(cause):
        return BAD_PART
    total = 0
    for index in range(words):
        if record["words"][index] != word_of(cause * 4 + part, index):
            return BAD_WORD
        total += record["words"][index] & 0xFFFF
    progress[1] += 1
    if progress[1] == record["parts"]:
        progress[0] += 1
        progress[1] = 0
    return total


@hot
def consume_small(end, progress, until, batch):
    """Check records until cause `until` or until the ring stays empty. progress: cause, part, sum, records."""
    waited = 0
    while progress[0] < until and waited < PATIENCE:
        address = ring_peek(end)
        if address == 0:
            ring_release(end)
            waited += 1
            continue
        waited = 0
        total = check_record(address, SMALL, 4, progress)
        if total < 0:
            return total
        progress[2] += total
        progress[3] += 1
        ring_advance(end)
        if progress[3] % batch == 0:
            ring_release(end)
    ring_release(end)
    return progress[3]


@hot
def consume_large(end, progress, until, batch):
    """As `consume_small`, records of 256 bytes."""
    waited = 0
    while progress[0] < until and waited < PATIENCE:
        address = ring_peek(end)
        if address == 0:
            ring_release(end)
            waited += 1
            continue
        waited = 0
        total = check_record(address, LARGE, 28, progress)
        if total < 0:
            return total
        progress[2] += total
        progress[3] += 1
        ring_advance(end)
        if progress[3] % batch == 0:
            ring_release(end)
    ring_release(end)
    return progress[3]


@hot
def consume_into_table(end, progress, table, until):
    """Consume, and keep progress in row 0 of a latest table before releasing, as a role's snapshot does."""
    waited = 0
    while progress[0] < until and waited < PATIENCE:
        address = ring_peek(end)
        if address == 0:
            waited += 1
            continue
        waited = 0
        if end["next_seq"] >= progress[3]:  # else applied before the crash: read again, applied once
            total = check_record(address, SMALL, 4, progress)
            if total < 0:
                return total
            progress[2] += total
            progress[3] += 1
            target = record_at(latest_claim(table, 0), VALUE)
            for index in range(4):
                target["words"][index] = progress[index]
            latest_publish(table, 0)
        ring_advance(end)
        ring_release(end)
    return progress[3]


@hot
def write_values(table, version, count):
    """Write `count` further versions of row 0, every word following from the version; returns the last version."""
    for _ in range(count):
        version += 1
        value = record_at(latest_claim(table, 0), VALUE)
        value["version"] = version
        for index in range(WORDS_MAX):
            value["words"][index] = word_of(version, index)
        latest_publish(table, 0)
    return version


@hot
def read_values(table, value_addr, tries, seen):
    """Read row 0 `tries` times. seen: last version, STALE answers, bad words, versions that went back."""
    for _ in range(tries):
        version = latest_read(table, 0, value_addr)
        if version == -1:
            seen[1] += 1
        elif version > 0:
            value = record_at(value_addr, VALUE)
            if version < seen[0]:
                seen[3] += 1
            seen[0] = version
            if value["version"] != version:
                seen[2] += 1
            for index in range(WORDS_MAX):
                if value["words"][index] != word_of(version, index):
                    seen[2] += 1
    return seen[0]


@hot
def look_values(table, tries, seen):
    """Read three fields of row 0 where they stand, `tries` times. seen: as `read_values`, overwritten looks second."""
    for _ in range(tries):
        version = latest_version(table, 0)
        if version == 0:
            continue
        value = record_at(latest_peek(table, 0, version), VALUE)
        held, first, last = value["version"], value["words"][0], value["words"][WORDS_MAX - 1]
        if latest_stands(table, 0, version) == 0:
            seen[1] += 1
            continue
        if version < seen[0]:
            seen[3] += 1
        seen[0] = version
        if held != version or first != word_of(version, 0) or last != word_of(version, WORDS_MAX - 1):
            seen[2] += 1
    return seen[0]


def expected_sum(until: int, words: int) -> tuple[int, int]:
    """(sum, records) that a consumer of all causes below `until` must end with; numpy, independent of the loops."""
    causes = np.arange(until, dtype=np.int64)
    parts = 1 + (causes * 7 + (causes >> 3)) % 3
    total = 0
    for part in range(3):
        sequences = causes[parts > part] * 4 + part
        for index in range(words):
            word = ((sequences + 1) * 0x9E3779B1 + index * 0x85EBCA6B) & 0x3FFFFFFFFFFFFFFF
            total += int((word & 0xFFFF).sum())
    return total, int(parts.sum())


# --- processes --------------------------------------------------------------------------------------------------------

PRODUCE = {SMALL: produce_small, LARGE: produce_large}
CONSUME = {SMALL: consume_small, LARGE: consume_large}
RECORDS = {"small": SMALL, "large": LARGE}


def pin(core: int) -> None:
    """Pin this process where the host has two cores to tell apart."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) >= 2:
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def resumed_cause(ends) -> int:
    """First cause that the resumed producer's ring does not hold, from the last published record."""
    end = ends[0]
    sequence = int(end["next_seq"])
    if sequence == 0:
        return 0
    address = int(end["slots_addr"]) + ((sequence - 1) & int(end["mask"])) * int(end["slot_bytes"])
    return int(getattr(record_at, "twin", record_at)(address, SMALL)["cause"]) + 1


def produce_forever(fabric: str, epoch: int, record: str, until: int) -> None:
    """Child: adopt ring `r`, resume, publish until `until`, then stay alive until killed."""
    pin(0)
    dtype = RECORDS[record]
    data, head = _patiently(attach_ring_producer, fabric, epoch, "r", dtype, None, "producer")
    ends = ring_end_producer(data, head)
    ring_resume_producer(ends[0])
    cause = resumed_cause(ends)
    while cause < until:
        cause = PRODUCE[dtype](ends[0], cause, until)
        os.sched_yield()


def consume_until(fabric: str, epoch: int, record: str, until: int, answer) -> None:
    """Child: adopt the head of ring `r`, check everything until `until`, send progress or the error."""
    pin(1)
    dtype = RECORDS[record]
    data, head = attach_ring_consumer(fabric, epoch, "r", dtype, None, "consumer")
    ends = ring_end_consumer(data, head)
    ring_resume_consumer(ends[0])
    progress = np.zeros(4, np.int64)
    while progress[0] < until:
        result = CONSUME[dtype](ends[0], progress, until, 5)
        if result < 0:
            answer.send(("bad", int(result), progress.tolist()))
            return
        os.sched_yield()
    answer.send(("good", 0, progress.tolist()))


def consume_with_snapshot(fabric: str, epoch: int, until: int, answer) -> None:
    """Child: as `consume_until`, its progress in latest table `done`, from which it goes on after a kill."""
    pin(1)
    data, head = _patiently(attach_ring_consumer, fabric, epoch, "r", SMALL, None, "consumer")
    done = _patiently(
        attach_segment, fabric, epoch, "done", SEGMENT_KIND_LATEST, VALUE, 1, adopt=True, owner="consumer"
    )
    ends, table = ring_end_consumer(data, head), table_end(done)
    ring_resume_consumer(ends[0])
    value = np.zeros(1, VALUE)
    latest_read(table[0], 0, value.ctypes.data)
    progress = value[0]["words"][:4].copy()
    while progress[0] < until:
        result = consume_into_table(ends[0], progress, table[0], until)
        if result < 0:
            answer.send(("bad", int(result), progress.tolist()))
            return
        os.sched_yield()
    answer.send(("good", 0, progress.tolist()))


def write_forever(fabric: str, epoch: int) -> None:
    """Child: adopt latest table `t` and write versions at full speed until killed."""
    pin(0)
    segment = _patiently(attach_segment, fabric, epoch, "t", SEGMENT_KIND_LATEST, VALUE, 1, adopt=True, owner="writer")
    table = table_end(segment)
    value = np.zeros(1, VALUE)
    version = max(0, int(latest_read(table[0], 0, value.ctypes.data)))
    while True:
        version = write_values(table[0], version, 1000)


def _patiently(attach, *args, **words):
    """Attach as soon as the killed predecessor is gone."""
    while True:
        try:
            return attach(*args, **words)
        except WriterAlreadyAlive:
            os.sched_yield()


_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.support.ring_warm"])
os.environ.setdefault("PYTHONPATH", os.getcwd())  # the fork server imports the preloaded module by itself


def start(target, *args):
    """Start a child that dies with us."""
    child = _context.Process(target=target, args=args, daemon=True)
    child.start()
    return child


def pipe():
    """(receiving end, sending end) for a child's answer."""
    return _context.Pipe(duplex=False)


def warm_up() -> None:
    """Compile all of this on scratch memory, once, before children share the cache."""
    from shm.scratch import scratch_ring, scratch_table

    for dtype in (SMALL, LARGE):
        producer, consumer = scratch_ring(dtype, 8)
        ring_resume_producer(producer[0])
        ring_resume_consumer(consumer[0])
        PRODUCE[dtype](producer[0], 0, 2)
        assert CONSUME[dtype](consumer[0], np.zeros(4, np.int64), 2, 5) > 0
    producer, consumer = scratch_ring(SMALL, 8)
    produce_small(producer[0], 0, 2)
    table, value, seen = scratch_table(VALUE, 1), np.zeros(1, VALUE), np.zeros(4, np.int64)
    consume_into_table(consumer[0], np.zeros(4, np.int64), table[0], 2)
    write_values(table[0], 0, 1)
    read_values(table[0], value.ctypes.data, 1, seen)
