"""Operator cancel: end every open order of a venue session that an operator's one word names, and no other.

`quintet cancel` stores the word in the control object; this reads it. It needs nobody but order_sender, stops nobody,
and is done once: orders that come later are not meant. What is held or waits in the transmit frame dies here unsent;
for the rest a cancel is journalled and sent, before anything new, or as soon as there is a session. The generation of
the word goes into a counter once all is journalled: a process that dies in between does it again, a later one does not.
"""

from procs.order_sender.desk import control_of, held_of, me_of, row_of
from procs.order_sender.entries import held_addr
from procs.order_sender.entry_journal import journal_own_cancel
from procs.order_sender.life_cycle import is_open
from procs.order_sender.orders import ask_cancel, show
from procs.order_sender.waiting import cancel_waiting
from shm.atomics import record_at
from shm.control import control_cancel_word, word_generation, word_instrument, word_side, word_strategy
from shm.counters import SENDER_ASKED, SENDER_ASKED_ORDERS
from shm.instance import gauge
from shm.jit import hot
from shm.records.order import ORDER


@hot
def names(word, strategy_id, instrument_id, side):
    """1 when the operator's word means an order of this strategy, instrument and side."""
    if word_strategy(word) >= 0 and word_strategy(word) != strategy_id:
        return 0
    if word_instrument(word) >= 0 and word_instrument(word) != instrument_id:
        return 0
    return 1 if word_side(word) == 0 or word_side(word) == side else 0


@hot
def _cancel_held(desk, word):
    """Those that were not entered yet die where they are."""
    asked = 0
    for n in range(desk["held_head"], desk["held_tail"]):
        order = record_at(held_addr(desk, n), ORDER)
        if names(word, int(order["strategy_id"]), int(order["instrument_id"]), int(order["side"])) == 1:
            held_of(desk, n)["cancelled"] = 1
            asked += 1
    return asked


@hot
def _cancel_open(desk, word, now_ns):
    """Those that were entered. Cost: one look at each slot, some 50 us; an operator's word is no part of the path."""
    asked = 0
    for slot in range(desk["slots"]):
        row = row_of(desk, slot)
        if is_open(row["state"]) == 0 or row["cancel_asked"] != 0:
            continue
        if names(word, int(row["strategy_id"]), int(row["instrument_id"]), int(row["side"])) == 0:
            continue
        asked += 1
        if cancel_waiting(desk, slot) == 1:
            continue
        journal_own_cancel(desk, slot, now_ns)
        if ask_cancel(desk, slot) == 1:
            show(desk, slot)
    return asked


@hot
def take_operator_cancel(desk, now_ns):
    """Do what the operator's word says if it is a new one. Returns 1 when it was. Cost: one load a cycle."""
    word = control_cancel_word(control_of(desk), desk["session_id"])
    if word == 0 or word_generation(word) == desk["asked"]:
        return 0
    asked = _cancel_held(desk, word) + _cancel_open(desk, word, now_ns)
    desk["asked"] = word_generation(word)
    gauge(me_of(desk), SENDER_ASKED_ORDERS, asked)
    gauge(me_of(desk), SENDER_ASKED, desk["asked"])
    return 1
