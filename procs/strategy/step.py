"""The strategy step without the strategy: gather inputs, and keep the list of instruments to look at.

`step` itself is generated (generate.py): gather, then for each dirty instrument look (look.py), the model's `quote`,
act (act.py); then settle. An instrument is dirty when a tick, report or reject named it, when its action could not be
sent, when its parameters changed, and at least every `refresh_ms`. The newest depth decides, so a burst of ticks costs
one decision.

Restart: no order is carried over (risk_gate cancelled those of the earlier life), `ticks` goes to its newest record,
and reports of earlier orders change the position and nothing else.
"""

import numpy as np

from procs.strategy.live_params import take_params
from procs.strategy.markout import HORIZONS, MARKOUT, add_fill
from procs.strategy.queue_position import EVENT, EVENTS, event_of, pass_event
from procs.strategy.requests import take_requests
from procs.strategy.signals.flow import add_trade
from procs.strategy.signals.intensity import reach_trade
from procs.strategy.slot import FOREIGN, RESTS, first_slot, on_reject, on_report
from shm.atomics import record_at
from shm.codes import (
    EXIT_CATCH_UP,
    REPORT_BROKEN,
    REPORT_CORRECTED,
    REPORT_EXECUTED,
    SIDE_BUY,
    SIDE_SELL,
    TICK_EXECUTE,
    TICK_FRESH,
    TICK_RESYNC,
    TICK_STALE,
    TICK_TRADE,
)
from shm.counters import STRATEGY_FOREIGN, STRATEGY_REJECTS, STRATEGY_REPORTS, STRATEGY_RESYNCS, STRATEGY_TICKS
from shm.failpoint import failpoint
from shm.failpoints import FP_STRATEGY_REPORT_APPLIED
from shm.instance import count, record_span, stamp
from shm.jit import hot
from shm.records.reject import REJECT
from shm.records.report import REPORT
from shm.records.tick import TICK, TICK_FLAG_LAST
from shm.ring import ring_advance, ring_is_behind, ring_peek, ring_release

BATCH_MAX = 256  # records of one ring in one step: about 10 us, and a decision is never later than that
NEVER_NS = 1 << 62
CATCH_UP_EVERY_NS = 1_000_000
MIDWAY_NS_MAX = 1_000_000  # a datagram that does not end is a dead feed_handler: decide on what there is
EVENT_BYTES = EVENT.itemsize
MARKOUT_BYTES = MARKOUT.itemsize

HOP_REJECT, HOP_REPORT, HOP_TICK = 0, 1, 2
HISTOGRAMS = ("risk_gate->strategy", "order_sender->strategy", "feed_handler->strategy")


# --- the list ------------------------------------------------------------------------------------------------------


@hot
def touch(state, row):
    """Mark instrument `row` dirty."""
    mark = state.marks[row]
    if mark["dirty"] == 0:
        mark["dirty"] = 1
        desk = state.desk[0]
        state.dirty[desk["dirty_count"]] = row
        desk["dirty_count"] += 1


@hot
def touch_all(state):
    """Mark every instrument of the universe dirty."""
    for row in range(len(state.rules)):
        if state.rules[row]["in_universe"] == 1:
            touch(state, row)


@hot
def settle(state):
    """Keep on the dirty list what could not be sent; the next step looks at it again."""
    kept = 0
    desk = state.desk[0]
    for k in range(desk["dirty_count"]):
        row = state.dirty[k]
        if state.marks[row]["dirty"] == 1:
            state.dirty[kept] = row
            kept += 1
    desk["dirty_count"] = kept


# --- answers to our orders -----------------------------------------------------------------------------------------


@hot
def _ours(rows, instrument_id, side):
    # a record's instrument and side are none of ours: no row, no slot
    return 0 <= instrument_id < rows and (side == SIDE_BUY or side == SIDE_SELL)


@hot
def span_of(mark, side):
    """Slots of a side that may be in use: those behind are free."""
    return mark["bid_span"] if side == SIDE_BUY else mark["ask_span"]


@hot
def _take_reject(state, reject, now_ns):
    """Returns the instrument, or -1 when the reject is not about one of ours."""
    row, side = np.int64(reject["instrument_id"]), np.int64(reject["side"])
    if not _ours(len(state.rules), row, side):
        return -1
    first = first_slot(row, side)
    for k in range(first, first + span_of(state.marks[row], side)):
        if (
            on_reject(state.slots[k], reject["intent_id"], np.int64(reject["code"]), state.rules[row], now_ns)
            != FOREIGN
        ):
            break
    return row


@hot
def _take_rejects(state, ring, now_ns):
    end = state.rejects[ring]
    taken = 0
    while taken < BATCH_MAX:
        address = ring_peek(end)
        if address == 0:
            break
        reject = record_at(address, REJECT)
        record_span(state.me[0], HOP_REJECT, stamp(state.me[0]) - reject["publish_stamp_ns"])
        row = _take_reject(state, reject, now_ns)
        if row >= 0:
            state.marks[row]["cause_ring"] = ring
            state.marks[row]["cause_seq"] = end["next_seq"]
            touch(state, row)
        ring_advance(end)
        taken += 1
    if taken > 0:
        ring_release(end)
        count(state.me[0], STRATEGY_REJECTS, taken)
    return taken


@hot
def _find_in_queue(state, row, side, k):
    # the ticks of the order that rests now may be gone by: go through those that are kept
    mark = state.marks[row]
    events_addr = state.desk[0]["events_addr"] + row * EVENTS * EVENT_BYTES
    for number in range(max(0, mark["events"] - EVENTS), mark["events"]):
        event = record_at(events_addr + number % EVENTS * EVENT_BYTES, EVENT)
        if event["side"] == side:
            pass_event(state.slots, k, 1, event)


@hot
def _note_fill(state, row, signed_lots, now_ns):
    mid2, unit_micro = state.marks[row]["mid2"], state.rules[row]["unit_micro"]
    state.marks[row]["unmarked"] = 1
    for horizon in range(HORIZONS):
        markout = record_at(state.desk[0]["markouts_addr"] + (row * HORIZONS + horizon) * MARKOUT_BYTES, MARKOUT)
        add_fill(state.me[0], markout, horizon, signed_lots, mid2, unit_micro, now_ns)


@hot
def _move_position(state, row, report, now_ns):
    kind = report["kind"]
    mark = state.marks[row]
    if report["report_seq"] <= mark["position_seq"]:
        return
    mark["position_seq"] = report["report_seq"]
    if kind != REPORT_EXECUTED and kind != REPORT_BROKEN:
        return
    bought = (report["side"] == SIDE_BUY) == (kind == REPORT_EXECUTED)
    signed_lots = report["qty_lots"] if bought else -report["qty_lots"]
    state.views[row]["position_lots"] += signed_lots
    if kind == REPORT_EXECUTED:
        _note_fill(state, row, signed_lots, now_ns)


@hot
def apply_report(state, ring, report, ring_seq, now_ns):
    """Apply one REPORT of reports ring `ring`: our position, then the order. A report_seq seen before is ignored.

    REPORT_CORRECTED moves no order; position_keeper's row brings what it did to the position.
    """
    if report["report_seq"] <= state.applied_seq[ring]:
        return
    state.applied_seq[ring] = report["report_seq"]
    row, side = np.int64(report["instrument_id"]), np.int64(report["side"])
    if not _ours(len(state.rules), row, side) or report["strategy_id"] != state.desk[0]["strategy_id"]:
        return
    kind = report["kind"]
    mark = state.marks[row]
    if kind != REPORT_CORRECTED:
        _move_position(state, row, report, now_ns)
    if kind != REPORT_BROKEN and kind != REPORT_CORRECTED:
        known = FOREIGN
        first = first_slot(row, side)
        for k in range(first, first + span_of(mark, side)):
            known = on_report(state.slots[k], report, state.rules[row], now_ns)
            if known == RESTS:
                _find_in_queue(state, row, side, k)
            if known != FOREIGN:
                break
        if known == FOREIGN:
            count(state.me[0], STRATEGY_FOREIGN, 1)
    mark["cause_ring"] = len(state.rejects) + ring
    mark["cause_seq"] = ring_seq
    touch(state, row)


@hot
def apply_reports(state, ring, reports, times_ns):
    """Apply REPORT records of a journal in order, each at its logic time. Cold: a day of them in one call."""
    for row in range(len(reports)):
        apply_report(state, ring, reports[row], 0, times_ns[row])


@hot
def _ask_for_journal(state):
    # the reports that did not fit are in order_sender's journal, and it needs a step to see that we read them
    desk = state.desk[0]
    at_ns = stamp(state.me[0])
    if at_ns - desk["caught_up_stamp"] > CATCH_UP_EVERY_NS:
        desk["caught_up_stamp"] = at_ns
        state.exit_request[0] = EXIT_CATCH_UP


@hot
def _take_reports(state, ring, now_ns):
    end = state.reports[ring]
    taken = 0
    while taken < BATCH_MAX:
        address = ring_peek(end)
        if address == 0:
            break
        report = record_at(address, REPORT)
        record_span(state.me[0], HOP_REPORT, stamp(state.me[0]) - report["publish_stamp_ns"])
        apply_report(state, ring, report, end["next_seq"], now_ns)
        failpoint(FP_STRATEGY_REPORT_APPLIED)
        ring_advance(end)
        taken += 1
    if taken > 0:
        ring_release(end)
        count(state.me[0], STRATEGY_REPORTS, taken)
    elif ring_is_behind(end) != 0:
        _ask_for_journal(state)
    return taken


# --- market data ---------------------------------------------------------------------------------------------------


@hot
def _channel_tick(state, row, fresh):
    # the tick names one instrument of the channel, or none: a gap makes the whole channel stale
    channel = state.rules[row]["channel_id"] if row >= 0 else -1
    for other in range(len(state.rules)):
        if channel < 0 or state.rules[other]["channel_id"] == channel:
            state.marks[other]["fresh"] = fresh
            if state.rules[other]["in_universe"] == 1:
                touch(state, other)


@hot
def _take_trade(signals, view, tick, rules, now_ns):
    view["last_price_ticks"] = tick["price_ticks"]
    view["last_qty_lots"] = tick["qty_lots"]
    view["last_side"] = tick["side"]
    view["traded_lots"] += tick["qty_lots"]
    side = np.int64(tick["side"])
    add_trade(signals, side, tick["qty_lots"], now_ns, rules["flow_halflife_ns"])
    reach_trade(signals, side, tick["price_ticks"], signals["cell_mid2"], rules["quote_tick_ticks"])


@hot
def _take_event(state, row, tick):
    # what the tick did to the queues that our orders stand in
    mark = state.marks[row]
    mark["seen_seq"] = tick["venue_seq"]
    address = state.desk[0]["events_addr"] + (row * EVENTS + mark["events"] % EVENTS) * EVENT_BYTES
    event = record_at(address, EVENT)
    if event_of(event, tick) == 0:
        return
    mark["events"] += 1
    if event["joined_lots"] > 0:
        mark["last_ref"] = max(mark["last_ref"], event["order_ref"])
    span = span_of(mark, event["side"])
    if span > 0 and (event["side"] == SIDE_BUY or event["side"] == SIDE_SELL):
        pass_event(state.slots, first_slot(row, event["side"]), span, event)


@hot
def _take_tick(state, tick, ring, seq, now_ns):
    row = np.int64(tick["instrument_id"])
    if row >= len(state.rules):
        return
    kind = tick["kind"]
    if kind == TICK_STALE or kind == TICK_FRESH:
        _channel_tick(state, row, 1 if kind == TICK_FRESH else 0)
        return
    if row < 0:
        return
    view = state.views[row]
    view["ticks"] += 1
    view["tick_kind"] = kind
    if kind == TICK_EXECUTE or kind == TICK_TRADE:
        _take_trade(state.signals[row], view, tick, state.rules[row], now_ns)
    elif kind == TICK_RESYNC:
        count(state.me[0], STRATEGY_RESYNCS, 1)
    _take_event(state, row, tick)
    mark = state.marks[row]
    if mark["recv_stamp_ns"] == 0:
        mark["recv_stamp_ns"] = tick["recv_stamp_ns"]
        mark["tick_stamp_ns"] = tick["publish_stamp_ns"]
    mark["cause_ring"] = ring
    mark["cause_seq"] = seq
    if state.rules[row]["in_universe"] == 1:
        touch(state, row)


@hot
def _take_ticks(state, ring, now_ns):
    end = state.ticks[ring]
    taken = 0
    midway = False
    while taken < BATCH_MAX:
        address = ring_peek(end)
        if address == 0:
            break
        tick = record_at(address, TICK)
        record_span(state.me[0], HOP_TICK, stamp(state.me[0]) - tick["publish_stamp_ns"])
        _take_tick(state, tick, len(state.rejects) + len(state.reports) + ring, end["next_seq"], now_ns)
        midway = (np.int64(tick["flags"]) & TICK_FLAG_LAST) == 0
        ring_advance(end)
        taken += 1
    if taken > 0:
        ring_release(end)
        count(state.me[0], STRATEGY_TICKS, taken)
        _note_midway(state.desk[0], np.int64(1) << ring, midway, now_ns)
    return taken


@hot
def _note_midway(desk, bit, midway, now_ns):
    if not midway:
        desk["midway"] &= ~bit
    elif desk["midway"] & bit == 0:
        desk["midway"] |= bit
        desk["midway_ns"] = now_ns


@hot
def gather(state, now_ns):
    """Consume rejects, reports and ticks, and mark what they touched. Returns the number of records."""
    work = take_params(state)
    if work > 0:
        touch_all(state)
    for ring in range(len(state.rejects)):
        work += _take_rejects(state, ring, now_ns)
    for ring in range(len(state.reports)):
        work += _take_reports(state, ring, now_ns)
    for ring in range(len(state.ticks)):
        work += _take_ticks(state, ring, now_ns)
    if take_requests(state, now_ns) == 1:
        work += 1
        touch_all(state)
    desk = state.desk[0]
    if now_ns >= desk["wake_ns"] or now_ns >= desk["backoff_wake_ns"]:
        if now_ns >= desk["wake_ns"]:
            desk["wake_ns"] = now_ns + desk["refresh_ns"]
        desk["backoff_wake_ns"] = NEVER_NS  # who still waits asks again when it is looked at
        touch_all(state)
    waits = desk["midway"] != 0 and now_ns - desk["midway_ns"] < MIDWAY_NS_MAX
    desk["ready_count"] = 0 if waits else desk["dirty_count"]
    return work
