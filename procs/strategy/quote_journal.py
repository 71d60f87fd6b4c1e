"""Quote journal: what a decision saw and wanted, for the record. Written behind its intents, so it costs them nothing.

A decision without intents leaves no entry. When the journal has no room the decision stands and is counted: what only
explains trading must not stop it.
"""

from shm.atomics import record_at
from shm.codes import JOURNAL_QUOTE
from shm.counters import STRATEGY_UNRECORDED
from shm.instance import count
from shm.jit import hot
from shm.journal import journal_claim, journal_commit
from shm.records.intent import INTENT
from shm.records.quote import QUOTE

QUOTE_BYTES = QUOTE.itemsize


@hot
def _intent_at(end, sequence):
    return record_at(end["slots_addr"] + (sequence & end["mask"]) * end["slot_bytes"], INTENT)


@hot
def _note_why(quote, mark, view):
    quote["venue_seq"] = mark["seen_seq"]
    quote["cause_seq"] = mark["cause_seq"]
    quote["cause_ring"] = mark["cause_ring"]
    quote["position_lots"] = view["position_lots"]
    quote["bid_price_ticks"] = view["bid_price_ticks"]
    quote["bid_qty_lots"] = view["bid_qty_lots"]
    quote["ask_price_ticks"] = view["ask_price_ticks"]
    quote["ask_qty_lots"] = view["ask_qty_lots"]
    quote["microprice_milli"] = view["microprice_milli"]
    quote["imbalance_1_ppm"] = view["imbalance_1_ppm"]
    quote["imbalance_3_ppm"] = view["imbalance_3_ppm"]
    quote["imbalance_5_ppm"] = view["imbalance_5_ppm"]
    quote["flow_lots"] = view["flow_lots"]
    quote["volatility_milli"] = view["volatility_milli"]
    quote["arrival_micro"] = view["arrival_micro"]
    quote["decay_milli"] = view["decay_milli"]


@hot
def journal_quote(me, journal, end, parts, mark, view, out, now_ns):
    """Journal a decision, whose `parts` intents are the newest in the ring of `end`. Caller: once they are out."""
    address = journal_claim(journal)
    if address == 0:
        count(me, STRATEGY_UNRECORDED, 1)
        return
    quote = record_at(address, QUOTE)
    first = _intent_at(end, end["next_seq"] - parts)
    quote["first_intent_id"] = first["intent_id"]
    quote["last_intent_id"] = _intent_at(end, end["next_seq"] - 1)["intent_id"]
    quote["strategy_id"] = first["strategy_id"]
    quote["instrument_id"] = first["instrument_id"]
    quote["now_ns"] = now_ns
    stamp_ns = first["decide_stamp_ns"]
    quote["decide_stamp_ns"] = stamp_ns
    _note_why(quote, mark, view)
    quote["wanted_bid_ticks"] = out["bid_price_ticks"]
    quote["wanted_bid_lots"] = out["bid_qty_lots"]
    quote["wanted_ask_ticks"] = out["ask_price_ticks"]
    quote["wanted_ask_lots"] = out["ask_qty_lots"]
    quote["reserved"] = 0
    journal_commit(journal, JOURNAL_QUOTE, QUOTE_BYTES, stamp_ns, now_ns)
