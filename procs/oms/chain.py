"""Chain: everything that led to one order and came of it, in the order of its stamps. No numba.

```
tick received, tick published, intent decided, gate passed, order published     from the record of the order
what the strategy saw when it decided: the book, its signals, its position      from its journal
journalled, sent: with the bytes that left                                      from order_sender's journal
each answer, cancel and fill, with the position after it                        from its events
```

A step whose stamp nobody took is there without a stamp, and `missing` says so in words: a chain is complete when
nothing is missing.
"""

import sqlite3
from typing import NamedTuple

from procs.oms.errors import NoSuchOrder
from procs.oms.query import NAMED, NAMES, ORDERS, newest_epoch
from procs.oms.states import PASSED
from procs.oms.wire import wire_bytes

REFERENCES = {  # what may stand before the colon: the query that finds the order
    "order": "SELECT order_id FROM {orders} WHERE epoch = ? AND order_id = ?",
    "intent": "SELECT order_id FROM {orders} WHERE epoch = ? AND intent_id = ? ORDER BY kind = '' LIMIT 1",
    "match": "SELECT order_id FROM executions WHERE epoch = ? AND match_number = ? ORDER BY order_id",
    "ref": "SELECT order_id FROM orders WHERE epoch = ? AND user_ref_num = ? ORDER BY order_id",
}


QUOTE = "SELECT * FROM quotes WHERE epoch = ? AND strategy_id = ? AND last_intent_id >= ? ORDER BY last_intent_id"
SEEN = (
    "bid_price_ticks bid_qty_lots ask_price_ticks ask_qty_lots position_lots wanted_bid_ticks wanted_bid_lots"
    " wanted_ask_ticks wanted_ask_lots"
).split()
SIGNALS = (
    "microprice_milli imbalance_1_ppm imbalance_3_ppm imbalance_5_ppm flow_lots volatility_milli arrival_micro"
    " decay_milli"
).split()


class Link(NamedTuple):
    """One step. `stamp_ns` 0: nobody took one. `source` is the journal entry that says it; "" where it is a field."""

    step: str
    stamp_ns: int
    now_ns: int
    details: dict
    source: str


def chain(connection: sqlite3.Connection, order: str, epoch: int | None = None) -> dict:
    """The chain of `order`: an id, or `intent:N`, `match:N`, `ref:N`. Raises NoSuchOrder."""
    epoch, order_id = find(connection, order, epoch)
    row = _order(connection, epoch, order_id)
    decision = _one(
        connection,
        "SELECT * FROM decisions WHERE epoch = ? AND intent_id = ? AND code = 'pass' AND order_id = ?",
        (epoch, row["intent_id"], order_id),
    )
    quote = _one(connection, QUOTE, (epoch, row["strategy_id"], row["intent_id"]))
    if quote is not None and quote["first_intent_id"] > row["intent_id"]:
        quote = None
    events = _events(connection, epoch, order_id)
    links = [*_before_it_left(row, decision, quote), *_sent(connection, row, events), *_after(connection, row, events)]
    replacement = _one(
        connection, "SELECT order_id FROM orders WHERE epoch = ? AND parent_order_id = ?", (epoch, order_id)
    )
    query = "SELECT * FROM breaks WHERE epoch = ? AND order_id = ?"
    return {
        "order": row,
        "replaced_by": replacement["order_id"] if replacement else 0,
        "links": [link._asdict() for link in links],
        "missing": _missing(row, decision, quote, events, links),
        "breaks": [dict(held) for held in connection.execute(query, (epoch, order_id))],
    }


def find(connection: sqlite3.Connection, order: str, epoch: int | None) -> tuple[int, int]:
    """(epoch, order id) of an order as a person names it; without an epoch the newest one that has it."""
    kind, _, number = order.rpartition(":")
    query = REFERENCES.get(kind or "order")
    if query is not None and number.isdecimal() and int(number) < 1 << 63:
        epochs = [epoch or newest_epoch(connection)]
        if epoch == 0:
            epochs = [row[0] for row in connection.execute("SELECT DISTINCT epoch FROM cursors ORDER BY epoch DESC")]
        for held in epochs:
            found = connection.execute(query.format(orders=ORDERS), (held, int(number))).fetchone()
            if found is not None:
                return held, found[0]
    raise NoSuchOrder(
        where="the record" + (f", epoch {epoch}" if epoch else ""),
        expected="an order id, or intent:N, match:N, ref:N, of an order in it",
        found=repr(order),
        do="`quintet orders` lists them; --epoch all looks into every life of the fabric",
    )


def _one(connection, query: str, values: tuple) -> dict | None:
    found = connection.execute(query + " LIMIT 1", values).fetchone()
    return dict(found) if found else None


def _order(connection, epoch: int, order_id: int) -> dict:
    for source in ("orders", ORDERS):
        query = f"SELECT t.*, {NAMED} FROM {source} t {NAMES} WHERE t.epoch = ? AND t.order_id = ?"
        found = _one(connection, query, (epoch, order_id))
        if found is not None:
            return found
    raise NoSuchOrder(where="the record", expected="an order", found=str(order_id), do="`quintet orders` lists them")


def _events(connection, epoch: int, order_id: int) -> list[dict]:
    """Events of an order, with what position_keeper made of those that traded."""
    query = (
        "SELECT e.*, f.fee_micro, f.realised_micro, f.position_lots, f.seq AS fill_seq, f.instance AS keeper,"
        " f.stamp_ns AS fill_stamp_ns"
        " FROM order_events e LEFT JOIN orders o ON o.epoch = e.epoch AND o.order_id = e.order_id"
        " LEFT JOIN fills f ON f.epoch = e.epoch AND f.report_seq = e.report_seq AND f.order_id = e.order_id"
        " AND e.report_seq != 0 AND f.session_id = o.session_id"
        " WHERE e.epoch = ? AND e.order_id = ? ORDER BY e.instance, e.seq"
    )
    return [dict(row) for row in connection.execute(query, (epoch, order_id))]


def _before_it_left(row: dict, decision: dict | None, quote: dict | None) -> list[Link]:
    links = []
    market = {"venue_seq": quote["venue_seq"]} if quote else {}
    if row["recv_stamp_ns"]:
        links.append(Link("tick received", row["recv_stamp_ns"], 0, market, ""))
        links.append(Link("tick published", row["tick_stamp_ns"], 0, {}, ""))
    cause = {"ring": decision["cause_ring"], "intent_seq": decision["cause_seq"]} if decision else {}
    signals = {name: quote[name] for name in SIGNALS} if quote else None
    saw = {name: quote[name] for name in SEEN} if quote else None
    intent = {"intent_id": row["intent_id"], "saw": saw, "signals": signals, **market, **cause}
    source = f"{quote['instance']} {quote['seq']}" if quote else ""
    now_ns = quote["now_ns"] if quote else 0
    links.append(Link("intent decided", row["decide_stamp_ns"], now_ns, intent, source))
    passed = {}
    if decision:
        fields = ("kind", "code", "limits_version", "reference_ticks", "channel_state", "target_intent_id")
        passed = {field: decision[field] for field in fields}
    source = f"{decision['instance']} {decision['seq']}" if decision else ""
    stamp_ns = decision["pass_stamp_ns"] if decision else row["pass_stamp_ns"]
    links.append(Link("gate passed", stamp_ns, decision["now_ns"] if decision else 0, passed, source))
    if row["state"] != PASSED:
        links.append(Link("order published", row["order_stamp_ns"], 0, {}, ""))
    return links


def _bytes_of(connection, row: dict, entry: dict) -> str:
    """The packet that left, as hexadecimal digits; "" where the record does not know the symbol or the original."""
    query = "SELECT user_ref_num FROM orders WHERE epoch = ? AND order_id = ?"
    original = _one(connection, query, (row["epoch"], row["parent_order_id"]))
    if row["instrument"] is None or (row["kind"] == "replace" and original is None):
        return ""
    given = {name: entry[name] for name in ("user_ref_num", "qty_lots", "price_ticks")}
    given |= {"side": row["side"], "short": row["short"], "tif": row["tif"], "symbol": row["instrument"]}
    return wire_bytes(row["kind"], given | {"orig_user_ref_num": original["user_ref_num"] if original else 0}).hex()


def _sent(connection, row: dict, events: list[dict]) -> list[Link]:
    """The entry that went out, if one did."""
    links = []
    if row["sent_stamp_ns"]:
        entry = next((event for event in events if event["kind"] in ("new_sent", "replace_sent")), None)
        source = f"{entry['instance']} {entry['seq']}" if entry else ""
        details = {field: row[field] for field in ("kind", "user_ref_num", "parent_order_id", "side", "short", "tif")}
        if entry:
            details |= {field: entry[field] for field in ("qty_lots", "price_ticks")}
        links.append(Link("journalled", row["sent_stamp_ns"], row["first_ns"], details, source))
    if row["send_stamp_ns"]:
        details = {"user_ref_num": row["user_ref_num"], "bytes": _bytes_of(connection, row, entry) if entry else ""}
        links.append(Link("sent", row["send_stamp_ns"], 0, details, ""))
    return links


EVENT_FIELDS = (
    "state pending reason price_ticks qty_lots leaves_lots cum_lots intent_id user_ref_num venue_order_ref match_number"
    " report_seq venue_seq venue_ns fee_micro realised_micro position_lots"
).split()


def _after(connection, row: dict, events: list[dict]) -> list[Link]:
    """What came of it: answers by the time they were received, what we did by the time it was journalled."""
    links = []
    for event in events:
        if event["kind"] in ("new_sent", "replace_sent"):
            continue
        details = {field: event[field] for field in EVENT_FIELDS if event[field] is not None}
        stamp_ns = event["ack_stamp_ns"] if event["venue_seq"] else event["stamp_ns"]
        source = f"{event['instance']} {event['seq']}"
        links.append(Link(event["kind"].replace("_", " "), stamp_ns, event["now_ns"], details, source))
        if event["fill_seq"] is not None:
            fields = ("fee_micro", "realised_micro", "position_lots")
            details = {field: event[field] for field in fields}
            source = f"{event['keeper']} {event['fill_seq']}"
            links.append(Link("position kept", event["fill_stamp_ns"], event["now_ns"], details, source))
    return links


def _missing(row: dict, decision: dict | None, quote: dict | None, events: list[dict], links: list[Link]) -> list[str]:
    """What a whole chain would have and this one has not: each a sentence."""
    said = []
    if quote is None:
        said.append("the strategy's journal does not have what it saw when it decided")
    if decision is None:
        said.append("risk_gate's journal has no decision that passed it")
    if row["state"] == PASSED:
        said.append("order_sender's journal does not have it: it did not leave the gate, or is on its way")
    elif not row["sent_stamp_ns"] and row["state"] != "expired":
        said.append("no entry says that it was sent")
    answered = [event for event in events if event["report_seq"]]
    if row["sent_stamp_ns"] and not answered:
        said.append("nothing has answered it yet")
    elif answered and answered[0]["venue_seq"] and not row["send_stamp_ns"]:
        said.append("the venue answered, and nobody stamped its sending")
    for event in events:
        if event["kind"] in ("executed", "broken", "corrected") and event["fill_seq"] is None:
            said.append(f"position_keeper's journal does not have match {event['match_number']}")
    for link in links:
        optional = link.step in ("tick received", "tick published") or link.details.get("code") == ""
        if not link.stamp_ns and not optional:
            said.append(f"{link.step}: no stamp")
    if not row["closed"] and row["state"] != PASSED and answered and row["state"] == "unknown":
        said.append("its fate is unknown: the session was lost before an answer")
    return said
