"""FramePort: one direction of frames with the descriptors or queues behind it. The same arrays serve every backend.

Rows of `frames` and `frame_bytes` are one batch. Coming in, the backend fills rows from 0 and stores their number in
`count`; the step consumes all of them. Going out as datagrams, the step fills rows and counts, the backend sends all
and sets the count to 0. Going out as streams, row k is the transmit frame of line k: the step appends bytes and raises
`frames[k]["size"]`, the backend advances `taken[k]`, and when all is taken both return to 0.

Descriptors. `fds[line]` is -1 or the descriptor of a line. The control thread opens a socket and stores its descriptor
with `hand_over`; the hot thread lets go of a dead stream by storing -1. A descriptor is closed only while no hot call
can hold it, so that no call ever meets one that became another file: to end a living stream the control thread shuts
the socket down and closes it when the word is -1; a datagram socket it takes back (`take_back`), to close it one step
later.
The two ports of a stream share one `fds`.

header row, 64 bytes: struct mmsghdr of x86-64 Linux, as eight int64 words
off  size  field
---  ----  -------
  0     8  name
  8     8  name_bytes
 16     8  vector
 24     8  vectors
 32     8  control
 40     8  control_bytes
 48     8  flags
 56     8  size
"""

from typing import NamedTuple

import numpy as np

from shm.atomics import address_of, load_acquire, store_release
from shm.jit import hot
from shm.records.frame import FRAME, FRAME_BYTES

NAME_BYTES = 16  # struct sockaddr_in

# words of a port: addresses for calls that take them, then tallies
WORD_BYTES_ADDR = 0
WORD_HEADERS_ADDR = 1
WORD_NAMES_ADDR = 2
WORD_FDS_ADDR = 3
WORD_ERRORS = 4  # calls that failed for another reason than "nothing now"
WORD_LAST_ERRNO = 5
WORD_DROPPED = 6  # datagrams that could not be sent
WORD_TRUNCATED = 7  # datagrams longer than a frame
PORT_WORDS = 8

HEADER_NAME, HEADER_NAME_BYTES, HEADER_FLAGS, HEADER_SIZE = 0, 1, 6, 7
VECTOR_SIZE = 1

_alive: list[np.ndarray] = []  # headers point into vectors


class FramePort(NamedTuple):
    """One direction of frames. Written by the hot thread, except `fds` (both threads, see above)."""

    frames: np.ndarray  # FRAME[rows]
    frame_bytes: np.ndarray  # uint8[rows, FRAME_BYTES]
    count: np.ndarray  # int64[1], rows in use
    peers: np.ndarray  # int64[rows]: opaque address of the other side; out: 0 means the line's own destination
    fds: np.ndarray  # int64[lines]
    taken: np.ndarray  # int64[lines]: bytes of the transmit frame that the line has taken (streams)
    queues: np.ndarray  # int64[lines]: address of the line's queue (replay wire), 0 none
    replies: np.ndarray  # int64[lines]: queue that answers to this line arrive in (replay wire), 0 none
    headers: np.ndarray  # int64[rows, 8]: struct mmsghdr
    vectors: np.ndarray  # int64[rows, 2]: struct iovec
    names: np.ndarray  # int64[rows, 2]: struct sockaddr_in
    words: np.ndarray  # int64[PORT_WORDS]


def open_port(*, rows: int, lines: int, fds: np.ndarray | None = None) -> FramePort:
    """Allocate a port of `rows` frames over `lines` sockets, all of them absent. Cold; opens nothing.

    `fds`: the descriptor words of the port for the other direction, where both use the same sockets line by line.
    """
    if not 1 <= lines <= rows:
        raise ValueError(f"open_port: expected at least one row for each line, found {rows} rows and {lines} lines")
    port = FramePort(
        frames=np.zeros(rows, FRAME),
        frame_bytes=np.zeros((rows, FRAME_BYTES), np.uint8),
        count=np.zeros(1, np.int64),
        peers=np.zeros(rows, np.int64),
        fds=np.full(lines, -1, np.int64) if fds is None else fds,
        taken=np.zeros(lines, np.int64),
        queues=np.zeros(lines, np.int64),
        replies=np.zeros(lines, np.int64),
        headers=np.zeros((rows, 8), np.int64),
        vectors=np.zeros((rows, 2), np.int64),
        names=np.zeros((rows, 2), np.int64),
        words=np.zeros(PORT_WORDS, np.int64),
    )
    bytes_addr, vectors_addr, names_addr = (address_of(a) for a in (port.frame_bytes, port.vectors, port.names))
    row = np.arange(rows)
    port.vectors[:, 0] = bytes_addr + row * FRAME_BYTES
    port.vectors[:, VECTOR_SIZE] = FRAME_BYTES
    port.headers[:, HEADER_NAME] = names_addr + row * NAME_BYTES
    port.headers[:, HEADER_NAME_BYTES] = NAME_BYTES
    port.headers[:, 2] = vectors_addr + row * 16
    port.headers[:, 3] = 1
    port.words[WORD_BYTES_ADDR] = bytes_addr
    port.words[WORD_HEADERS_ADDR] = address_of(port.headers)
    port.words[WORD_NAMES_ADDR] = names_addr
    port.words[WORD_FDS_ADDR] = address_of(port.fds)
    _alive.extend(port)
    return port


@hot
def line_fd(port, line):
    """Descriptor of a line, or -1. Ordering: acquire, so that each poll looks again; `hand_over` stores."""
    return load_acquire(port.words[WORD_FDS_ADDR] + line * 8)


@hot
def let_go(port, line):
    """The hot thread will not touch the line's descriptor again until another is handed over."""
    store_release(port.words[WORD_FDS_ADDR] + line * 8, -1)


@hot
def note_call_error(port, error):
    """Tally a failed call; `error` is a negative errno."""
    port.words[WORD_ERRORS] += 1
    port.words[WORD_LAST_ERRNO] = -error


def take_back(port: FramePort, line: int) -> None:
    """Stop the use of a datagram socket. Close it after the hot thread has finished one more step."""
    port.fds[line] = -1


def hand_over(port: FramePort, line: int, fd: int) -> None:
    """Give an open descriptor to the hot thread. Caller: the control thread, only while the line is -1."""
    if port.fds[line] >= 0:
        raise ValueError(f"hand_over: line {line} still uses descriptor {port.fds[line]}")
    port.fds[line] = fd  # one aligned store of the interpreter; a descriptor needs no more ordering than that
