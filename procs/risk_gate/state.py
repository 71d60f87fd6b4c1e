"""State: everything that the gate holds, allocated once in `open_`.

Hot functions get one record, GATE, that names all the rest by address: ring and table ends, private copies, one DESK
row for each strategy, one STREAM row for each order_sender. Only the maps and the identifier words
are arrays of their own. A NamedTuple of forty arrays was tried first: each call copied their shapes, and an order took
980 ns instead of 420.

Input rings are numbered in the order in which they are consumed: `reports` by session, then `intents` by strategy; this
number is `cause_ring` in every output. Rings, pages and rows are indexed by session, strategy and instrument number,
whatever the order of their declaration.
"""

from typing import NamedTuple

import numpy as np

from procs.risk_gate.case import CASE
from procs.risk_gate.reducing import netting_of
from procs.risk_gate.rows import BOOK, Exposure, new_exposure, pair_at
from shm.atomics import address_of, record_at
from shm.jit import hot
from shm.records.channel import CHANNEL
from shm.records.decision import DECISION
from shm.records.greeks import GREEKS
from shm.records.instrument import INSTRUMENT
from shm.records.limits import LIMIT_NONE, LIMITS
from shm.records.position import POSITION
from shm.records.ring_end import RING_END
from shm.records.risk import RISK
from shm.records.table_end import TABLE_END
from shm.records.top import TOP

REPORT_BATCH = 64  # per ring and step: reports lower exposure and come first, but intents must not wait for a storm
INTENT_BATCH = 16  # per ring and step: one strategy's burst holds the others up for a few microseconds
SCAN_BATCH = 8  # open orders looked at in one idle step: at most 0.5 us before the next look at the rings
SCAN_SCALES = 8  # instruments whose rows of `greeks` are looked at in one idle step
SCAN_EVERY = 16  # a busy gate scans on every 16th step
STAMP_TRIES = 3  # a channel that becomes fresh between stamp and look is looked at again
CANCEL_RETRY_NS = 1_000_000_000  # latency time until an unanswered cancel may be repeated; the venue answers in less
CATCH_UP_EVERY_NS = 1_000_000  # latency time between two readings of the journal while a ring is behind
CAUSE_NONE = 255  # cause_ring of what the gate does by itself

TABLES = (
    *("tops", "channels", "instruments", "limits", "standing", "positions", "greeks", "risk"),
    "exposure",  # our own
)
COPIES = {
    "case": CASE,
    "top": TOP,
    "channel": CHANNEL,
    "position": POSITION,
    "decision": DECISION,
    "instrument": INSTRUMENT,
    "taken": LIMITS,  # the row of limits read last
    "greek_row": GREEKS,
    "risk_row": RISK,
}

# one row for each strategy, and one for the house
DESK = np.dtype(
    [
        (name, "<i8")
        for name in (
            "last_intent_id",
            "incarnation",  # as seen last; -1 before the first look
            "draining",  # 1 while its ring still holds intents of an earlier life
            "silence_ns",  # a step word older than this is a dead strategy
            "page_addr",  # its INSTANCE page
            "netting",  # NETTING_* (reducing.py)
        )
    ]
)
# one row for each order_sender
STREAM = np.dtype(
    [
        (name, "<i8")
        for name in (
            "applied_seq",  # report_seq applied last
            "behind",  # 1 while reports exist that are not applied
            "journal_next",  # first sequence of its journal that was not read here
            "headroom",  # slots of its orders ring that only cancels may use
            "held",  # 1 + the strategy with whose order the venue had refused the firm too much; 0: it trades
        )
    ]
)
GATE = np.dtype(
    [
        (name, "<i8")
        for name in (
            *("sessions", "strategies", "instruments"),
            *("me_addr", "exit_addr", "control_addr", "journal_addr", "book_addr"),
            *("reports_addr", "intents_addr", "orders_addr", "rejects_addr"),  # RING_END rows
            *(f"{name}_addr" for name in TABLES),  # TABLE_END rows
            *(f"{name}_addr" for name in COPIES),  # one private record each
            "position_versions_addr",  # int64[strategies and the house * instruments]
            *("desks_addr", "streams_addr"),
            *("turn", "steps", "scan_at", "scale_at", "compare_at", "caught_up_stamp_ns"),
            *("limits_expire_ns", "exposure_at", "exposure_now_ns"),  # logic time of the next end of an override
        )
    ]
)
RING_BYTES, DESK_BYTES, STREAM_BYTES = RING_END.itemsize, DESK.itemsize, STREAM.itemsize
assert all(dtype.itemsize % 8 == 0 for dtype in COPIES.values())


class State(NamedTuple):
    """What the loop passes to step."""

    me: np.ndarray
    exit_request: np.ndarray  # int64[1]
    gate: np.ndarray  # GATE[1]
    by_intent: np.ndarray  # IntMap
    by_order: np.ndarray  # IntMap
    by_match: np.ndarray  # IntMap
    ids: np.ndarray  # words of the identifier block


class Parts(NamedTuple):
    """The arrays behind a GATE's addresses, for cold code. `parts_of(state)` finds them; they live as long as we do."""

    exposure: Exposure
    ends: dict[str, np.ndarray]
    copies: dict[str, np.ndarray]
    allowed: np.ndarray
    position_versions: np.ndarray
    desks: np.ndarray
    streams: np.ndarray


_parts: dict[int, Parts] = {}


def parts_of(state: State) -> Parts:
    """The arrays of a state. Cold."""
    return _parts[address_of(state.gate)]


def new_state(
    *,
    slots: int,
    allowed: np.ndarray,
    silence_ns: list[int],
    orders_headroom: list[int],
    pages: np.ndarray,
    me: np.ndarray,
    ids: np.ndarray,
    executor: int = -1,
    **ends: np.ndarray,
) -> State:
    """Allocate the private part around the attached `ends`: rings, tables, control, journal.

    `executor` is the strategy_id of the one that trades for the firm; -1: there is none.
    """
    strategies, instruments = allowed.shape
    exit_request = np.zeros(1, np.int64)
    exposure = new_exposure(slots, strategies + 1, allowed.any(axis=0))
    own = exposure.pairs["allowed"].reshape(strategies + 1, instruments)[:strategies]
    own[:] = allowed
    parts = Parts(
        exposure=exposure,
        ends=ends,
        copies={name: np.zeros(1, dtype) for name, dtype in COPIES.items()},
        allowed=own,
        position_versions=np.zeros((strategies + 1) * instruments, np.int64),
        desks=np.zeros(strategies + 1, DESK),
        streams=np.zeros(len(orders_headroom), STREAM),
    )
    parts.desks["incarnation"][:strategies] = -1  # the house's never is that of an order: none of its orders may stay
    parts.desks["silence_ns"][:strategies] = silence_ns
    parts.desks["page_addr"][:strategies] = pages
    parts.desks["netting"][:strategies] = netting_of(strategies, executor)
    parts.streams["headroom"] = orders_headroom
    gate = np.zeros(1, GATE)
    row = gate[0]
    row["sessions"], row["strategies"], row["instruments"] = len(orders_headroom), strategies, instruments
    row["limits_expire_ns"] = LIMIT_NONE
    row["me_addr"], row["exit_addr"] = address_of(me), address_of(exit_request)
    row["book_addr"] = address_of(parts.exposure.book)
    for name, array in (*ends.items(), *parts.copies.items()):
        row[f"{name}_addr"] = address_of(array)
    row["position_versions_addr"] = address_of(parts.position_versions)
    row["desks_addr"], row["streams_addr"] = address_of(parts.desks), address_of(parts.streams)
    _parts[address_of(gate)] = parts
    return State(me, exit_request, gate, *maps_of(parts.exposure), ids)


def maps_of(exposure: Exposure) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three maps in the order of State. Cold."""
    return exposure.by_intent, exposure.by_order, exposure.by_match


# --- rows by number, in range ----------------------------------------------------------------------------------------


@hot
def ring_at(first_addr, number):
    """RING_END `number` of the rings that start at `first_addr`."""
    return record_at(first_addr + number * RING_BYTES, RING_END)


@hot
def table_at(address):
    """The TABLE_END at `address`."""
    return record_at(address, TABLE_END)


@hot
def desk_at(gate, strategy_id):
    """DESK of a strategy."""
    return record_at(gate["desks_addr"] + strategy_id * DESK_BYTES, DESK)


@hot
def stream_at(gate, session):
    """STREAM of an order_sender."""
    return record_at(gate["streams_addr"] + session * STREAM_BYTES, STREAM)


@hot
def book_of(gate):
    """The BOOK of exposure."""
    return record_at(gate["book_addr"], BOOK)


@hot
def case_of(gate):
    """The CASE that is being decided."""
    return record_at(gate["case_addr"], CASE)


@hot
def is_allowed(gate, strategy_id, instrument_id):
    """1 when the instrument lies in the strategy's universe."""
    return pair_at(book_of(gate), strategy_id, instrument_id)["allowed"]
