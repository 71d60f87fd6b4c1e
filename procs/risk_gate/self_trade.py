"""Self-trade: cancel the firm's own orders that a refused one would have traded with, where the configuration says so.

The new order is refused either way (decide.py): nothing leaves while one of ours that it would meet may still be alive.
With SELF_TRADE_CANCEL the gate cancels those, and a strategy that quotes again passes once they are gone.
"""

from procs.risk_gate.cancels import cancel_by_gate
from procs.risk_gate.gather import cancel_is_pending
from procs.risk_gate.own_orders import best_slot, would_trade
from procs.risk_gate.rows import ACCOUNT, NO_SLOT, order_at
from procs.risk_gate.state import book_of, case_of
from shm.atomics import record_at
from shm.codes import SELF_TRADE_CANCEL, SIDE_BUY, SIDE_SELL
from shm.instance import stamp
from shm.jit import hot
from shm.records.instance_end import INSTANCE_END

CROSSED_MAX = 16  # own orders cancelled for one refusal; the next one cancels more


@hot
def cancel_crossed(gate, now_ns):
    """After a refusal for self-trade: cancel what it would have met. Caller: with the CASE as it was decided.

    Returns cancels sent.
    """
    case = case_of(gate)
    if record_at(case["firm_addr"], ACCOUNT)["self_trade"] != SELF_TRADE_CANCEL:
        return 0
    book = book_of(gate)
    side = case["side"]
    stamp_ns = stamp(record_at(gate["me_addr"], INSTANCE_END))
    slot = best_slot(record_at(case["instrument_addr"], ACCOUNT), SIDE_SELL if side == SIDE_BUY else SIDE_BUY)
    sent = 0
    looked = 0
    while slot != NO_SLOT and looked < CROSSED_MAX:
        order = order_at(book, slot)
        if would_trade(side, case["price"], order["price_ticks"]) == 0:
            break
        if cancel_is_pending(order, stamp_ns) == 0:
            looked += 1
            sent += cancel_by_gate(gate, order, now_ns, stamp_ns)
        slot = order["worse"]
    return sent
