"""Day blocks: a day file on its way from the control thread to the hot thread, in a few blocks that are used again.

The control thread reads, decompresses and checks the framing (`DayReader.fill`); a block holds whole frames only, so
the hot thread walks from size to size without asking. A frame is refused when its type is unknown, its size is not that
of its type, or one of its order or match numbers needs more than 62 bits: the bit above marks them as history's.
"""

from pathlib import Path

import numpy as np

from procs.venue.day_file import HEAD_BYTES, DayStream, cut, garbled
from procs.wire.big_endian import read_u16
from procs.wire.itch.sizes import ITCH_BYTES_MAX, ITCH_SIZES
from shm.atomics import address_of, load_acquire, store_release
from shm.jit import hot

BLOCK_BYTES = 1 << 19  # about 14,000 messages
BLOCKS = 8
FILL_MAX = 4  # blocks in one turn of the control thread: 20 ms of decompression

NUMBER_OFFSETS = {"A": (11,), "F": (11,), "E": (11, 23), "C": (11, 23), "X": (11,), "D": (11,), "U": (11, 19)} | {
    "P": (36,), "Q": (31,), "B": (11,)
}  # fmt: skip
NUMBERS = np.zeros((256, 2), np.int64)  # where a message of that letter has order and match numbers; 0: no more
for _letter, _offsets in NUMBER_OFFSETS.items():
    NUMBERS[ord(_letter), : len(_offsets)] = _offsets
OURS_BELOW = 0x40  # first byte of a number of ours; history's get this bit

FRAMES_WHOLE = 1  # the last frame may be cut: its rest comes with the next block
FRAMES_END = 2  # a size of zero
FRAMES_BAD = -1

BLOCK_WORDS = np.dtype([("ready", "<i8"), ("ended", "<i8"), ("taken", "<i8"), ("bytes_addr", "<i8"), ("addr", "<i8")])
DAY_BLOCKS = np.dtype(
    [
        ("words", BLOCK_WORDS),  # `ready` and `ended` are the control thread's, `taken` the hot thread's
        ("sizes", "<i8", (BLOCKS,)),
        ("bytes", "u1", (BLOCKS, BLOCK_BYTES)),
    ]
)
READY, ENDED, TAKEN = (BLOCK_WORDS.fields[name][1] for name in ("ready", "ended", "taken"))


def prepare_blocks(blocks) -> None:
    """Make zeroed DAY_BLOCKS an empty queue. They must stay where they are."""
    words = blocks["words"]
    words["addr"] = address_of(np.frombuffer(words, np.uint8))
    words["bytes_addr"] = address_of(blocks["bytes"])


@hot
def scan_frames(buf, used, found):
    """Walk the frames in buf[:used]. Returns FRAMES_*; found[0] is where the walk ended."""
    at = 0
    code = FRAMES_WHOLE
    while at + HEAD_BYTES < used:
        size = read_u16(buf, at)
        kind = buf[at + HEAD_BYTES]
        if size == 0:
            code = FRAMES_END
            break
        if ITCH_SIZES[kind] != size:
            code = FRAMES_BAD
            break
        if at + HEAD_BYTES + size > used:
            break
        first, second = NUMBERS[kind, 0], NUMBERS[kind, 1]
        if first > 0 and buf[at + HEAD_BYTES + first] >= OURS_BELOW:
            code = FRAMES_BAD
            break
        if second > 0 and buf[at + HEAD_BYTES + second] >= OURS_BELOW:
            code = FRAMES_BAD
            break
        at += HEAD_BYTES + size
    found[0] = at
    return code


@hot
def block_at(blocks, number):
    """Bytes of block `number` when it is ready, else 0. Ordering: acquire; pairs with the release of the reader."""
    words = blocks["words"]
    if load_acquire(words["addr"] + READY) <= number:
        return 0
    return blocks["sizes"][number % BLOCKS]


@hot
def blocks_ended(blocks, number):
    """1 when there is no block `number` and never will be."""
    words = blocks["words"]
    return 1 if load_acquire(words["addr"] + ENDED) and load_acquire(words["addr"] + READY) <= number else 0


@hot
def give_block_back(blocks, taken):
    """Every block below `taken` may be filled again."""
    store_release(blocks["words"]["addr"] + TAKEN, taken)


@hot
def _say(blocks, field, value):
    store_release(blocks["words"]["addr"] + field, value)


@hot
def _taken(blocks):
    return load_acquire(blocks["words"]["addr"] + TAKEN)


def warm_reader(blocks) -> None:
    """Call what DayReader calls, on a scratch queue that stays empty: it is compiled then."""
    scan_frames(blocks["bytes"][0], 0, np.zeros(1, np.int64))
    _say(blocks, READY, int(_taken(blocks)))


class DayReader:
    """Fills the blocks from one file, ahead of the hot thread. Caller: the control thread."""

    def __init__(self, path: str | Path, blocks):
        """Raises DayRefused when there is no such file."""
        self.stream, self.blocks = DayStream(path), blocks
        self.rest, self.offset = b"", 0  # bytes of a frame that the last block cut, and where in the day they are
        self.found = np.zeros(1, np.int64)
        self.ended = False

    def fill(self) -> int:
        """Fill what is free, at most FILL_MAX blocks; returns how many. Raises DayRefused with the byte."""
        done = 0
        words = self.blocks["words"]
        while not self.ended and done < FILL_MAX and int(words["ready"]) - int(_taken(self.blocks)) < BLOCKS:
            self._fill_one(int(words["ready"]))
            done += 1
        return done

    def _fill_one(self, number: int) -> None:
        block = self.blocks["bytes"][number % BLOCKS]
        used = len(self.rest)
        block[:used] = np.frombuffer(self.rest, np.uint8)
        while used < BLOCK_BYTES and (piece := self.stream.read(BLOCK_BYTES - used)):
            block[used : used + len(piece)] = np.frombuffer(piece, np.uint8)
            used += len(piece)
        code = int(scan_frames(block, used, self.found))
        whole = int(self.found[0])
        self.rest = block[whole:used].tobytes()
        if code == FRAMES_BAD:
            raise garbled(self.stream.path, self.offset + whole, self.rest[: HEAD_BYTES + 1])
        self.ended = code == FRAMES_END or used < BLOCK_BYTES
        if self.ended and self.rest.strip(b"\0"):
            raise cut(self.stream.path, self.offset + whole, len(self.rest))
        self.offset += whole
        self.blocks["sizes"][number % BLOCKS] = whole
        _say(self.blocks, READY, number + 1)
        if self.ended:
            _say(self.blocks, ENDED, 1)
            self.stream.close()

    def close(self) -> None:
        """Close the file."""
        self.stream.close()


assert BLOCK_BYTES > 2 * (HEAD_BYTES + ITCH_BYTES_MAX)
