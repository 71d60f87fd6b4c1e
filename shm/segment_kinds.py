"""Segment kinds: rings, latest tables, instance pages, the clock as segments, and the ends that hot code takes of them.

A ring is two objects, so that the kernel keeps everybody but its owner from writing to either: `<ring>.data` belongs to
the producer, `<ring>.head` to the consumer. Cold, no numba.
"""

import numpy as np

from shm.ends import instance_end_at, ring_end_at, table_end_at
from shm.records.clock_page import CLOCK_PAGE
from shm.records.instance import INSTANCE
from shm.records.segment_header import (
    SEGMENT_KIND_CLOCK,
    SEGMENT_KIND_INSTANCE,
    SEGMENT_KIND_LATEST,
    SEGMENT_KIND_RING_DATA,
    SEGMENT_KIND_RING_HEAD,
)
from shm.segment import HEADER_BYTES, Segment, attach_segment, create_segment

# --- creating ---------------------------------------------------------------------------------------------------------


def create_ring(
    name: str, epoch: int, ring: str, dtype: np.dtype, capacity: int, producer: str, consumer: str, **permissions
) -> tuple[Segment, Segment]:
    """Create both objects of a ring: `<ring>.data`, the producer's, and `<ring>.head`, the consumer's.

    Keywords: `producer_mode/uid/gid` and `consumer_mode/uid/gid` as in `create_segment`.
    """
    mine = {side: _permissions(permissions, side) for side in ("producer", "consumer")}
    if permissions:
        raise TypeError(f"create_ring: unknown keywords {sorted(permissions)}")
    data = create_segment(
        name, epoch, f"{ring}.data", SEGMENT_KIND_RING_DATA, dtype, capacity, producer, **mine["producer"]
    )
    head = create_segment(
        name, epoch, f"{ring}.head", SEGMENT_KIND_RING_HEAD, dtype, capacity, consumer, **mine["consumer"]
    )
    return data, head


def _permissions(words, side):
    return {key: words.pop(f"{side}_{key}") for key in ("mode", "uid", "gid") if f"{side}_{key}" in words}


def create_latest(name: str, epoch: int, table: str, dtype: np.dtype, rows: int, owner: str, **permissions) -> Segment:
    """Create a latest table; every row reads as never written."""
    return create_segment(name, epoch, table, SEGMENT_KIND_LATEST, dtype, rows, owner, **permissions)


def create_instance(name: str, epoch: int, instance: str, **permissions) -> Segment:
    """Create the object `instance.<instance>`: page, counters, errors, histograms."""
    return create_segment(
        name, epoch, f"instance.{instance}", SEGMENT_KIND_INSTANCE, INSTANCE, 1, instance, **permissions
    )


def create_clock(name: str, epoch: int, owner: str, **permissions) -> Segment:
    """Create the object `clock`; fill `segment.view(HEADER_BYTES, CLOCK_PAGE)` with `shm.clock.calibrate`."""
    return create_segment(name, epoch, "clock", SEGMENT_KIND_CLOCK, CLOCK_PAGE, 1, owner, **permissions)


# --- attaching --------------------------------------------------------------------------------------------------------


def attach_ring_producer(
    name: str, epoch: int, ring: str, dtype: np.dtype, capacity: int | None, producer: str
) -> tuple[Segment, Segment]:
    """(data, head) as the producer maps them: data adopted, head read-only."""
    data = attach_segment(
        name, epoch, f"{ring}.data", SEGMENT_KIND_RING_DATA, dtype, capacity, adopt=True, owner=producer
    )
    return _with(data, name, epoch, f"{ring}.head", SEGMENT_KIND_RING_HEAD, dtype, data.capacity)


def attach_ring_consumer(
    name: str, epoch: int, ring: str, dtype: np.dtype, capacity: int | None, consumer: str
) -> tuple[Segment, Segment]:
    """(data, head) as the consumer maps them: data read-only, head adopted."""
    head = attach_segment(
        name, epoch, f"{ring}.head", SEGMENT_KIND_RING_HEAD, dtype, capacity, adopt=True, owner=consumer
    )
    return _with(head, name, epoch, f"{ring}.data", SEGMENT_KIND_RING_DATA, dtype, head.capacity)[::-1]


def _with(first, *other):
    """(first, the other object attached), giving `first` back when the other is refused."""
    try:
        return first, attach_segment(*other)
    except BaseException:
        first.close()
        raise


# --- hot rows ---------------------------------------------------------------------------------------------------------


def ring_end_producer(data: Segment, head: Segment) -> np.ndarray:
    """RING_END[1] of the producer: `data` adopted, `head` read-only. Then call `ring_resume_producer` (shm/ring.py)."""
    return ring_end_at(data.address, head.address, data.record_bytes, data.capacity)


def ring_end_consumer(data: Segment, head: Segment) -> np.ndarray:
    """RING_END[1] of the consumer: `data` read-only, `head` adopted. Then call `ring_resume_consumer` (shm/ring.py)."""
    return ring_end_at(data.address, head.address, data.record_bytes, data.capacity)


def table_end(segment: Segment) -> np.ndarray:
    """TABLE_END[1] of a latest table, for its writer and its readers alike."""
    return table_end_at(segment.address, segment.record_bytes, segment.capacity)


def instance_end(instance: Segment, clock: Segment) -> np.ndarray:
    """INSTANCE_END[1], the `me` of a hot thread."""
    return instance_end_at(instance.address, clock.address + HEADER_BYTES)
