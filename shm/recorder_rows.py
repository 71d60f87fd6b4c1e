"""Recorder rows: what the recording loop of one instance works with. Private memory of its process, no shared record.

Writer and reader: its hot thread, on rows that procs/runtime/recorder.py sets up. Of a RECORDER the thread that writes
the file reads `entries` and `ended`, and ends it when the disk is full or fails.

One RECORDER, which names by address one RECORDED_RING for each ring, one RECORDED_TABLE for each latest table, one
RECORDED_BLOCK for each run of words that others write. `source` is the shared object, `mirror` the private copy that
the role's step sees; of an output there is only the source.

off  size  type   field          meaning of RECORDED_RING
---  ----  -----  -------------  ---------------------------------------------------------------
  0     8  i8     source_addr    slot 0 of the shared ring
  8     8  i8     mirror_addr    slot 0 of the private copy; 0 for an output
 16     8  i8     slot_bytes     size of one record
 24     8  i8     mask           capacity - 1
 32     8  i8     next_seq       input: next sequence to copy; output: next sequence to log

off  size  type   field          meaning of RECORDED_TABLE
---  ----  -----  -------------  ---------------------------------------------------------------
  0     8  i8     source_addr    row 0 of the shared table
  8     8  i8     mirror_addr    row 0 of the private copy; output: int64[rows], versions that are in the log
 16     8  i8     stride         bytes from row to row
 24     8  i8     copy_bytes     size of the record
 32     8  i8     rows           rows

off  size  type   field          meaning of RECORDED_BLOCK
---  ----  -----  -------------  ---------------------------------------------------------------
  0     8  i8     source_addr    first shared word
  8     8  i8     mirror_addr    first private word
 16     8  i8     words          how many

RECORDER: fields in groups, each i8, see the comments below.
"""

import numpy as np


def _words(*names: str) -> np.dtype:
    return np.dtype([(name, "<i8") for name in names])


RECORDED_RING = _words("source_addr", "mirror_addr", "slot_bytes", "mask", "next_seq")
RECORDED_TABLE = _words("source_addr", "mirror_addr", "stride", "copy_bytes", "rows")
RECORDED_BLOCK = _words("source_addr", "mirror_addr", "words")
RECORDER = _words(
    *("rings_in", "rings_in_addr", "tables_in", "tables_in_addr", "blocks", "blocks_addr"),  # inputs
    *("rings_out", "rings_out_addr", "tables_out", "tables_out_addr"),  # outputs
    *("journal_addr", "journal_seq"),  # own journal: JOURNAL_END or 0, next sequence to log
    *("own_addr", "own_mirror_addr", "own_seen_addr", "own_words"),  # own row of control
    *("ids_addr", "ids_mirror_addr"),  # words of the identifier block, 0 when there are none
    *("hand_addr", "hand_mirror_addr", "hand_seen_addr", "hand_words"),  # words between control and hot thread
    *("letters", "letters_addr"),  # RECORDED_BLOCKs of bytes that go with a change of hand-over word 0
    *(
        "out_frames_addr",
        "out_bytes_addr",
        "out_count_addr",
        "out_taken_addr",
        "out_streams",
    ),  # port of poll_out, 0 none
    *("offered", "offered_from"),  # what waited before poll_out: datagrams, or bytes from where on
    *("frames_addr", "frame_bytes_addr", "frames_count_addr", "peers_addr"),  # port of incoming frames, 0 none
    *("row_addr", "me_addr", "tape_addr"),  # room for one table row; INSTANCE_END by the real clock; TAPE
    *("driven_addr", "driven_seen", "last_ns", "last_work"),  # why a step is due
    *("buffer_addr", "buffer_bytes", "used"),  # the entry that is being made
    *(
        "log_addr",
        "log_mask",
        "log_tail",
        "log_tail_addr",
        "log_head_addr",
    ),  # ring of bytes to the writer
    *("entries", "ended", "now_ns", "at_ns"),
    *("frames", "sent", "sent_addr", "sent_bytes", "differs", "found", "steps", "output_bytes"),  # of a replayed step
)

assert RECORDED_RING.itemsize == RECORDED_TABLE.itemsize == 40
assert RECORDED_BLOCK.itemsize == 24
