"""Recording: each step of a role with all that came from outside, so that it runs again to the same bytes.

The role's ends point at private mirrors of everything that others write. Before a step the loop brings the mirrors up
to date and logs what it changed; the step sees exactly that. After it, what the step published is logged. So nothing
has to be known of the role. Rings first, then tables and words: a row is never older than a record that speaks of it.

A step is taken when a ring or a socket has something, when the last step had work, when driven time moved, and every
QUIET_NS; in between the mirrors would not change and the step is not called. Stamps come from the tape (shm/clock.py).

Hot functions take the RECORDER record `r`. A log that has no room ends the recording; trading goes on unrecorded.
"""

from shm.atomics import copy_bytes, fence_acquire, load_acquire, load_relaxed, record_at, store_relaxed, store_release
from shm.ids import IDS_RESERVED_END, IDS_RESERVED_NEXT
from shm.jit import hot
from shm.recorder_rows import RECORDED_BLOCK, RECORDED_RING, RECORDED_TABLE
from shm.records.frame import FRAME, FRAME_BYTES
from shm.records.journal_end import JOURNAL_END, JOURNAL_HEAD_BYTES
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.recording_entry import (
    ENDED_BEHIND,
    ENDED_OVERRUN,
    ENDED_STAMPS,
    ENDED_STEP_TOO_BIG,
    ENTRY_STEP,
    ITEM_HEAD_BYTES,
    ITEM_IN_FRAME,
    ITEM_IN_FRAMES,
    ITEM_IN_HAND,
    ITEM_IN_IDS,
    ITEM_IN_LETTER,
    ITEM_IN_RING,
    ITEM_IN_ROW,
    ITEM_IN_WORD,
    ITEM_OUT_BYTES,
    ITEM_OUT_JOURNAL,
    ITEM_OUT_RING,
    ITEM_OUT_ROW,
    ITEM_OUT_WORD,
    ITEM_SENT,
    ITEM_STAMPS,
    RECORDING_ENTRY,
)
from shm.records.tape import TAPE

QUIET_NS = 250_000  # a role that nothing happens to looks at its clock and at control this often while it is recorded
ROW_TRIES_MAX = 64
RING_BYTES = RECORDED_RING.itemsize
TABLE_BYTES = RECORDED_TABLE.itemsize
BLOCK_BYTES = RECORDED_BLOCK.itemsize
ENTRY_HEAD_BYTES = RECORDING_ENTRY.itemsize
FRAME_ROW_BYTES = FRAME.itemsize


@hot
def ring_of(first_addr, number):
    """RECORDED_RING `number`."""
    return record_at(first_addr + number * RING_BYTES, RECORDED_RING)


@hot
def table_of(first_addr, number):
    """RECORDED_TABLE `number`."""
    return record_at(first_addr + number * TABLE_BYTES, RECORDED_TABLE)


@hot
def block_at(first_addr, number):
    """RECORDED_BLOCK `number`."""
    return record_at(first_addr + number * BLOCK_BYTES, RECORDED_BLOCK)


# --- the entry that is being made ------------------------------------------------------------------------------------


@hot
def end_recording(r, reason):
    """Log no more; the first reason stays."""
    if r["ended"] == 0:
        r["ended"] = reason


@hot
def entry_begin(r, now_ns, at_ns):
    """An empty entry."""
    r["used"] = ENTRY_HEAD_BYTES
    r["now_ns"] = now_ns
    r["at_ns"] = at_ns


@hot
def item_reserve(r, kind, index, key, size):
    """Address of an item's payload of `size` bytes in the entry, or 0 once the recording has ended."""
    whole = (size + 7) & -8
    if r["used"] + ITEM_HEAD_BYTES + whole > r["buffer_bytes"]:
        end_recording(r, ENDED_STEP_TOO_BIG)
    if r["ended"] != 0:
        return 0
    address = r["buffer_addr"] + r["used"]
    store_relaxed(address, kind | index << 8 | size << 32)
    store_relaxed(address + 8, key)
    if whole > size:
        store_relaxed(address + ITEM_HEAD_BYTES + whole - 8, 0)
    r["used"] += ITEM_HEAD_BYTES + whole
    return address + ITEM_HEAD_BYTES


@hot
def item_put(r, kind, index, key, source_addr, size):
    """Append an item with `size` bytes from `source_addr`."""
    address = item_reserve(r, kind, index, key, size)
    if address != 0:
        copy_bytes(address, source_addr, size)


@hot
def log_room(r):
    """Bytes that the writer has not yet to take."""
    return r["log_mask"] + 1 - (r["log_tail"] - load_acquire(r["log_head_addr"]))


@hot
def _append(r, size):
    # whole entries only: the tail moves once, behind the last byte
    tail = r["log_tail"]
    at = tail & r["log_mask"]
    first = min(size, r["log_mask"] + 1 - at)
    copy_bytes(r["log_addr"] + at, r["buffer_addr"], first)
    if size > first:
        copy_bytes(r["log_addr"], r["buffer_addr"] + first, size - first)
    r["log_tail"] = tail + size
    store_release(r["log_tail_addr"], tail + size)


@hot
def entry_commit(r, kind, work, outputs_at, detail):
    """Hand the entry to the writer whole, or end the recording where it has no room. Returns 1 when it was taken."""
    if r["ended"] != 0:
        return 0
    if r["used"] > log_room(r):
        end_recording(r, ENDED_BEHIND)
        return 0
    head = record_at(r["buffer_addr"], RECORDING_ENTRY)
    head["entry_bytes"] = r["used"]
    head["kind"] = kind
    head["number"] = r["entries"]
    head["now_ns"] = r["now_ns"]
    head["at_ns"] = r["at_ns"]
    head["work"] = work
    head["outputs_at"] = outputs_at
    head["detail"] = detail
    r["entries"] += 1
    _append(r, r["used"])
    return 1


# --- inputs ----------------------------------------------------------------------------------------------------------


@hot
def take_ring(r, number):
    """Copy what is new in an input ring."""
    ring = ring_of(r["rings_in_addr"], number)
    size = ring["slot_bytes"]
    sequence = ring["next_seq"]
    offset = (sequence & ring["mask"]) * size
    while load_acquire(ring["source_addr"] + offset) == sequence + 1:
        copy_bytes(ring["mirror_addr"] + offset, ring["source_addr"] + offset, size)
        item_put(r, ITEM_IN_RING, number, sequence, ring["mirror_addr"] + offset, size)
        sequence += 1
        offset = (sequence & ring["mask"]) * size
    ring["next_seq"] = sequence


@hot
def _take_row(r, table, number, row, offset):
    size = table["copy_bytes"]
    base = table["source_addr"] + offset
    for _ in range(ROW_TRIES_MAX):
        version = load_acquire(base)
        copy_bytes(r["row_addr"] + 8, base + 64 + (version & 1) * size, size)
        fence_acquire()
        if load_relaxed(base) == version:
            mirror = table["mirror_addr"] + offset
            copy_bytes(mirror + 64 + (version & 1) * size, r["row_addr"] + 8, size)
            store_relaxed(mirror, version)
            store_relaxed(r["row_addr"], version)
            item_put(r, ITEM_IN_ROW, number, row, r["row_addr"], 8 + size)
            return


@hot
def take_table(r, number):
    """Copy the rows of a latest table whose version moved. A row that is never still stays as it was."""
    table = table_of(r["tables_in_addr"], number)
    offset = 0
    for row in range(table["rows"]):
        if load_relaxed(table["source_addr"] + offset) != load_relaxed(table["mirror_addr"] + offset):
            _take_row(r, table, number, row, offset)
        offset += table["stride"]


@hot
def take_block(r, number):
    """Copy the words of a block that moved."""
    block = block_at(r["blocks_addr"], number)
    for word in range(block["words"]):
        value = load_acquire(block["source_addr"] + word * 8)
        if value != load_relaxed(block["mirror_addr"] + word * 8):
            store_relaxed(block["mirror_addr"] + word * 8, value)
            item_put(r, ITEM_IN_WORD, number, word, block["mirror_addr"] + word * 8, 8)


@hot
def take_ids(r):
    """Pass a block of identifiers that is ready on to the role, once it wants one, and ask for the next."""
    source, mirror = r["ids_addr"], r["ids_mirror_addr"]
    if source == 0 or load_relaxed(mirror + IDS_RESERVED_END * 8) != 0:
        return
    end = load_acquire(source + IDS_RESERVED_END * 8)
    if end == 0:
        return
    store_relaxed(mirror + IDS_RESERVED_NEXT * 8, load_relaxed(source + IDS_RESERVED_NEXT * 8))
    store_relaxed(mirror + IDS_RESERVED_END * 8, end)
    item_put(r, ITEM_IN_IDS, 0, 0, mirror, IDS_RESERVED_END * 8 + 8)
    store_release(source + IDS_RESERVED_END * 8, 0)


@hot
def take_hand_over(r):
    """Copy the hand-over words that the control thread changed, and the bytes that come with a change of word 0."""
    for word in range(r["hand_words"]):
        value = load_acquire(r["hand_addr"] + word * 8)
        if value != load_relaxed(r["hand_seen_addr"] + word * 8):
            store_relaxed(r["hand_seen_addr"] + word * 8, value)
            store_relaxed(r["hand_mirror_addr"] + word * 8, value)
            item_put(r, ITEM_IN_HAND, 0, word, r["hand_mirror_addr"] + word * 8, 8)
            if word == 0:
                _take_letters(r)


@hot
def _take_letters(r):
    for number in range(r["letters"]):
        letter = block_at(r["letters_addr"], number)
        copy_bytes(letter["mirror_addr"], letter["source_addr"], letter["words"] * 8)
        item_put(r, ITEM_IN_LETTER, number, 0, letter["mirror_addr"], letter["words"] * 8)


@hot
def show_hand_over(r):
    """Pass the words that the step changed to the control thread, the last ones first. Ordering: release."""
    for word in range(r["hand_words"] - 1, -1, -1):
        value = load_relaxed(r["hand_mirror_addr"] + word * 8)
        if value != load_relaxed(r["hand_seen_addr"] + word * 8):
            store_relaxed(r["hand_seen_addr"] + word * 8, value)
            store_release(r["hand_addr"] + word * 8, value)


@hot
def take_frames(r, frames):
    """Log the frames that poll_in put into the port."""
    for row in range(frames):
        frame_addr = r["frames_addr"] + row * FRAME_ROW_BYTES
        size = min(max(int(record_at(frame_addr, FRAME)["size"]), 0), FRAME_BYTES)
        address = item_reserve(r, ITEM_IN_FRAME, row, load_relaxed(r["peers_addr"] + row * 8), FRAME_ROW_BYTES + size)
        if address != 0:
            copy_bytes(address, frame_addr, FRAME_ROW_BYTES)
            copy_bytes(address + FRAME_ROW_BYTES, r["frame_bytes_addr"] + row * FRAME_BYTES, size)
    item_reserve(r, ITEM_IN_FRAMES, 0, frames, 0)


@hot
def recording_due(r, at_ns):
    """1 when a step may find something. `at_ns`: latency time now. Cost of a 0: one load for each input ring."""
    if r["last_work"] != 0 or at_ns - r["last_ns"] >= QUIET_NS or load_acquire(r["driven_addr"]) != r["driven_seen"]:
        return 1
    for number in range(r["rings_in"]):
        ring = ring_of(r["rings_in_addr"], number)
        sequence = ring["next_seq"]
        if load_acquire(ring["source_addr"] + (sequence & ring["mask"]) * ring["slot_bytes"]) == sequence + 1:
            return 1
    return 0


@hot
def take_inputs(r, now_ns, at_ns, frames):
    """Bring the mirrors up to date for a step at `now_ns`, and begin its entry and its tape."""
    entry_begin(r, now_ns, at_ns)
    r["driven_seen"] = load_acquire(r["driven_addr"])
    r["last_ns"] = at_ns
    for number in range(r["rings_in"]):
        take_ring(r, number)
    for number in range(r["tables_in"]):
        take_table(r, number)
    for number in range(r["blocks"]):
        take_block(r, number)
    take_ids(r)
    take_hand_over(r)
    if frames > 0:
        take_frames(r, frames)
    tape_begin(r)


@hot
def tape_begin(r):
    """Forget the stamps on the tape."""
    tape = record_at(r["tape_addr"], TAPE)
    tape["next_addr"] = tape["first_addr"]


# --- outputs ---------------------------------------------------------------------------------------------------------


@hot
def keep_stamps(r):
    """Log the stamps that the step took, and begin the tape anew for those of poll_out."""
    tape = record_at(r["tape_addr"], TAPE)
    if tape["missed"] != 0:
        end_recording(r, ENDED_STAMPS)
    item_put(r, ITEM_STAMPS, 0, 0, tape["first_addr"], tape["next_addr"] - tape["first_addr"])
    tape["next_addr"] = tape["first_addr"]


@hot
def _keep_ring(r, number):
    ring = ring_of(r["rings_out_addr"], number)
    size = ring["slot_bytes"]
    sequence = ring["next_seq"]
    address = ring["source_addr"] + (sequence & ring["mask"]) * size
    while load_relaxed(address) == sequence + 1:
        item_put(r, ITEM_OUT_RING, number, sequence, address, size)
        sequence += 1
        address = ring["source_addr"] + (sequence & ring["mask"]) * size
    if load_relaxed(address) > sequence + 1:
        end_recording(r, ENDED_OVERRUN)
    ring["next_seq"] = sequence


@hot
def _keep_journal(r):
    journal = record_at(r["journal_addr"], JOURNAL_END)
    sequence = r["journal_seq"]
    address = journal["entries_addr"] + (sequence & journal["mask"]) * journal["entry_bytes"]
    while load_relaxed(address) == sequence + 1:
        size = JOURNAL_HEAD_BYTES + int(record_at(address, JOURNAL_ENTRY)["payload_bytes"])
        item_put(r, ITEM_OUT_JOURNAL, 0, sequence, address, size)
        sequence += 1
        address = journal["entries_addr"] + (sequence & journal["mask"]) * journal["entry_bytes"]
    if load_relaxed(address) > sequence + 1:
        end_recording(r, ENDED_OVERRUN)
    r["journal_seq"] = sequence


@hot
def _keep_table(r, number):
    table = table_of(r["tables_out_addr"], number)
    base = table["source_addr"]
    for row in range(table["rows"]):
        version = load_relaxed(base)
        if version != load_relaxed(table["mirror_addr"] + row * 8):
            store_relaxed(table["mirror_addr"] + row * 8, version)
            address = item_reserve(r, ITEM_OUT_ROW, number, row, 8 + table["copy_bytes"])
            if address != 0:
                store_relaxed(address, version)
                copy_bytes(address + 8, base + 64 + (version & 1) * table["copy_bytes"], table["copy_bytes"])
        base += table["stride"]


@hot
def show_own_control(r):
    """Pass the words that the step changed in its own row of control on to the others. Ordering: release."""
    for word in range(r["own_words"]):
        value = load_relaxed(r["own_mirror_addr"] + word * 8)
        if value != load_relaxed(r["own_seen_addr"] + word * 8):
            store_release(r["own_addr"] + word * 8, value)


@hot
def _keep_control(r):
    for word in range(r["own_words"]):
        value_addr = r["own_mirror_addr"] + word * 8
        if load_relaxed(value_addr) != load_relaxed(r["own_seen_addr"] + word * 8):
            store_relaxed(r["own_seen_addr"] + word * 8, load_relaxed(value_addr))
            item_put(r, ITEM_OUT_WORD, 0, word, value_addr, 8)


@hot
def note_offer(r):
    """Remember what waits to be sent. Caller: the loop, before poll_out."""
    if r["out_streams"] == 1:
        r["offered_from"] = load_relaxed(r["out_taken_addr"])
        r["offered"] = record_at(r["out_frames_addr"], FRAME)["size"] - r["offered_from"]
    else:
        r["offered"] = load_relaxed(r["out_count_addr"])


@hot
def keep_sent(r, sent):
    """Log what poll_out returned and the stamps that it took."""
    tape = record_at(r["tape_addr"], TAPE)
    size = tape["next_addr"] - tape["first_addr"]
    if sent != 0 or size > 0:
        item_put(r, ITEM_SENT, 0, sent, tape["first_addr"], size)


@hot
def _keep_offer(r):
    offered = r["offered"]
    r["offered"] = 0
    if r["out_streams"] == 1:
        if offered > 0:
            item_put(r, ITEM_OUT_BYTES, 0, r["offered_from"], r["out_bytes_addr"] + r["offered_from"], offered)
        return
    for row in range(offered):
        size = min(max(int(record_at(r["out_frames_addr"] + row * FRAME_ROW_BYTES, FRAME)["size"]), 0), FRAME_BYTES)
        item_put(r, ITEM_OUT_BYTES, row, 0, r["out_bytes_addr"] + row * FRAME_BYTES, size)


@hot
def log_outputs(r):
    """Log what was published since the last time: the same items in the same order for the same outputs."""
    for number in range(r["rings_out"]):
        _keep_ring(r, number)
    if r["journal_addr"] != 0:
        _keep_journal(r)
    for number in range(r["tables_out"]):
        _keep_table(r, number)
    _keep_control(r)
    if r["out_frames_addr"] != 0:
        _keep_offer(r)


@hot
def keep_outputs(r, kind, work, detail):
    """Complete the entry with what was published. Returns 1 when the writer has it."""
    show_own_control(r)
    show_hand_over(r)
    outputs_at = r["used"]
    log_outputs(r)
    r["last_work"] = work
    return entry_commit(r, kind, work, outputs_at, detail)


@hot
def keep_step(r, work):
    """Complete the entry of a step that returned `work`. Caller: the recording loop."""
    keep_outputs(r, ENTRY_STEP, work, 0)
