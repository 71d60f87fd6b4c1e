"""RecordingEntry: head of one entry of a recording, and of the items in it.

Writer: the hot thread of a recorded role. Readers: the thread that writes the recording's file, whole entries only, and
replay. One cache line.

An entry is the head, input items, one item of stamps, output items. An item is two words and its payload, padded to
whole words: kind | index << 8 | payload bytes << 32, then its key. One entry is what one step took and gave.

off  size  type   field          meaning of RECORDING_ENTRY
---  ----  -----  -------------  ---------------------------------------------------------------
  0     8  i8     entry_bytes    size with head, a multiple of 8
  8     8  i8     kind           ENTRY_*
 16     8  i8     number         counts the entries of a part, from 0
 24     8  i8     now_ns         logic time that the step was given
 32     8  i8     at_ns          latency time when it began, for people
 40     8  i8     work           what the step, and the polls around it, returned
 48     8  i8     outputs_at     offset of the output items
 56     8  i8     detail         ENTRY_CALL, ENTRY_READ: which; ENTRY_SECTION: SECTION_*; ENTRY_END: ENDED_*
"""

import numpy as np

RECORDING_ENTRY = np.dtype(
    [
        ("entry_bytes", "<i8"),
        ("kind", "<i8"),
        ("number", "<i8"),
        ("now_ns", "<i8"),
        ("at_ns", "<i8"),
        ("work", "<i8"),
        ("outputs_at", "<i8"),
        ("detail", "<i8"),
    ]
)

assert RECORDING_ENTRY.itemsize == 64

ENTRY_STEP = 1  # one step of the hot thread
ENTRY_CALL = 2  # a call of the wiring before the loop: what was there when an object was attached
ENTRY_SECTION = 3  # the end of a part of the role that is not hot: what it gave out
ENTRY_READ = 4  # entries of a journal that such a part read
ENTRY_FILE = 5  # a file beside the journal, as it was at the start: key of the item: bytes of its name

SECTION_OPENED, SECTION_RECOVERED, SECTION_CAUGHT_UP = 1, 2, 3
SECTION_NAMES = {SECTION_OPENED: "open", SECTION_RECOVERED: "recover", SECTION_CAUGHT_UP: "catch_up"}

ITEM_HEAD_BYTES = 16
# inputs: what they change in the mirrors
ITEM_IN_RING = 1  # index ring, key sequence, payload record
ITEM_IN_ROW = 2  # index table, key row, payload version and record
ITEM_IN_WORD = 3  # index block, key word, payload word
ITEM_IN_IDS = 4  # payload the words of the identifier block
ITEM_IN_FRAME = 5  # index row of the port, key peer, payload FRAME and bytes
ITEM_IN_FRAMES = 6  # key number of frames
ITEM_IN_HEAD = 7  # index ring, key sequence that the consumer resumes at
ITEM_IMAGE = 8  # index of the object by its kind of call, key offset, payload bytes as they were
ITEM_STAMPS = 9  # payload stamps
ITEM_IN_HAND = 10  # key hand-over word, payload word
ITEM_IN_LETTER = 11  # index block of bytes, payload bytes
ITEM_SENT = 12  # key what poll_out returned, payload its stamps
# outputs
ITEM_OUT_RING = 20
ITEM_OUT_ROW = 21
ITEM_OUT_JOURNAL = 22  # key sequence, payload entry with head
ITEM_OUT_WORD = 23  # index 0, key scope, payload own control word
ITEM_OUT_BYTES = 24  # index frame, key bytes of it that had left before, payload bytes that waited for the venue

ENDED_CLOSED = 1
ENDED_BEHIND = 2
ENDED_STEP_TOO_BIG = 3
ENDED_STAMPS = 4
ENDED_OVERRUN = 5
ENDED_DISK = 6
ENDED_NAMES = {
    ENDED_CLOSED: "the role ended",
    ENDED_BEHIND: "the writer could not keep up: the ring of bytes was full",
    ENDED_STEP_TOO_BIG: "one step took or gave more than the buffer of an entry holds",
    ENDED_STAMPS: "one step took more stamps than the tape holds",
    ENDED_OVERRUN: "one step published more records than its ring has slots",
    ENDED_DISK: "the disk was full or failed",
}
