"""ControlEnd: a private view of the control object. Lives in the private memory of its process, never in a segment.

Writer and reader: the process that attached. One record is one cache line.

off  size  type   field        meaning
---  ----  -----  -----------  -----------------------------------------------------------------
  0     8  i8     words_addr   address of the operator's block of state words
  8     8  i8     acks_addr    address of the operator's acknowledgements of writer 0 (unused block)
 16     8  i8     block_bytes  bytes from writer to writer, in words and acknowledgements alike
 24     8  i8     writers      number of writers; 0 is the operator, 1 the monitor, then the instances
 32     8  i8     sessions     number of venue sessions
 40     8  i8     strategies   number of strategies
 48     8  i8     instruments  number of instruments
 56     8  i8     writer       own row; -1 for a reader
"""

import numpy as np

CONTROL_END = np.dtype(
    [
        ("words_addr", "<i8"),
        ("acks_addr", "<i8"),
        ("block_bytes", "<i8"),
        ("writers", "<i8"),
        ("sessions", "<i8"),
        ("strategies", "<i8"),
        ("instruments", "<i8"),
        ("writer", "<i8"),
    ]
)

assert CONTROL_END.itemsize == 64

CONTROL_WORDS_OFFSET = 512
CONTROL_OPERATOR = 0
CONTROL_MONITOR = 1
CONTROL_INSTANCE_FIRST = 2  # instance i in topology order writes row 2 + i
CONTROL_READER = -1

# an operator's cancel: generation << 28 | side << 26 | (strategy + 1) << 16 | (instrument + 1); 0 in a field: any
CANCEL_GENERATION_SHIFT, CANCEL_SIDE_SHIFT, CANCEL_STRATEGY_SHIFT = 28, 26, 16
CANCEL_SIDE_MASK, CANCEL_STRATEGY_MASK, CANCEL_INSTRUMENT_MASK = 3, (1 << 10) - 1, (1 << 16) - 1


def control_scopes(sessions: int, strategies: int, instruments: int) -> int:
    """Number of scopes: firm, then each session, strategy and instrument."""
    return 1 + sessions + strategies + instruments


def control_block_bytes(scopes: int) -> int:
    """Bytes of one writer's block: one word a scope, rounded up to whole cache lines."""
    return (scopes * 8 + 63) // 64 * 64


def control_bytes(writers: int, sessions: int, strategies: int, instruments: int) -> int:
    """Size of the control object, segment header included."""
    block_bytes = control_block_bytes(control_scopes(sessions, strategies, instruments))
    return CONTROL_WORDS_OFFSET + 2 * writers * block_bytes + control_block_bytes(sessions)
