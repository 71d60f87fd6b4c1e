"""Hot work of the journal stress tests: append records whose words follow from the sequence; time single appends."""

from shm.atomics import cpu_pause, load_relaxed, store_relaxed, store_release
from shm.clock import stamp_ns
from shm.jit import hot
from shm.journal import journal_claim, journal_commit, journal_drain

REFUSED_MAX = 1 << 40


@hot
def payload_words(sequence):
    """Words in the payload of entry `sequence`: 1 to 16."""
    return 1 + sequence * 7 % 16


@hot
def append_until(journal, end_seq, acknowledged_addr):
    """Append up to sequence `end_seq`; after each commit store the tail at `acknowledged_addr`. Waits when refused."""
    refused = 0
    while journal["next_seq"] < end_seq and refused < REFUSED_MAX:
        address = journal_claim(journal)
        if address == 0:
            refused += 1
            cpu_pause()
            continue
        sequence = journal["next_seq"]
        words = payload_words(sequence)
        for k in range(words):
            store_relaxed(address + 8 * k, sequence * 1_000_003 + k)
        journal_commit(journal, 2, words * 8, sequence, sequence)
        store_release(acknowledged_addr, sequence + 1)
    return refused


@hot
def time_appends(journal, clock_addr, payload_bytes, spans):
    """Append len(spans) entries and store what each took, claim to commit, ns. The memory never fills."""
    for i in range(len(spans)):
        began_ns = stamp_ns(clock_addr)
        address = journal_claim(journal)
        for offset in range(0, payload_bytes, 8):
            store_relaxed(address + offset, i + offset)
        journal_commit(journal, 1, payload_bytes, began_ns, began_ns)
        spans[i] = stamp_ns(clock_addr) - began_ns
        if i & 63 == 63:
            journal_drain(journal)
    return load_relaxed(journal["watermark_addr"])
