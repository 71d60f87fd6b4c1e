"""Generated ITCH messages of all types: the compiled decoder, the compiled encoder and a plain reading by `struct` agree."""

import random
from collections import Counter

import numpy as np
import pytest

from procs.wire.itch.decode import decode_itch
from procs.wire.itch.decode_all import decode_itch_all
from procs.wire.itch.encode_all import encode_itch_all
from procs.wire.itch.event import ITCH_EVENT
from shm.jit import JIT_OFF, hot
from tests.oracles import itch as oracle

ROW_BYTES = 64  # above the longest message
AT = 5  # messages lie at odd places
BATCH = 20_000
COUNT = 20_000 if JIT_OFF else 100_000
SOAK_COUNT = 1_000_000


@hot
def decode_rows(rows, sizes, events, codes, hot_codes, again, again_sizes):
    """Decode every row, encode what was whole; `hot_codes` are those of the decoder without the types that books skip."""
    for row in range(rows.shape[0]):
        hot_codes[row] = decode_itch(rows[row], AT, sizes[row], events[row])
        codes[row] = decode_itch_all(rows[row], AT, sizes[row], events[row])
        if codes[row] > 0:
            again_sizes[row] = encode_itch_all(again[row], AT, events[row])


def compare_batch(rng: random.Random, shown: str) -> Counter:
    """One batch of messages through both readings. Returns how many there were of each type and answer."""
    messages = [oracle.generate(rng) for _ in range(BATCH)]
    sizes = np.array([len(message) for message in messages])
    rows, again = np.zeros((BATCH, ROW_BYTES), np.uint8), np.zeros((BATCH, ROW_BYTES), np.uint8)
    for row, message in enumerate(messages):
        rows[row, AT : AT + len(message)] = np.frombuffer(message, np.uint8)
    events, codes, hot_codes = np.zeros(BATCH, ITCH_EVENT), np.zeros(BATCH, np.int64), np.zeros(BATCH, np.int64)
    again_sizes = np.zeros(BATCH, np.int64)
    decode_rows(rows, sizes, events, codes, hot_codes, again, again_sizes)
    expected: dict[str, list] = {}
    seen: Counter = Counter()
    for row, message in enumerate(messages):
        code, fields = oracle.read(message)
        assert codes[row] == code, (shown, message.hex(), codes[row], code)
        seen[chr(message[0]) if code == oracle.WHOLE else code if message else 0] += 1
        if code == oracle.WHOLE:
            expected.setdefault(chr(message[0]), []).append((row, fields))
            written = again[row, AT : AT + again_sizes[row]].tobytes()
            assert written == oracle.as_written(message), (shown, message.hex(), written.hex())
    for kind, found in expected.items():
        rows_of_kind = np.array([row for row, _ in found])
        for name in found[0][1]:
            told = np.array([fields[name] for _, fields in found])
            wrong = np.flatnonzero(events[name][rows_of_kind] != told)
            assert wrong.size == 0, (shown, kind, name, messages[rows_of_kind[wrong[0]]].hex(), told[wrong[0]])
        skips = hot_codes[rows_of_kind] == 2
        assert skips.all() if kind in "YLVWKJhQBINO" else not skips.any(), (shown, kind)
    return seen


def compare_many(seed: int, count: int) -> None:
    rng, seen = random.Random(seed), Counter()
    for first in range(0, count, BATCH):
        seen += compare_batch(rng, f"seed {seed}, messages from {first}")
    print(f"seed {seed}: {dict(seen)}")
    assert set(oracle.BODIES) <= set(seen) and {-1, -2, -3} <= set(seen), seen
    assert min(seen[kind] for kind in oracle.BODIES) > count / 40, seen


def test_generated_messages_of_all_types_are_read_as_the_oracle_reads_them():
    compare_many(51, COUNT)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_million_generated_messages_are_read_as_the_oracle_reads_them():
    compare_many(52, SOAK_COUNT)
