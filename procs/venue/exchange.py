"""Exchange: books, log, ledger, store, tape and desk together, and what follows from every input.

`settle` hands the events of one input on: market data, ledger, and the executions to their owners. Whoever gives an
input first writes the direct answer (accepted, replaced, canceled) and then settles, so that answers come in the order
in which the specification wants them.
"""

import numpy as np

from procs.venue.book import BOOKS, EVENT_EXECUTE, EVENT_EXPIRE
from procs.venue.desk import DESK
from procs.venue.input_log import LOG
from procs.venue.ledger import LEDGERS, ledger_apply
from procs.venue.market_data import DAY_NS, TAPE, tell_event
from procs.venue.store import STORE, store_append
from procs.wire.ouch.accepted import encode_accepted, encode_replaced
from procs.wire.ouch.account_query import encode_account_reply
from procs.wire.ouch.canceled import encode_canceled
from procs.wire.ouch.event import (
    OUCH_ACCEPTED,
    OUCH_CANCELED,
    OUCH_CANCELED_IOC,
    OUCH_EXECUTED,
    OUCH_LIQUIDITY_ADDED,
    OUCH_LIQUIDITY_REMOVED,
    OUCH_MASS_CANCEL_REPLY,
    OUCH_REJECTED,
    OUCH_REPLACED,
)
from procs.wire.ouch.executed import encode_executed
from procs.wire.ouch.mass_cancel import encode_mass_cancel_reply
from procs.wire.ouch.rejected import encode_rejected
from procs.wire.soupbintcp.packet import SOUP_SEQUENCED
from shm.counters import VENUE_FILLS
from shm.instance import count
from shm.int_map import map_remove
from shm.jit import hot
from shm.records.instance_end import INSTANCE_END

EXCHANGE = np.dtype(  # everything that an input can change
    [
        ("me", INSTANCE_END),
        ("books", BOOKS),
        ("log", LOG),
        ("ledger", LEDGERS),
        ("store", STORE),
        ("tape", TAPE),
        ("desk", DESK),
    ]
)


@hot
def user_key(member, user_ref):
    """Key of a member's order number."""
    return (member << 32) | user_ref


@hot
def _encode(message, answer):
    """The kinds that this venue sends; each kind left out is one less to compile."""
    kind = answer["kind"]
    if kind == OUCH_ACCEPTED:
        return encode_accepted(message, 1, answer)
    if kind == OUCH_EXECUTED:
        return encode_executed(message, 1, answer)
    if kind == OUCH_CANCELED:
        return encode_canceled(message, 1, answer)
    if kind == OUCH_REPLACED:
        return encode_replaced(message, 1, answer)
    if kind == OUCH_REJECTED:
        return encode_rejected(message, 1, answer)
    if kind == OUCH_MASS_CANCEL_REPLY:
        return encode_mass_cancel_reply(message, 1, answer)
    return encode_account_reply(message, 1, answer)


@hot
def say(store, desk, member):
    """Append `desk["answer"]` to the member's sequenced stream."""
    size = _encode(desk["message"], desk["answer"])
    desk["message"][0] = SOUP_SEQUENCED
    if size <= 0 or store_append(store, member, desk["words"]["message_addr"], 1 + size) == 0:
        desk["words"]["full"] += 1


@hot
def say_canceled(store, desk, member, user_ref, qty, reason, now_ns):
    """Canceled: `qty` lots left an order."""
    answer = desk["answer"]
    answer["kind"] = OUCH_CANCELED
    answer["venue_ns"] = now_ns % DAY_NS
    answer["user_ref_num"] = user_ref
    answer["qty_lots"] = qty
    answer["reason"] = reason
    say(store, desk, member)


@hot
def _say_executed(store, desk, member, user_ref, event, liquidity):
    answer = desk["answer"]
    answer["kind"] = OUCH_EXECUTED
    answer["venue_ns"] = event["now_ns"] % DAY_NS
    answer["user_ref_num"] = user_ref
    answer["qty_lots"] = event["qty"]
    answer["price_ticks"] = event["price"]
    answer["match_number"] = event["match"]
    answer["liquidity_flag"] = liquidity
    say(store, desk, member)


@hot
def _tell_owners(store, desk, event):
    owner = event["owner"]
    other = event["other_owner"]
    kind = event["kind"]
    if kind == EVENT_EXECUTE and owner > 0:
        _say_executed(store, desk, owner, event["user_ref"], event, OUCH_LIQUIDITY_ADDED)
        if event["left"] == 0:
            map_remove(desk["user_refs"], user_key(owner, event["user_ref"]))
    if kind == EVENT_EXECUTE and other > 0:
        _say_executed(store, desk, other, event["other_user_ref"], event, OUCH_LIQUIDITY_REMOVED)
    if kind == EVENT_EXPIRE and owner > 0:
        say_canceled(store, desk, owner, event["user_ref"], event["qty"], OUCH_CANCELED_IOC, event["now_ns"])


@hot
def settle(exchange):
    """Hand on the events of the last input. Returns their number."""
    books = exchange["books"]
    events = books["words"]["events"]
    fills = 0
    for row in range(events):
        event = books["events"][row]
        tell_event(exchange["tape"], exchange["store"], event)
        fills += ledger_apply(exchange["ledger"], event)
        _tell_owners(exchange["store"], exchange["desk"], event)
    books["words"]["events"] = 0
    if fills > 0:
        count(exchange["me"], VENUE_FILLS, fills)
    return events
