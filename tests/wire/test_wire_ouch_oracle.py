"""Generated OUCH messages of all types: the compiled decoders and encoders and a plain reading by `struct` agree."""

import random
from collections import Counter

import numpy as np
import pytest

from procs.wire.ouch.event import OUCH_EVENT
from procs.wire.ouch.inbound import decode_ouch_inbound, encode_ouch_inbound
from procs.wire.ouch.outbound import decode_ouch_outbound, encode_ouch_outbound
from shm.jit import JIT_OFF, hot
from tests.oracles import ouch as oracle

ROW_BYTES = 160
AT = 3  # messages lie at odd places
BATCH = 20_000
COUNT = 20_000 if JIT_OFF else 60_000
SOAK_COUNT = 1_000_000
NOT_COMPARED = {"appendage_offset", "appendage_bytes", "reserved"}


@hot
def inbound_rows(rows, sizes, events, codes, again, again_sizes):
    """Decode every row, encode what was whole."""
    for row in range(rows.shape[0]):
        codes[row] = decode_ouch_inbound(rows[row], AT, sizes[row], events[row])
        if codes[row] > 0:
            again_sizes[row] = encode_ouch_inbound(again[row], AT, events[row])


@hot
def outbound_rows(rows, sizes, events, codes, again, again_sizes):
    """As `inbound_rows`, of what the venue says."""
    for row in range(rows.shape[0]):
        codes[row] = decode_ouch_outbound(rows[row], AT, sizes[row], events[row])
        if codes[row] > 0:
            again_sizes[row] = encode_ouch_outbound(again[row], AT, events[row])


ROUNDS = {"inbound": inbound_rows, "outbound": outbound_rows}


def compare_batch(rng: random.Random, direction: str, shown: str) -> Counter:
    """One batch of messages through both readings. Returns how many there were of each type and answer."""
    messages = [oracle.generate(rng, direction) for _ in range(BATCH)]
    sizes = np.array([len(message) for message in messages])
    rows, again = np.zeros((BATCH, ROW_BYTES), np.uint8), np.zeros((BATCH, ROW_BYTES), np.uint8)
    for row, message in enumerate(messages):
        rows[row, AT : AT + len(message)] = np.frombuffer(message, np.uint8)
    events, codes, again_sizes = np.zeros(BATCH, OUCH_EVENT), np.zeros(BATCH, np.int64), np.zeros(BATCH, np.int64)
    for name in set(OUCH_EVENT.names) - NOT_COMPARED:
        events[name] = 1  # what a former message left must not shine through
    ROUNDS[direction](rows, sizes, events, codes, again, again_sizes)
    told: dict[str, np.ndarray] = {name: np.zeros(BATCH, np.int64) for name in OUCH_EVENT.names}
    whole, seen = np.zeros(BATCH, bool), Counter()
    for row, message in enumerate(messages):
        code, fields = oracle.read(direction, message)
        assert codes[row] == code, (shown, message.hex(), codes[row], code)
        seen[chr(message[0]) if code == oracle.WHOLE else code] += 1
        if code == oracle.WHOLE:
            whole[row] = True
            for name, value in fields.items():
                told[name][row] = value
            fixed = oracle.fixed_part(direction, message)
            written = again[row, AT : AT + again_sizes[row]].tobytes()
            assert written in (fixed, fixed + b"\0\0"), (shown, message.hex(), written.hex())
    for name in set(OUCH_EVENT.names) - NOT_COMPARED:
        wrong = np.flatnonzero(whole & (events[name] != told[name]))
        assert wrong.size == 0, (shown, name, messages[wrong[0]].hex(), told[name][wrong[0]], events[name][wrong[0]])
    return seen


def compare_many(direction: str, seed: int, count: int) -> None:
    rng, seen = random.Random(seed), Counter()
    for first in range(0, count, BATCH):
        seen += compare_batch(rng, direction, f"{direction}, seed {seed}, messages from {first}")
    print(f"{direction}, seed {seed}: {dict(seen)}")
    kinds = set(oracle.LAYOUTS[direction])
    assert kinds <= set(seen) and {-1, -2, -3} <= set(seen), seen
    assert min(seen[kind] for kind in kinds) > count / 40, seen


@pytest.mark.parametrize("direction", ROUNDS)
def test_generated_messages_of_all_types_are_read_as_the_oracle_reads_them(direction):
    compare_many(direction, 61, COUNT)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("direction", ROUNDS)
def test_a_million_generated_messages_are_read_as_the_oracle_reads_them(direction):
    compare_many(direction, 62, SOAK_COUNT)
