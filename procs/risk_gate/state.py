"""State: everything that the gate holds, allocated once in `open_`.

Input rings are numbered in the order in which they are consumed: `reports` by session, then `intents` by strategy; this
number is `cause_ring` in every output. Rings, pages and rows are indexed by session, strategy and instrument number,
whatever the order of their declaration.
"""

from typing import NamedTuple

import numpy as np

from procs.risk_gate.checks import CASE
from procs.risk_gate.exposure import Exposure, new_exposure
from shm.atomics import address_of
from shm.codes import REJECT_NO_LIMITS
from shm.records.channel import CHANNEL
from shm.records.decision import DECISION
from shm.records.instrument import INSTRUMENT
from shm.records.limits import LIMITS
from shm.records.position import POSITION
from shm.records.top import TOP

RATE_RING = 1 << 16  # passes remembered per strategy and for the firm; a greater rate limit counts as this one. 512 KiB
REPORT_BATCH = 64  # per ring and step: reports lower exposure and come first, but intents must not wait for a storm
INTENT_BATCH = 16  # per ring and step: one strategy's burst holds the others up for about 10 us
SCAN_BATCH = 8  # open orders looked at in one idle step: at most 0.5 us before the next look at the rings
SCAN_EVERY = 16  # a busy gate scans on every 16th step
STAMP_TRIES = 3  # a channel that becomes fresh between stamp and look is looked at again
CANCEL_RETRY_NS = 1_000_000_000  # latency time until an unanswered cancel may be repeated; the venue answers in less
CATCH_UP_EVERY_NS = 1_000_000  # latency time between two readings of the journal while a ring is behind
CAUSE_NONE = 255  # cause_ring of what the gate does by itself

# rows of `words`
TURN, STEPS, SCAN_AT, COMPARE_AT, CAUGHT_UP_STAMP = 0, 1, 2, 3, 4
TOP_ADDR, CHANNEL_ADDR, POSITION_ADDR, LIMITS_ADDR, INSTRUMENTS_ADDR, DECISION_ADDR = 5, 6, 7, 8, 9, 10
WORDS = 16


class State(NamedTuple):
    """Arrays only; passed whole to every hot function."""

    me: np.ndarray
    exit_request: np.ndarray  # int64[1]
    reports: np.ndarray  # RING_END[sessions]
    intents: np.ndarray  # RING_END[strategies]
    orders: np.ndarray  # RING_END[sessions]
    rejects: np.ndarray  # RING_END[strategies]
    tops: np.ndarray  # TABLE_END[1]
    channels: np.ndarray
    instruments: np.ndarray
    limits: np.ndarray
    positions: np.ndarray
    control: np.ndarray  # CONTROL_END[1]
    journal: np.ndarray  # JOURNAL_END[1]
    ids: np.ndarray  # the identifier block's row
    pages: np.ndarray  # int64[strategies], addresses of their INSTANCE pages
    exposure: Exposure
    case: np.ndarray  # CASE[1]
    top: np.ndarray  # TOP[1], the copy that the last evaluation used
    channel: np.ndarray  # CHANNEL[1]
    position: np.ndarray  # POSITION[1]
    decision: np.ndarray  # DECISION[1], where a reject is made while the journal has no room
    instrument_rows: np.ndarray  # INSTRUMENT[instruments], copies
    instrument_versions: np.ndarray  # int64, version of each copy
    limit_rows: np.ndarray  # LIMITS[instruments + strategies + 1], copies
    limit_versions: np.ndarray
    limit_codes: np.ndarray  # PASS or REJECT_NO_LIMITS of each copy
    position_versions: np.ndarray  # int64[pairs], version compared last
    allowed: np.ndarray  # int64[strategies, instruments], 1 inside the universe
    silence_ns: np.ndarray  # int64[strategies], a step word older than this is a dead strategy
    orders_headroom: np.ndarray  # int64[sessions], slots that only cancels may use
    last_intent_id: np.ndarray  # int64[strategies]
    incarnation: np.ndarray  # int64[strategies], as seen last
    draining: np.ndarray  # int64[strategies], 1 while its ring still holds intents of an earlier life
    pass_ns: np.ndarray  # int64[strategies + 1, RATE_RING], logic times of passes; last row the firm
    pass_count: np.ndarray  # int64[strategies + 1]
    applied_seq: np.ndarray  # int64[sessions], report_seq applied last
    behind: np.ndarray  # int64[sessions], 1 while reports exist that are not applied
    journal_next: np.ndarray  # int64[sessions], first sequence of each order_sender's journal not read here
    words: np.ndarray  # int64[WORDS]


def new_state(*, slots: int, allowed: np.ndarray, silence_ns: list[int], orders_headroom: list[int], **ends) -> State:
    """Allocate the private part around the attached `ends` (fields `me` to `pages` of State but `exit_request`)."""
    strategies, instruments = allowed.shape
    sessions = len(ends["orders"])
    rows = instruments + strategies + 1
    private = dict(
        top=np.zeros(1, TOP),
        channel=np.zeros(1, CHANNEL),
        position=np.zeros(1, POSITION),
        decision=np.zeros(1, DECISION),
        limit_rows=np.zeros(rows, LIMITS),
        instrument_rows=np.zeros(instruments, INSTRUMENT),
    )
    words = np.zeros(WORDS, np.int64)
    words[TOP_ADDR] = address_of(private["top"])
    words[CHANNEL_ADDR] = address_of(private["channel"])
    words[POSITION_ADDR] = address_of(private["position"])
    words[DECISION_ADDR] = address_of(private["decision"])
    words[LIMITS_ADDR] = address_of(private["limit_rows"])
    words[INSTRUMENTS_ADDR] = address_of(private["instrument_rows"])
    return State(
        exit_request=np.zeros(1, np.int64),
        exposure=new_exposure(slots, strategies, instruments),
        case=np.zeros(1, CASE),
        instrument_versions=np.zeros(instruments, np.int64),
        limit_versions=np.zeros(rows, np.int64),
        limit_codes=np.full(rows, REJECT_NO_LIMITS, np.int64),
        position_versions=np.zeros(strategies * instruments, np.int64),
        allowed=np.ascontiguousarray(allowed, np.int64),
        silence_ns=np.array(silence_ns, np.int64),
        orders_headroom=np.array(orders_headroom, np.int64),
        last_intent_id=np.zeros(strategies, np.int64),
        incarnation=np.full(strategies, -1, np.int64),
        draining=np.zeros(strategies, np.int64),
        pass_ns=np.zeros((strategies + 1, RATE_RING), np.int64),
        pass_count=np.zeros(strategies + 1, np.int64),
        applied_seq=np.zeros(sessions, np.int64),
        behind=np.zeros(sessions, np.int64),
        journal_next=np.zeros(sessions, np.int64),
        words=words,
        **private,
        **ends,
    )
