"""Failpoints: named places where a test lets a process die, and how it is told to. Imports no numba.

Compiled in only where `QUINTET_FAILPOINTS` names a file; without it `reach` is one comparison and the hot form
(shm/failpoint.py) is no instruction at all. The file is mapped at a fixed address, so that compiled code from the cache
can name it; it has one line for each failpoint:

word 0 pid       0 not armed; a process's own id; -1 whichever process comes first
word 1 at_hit    the hit that counts, from 1; 0 only counts
word 2 signal    what the process sends itself then: SIGKILL or SIGSTOP
word 3 hits      hits of the armed process
word 4 limit     bytes that a partial send may take before it
word 5 died_ns   CLOCK_MONOTONIC just before the signal

A line is armed for one process id, so the process that is started in its place is not hit again; -1 is for what only a
start goes through, and disarms itself. Tests arm lines through tests/support/failpoints.py.
"""

import ctypes
import mmap
import os
import time

VARIABLE = "QUINTET_FAILPOINTS"
BUILT_IN = bool(os.environ.get(VARIABLE))
LINE_BYTES = 64
LINES = 128
FILE_BYTES = LINES * LINE_BYTES
BASE_ADDR = 0x2000_0000_0000  # far below what Linux gives to libraries, stacks and mappings, far above any heap
PID, AT_HIT, SIGNAL, HITS, LIMIT, DIED_NS = range(6)
ANY_PID = -1

FP_ORDER_NUMBERED = 0
FP_ORDER_JOURNALLED = 1
FP_ORDER_ENCODED = 2
FP_CANCEL_TAKEN = 3
FP_CANCEL_JOURNALLED = 4
FP_CANCEL_ENCODED = 5
FP_SEND_BEFORE = 6
FP_SEND_PARTIAL = 7
FP_SEND_AFTER = 8
FP_RECEIVED = 9
FP_MESSAGE_DECODED = 10
FP_REPORT_JOURNALLED = 11
FP_REPORT_APPLIED = 12
FP_REPORT_BETWEEN_READERS = 13
FP_REPORT_PUBLISHED = 14
FP_SESSION_BEFORE_JOURNAL = 15
FP_SESSION_JOURNALLED = 16
FP_LOGIN_CONNECTED = 17
FP_LOGIN_ANSWERED = 18
FP_QUERY_ENCODED = 19
FP_QUERY_ANSWERED = 20
FP_SWEEP_LOST = 21
FP_SWEEP_EVIDENCE = 22
FP_SENDER_REPLAYED = 23
FP_SENDER_REPUBLISHED = 24
FP_MASS_CANCEL_JOURNALLED = 25

FP_ORDER_DECIDED = 30
FP_ORDER_RESERVED = 31
FP_DECISION_JOURNALLED = 32
FP_ORDER_PUBLISHED = 33
FP_REJECT_DECIDED = 34
FP_REJECT_JOURNALLED = 35
FP_REJECT_PUBLISHED = 36
FP_LEAVING_DECIDED = 37
FP_LEAVING_JOURNALLED = 38
FP_LEAVING_PUBLISHED = 39
FP_OWN_CANCEL_JOURNALLED = 40
FP_OWN_CANCEL_PUBLISHED = 41
FP_GATE_REPORT_APPLIED = 42
FP_GATE_JOURNALS_READ = 43
FP_GATE_REBUILT = 44

FP_FILL_BOOKED = 50
FP_FILL_JOURNALLED = 51
FP_POSITION_PUBLISHED = 52
FP_PNL_PUBLISHED = 53
FP_TOTAL_PUBLISHED = 54
FP_ROW_CLAIMED = 55
FP_ROW_JOURNALLED = 56
FP_KEEPER_REBUILT = 57
FP_KEEPER_ROW_RESUMED = 58
FP_SNAPSHOT_BEGUN = 59
FP_SNAPSHOT_WRITTEN = 60
FP_SNAPSHOT_SYNCED = 61
FP_SNAPSHOT_RENAMED = 62
FP_SNAPSHOT_PRUNED = 63

FP_DATAGRAM_DELIVERED = 70
FP_TOP_PUBLISHED = 71
FP_DEPTH_PUBLISHED = 72
FP_TICKS_HELD = 73
FP_STALE_UNSTAMPED = 74
FP_INTENTS_STAGED = 75
FP_INTENTS_PUBLISHED = 76
FP_STRATEGY_REPORT_APPLIED = 77

FP_PART_MARKED = 80
FP_PARTS_PUBLISHED = 81
FP_RELEASE_BEFORE = 82
FP_RELEASE_AFTER = 83
FP_LATEST_FILLED = 84
FP_ENTRY_CLAIMED = 85
FP_ENTRY_FILLED = 86
FP_ENTRY_COMMITTED = 87
FP_COPY_WRITTEN = 88
FP_COPY_SYNCED = 89
FP_COPY_PUBLISHED = 90
FP_SEGMENT_FULL = 91
FP_SEGMENT_SYNCED = 92
FP_SEGMENT_RENAMED = 93
FP_ID_BLOCK_WANTED = 94
FP_ID_BLOCK_WRITTEN = 95
FP_ID_BLOCK_SYNCED = 96
FP_ID_BLOCK_HANDED_OVER = 97

SENTENCES = {
    FP_ORDER_NUMBERED: "order_sender: an order has its reference number, nothing is journalled",
    FP_ORDER_JOURNALLED: "order_sender: order journalled, no slot taken, nothing encoded",
    FP_ORDER_ENCODED: "order_sender: order in the transmit frame, nothing sent",
    FP_CANCEL_TAKEN: "order_sender: cancel read from the ring, not journalled",
    FP_CANCEL_JOURNALLED: "order_sender: cancel or reduce journalled, nothing encoded",
    FP_CANCEL_ENCODED: "order_sender: cancel in the transmit frame, nothing sent",
    FP_SEND_BEFORE: "order_sender: bytes wait, send not called",
    FP_SEND_PARTIAL: "order_sender: the socket took the first bytes of a message and not its last",
    FP_SEND_AFTER: "order_sender: the socket took the bytes, nothing is noted",
    FP_RECEIVED: "order_sender: bytes received, none looked at",
    FP_MESSAGE_DECODED: "order_sender: message of the venue decoded, no report journalled",
    FP_REPORT_JOURNALLED: "order_sender: report journalled, not applied",
    FP_REPORT_APPLIED: "order_sender: report journalled and applied, in no reader's ring",
    FP_REPORT_BETWEEN_READERS: "order_sender: report in one reader's ring, not in the next one's",
    FP_REPORT_PUBLISHED: "order_sender: report in every ring, not counted",
    FP_SESSION_BEFORE_JOURNAL: "order_sender: session event happened, not journalled",
    FP_SESSION_JOURNALLED: "order_sender: session event journalled, nothing follows from it yet",
    FP_LOGIN_CONNECTED: "order_sender: connected, login not requested",
    FP_LOGIN_ANSWERED: "order_sender: login accepted, connection not offered to the hot thread",
    FP_QUERY_ENCODED: "order_sender: account query encoded, connection not taken over",
    FP_QUERY_ANSWERED: "order_sender: account query answered, no order swept",
    FP_SWEEP_LOST: "order_sender: within the sweep that calls unanswered orders unknown",
    FP_SWEEP_EVIDENCE: "order_sender: within the sweep that closes what never arrived",
    FP_SENDER_REPLAYED: "order_sender: recovering, journal replayed, nothing published",
    FP_SENDER_REPUBLISHED: "order_sender: recovering, missing reports published to one reader, not to the next",
    FP_MASS_CANCEL_JOURNALLED: "order_sender: mass cancel journalled, nothing encoded",
    FP_ORDER_DECIDED: "risk_gate: order passed its checks, nothing reserved",
    FP_ORDER_RESERVED: "risk_gate: exposure reserved, decision not journalled",
    FP_DECISION_JOURNALLED: "risk_gate: decision journalled, order not published",
    FP_ORDER_PUBLISHED: "risk_gate: order published, its intent not given back",
    FP_REJECT_DECIDED: "risk_gate: refusal decided, not journalled",
    FP_REJECT_JOURNALLED: "risk_gate: refusal journalled, reject not published",
    FP_REJECT_PUBLISHED: "risk_gate: reject published, its intent not given back",
    FP_LEAVING_DECIDED: "risk_gate: cancel or reduce decided, not journalled",
    FP_LEAVING_JOURNALLED: "risk_gate: cancel or reduce journalled, not published",
    FP_LEAVING_PUBLISHED: "risk_gate: cancel or reduce published, its intent not given back",
    FP_OWN_CANCEL_JOURNALLED: "risk_gate: cancel of its own journalled, not published",
    FP_OWN_CANCEL_PUBLISHED: "risk_gate: cancel of its own published, not counted",
    FP_GATE_REPORT_APPLIED: "risk_gate: report applied, its slot not given back",
    FP_GATE_JOURNALS_READ: "risk_gate: recovering, journals read, nothing rebuilt",
    FP_GATE_REBUILT: "risk_gate: recovering, exposure rebuilt, the last answer not looked for",
    FP_FILL_BOOKED: "position_keeper: fill booked in private memory, not journalled",
    FP_FILL_JOURNALLED: "position_keeper: fill journalled, its position not published",
    FP_POSITION_PUBLISHED: "position_keeper: position published, its pnl not",
    FP_PNL_PUBLISHED: "position_keeper: position and pnl published, no total",
    FP_TOTAL_PUBLISHED: "position_keeper: one total published, not the next",
    FP_ROW_CLAIMED: "position_keeper: a row's journal entry claimed and filled, not committed",
    FP_ROW_JOURNALLED: "position_keeper: row journalled, still marked as unsaved",
    FP_KEEPER_REBUILT: "position_keeper: recovering, rows rebuilt, none published",
    FP_KEEPER_ROW_RESUMED: "position_keeper: recovering, one row published, not the next",
    FP_SNAPSHOT_BEGUN: "position_keeper: snapshot due, nothing written",
    FP_SNAPSHOT_WRITTEN: "position_keeper: snapshot written under another name, not synced",
    FP_SNAPSHOT_SYNCED: "position_keeper: snapshot synced, not renamed",
    FP_SNAPSHOT_RENAMED: "position_keeper: snapshot renamed, its folder not synced",
    FP_SNAPSHOT_PRUNED: "position_keeper: snapshot in place, an older one removed",
    FP_DATAGRAM_DELIVERED: "feed_handler: datagram in the books, no table published",
    FP_TOP_PUBLISHED: "feed_handler: an instrument's top published, its depth not",
    FP_DEPTH_PUBLISHED: "feed_handler: an instrument's depth published, the last tick held back",
    FP_TICKS_HELD: "feed_handler: tables published, the last tick of the datagram not",
    FP_STALE_UNSTAMPED: "feed_handler: channel published as stale, its stamp not",
    FP_INTENTS_STAGED: "strategy: intents of one decision filled in, none published",
    FP_INTENTS_PUBLISHED: "strategy: intents of one decision published",
    FP_STRATEGY_REPORT_APPLIED: "strategy: report applied, its slot not given back",
    FP_PART_MARKED: "ring: a later part of one cause marked, the first not: none is visible",
    FP_PARTS_PUBLISHED: "ring: all parts of one cause visible, the producer has not moved on",
    FP_RELEASE_BEFORE: "ring: records consumed, their slots not given back",
    FP_RELEASE_AFTER: "ring: slots given back, the consumer has not noted it",
    FP_LATEST_FILLED: "latest: copy filled, its version not stored",
    FP_ENTRY_CLAIMED: "journal: slot cleared for the next entry, nothing filled in",
    FP_ENTRY_FILLED: "journal: entry filled in with its crc, its sequence not stored",
    FP_ENTRY_COMMITTED: "journal: entry complete, the writer has not moved on",
    FP_COPY_WRITTEN: "journal: entries written to the file, not synced",
    FP_COPY_SYNCED: "journal: entries synced, the watermark not moved",
    FP_COPY_PUBLISHED: "journal: watermark moved, nothing else noted",
    FP_SEGMENT_FULL: "journal: file full and synced, the next one not made",
    FP_SEGMENT_SYNCED: "journal: next file synced under another name, not renamed",
    FP_SEGMENT_RENAMED: "journal: next file renamed, its folder not synced",
    FP_ID_BLOCK_WANTED: "ids: next block wanted, nothing written",
    FP_ID_BLOCK_WRITTEN: "ids: mark of the next block written, not synced",
    FP_ID_BLOCK_SYNCED: "ids: mark synced, block not handed over",
    FP_ID_BLOCK_HANDED_OVER: "ids: block handed over",
}  # fmt: skip
NAMES = {name[3:].lower(): number for name, number in list(globals().items()) if name.startswith("FP_")}

_MAP_FIXED_NOREPLACE = 0x100000

on_reach = None  # simulations in one process: called with the id at each failpoint that Python reaches, and may raise


def _map_file(path: str) -> None:
    """Map the file at BASE_ADDR for the life of the process; makes it where there is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(handle, FILE_BYTES)
        flags = mmap.MAP_SHARED | _MAP_FIXED_NOREPLACE
        found = libc.mmap(BASE_ADDR, FILE_BYTES, mmap.PROT_READ | mmap.PROT_WRITE, flags, handle, 0)
    finally:
        os.close(handle)
    if found != BASE_ADDR:
        raise OSError(ctypes.get_errno(), f"{VARIABLE}: {path} cannot be mapped at {BASE_ADDR:#x}, found {found:#x}")


def _word(number: int, at: int) -> ctypes.c_int64:
    return ctypes.c_int64.from_address(BASE_ADDR + number * LINE_BYTES + at * 8)


def _hit(number: int) -> None:
    pid = _word(number, PID)
    if pid.value not in (ANY_PID, os.getpid()):
        return
    hits = _word(number, HITS)
    hits.value += 1
    if hits.value == _word(number, AT_HIT).value:
        pid.value = 0
        _word(number, DIED_NS).value = time.monotonic_ns()
        os.kill(os.getpid(), _word(number, SIGNAL).value)


def reach(number: int) -> None:
    """A failpoint in cold code: dies here if armed to. Caller: anyone."""
    if on_reach is not None:
        on_reach(number)
    elif BUILT_IN and _word(number, PID).value != 0:
        _hit(number)


def reach_size(number: int, size: int) -> int:
    """`size`, or the fewer bytes that a send may take before `number` is reached for the last time."""
    if not BUILT_IN or _word(number, PID).value not in (ANY_PID, os.getpid()):
        return size
    limit = _word(number, LIMIT).value
    return limit if 0 < limit < size and _word(number, HITS).value + 1 == _word(number, AT_HIT).value else size


if BUILT_IN:
    _map_file(os.environ[VARIABLE])
