"""Faults of a multicast line, for tests: loss, duplication, reordering, a line that is dead. Seeded, off by default."""

import numpy as np

from procs.net.port import WORD_BYTES_ADDR
from shm.atomics import address_of, copy_bytes
from shm.jit import hot
from shm.records.frame import FRAME_BYTES

PPM = 1_000_000
RANDOM_MODULUS = 2_147_483_647  # Lehmer's generator stays inside int64 and is the same with the JIT off
RANDOM_FACTOR = 48_271

FAULT = np.dtype(
    [
        ("loss_ppm", "<i8"),
        ("duplicate_ppm", "<i8"),
        ("reorder_ppm", "<i8"),
        ("off", "<i8"),
        ("random", "<i8"),
        ("held_bytes", "<i8"),  # a datagram that waits until the next one has overtaken it
        ("held_addr", "<i8"),
        ("lost", "<i8"),
    ]
)


LINES = 2
FAULTS = np.dtype([("rows", FAULT, (LINES,)), ("held", "u1", (LINES, FRAME_BYTES))])


def prepare_faults(faults, seed: int = 1) -> None:
    """Make zeroed FAULTS lines without faults; set the ppm columns afterwards. They must stay where they are."""
    for line in range(LINES):
        faults["rows"][line]["random"] = 1 + (seed * 1_000_003 + line * 7919) % (RANDOM_MODULUS - 1)
        faults["rows"][line]["held_addr"] = address_of(faults["held"]) + line * FRAME_BYTES


@hot
def next_random(state, bound):
    """Advance `state["random"]`. Returns a number from 0 to bound - 1; bound is far below 2^31."""
    state["random"] = (state["random"] * RANDOM_FACTOR) % RANDOM_MODULUS
    return state["random"] % bound


@hot
def _push(port, line, source_addr, size):
    row = port.count[0]
    if row >= port.frames.shape[0]:
        return
    copy_bytes(port.words[WORD_BYTES_ADDR] + row * FRAME_BYTES, source_addr, size)
    port.frames[row]["line"] = line
    port.frames[row]["size"] = size
    port.frames[row]["flags"] = 0
    port.peers[row] = 0
    port.count[0] = row + 1


@hot
def send_on_line(port, faults, line, source_addr, size):
    """Put one datagram into the rows of `port` for `line`, as its faults will have it: none to three rows."""
    fault = faults["rows"][line]
    if fault["off"] != 0 or next_random(fault, PPM) < fault["loss_ppm"]:
        fault["lost"] += 1
        return
    if fault["held_bytes"] == 0 and next_random(fault, PPM) < fault["reorder_ppm"]:
        copy_bytes(fault["held_addr"], source_addr, size)
        fault["held_bytes"] = size
        return
    _push(port, line, source_addr, size)
    if next_random(fault, PPM) < fault["duplicate_ppm"]:
        _push(port, line, source_addr, size)
    if fault["held_bytes"] > 0:
        _push(port, line, fault["held_addr"], fault["held_bytes"])
        fault["held_bytes"] = 0
