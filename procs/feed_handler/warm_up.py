"""Warm-up: a tiny day through the step on scratch memory, every branch once. Cold; builds its bytes with struct."""

import struct

import numpy as np

from procs.feed_handler.arbitration import LINE_A, LINE_B, LINE_RETRANSMISSION
from procs.feed_handler.state import FeedState
from procs.feed_handler.step import step

SESSION = b"WARMUP    "
END = 0xFFFF


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">HHHI", 1, 0, 0, 1) + body


def _day(symbol: bytes) -> list[bytes]:
    def add(ref, side, price):
        return _message(b"A", struct.pack(">Q1sI8sI", ref, side, 100, symbol, price))

    return [
        _message(b"S", b"O"),
        _message(b"R", symbol + bytes(20)),
        _message(b"H", symbol + b"T " + bytes(4)),
        _message(b"S", b"Q"),
        add(1, b"B", 9900),
        add(2, b"S", 10100),
        _message(b"F", struct.pack(">Q1sI8sI4s", 3, b"B", 100, symbol, 9800, b"ABCD")),
        _message(b"E", struct.pack(">QIQ", 1, 10, 1)),
        _message(b"C", struct.pack(">QIQ1sI", 1, 10, 2, b"Y", 9900)),
        _message(b"X", struct.pack(">QI", 1, 10)),
        _message(b"U", struct.pack(">QQII", 1, 4, 50, 9950)),
        _message(b"P", struct.pack(">Q1sI8sIQ", 0, b"B", 10, symbol, 10000, 3)),
        _message(b"D", struct.pack(">Q", 4)),
        _message(b"h", symbol + b"QH"),
        _message(b"W", b"1"),
        _message(b"D", struct.pack(">Q", 999)),  # impossible: its book becomes suspect
        b"z",
    ]


def _datagram(seq: int, messages: list[bytes], count: int | None = None) -> bytes:
    head = struct.pack(">10sQH", SESSION, seq, len(messages) if count is None else count)
    return head + b"".join(struct.pack(">H", len(message)) + message for message in messages)


def _step(state: FeedState, now_ns: int, *frames) -> None:
    port = state.port_in
    for row, (line, raw) in enumerate(frames):
        port.frame_bytes[row, : len(raw)] = np.frombuffer(raw, np.uint8)
        port.frames[row]["size"], port.frames[row]["line"] = len(raw), line
        port.frames[row]["stamp_ns"] = now_ns
    port.count[0] = len(frames)
    step(state, now_ns)
    port.count[0] = state.port_out.count[0] = state.feed[0]["frames_done"] = 0


def warm_up(state: FeedState, symbol: str) -> None:
    """Live messages, duplicates, a hole that line B fills and one that the server fills, silence, rubbish, the end."""
    day = _day(symbol.encode("ascii").ljust(8))
    now_ns = 1_000_000_000_000
    _step(state, now_ns)
    _step(state, now_ns, (LINE_A, _datagram(1, day[:6])), (LINE_B, _datagram(1, day[:6])), (LINE_A, b"rubbish"))
    _step(state, now_ns, (LINE_A, _datagram(8, day[7:9])), (LINE_B, _datagram(7, day[6:8])))
    _step(state, now_ns, (LINE_A, _datagram(14, [])))
    _step(state, now_ns, (LINE_RETRANSMISSION, _datagram(10, day[9:])))
    _step(state, now_ns + 3_600_000_000_000)
    _step(state, now_ns, (LINE_A, _datagram(len(day) + 1, [], END)))
