"""Latest: the newest value of each row, one writer instance, any readers.

```
+-------+----------------------------------------------------------+
|    0  | segment header (records/segment_header)                  |
|  512  | row 0: version word (own line) | copy 0 | copy 1          |
|       | row 1: ...                      stride = 64 + 2 * copy   |
+-------+----------------------------------------------------------+
```

The version counts writes and names the complete copy: copy[version & 1]. A writer fills the other copy, then stores
version + 1, so a writer that dies in the middle never hides the last value. A reader copies, then looks at the version
again: if it moved, the copy may have been overwritten and is read again, a bounded number of times. One that needs only
a few fields reads them where they stand, between the same two looks. Version 0 means that the row was never written.
"""

from shm.atomics import copy_bytes, fence_acquire, fence_release, load_acquire, load_relaxed, store_release
from shm.failpoint import failpoint
from shm.failpoints import FP_LATEST_FILLED
from shm.jit import hot, hot_inline

# Beside a process that only writes one row of 256 bytes, 1 read in 6,000 to 100,000 finds 64 copies in a row
# overwritten (two cores); a role pauses between writes of the same row, so STALE means that something is wrong there.
READ_TRIES_MAX = 64


@hot
def latest_claim(table, row):
    """Address of the copy to fill, or 0 if `row` is out of range. The copy holds the value before last: fill all of it.

    Caller: the table's one writer. Ordering: the release fence keeps the fills behind the previous version store.
    """
    if row < 0 or row >= table["rows"]:
        return 0
    base = table["rows_addr"] + row * table["stride"]
    fence_release()
    return base + 64 + ((load_relaxed(base) + 1) & 1) * table["copy_bytes"]


@hot
def latest_publish(table, row):
    """Make the filled copy the newest. Caller: the writer, after `latest_claim` of the same row.

    Ordering: release; pairs with the acquire of the version in `latest_read` and `latest_current`.
    """
    base = table["rows_addr"] + row * table["stride"]
    failpoint(FP_LATEST_FILLED)
    store_release(base, load_relaxed(base) + 1)


@hot
def latest_read(table, row, target_addr):
    """Copy the newest value of `row` to private memory. Returns its version; 0 never written or out of range, -1 STALE.

    STALE means that the row changed under every one of READ_TRIES_MAX copies. Caller: anyone.
    Ordering: acquire of the version before the copy, acquire fence and second look after it.
    """
    if row < 0 or row >= table["rows"]:
        return 0
    base = table["rows_addr"] + row * table["stride"]
    for _ in range(READ_TRIES_MAX):
        version = load_acquire(base)
        if version == 0:
            return 0
        copy_bytes(target_addr, base + 64 + (version & 1) * table["copy_bytes"], table["copy_bytes"])
        fence_acquire()
        if load_relaxed(base) == version:
            return version
    return -1


@hot_inline
def latest_version(table, row):
    """Version of `row` (0 never written or out of range), for readers that only want changes. Caller: anyone."""
    if row < 0 or row >= table["rows"]:
        return 0
    return load_acquire(table["rows_addr"] + row * table["stride"])


@hot_inline
def latest_version_at(rows_addr, stride, row):
    """`latest_version` of a row in range, where the table's `rows_addr` and `stride` are at hand. Caller: anyone."""
    return load_acquire(rows_addr + row * stride)


@hot_inline
def latest_peek(table, row, version):
    """Address of the copy that `version` names, to read a few fields where they are. Row in range, version not 0.

    What was read counts only where `latest_stands` says 1 afterwards; until then it may be half of another value.
    Caller: anyone.
    """
    return table["rows_addr"] + row * table["stride"] + 64 + (version & 1) * table["copy_bytes"]


@hot_inline
def latest_stands(table, row, version):
    """1 when the copy of `version` was not overwritten until now. Ordering: acquire fence before the look."""
    fence_acquire()
    return 1 if load_relaxed(table["rows_addr"] + row * table["stride"]) == version else 0


@hot
def latest_current(table, row):
    """Address of the newest complete copy of `row`, or 0 if never written or out of range.

    Only for the table's own writer (nobody overwrites it meanwhile); readers use `latest_read`.
    """
    if row < 0 or row >= table["rows"]:
        return 0
    base = table["rows_addr"] + row * table["stride"]
    version = load_acquire(base)
    if version == 0:
        return 0
    return base + 64 + (version & 1) * table["copy_bytes"]
