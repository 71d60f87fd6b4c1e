"""Rows: the private records that exposure is kept in, and how hot code finds them.

```
orders      ORDER_SLOT each; `places` lists the open slots first, then the free ones; two maps find a slot
accounts    ACCOUNT for each instrument, each strategy and the firm: one row holds sums, flow, limits and rules, so that
            a check finds all of a scope in neighbouring cache lines                    (row number as in `limits`)
memories    MEMORY of each strategy and the firm: last new orders, executions and what the venue refused, for what
            counts in short windows; the firm's has the last alone
pairs       HOLDING of one strategy in one instrument                    (row = strategy_id * instruments + instrument)
scales      SCALE of each instrument: the row of `greeks` that its lots count by                         (portfolio.py)
sums        SUMS of each instrument as an underlying: Greeks of all that has it                          (portfolio.py)
fills       FILL_SLOT of the last executions, found by match number when the venue corrects one
```

Positions and open lots are kept for instruments and pairs. Values are kept for all: an instrument's and a pair's at its
own mark, a strategy's as the sum over its pairs, the firm's as the sum over instruments. Lines are 64 bytes, aligned.
"""

from typing import NamedTuple

import numpy as np

from shm.atomics import address_of, record_at
from shm.int_map import int_map
from shm.jit import hot
from shm.records.instrument import BANDS_MAX
from shm.records.limits import LIMITS

NO_SLOT = -1
PASS_RING = 1 << 16  # passes remembered by a strategy and the firm; a greater rate limit counts as this one. 2 MiB
PASS_RING_INSTRUMENT = 1 << 10  # by an instrument; more than these in one burst window are refused. 32 KiB
SAME_RING = 1 << 12  # new orders remembered by content for each strategy; more in one window are refused. 256 KiB
BUCKETS = 2 * SAME_RING
FILL_RING = 1 << 12  # executions remembered for each strategy; more in one window are a burst. 256 KiB
REJECT_RING = 1 << 10  # orders that the venue refused, remembered by a strategy and the firm: a full one is a breach
FILLS = 1 << 14  # executions that can be corrected or broken by number; an older one is a difference with the keeper

LINE = 8  # words


def _words(names: tuple[str, ...], lines: int) -> list[tuple[str, str]]:
    """Named int64 words, filled up to whole lines."""
    assert len(names) <= lines * LINE
    return [(name, "<i8") for name in (*names, *(f"_{names[0]}_{k}" for k in range(lines * LINE - len(names))))]


ORDER_SLOT = np.dtype(
    _words(
        (
            *("order_id", "intent_id", "instrument_id", "strategy_id", "side", "leaves_lots", "value", "price_ticks"),
            *("qty_lots", "cum_lots", "session_id"),
            *("parent", "child"),  # slots of the family, or NO_SLOT
            "alive",  # 1 once the venue acknowledged it
            "cancelling",  # 1 while a cancel is on its way
            "cancel_stamp_ns",  # latency time of the last cancel passed
            "reducing",  # 1 while a reduce is on its way
            "reduce_stamp_ns",  # latency time of the last reduce passed
            "incarnation",  # of the strategy that wanted it; -1 adopted: nobody here did
            "place",  # index in `places`
            *("better", "worse"),  # slots of the next own orders of its side by price, or NO_SLOT
            "short",  # 1 for a sale that is marked short
        ),
        3,
    )
)
HELD_WORDS = (
    *("position", "open_buy", "open_sell", "orders"),
    *("value", "value_buy", "value_sell"),  # of the position, and of open orders; firm's currency
    "mark",  # price ticks that the position is valued at; 0 before the first
    "gross",  # worst case of the values; for strategies and the firm the sum of their parts
    "seen_seq",  # pairs: last report about this row
    "fill_seq",  # pairs: last report that moved its position
)
OWN_WORDS = (  # what an account keeps in the rest of these lines, where checks that nobody limits find that in one word
    *("luld_low", "luld_high"),  # instruments: the venue's price band; 0 and PRICE_NEVER where there is none
    "underlying",  # instruments: whose limits of Greeks hold
    "equity",  # instruments: 1 where a sale of what is not held is a short sale by Reg SHO
    "watched",  # 1 when it limits Greeks (of the underlying), loss or drawdown (strategy, firm)
)
HOLDING_WORDS = _words((*HELD_WORDS, "allowed"), 2)  # pairs: 1 when the instrument lies in the strategy's universe
ACCOUNT_WORDS = _words(HELD_WORDS + OWN_WORDS, 2)
FLOW_WORDS = _words(
    (
        *("pass_count", "pass_tail", "pass_addr", "pass_mask"),  # PASS_SLOT ring of new orders and replaces
        *("lots_total", "value_total"),  # entered so far
        *("lots_tail", "value_tail"),  # entered before pass `pass_tail`
        *("message_count", "cancel_count"),  # all messages; cancels and reduces
        *("message_addr", "cancel_addr", "time_mask"),  # int64 rings of their logic times; 0 where none is kept
        "executions",
        *("limits_seen", "limits_code"),  # version of the copy below; PASS when it may be used
    ),
    2,
)
RULE_WORDS = _words(
    (
        *("price_max", "lot", "unit", "unit_room", "channel_id", "session_id", "rules_seen", "rules_code"),
        *("band_from_1", "band_from_2", "band_from_3"),  # the first band starts at 0; PRICE_NEVER: not used
        *("band_tick_0", "band_tick_1", "band_tick_2", "band_tick_3"),
        "newest_ns",  # firm: latest logic time by which passes were let go
    ),
    2,
)
GUARD_WORDS = _words(
    (
        *("own_bid", "own_ask"),  # instruments: 1 + slot of the firm's best open order of a side; 0 none
        *("own_bid_price", "own_ask_price"),  # its price ticks
        "executions_counted",  # strategies: since a person last let it go on
        "held",  # HELD_*, OR-ed: it waits for a person
        "burst_until_ns",  # logic time until which nothing new passes after a burst of executions
        "memory_addr",
    ),
    1,
)
RISK_WORDS = _words(
    (
        *("pnl", "drawdown", "risk_stale", "risk_now_ns", "risk_seen", "risk_code"),  # losses.py
        *("burst_limit", "burst_found"),  # strategies: what the last burst of executions broke
    ),
    1,
)
LIMIT_WORDS = [(name, *LIMITS.fields[name][0].subdtype) if LIMITS.fields[name][0].subdtype else (name, "<i8")
               for name in LIMITS.names]  # fmt: skip
HOLDING = np.dtype(HOLDING_WORDS)
ACCOUNT = np.dtype(ACCOUNT_WORDS + LIMIT_WORDS + FLOW_WORDS + RULE_WORDS + RISK_WORDS + GUARD_WORDS)
LIMITS_OFFSET = HOLDING.itemsize
SCALE = np.dtype(
    _words(
        (
            *("delta", "gamma", "vega"),  # micro-units of one lot held long
            "now_ns",  # age of the row's inputs
            "underlying",  # whose sums it counts in
            "standing",  # SCALE_* (portfolio.py)
            "room",  # so many lots of position or of one side count exactly
            "seen",  # version of the row of `greeks`
        ),
        1,
    )
)
SUMS = np.dtype(
    _words(
        (
            *("delta", "delta_up", "delta_down"),  # of positions; what open orders may add, and take off at most
            *("gamma", "gamma_up", "gamma_down"),
            *("vega", "vega_up", "vega_down"),
            "unknown",  # instruments that are held or have open orders, and no scale
        ),
        2,
    )
)
PASS_SLOT = np.dtype(_words(("now_ns", "lots_before", "value_before"), 1)[:4])
MEMORY = np.dtype(
    _words(
        (
            *("same_count", "same_addr", "buckets_addr"),  # SAME_SLOT ring, int64 ring of 1 + number of the newest
            *("fill_count", "fill_first", "fill_addr"),  # FILL_PASS ring; the window begins at number fill_first
            *("fill_lots", "long_delta", "short_delta", "long_vega", "short_vega"),  # sums of all executions
            *("reject_count", "reject_first", "reject_addr"),  # int64 ring of times; forgiven before reject_first
            "rejects_found",  # in the window when it was too many
        ),
        2,
    )
)
SAME_SLOT = np.dtype(_words(("now_ns", "instrument_id", "side", "price", "qty", "earlier"), 1))
FILL_PASS = np.dtype(
    _words(
        (
            *("now_ns", "lots_before", "long_delta_before", "short_delta_before"),
            *("long_vega_before", "short_vega_before"),
        ),
        1,
    )
)
FILL_SLOT = np.dtype([("key", "<i8"), ("lots", "<i8")])
WORD = np.dtype([("value", "<i8")])  # one element of a private int64 array
BOOK = np.dtype(
    [
        (name, "<i8")
        for name in (
            *("slots_addr", "places_addr", "accounts_addr", "pairs_addr", "fills_addr", "scales_addr", "sums_addr"),
            *("slots", "instruments", "strategies"),  # how many of each
            "open_count",  # open orders: the first so many of `places`
            "fill_count",  # executions seen
        )
    ]
)
SLOT_BYTES, HOLDING_BYTES, ACCOUNT_BYTES = ORDER_SLOT.itemsize, HOLDING.itemsize, ACCOUNT.itemsize
PASS_BYTES, FILL_BYTES = PASS_SLOT.itemsize, FILL_SLOT.itemsize
SAME_BYTES, FILL_PASS_BYTES = SAME_SLOT.itemsize, FILL_PASS.itemsize
SCALE_BYTES, SUMS_BYTES = SCALE.itemsize, SUMS.itemsize

assert ACCOUNT.fields["open_orders_max"][1] == LIMITS_OFFSET and ACCOUNT.fields["reserved"][0].itemsize == 40
assert all(ACCOUNT.fields[name][1] - LIMITS_OFFSET == LIMITS.fields[name][1] for name in LIMITS.names)
assert all(ACCOUNT.fields[name][1] == HOLDING.fields[name][1] for name in HELD_WORDS)
assert all(dtype.itemsize % 64 == 0 for dtype in (ORDER_SLOT, HOLDING, ACCOUNT, MEMORY, SCALE, SUMS))
assert BANDS_MAX == 4


class Exposure(NamedTuple):
    """Private arrays of the gate, for cold code; `book` names their addresses to hot code."""

    book: np.ndarray  # BOOK[1]
    by_intent: np.ndarray  # IntMap intent_id -> slot
    by_order: np.ndarray  # IntMap order_id -> slot
    by_match: np.ndarray  # IntMap match number and side -> fill slot
    slots: np.ndarray  # ORDER_SLOT[n]
    places: np.ndarray  # int64[n], a permutation of the slots: open ones first
    accounts: np.ndarray  # ACCOUNT[instruments + strategies + 1]; the last of the strategies is the house
    pairs: np.ndarray  # HOLDING[strategies * instruments]
    fills: np.ndarray  # FILL_SLOT[FILLS]
    memories: np.ndarray  # MEMORY[strategies + 1]
    scales: np.ndarray  # SCALE[instruments]
    sums: np.ndarray  # SUMS[instruments]
    rings: tuple[np.ndarray, ...]  # what the accounts' flows and the memories point to

    @property
    def instruments(self) -> np.ndarray:
        """ACCOUNT rows of the instruments."""
        return self.accounts[: int(self.book[0]["instruments"])]

    @property
    def strategies(self) -> np.ndarray:
        """ACCOUNT rows of the strategies."""
        return self.accounts[int(self.book[0]["instruments"]) : -1]

    @property
    def firm(self) -> np.ndarray:
        """The firm's ACCOUNT row."""
        return self.accounts[-1:]


def aligned(count: int, dtype: np.dtype) -> np.ndarray:
    """Zeroed records that start at a cache line."""
    memory = np.zeros(count * dtype.itemsize + 64, np.uint8)
    start = -address_of(memory) % 64
    return memory[start : start + count * dtype.itemsize].view(dtype)


def new_exposure(slots: int, strategies: int, traded: np.ndarray) -> Exposure:
    """Everything flat and empty. `slots` is the greatest number of orders that can be open at once. Keep it alive.

    `strategies` counts the house too. `traded` says of each instrument whether any strategy may trade it; the others
    share one ring that nothing enters.
    """
    instruments, desks = len(traded), strategies + 1
    passes = np.zeros((desks, PASS_RING), PASS_SLOT)
    few = np.zeros((int(np.count_nonzero(traded)) + 1, PASS_RING_INSTRUMENT), PASS_SLOT)
    own_ring = np.where(traded, np.cumsum(traded) - 1, len(few) - 1)
    times = np.zeros((2, desks, PASS_RING), np.int64)
    same, buckets = np.zeros((strategies, SAME_RING), SAME_SLOT), np.zeros((strategies, BUCKETS), np.int64)
    executed = np.zeros((strategies, FILL_RING), FILL_PASS)
    refused = np.zeros((desks, REJECT_RING), np.int64)
    exposure = Exposure(
        book=np.zeros(1, BOOK),
        by_intent=int_map(slots),
        by_order=int_map(slots),
        by_match=int_map(FILLS),
        slots=aligned(slots, ORDER_SLOT),
        places=np.arange(slots, dtype=np.int64),
        accounts=aligned(instruments + desks, ACCOUNT),
        pairs=aligned(strategies * instruments, HOLDING),
        fills=np.zeros(FILLS, FILL_SLOT),
        memories=aligned(desks, MEMORY),
        scales=aligned(instruments, SCALE),
        sums=aligned(instruments, SUMS),
        rings=(passes, few, times, same, buckets, executed, refused),
    )
    exposure.slots["place"] = exposure.places
    exposure.scales["underlying"] = exposure.accounts["underlying"][:instruments] = np.arange(instruments)
    exposure.accounts["pass_addr"] = [address_of(ring) for ring in (*(few[row] for row in own_ring), *passes)]
    exposure.accounts["pass_mask"][:instruments] = PASS_RING_INSTRUMENT - 1
    exposure.accounts["pass_mask"][instruments:] = exposure.accounts["time_mask"][instruments:] = PASS_RING - 1
    exposure.accounts["message_addr"][instruments:] = [address_of(ring) for ring in times[0]]
    exposure.accounts["cancel_addr"][instruments:] = [address_of(ring) for ring in times[1]]
    for name, rows in (("same", same), ("buckets", buckets), ("fill", executed)):
        exposure.memories[f"{name}_addr"][:strategies] = [address_of(row) for row in rows]
    exposure.memories["reject_addr"] = [address_of(row) for row in refused]
    memories = [address_of(exposure.memories[row : row + 1]) for row in range(desks)]
    exposure.accounts["memory_addr"][instruments:] = memories
    book = exposure.book[0]
    for name in ("slots", "places", "accounts", "pairs", "fills", "scales", "sums"):
        book[f"{name}_addr"] = address_of(getattr(exposure, name))
    book["slots"], book["strategies"], book["instruments"] = slots, strategies, instruments
    return exposure


@hot
def word_at(first_addr, index):
    """Element `index` of the private int64 array at `first_addr`, as a record with a `value`."""
    return record_at(first_addr + index * 8, WORD)


@hot
def order_at(book, slot):
    """ORDER_SLOT `slot`, in range."""
    return record_at(book["slots_addr"] + slot * SLOT_BYTES, ORDER_SLOT)


@hot
def open_slot(book, place):
    """Slot of the `place`-th open order."""
    return word_at(book["places_addr"], place)["value"]


@hot
def account_at(book, row):
    """ACCOUNT `row`, in range: instruments, then strategies, then the firm."""
    return record_at(book["accounts_addr"] + row * ACCOUNT_BYTES, ACCOUNT)


@hot
def holding_at(book, row):
    """The HOLDING that ACCOUNT `row` starts with."""
    return record_at(book["accounts_addr"] + row * ACCOUNT_BYTES, HOLDING)


@hot
def pair_at(book, strategy_id, instrument_id):
    """HOLDING of a strategy in an instrument, in range."""
    row = strategy_id * book["instruments"] + instrument_id
    return record_at(book["pairs_addr"] + row * HOLDING_BYTES, HOLDING)
