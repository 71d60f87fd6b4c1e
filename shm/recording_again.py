"""Running again: what a recorded step saw goes back into the mirrors, and what it gives out is compared.

The counterpart of shm/recording.py, on the private memory of a replay (procs/runtime/replay_wiring.py). Hot, so that a
day of steps is replayed in minutes; the comparison stops at the first step that differs and leaves its outputs in the
entry's buffer.
"""

from shm.atomics import copy_bytes, load_relaxed, record_at, store_relaxed
from shm.jit import hot
from shm.recording import (
    ENTRY_HEAD_BYTES,
    FRAME_ROW_BYTES,
    block_at,
    entry_begin,
    log_outputs,
    note_offer,
    ring_of,
    show_own_control,
    table_of,
)
from shm.records.frame import FRAME_BYTES
from shm.records.recording_entry import (
    ITEM_HEAD_BYTES,
    ITEM_IN_FRAME,
    ITEM_IN_FRAMES,
    ITEM_IN_HAND,
    ITEM_IN_IDS,
    ITEM_IN_LETTER,
    ITEM_IN_RING,
    ITEM_IN_ROW,
    ITEM_IN_WORD,
    ITEM_SENT,
    ITEM_STAMPS,
    RECORDING_ENTRY,
)
from shm.records.tape import TAPE

SAME, OTHER_STAMPS, OTHER_WORK, OTHER_OUTPUTS = 0, 1, 2, 3


@hot
def _put_ring(r, number, sequence, address):
    ring = ring_of(r["rings_in_addr"], number)
    copy_bytes(ring["mirror_addr"] + (sequence & ring["mask"]) * ring["slot_bytes"], address, ring["slot_bytes"])


@hot
def _put_row(r, number, row, address):
    table = table_of(r["tables_in_addr"], number)
    base = table["mirror_addr"] + row * table["stride"]
    version = load_relaxed(address)
    copy_bytes(base + 64 + (version & 1) * table["copy_bytes"], address + 8, table["copy_bytes"])
    store_relaxed(base, version)


@hot
def _put_frame(r, row, peer, address, size):
    copy_bytes(r["frames_addr"] + row * FRAME_ROW_BYTES, address, FRAME_ROW_BYTES)
    copy_bytes(r["frame_bytes_addr"] + row * FRAME_BYTES, address + FRAME_ROW_BYTES, size - FRAME_ROW_BYTES)
    store_relaxed(r["peers_addr"] + row * 8, peer)


@hot
def _put_item(r, kind, index, key, address, size):
    if kind == ITEM_IN_RING and index < r["rings_in"]:
        _put_ring(r, index, key, address)
    elif kind == ITEM_IN_ROW and index < r["tables_in"]:
        _put_row(r, index, key, address)
    elif kind == ITEM_IN_WORD and index < r["blocks"]:
        store_relaxed(block_at(r["blocks_addr"], index)["mirror_addr"] + key * 8, load_relaxed(address))
    elif kind == ITEM_IN_IDS:
        copy_bytes(r["ids_mirror_addr"], address, size)
    elif kind == ITEM_IN_FRAME:
        _put_frame(r, index, key, address, size)
    elif kind == ITEM_IN_FRAMES:
        store_relaxed(r["frames_count_addr"], key)
        r["frames"] = key
    elif kind == ITEM_IN_HAND:
        store_relaxed(r["hand_mirror_addr"] + key * 8, load_relaxed(address))
    elif kind == ITEM_IN_LETTER and index < r["letters"]:
        copy_bytes(block_at(r["letters_addr"], index)["mirror_addr"], address, size)
    elif kind == ITEM_STAMPS:
        _put_stamps(r, address, size)
    elif kind == ITEM_SENT:
        r["sent"] = key
        r["sent_addr"] = address
        r["sent_bytes"] = size


@hot
def _put_stamps(r, address, size):
    """Load the tape with `size` bytes of stamps."""
    tape = record_at(r["tape_addr"], TAPE)
    copy_bytes(tape["first_addr"], address, size)
    tape["next_addr"] = tape["first_addr"]
    tape["end_addr"] = tape["first_addr"] + size


@hot
def put_inputs(r, entry_addr):
    """Bring the mirrors and the tape to where the entry's step saw them. Caller: replay, of an entry that verified."""
    r["frames"] = 0
    r["sent"] = 0
    r["sent_bytes"] = 0
    r["differs"] = SAME
    address = entry_addr + ENTRY_HEAD_BYTES
    end = entry_addr + record_at(entry_addr, RECORDING_ENTRY)["outputs_at"]
    while address < end:
        word = load_relaxed(address)
        size = word >> 32
        _put_item(r, word & 255, word >> 8 & 0xFFFFFF, load_relaxed(address + 8), address + ITEM_HEAD_BYTES, size)
        address += ITEM_HEAD_BYTES + ((size + 7) & -8)


# --- one step --------------------------------------------------------------------------------------------------------


@hot
def stamps_taken(r):
    """Stamps that were asked for since the tape was loaded."""
    tape = record_at(r["tape_addr"], TAPE)
    return (tape["next_addr"] - tape["first_addr"]) // 8 + tape["missed"]


@hot
def _note_stamps(r):
    tape = record_at(r["tape_addr"], TAPE)
    r["found"] = stamps_taken(r)
    if tape["next_addr"] != tape["end_addr"] or tape["missed"] != 0:
        r["differs"] = OTHER_STAMPS
    tape["missed"] = 0


@hot
def offer_again(r):
    """After the step, before what `poll_out` did is done again: the step's stamps are counted, its bytes remembered."""
    _note_stamps(r)
    note_offer(r)
    address, size = r["sent_addr"], r["sent_bytes"]
    _put_stamps(r, address, size)
    return r["sent"]


@hot
def _same_bytes(one_addr, other_addr, size):
    for offset in range(0, size, 8):
        if load_relaxed(one_addr + offset) != load_relaxed(other_addr + offset):
            return 0
    return 1


@hot
def outputs_again(r):
    """Put what was given out since the last time into the buffer. Returns its bytes."""
    entry_begin(r, 0, 0)
    show_own_control(r)
    log_outputs(r)
    return r["used"] - ENTRY_HEAD_BYTES


@hot
def step_compare(r, entry_addr, work):
    """Compare a step with its entry. Returns SAME or OTHER_*; `found` then holds the number that differs.

    What was given out comes first: it says more than that a stamp more was taken on the way.
    """
    head = record_at(entry_addr, RECORDING_ENTRY)
    if r["out_frames_addr"] == 0:
        _note_stamps(r)
    size = outputs_again(r)
    expected = head["entry_bytes"] - head["outputs_at"]
    if size != expected or _same_bytes(r["buffer_addr"] + ENTRY_HEAD_BYTES, entry_addr + head["outputs_at"], size) == 0:
        return OTHER_OUTPUTS
    if r["differs"] == SAME and work != head["work"]:
        r["found"] = work
        return OTHER_WORK
    return r["differs"]
