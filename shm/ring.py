"""Ring: every record, in order, one producer, one consumer, back-pressure.

```
data object (written by the producer only)               head object (written by the consumer only)
+-------+------------------------------------------+     +-------+-----------------------------------------+
|    0  | segment header (records/segment_header)  |     |    0  | segment header                          |
|  512  | high_water, refusals        PRODUCER line|     |  512  | head_seq                  CONSUMER line |
|  576  | behind                      PRODUCER line|     |  576  | caught_up_seq             CONSUMER line |
| 1024  | slot[capacity]: ring_seq + payload       |     +-------+-----------------------------------------+
+-------+------------------------------------------+
private to the producer's end: next_seq (the tail), head_cached (<= head_seq)
private to the consumer's end: next_seq (next to read; head_seq is stored from it once a batch)
private to either end: next_addr, the address of slot[next_seq & mask]: moved only here, together with next_seq
invariant: slot[s & mask].ring_seq == s + 1  <=>  record s is published and may be read
invariant: 0 <= tail - head_seq <= capacity
```

A slot carries its own sequence word at offset 0, so flag and payload travel in one cache line and the consumer spins on
the slot that it expects. Each side holds a private `RING_END` row (records/ring_end.py); hot code passes that row.

Producer: `addr = ring_claim(end, 0)`, fill `record_at(addr, DTYPE)`, `ring_publish(end)`. Fill every field but
ring_seq: a record copied whole into a slot brings a foreign sequence word with it.
Consumer: `addr = ring_peek(end)`, read in place, `ring_advance(end)`; once a batch `ring_release(end)`.
"""

from shm.atomics import load_acquire, load_relaxed, prefetch, store_relaxed, store_release
from shm.failpoint import failpoint
from shm.failpoints import FP_PART_MARKED, FP_PARTS_PUBLISHED, FP_RELEASE_AFTER, FP_RELEASE_BEFORE
from shm.jit import hot

# A slot is last in the consumer's cache; asked for this many records ahead of its turn, its line is the producer's when
# it is filled. Bench ring_throughput: 58-66 M records/s without, 76-80 with (4 and 24 ahead are alike); hop unchanged.
FETCH_AHEAD = 12


@hot
def _slot_addr(end, sequence):
    return end["slots_addr"] + (sequence & end["mask"]) * end["slot_bytes"]


@hot
def _step(end):
    # Keeping the next address takes the multiplication off the path of a hop: 3 of 187 ns.
    sequence = end["next_seq"] + 1
    end["next_seq"] = sequence
    end["next_addr"] = end["slots_addr"] if sequence & end["mask"] == 0 else end["next_addr"] + end["slot_bytes"]


@hot
def ring_seek(end, sequence):
    """Set where this side goes on. Caller: recovery, which knows from elsewhere what is done."""
    end["next_seq"] = sequence
    end["next_addr"] = _slot_addr(end, sequence)


@hot
def ring_free(end):
    """Free slots as seen through the cached head. Never blocks. Caller: the ring's producer."""
    return end["capacity"] - (end["next_seq"] - end["head_cached"])


@hot
def ring_free_now(end):
    """Free slots by the shared head: for a producer that plans ahead. Counts no refusal. Never blocks.

    Caller: the ring's producer. Ordering: acquire; pairs with the release in `ring_release`. Cost: the head's line.
    """
    end["head_cached"] = load_acquire(end["head_addr"])
    return ring_free(end)


@hot
def ring_claim(end, headroom):
    """Address of the next free slot, or 0 when at most `headroom` slots are free. Never blocks.

    Fill every field but `ring_seq`, then `ring_publish`. Claiming again without publishing returns the same slot.
    A refusal is counted. Caller: the ring's one producer.
    Ordering: the acquire load of head_seq pairs with the release in `ring_release`: a claimed slot is read no more.
    Cost: reads the head's line only when the cached copy says full, or when the depth might be a new high-water mark
    and the last look is an eighth of the ring ago. Looking at every record of a nearly empty ring, whose mark is low,
    cost 10 % of the hop (the stores of the record wait for the load); so a mark below an eighth is a sample.
    """
    if _has_room(end, 0, headroom) == 0:
        return 0
    return end["next_addr"]


@hot
def ring_claim_part(end, part, headroom):
    """Address of the slot `part` places after the next one, or 0 when the ring has no room for it past `headroom`.

    For the parts of one cause: claim 0..n-1, fill each, then `ring_publish_parts(end, n)`. Caller: the producer.
    Ordering and cost: as `ring_claim`.
    """
    if _has_room(end, part, headroom) == 0:
        return 0
    return _slot_addr(end, end["next_seq"] + part)


@hot
def _has_room(end, part, headroom):
    # 1 when slot `part` after the next is free past `headroom`; counts a refusal, keeps the mark. The head is the other
    # process's word: one that runs backwards or past the tail is not believed, so a broken consumer stops the ring
    # instead of having unread records overwritten.
    sequence = end["next_seq"] + part
    depth = sequence + 1 - end["head_cached"]
    if depth + headroom > end["capacity"] or (depth > end["high_water"] and depth > end["capacity"] >> 3):
        head = load_acquire(end["head_addr"])
        if end["head_cached"] <= head <= end["next_seq"]:
            end["head_cached"] = head
        depth = sequence + 1 - end["head_cached"]
        if depth + headroom > end["capacity"]:
            end["refusals"] += 1
            store_relaxed(end["stats_addr"] + 8, end["refusals"])
            return 0
        if depth > end["high_water"]:
            end["high_water"] = depth
            store_relaxed(end["stats_addr"], depth)
    return 1


@hot
def ring_publish(end):
    """Make the claimed slot visible and move on. Caller: the ring's one producer, after `ring_claim` and filling.

    Ordering: the payload is written before the slot's ring_seq is stored with release; pairs with `ring_peek`.
    Cost: one store to the line just written.
    """
    store_release(end["next_addr"], end["next_seq"] + 1)
    _step(end)
    prefetch(_slot_addr(end, end["next_seq"] + FETCH_AHEAD))


@hot
def ring_publish_parts(end, parts):
    """Make `parts` claimed slots visible together. Caller: the producer.

    Ordering: the first slot's ring_seq is stored last, with release, so a consumer sees all parts or none.
    """
    first = end["next_seq"]
    for part in range(parts - 1, -1, -1):
        sequence = first + part
        store_release(_slot_addr(end, sequence), sequence + 1)
        if part > 0:
            failpoint(FP_PART_MARKED)
    failpoint(FP_PARTS_PUBLISHED)
    ring_seek(end, first + parts)


@hot
def ring_peek(end):
    """Address of the next record, or 0 when none is published. Never blocks. Caller: the ring's one consumer.

    Ordering: the acquire load of the slot's ring_seq pairs with the release in `ring_publish`.
    """
    address = end["next_addr"]
    if load_acquire(address) == end["next_seq"] + 1:
        return address
    return 0


@hot
def ring_is_torn(end):
    """1 when the next slot's sequence word is that of no lap: neither empty, nor of the lap before, nor published.

    Such a slot is never read and stops the ring; nobody but a broken writer makes one. Caller: the ring's consumer.
    """
    word = load_acquire(end["next_addr"])
    expected = end["next_seq"] + 1
    return 0 if word == 0 or word == expected or word == expected - end["capacity"] else 1


@hot
def ring_find(end, sequence):
    """Address of record `sequence` if its slot still holds it, else 0. Caller: the consumer, in recovery.

    What was released may be overwritten while it is read: only records from head_seq on stay.
    Ordering: acquire, as `ring_peek`.
    """
    if sequence < 0:
        return 0
    address = _slot_addr(end, sequence)
    if load_acquire(address) == sequence + 1:
        return address
    return 0


@hot
def ring_advance(end):
    """Go to the next record. The slot stays ours until `ring_release`. Caller: the consumer, after `ring_peek`."""
    _step(end)


@hot
def ring_release(end):
    """Give every slot before next_seq back to the producer; once a batch, after the effects of the batch are safe.

    Ordering: release; pairs with the acquire of head_seq in `ring_claim_part`. Cost: one store when anything was read.
    """
    if end["next_seq"] != end["head_cached"]:
        failpoint(FP_RELEASE_BEFORE)
        store_release(end["head_addr"], end["next_seq"])
        failpoint(FP_RELEASE_AFTER)
        end["head_cached"] = end["next_seq"]


@hot
def ring_release_to(end, sequence):
    """Give only the slots before `sequence` back: later ones were read but are still in use. Caller: the consumer.

    Ordering: as `ring_release`. After a crash the consumer reads again from there.
    """
    if sequence > end["head_cached"]:
        failpoint(FP_RELEASE_BEFORE)
        store_release(end["head_addr"], sequence)
        failpoint(FP_RELEASE_AFTER)
        end["head_cached"] = sequence


@hot
def ring_resume_consumer(end):
    """Set a consumer's end to the shared head_seq; what was read but not released comes again. Caller: at open."""
    ring_seek(end, load_acquire(end["head_addr"]))
    end["head_cached"] = end["next_seq"]


@hot
def ring_resume_newest(end):
    """Set a consumer's end behind everything published, and give it all back unread. Returns how many it skipped.

    The resume rule `newest` (ticks): the state comes from latest tables, not from history. Caller: at open.
    """
    ring_resume_consumer(end)
    skipped = 0
    while skipped < end["capacity"] and ring_peek(end) != 0:
        ring_advance(end)
        skipped += 1
    ring_release(end)
    return skipped


@hot
def ring_resume_producer(end):
    """Find the first unpublished slot, and wipe the sequence words that a dead producer left behind it.

    A producer that died inside `ring_publish_parts` leaves later parts marked but the first part unmarked: nothing of
    that cause is visible, and the marks must go before the slots are filled again. Caller: the producer, at open.
    Cost: reads one word per slot.
    """
    head = load_acquire(end["head_addr"])
    tail = head
    while tail - head < end["capacity"]:
        address = _slot_addr(end, tail)
        if load_acquire(address) != tail + 1:
            break
        tail += 1
    for sequence in range(tail, head + end["capacity"]):
        address = _slot_addr(end, sequence)
        if load_relaxed(address) == sequence + 1:
            store_release(address, 0)
    ring_seek(end, tail)
    end["head_cached"] = head
    end["high_water"] = load_relaxed(end["stats_addr"])
    end["refusals"] = load_relaxed(end["stats_addr"] + 8)


# --- a reader behind -----------------------------------------------------------------------------------------------


@hot
def ring_mark_behind(end):
    """Tell the consumer that records were left out and must be read from the journal. Caller: the producer."""
    store_release(end["behind_addr"], 1)
    end["behind"] = 1


@hot
def ring_clear_behind(end):
    """The ring is complete again from the next record on. Caller: the producer, after it re-sent what was missing."""
    store_release(end["behind_addr"], 0)
    end["behind"] = 0


@hot
def ring_is_behind(end):
    """1 while the producer leaves records out of this ring. Caller: the consumer."""
    return load_acquire(end["behind_addr"])


@hot
def ring_caught_up(end, sequence):
    """Tell the producer the last stream (not ring) sequence that the consumer applied. Caller: the consumer."""
    store_release(end["caught_up_addr"], sequence)


@hot
def ring_caught_up_seq(end):
    """The last stream sequence that the consumer says it applied. Caller: the producer."""
    return load_acquire(end["caught_up_addr"])
