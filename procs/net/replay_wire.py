"""A wire in memory: what one role sends, another receives, in the same thread. For fused layouts, replay and tests.

The queue of a line stands where its socket would be; the ports are the same. One thread runs all ends, so the words are
plain. A queue may have several senders and up to READERS_MAX readers, each of which sees every frame (multicast).

queue, 128 bytes, then slots of SLOT_BYTES: sizes, sender's answer queue, bytes
off  size  field
---  ----  --------
  0     8  capacity
  8     8  tail_seq
 16     8  readers
 24     8  closed
 32     8  dropped
 40    24  reserved
 64    64  head_seq
"""

import numpy as np

from procs.net.port import WORD_BYTES_ADDR, WORD_DROPPED, FramePort
from shm.atomics import address_of, copy_bytes, load_relaxed, store_relaxed
from shm.instance import stamp
from shm.jit import hot
from shm.records.frame import FRAME_BYTES, FRAME_FLAG_CLOSED

QUEUE_HEAD_BYTES = 128
READERS_MAX = 8
SLOT_HEAD_BYTES = 64
SLOT_BYTES = SLOT_HEAD_BYTES + FRAME_BYTES

AT_CAPACITY, AT_TAIL, AT_READERS, AT_CLOSED, AT_DROPPED, AT_HEADS = 0, 8, 16, 24, 32, 64

_queues: dict[int, np.ndarray] = {}  # by address; keeps them alive


def open_queue(*, capacity: int) -> int:
    """Address of a new empty queue of `capacity` frames, a power of two. Cold."""
    if capacity < 1 or capacity & (capacity - 1):
        raise ValueError(f"open_queue: expected a capacity that is a power of two, found {capacity}")
    words = np.zeros((QUEUE_HEAD_BYTES + capacity * SLOT_BYTES) // 8, np.int64)
    words[0] = capacity
    _queues[address_of(words)] = words
    return address_of(words)


def listen(port: FramePort, line: int, queue_addr: int) -> None:
    """Let a line of a receiving port hear a queue from now on. `taken[line]` becomes its reader's number. Cold."""
    words = _queues[queue_addr]
    readers = int(words[AT_READERS // 8])
    if readers >= READERS_MAX:
        raise ValueError(f"listen: a queue has at most {READERS_MAX} readers")
    words[AT_HEADS // 8 + readers] = words[AT_TAIL // 8]
    words[AT_READERS // 8] = readers + 1
    port.taken[line] = readers
    port.queues[line] = queue_addr


def speak(port: FramePort, line: int, queue_addr: int, *, reply_addr: int = 0) -> None:
    """Let a line of a sending port write to a queue; answers to its frames go to `reply_addr`. Cold."""
    port.queues[line] = queue_addr
    port.replies[line] = reply_addr


@hot
def close_queue(queue_addr):
    """The readers get one FRAME_FLAG_CLOSED behind the last frame; nothing more can be sent."""
    store_relaxed(queue_addr + AT_CLOSED, 1)


@hot
def queue_room(queue_addr):
    """Frames that fit before the slowest reader; all of them while nobody listens."""
    tail = load_relaxed(queue_addr + AT_TAIL)
    slowest = tail
    for reader in range(load_relaxed(queue_addr + AT_READERS)):
        slowest = min(slowest, load_relaxed(queue_addr + AT_HEADS + reader * 8))
    return load_relaxed(queue_addr + AT_CAPACITY) - (tail - slowest)


@hot
def _slot(queue_addr, seq):
    return queue_addr + QUEUE_HEAD_BYTES + (seq & (load_relaxed(queue_addr + AT_CAPACITY) - 1)) * SLOT_BYTES


@hot
def push_frame(queue_addr, bytes_addr, size, reply_addr):
    """Append one frame. Returns True, or False when the queue is full or closed: counted there, nothing written."""
    if queue_room(queue_addr) < 1 or load_relaxed(queue_addr + AT_CLOSED) != 0 or size < 0 or size > FRAME_BYTES:
        store_relaxed(queue_addr + AT_DROPPED, load_relaxed(queue_addr + AT_DROPPED) + 1)
        return False
    tail = load_relaxed(queue_addr + AT_TAIL)
    slot = _slot(queue_addr, tail)
    store_relaxed(slot, size)
    store_relaxed(slot + 8, reply_addr)
    copy_bytes(slot + SLOT_HEAD_BYTES, bytes_addr, size)
    store_relaxed(queue_addr + AT_TAIL, tail + 1)
    return True


@hot
def _take(port, line, row, at_ns):
    """Move the line's next frame, or its close, into a row. Returns whether there was one."""
    queue_addr = port.queues[line]
    head_addr = queue_addr + AT_HEADS + port.taken[line] * 8
    head = load_relaxed(head_addr)
    frame = port.frames[row]
    frame["stamp_ns"] = at_ns
    frame["line"] = line
    frame["kernel_ns"] = 0
    if head < load_relaxed(queue_addr + AT_TAIL):
        slot = _slot(queue_addr, head)
        frame["size"] = load_relaxed(slot)
        frame["flags"] = 0
        port.peers[row] = load_relaxed(slot + 8)
        copy_bytes(port.words[WORD_BYTES_ADDR] + row * FRAME_BYTES, slot + SLOT_HEAD_BYTES, load_relaxed(slot))
        store_relaxed(head_addr, head + 1)
        return True
    if load_relaxed(queue_addr + AT_CLOSED) != 0:
        frame["size"] = 0
        frame["flags"] = FRAME_FLAG_CLOSED
        port.queues[line] = 0
        return True
    return False


@hot
def wire_receive(port, me):
    """Fill the rows of `port` from the queues of its lines, an equal share each. Returns the number of frames."""
    share = port.frames.size // port.queues.size
    at_ns = stamp(me)
    total = 0
    for line in range(port.queues.size):
        left = share
        while left > 0 and port.queues[line] != 0 and _take(port, line, total, at_ns):
            total += 1
            left -= 1
    port.count[0] = total
    return total


@hot
def wire_send(port, me):
    """Put the counted rows into their queues, as `udp_send` would send them. Returns the number taken."""
    count = min(port.count[0], port.frames.size)
    at_ns = stamp(me)
    sent = 0
    for row in range(count):
        frame = port.frames[row]
        line = int(frame["line"])
        frame["stamp_ns"] = at_ns
        known = line >= 0 and line < port.queues.size
        queue_addr = port.peers[row]
        if queue_addr == 0 and known:
            queue_addr = port.queues[line]
        reply_addr = port.replies[line] if known else 0
        bytes_addr = port.words[WORD_BYTES_ADDR] + row * FRAME_BYTES
        if queue_addr != 0 and push_frame(queue_addr, bytes_addr, frame["size"], reply_addr):
            sent += 1
        else:
            port.words[WORD_DROPPED] += 1
    port.count[0] = 0
    return sent


@hot
def wire_send_waiting(port, me):
    """Put the transmit frame of each line into its queue, as `tcp_send_waiting` would. Returns the bytes taken.

    A full queue takes nothing: the bytes wait, as they do for a socket without room.
    """
    total = 0
    for line in range(port.queues.size):
        frame = port.frames[line]
        waiting = frame["size"] - port.taken[line]
        if waiting <= 0 or port.queues[line] == 0 or queue_room(port.queues[line]) < 1:
            continue
        frame["stamp_ns"] = stamp(me)
        bytes_addr = port.words[WORD_BYTES_ADDR] + line * FRAME_BYTES + port.taken[line]
        if push_frame(port.queues[line], bytes_addr, waiting, 0):
            total += waiting
            port.taken[line] = 0
            frame["size"] = 0
    return total


@hot
def poll_in(state):
    """The seam, datagrams and streams alike: frames of all lines into `state.port_in`."""
    return wire_receive(state.port_in, state.me[0])


@hot
def poll_out(state):
    """The seam for datagrams: the counted rows of `state.port_out`."""
    return wire_send(state.port_out, state.me[0])


@hot
def stream_poll_out(state):
    """The seam for streams: the transmit frames of `state.port_out`."""
    return wire_send_waiting(state.port_out, state.me[0])
