"""Two finished records compared, slowly: what a drop copy told, message by message, against our orders and executions."""

import struct

from procs.wire.ouch.plain import OUTBOUND


def fields_of(message: bytes) -> dict:
    kind = chr(message[0])
    pairs = [field.split(":") for field in OUTBOUND[kind].split()]
    values = struct.unpack(">" + "".join(code for _, code in pairs), message[1:])
    return {"kind": kind, **dict(zip((name for name, _ in pairs), values, strict=True))}


def expected_breaks(messages: list[bytes], orders: list[dict], executions: list[dict]) -> set[tuple]:
    """{(kind, reference, match)} of the breaks that stand when everything was told."""
    told = [fields_of(message) for message in messages]
    trades: dict[tuple, dict] = {}
    for row in told:
        if row["kind"] == "E":
            trades[row["match_number"], row["user_ref_num"]] = row  # told again: the last word counts
    ours = {(row["match_number"], row["user_ref_num"]): row for row in executions}
    found = set()
    for key in trades.keys() | ours.keys():
        match, reference = key
        if key not in trades:
            found.add(("execution_not_copied", reference, match))
        elif key not in ours:
            found.add(("execution_not_recorded", reference, match))
        else:
            copied, own = trades[key], ours[key]
            letter = b"A" if own["liquidity"] == "added" else b"R"
            wanted = (own["qty_lots"], own["price_ticks"], letter)
            if (copied["qty_lots"], copied["price_ticks"], copied["liquidity_flag"]) != wanted:
                found.add(("execution_differs", reference, match))
    explained = {reference for _, reference, _ in found}
    own_orders = {row["user_ref_num"]: row for row in orders if row["user_ref_num"]}
    for reference in {row.get("user_ref_num") for row in told if row["kind"] in "AUECJ"} | set(own_orders):
        if reference not in explained:
            kind = _order(reference, told, own_orders.get(reference))
            if kind:
                found.add((kind, reference, 0))
    return found


def _order(reference: int, told: list[dict], own: dict | None) -> str:
    mine = [row for row in told if row.get("user_ref_num") == reference]
    entered = [row for row in mine if row["kind"] in "AU"]
    rejected = any(row["kind"] == "J" for row in mine)
    if not mine:
        return "order_not_copied" if own["venue_order_ref"] or own["cum_lots"] else ""
    if own is None:
        return "" if rejected else "order_not_recorded"
    replaced = any(row["kind"] == "U" and row["orig_user_ref_num"] == reference for row in told)
    seen, executed = set(), 0
    for row in mine:
        if row["kind"] == "E" and row["match_number"] not in seen:
            seen.add(row["match_number"])
            executed += row["qty_lots"]
    size = entered[-1]["qty_lots"] if entered else 0
    canceled = sum(row["qty_lots"] for row in mine if row["kind"] == "C")
    leaves = size - executed - canceled - _carried(entered, told)
    open_lots = 0 if replaced or rejected or leaves <= 0 else leaves
    return "" if (own["closed"], own["leaves_lots"]) == (int(open_lots == 0), open_lots) else "order_differs"


def _carried(entered: list[dict], told: list[dict]) -> int:
    """What the orders before a replacement had executed: its size counts it."""
    carried, row = 0, entered[-1] if entered else None
    while row is not None and row["kind"] == "U":
        original = row["orig_user_ref_num"]
        at, seen = told.index(row), set()
        for other in told[:at]:
            if other["kind"] == "E" and other["user_ref_num"] == original and other["match_number"] not in seen:
                seen.add(other["match_number"])
                carried += other["qty_lots"]
        row = next((held for held in told if held["kind"] in "AU" and held["user_ref_num"] == original), None)
    return carried
