"""Kill word: HALTED for the firm with nothing but the standard library, for who must not wait for imports.

The object is found through the roster and written through a mapping, as `operator_stop` of shm/control_words.py would
begin: the operator's word of the firm, HALTED with the next generation, which order_sender reads immediately before
each send. Nothing is latched here: the caller goes on with `operator_stop`, which finds the word as it should be.

The numbers below are those of shm/records/segment_header.py, roster.py and control_end.py, whose import would cost a
hundred milliseconds; a test holds them equal. Ordering: one aligned 8-byte store; x86-64 makes it visible in one piece.
"""

import mmap
import os

FOLDER = "/dev/shm"
MAGIC, VERSION, READY = 0x5145544E49555101, 1, 0x5245414459
KIND_CONTROL, KIND_ROSTER = 7, 8
HEADER_BYTES = 512  # of every object; the roster's record and the operator's words follow it
MAGIC_AT, VERSION_AT, KIND_AT, EPOCH_AT, READY_AT = 0, 1, 2, 6, 63  # in words
FIRST_AT = HEADER_BYTES // 8  # the roster's epoch; the operator's word of the firm
HALTED = 4
NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def halt_word(name: str) -> int:
    """Store HALTED for the firm in fabric `name`. Returns the word's generation; 0 when there is no such fabric.

    0 too when an object is not what it should be: the slow way then says what is wrong. Safe beside any other writer of
    the operator's row: whichever store is last, `operator_stop` looks again under the lock.
    """
    if not name or not NAME_LETTERS.issuperset(name):
        return 0
    epoch = _with_words(f"{FOLDER}/quintet.{name}", KIND_ROSTER, lambda words: words[FIRST_AT], mmap.PROT_READ)
    if epoch <= 0:
        return 0
    writable = mmap.PROT_READ | mmap.PROT_WRITE
    return _with_words(f"{FOLDER}/quintet.{name}.{epoch}.control", KIND_CONTROL, _halt, writable)


def _halt(words) -> int:
    word = words[FIRST_AT]
    if word & 255 == HALTED and word >> 8 > 0:
        return word >> 8
    generation = (word >> 8) + 1
    words[FIRST_AT] = generation << 8 | HALTED
    return generation


def _with_words(path: str, kind: int, do, protection: int) -> int:
    """`do` with an object's memory as int64 words; 0 when it is missing or of another kind."""
    try:
        handle = os.open(path, os.O_RDWR if protection & mmap.PROT_WRITE else os.O_RDONLY)
    except OSError:
        return 0
    try:
        if os.fstat(handle).st_size < HEADER_BYTES + 64:
            return 0
        with mmap.mmap(handle, HEADER_BYTES + 64, prot=protection) as memory, memoryview(memory) as view:
            with view.cast("q") as words:
                marks = (words[MAGIC_AT], words[VERSION_AT], words[KIND_AT], words[READY_AT])
                return int(do(words)) if marks == (MAGIC, VERSION, kind, READY) else 0
    finally:
        os.close(handle)
