"""`quintet chain ORDER`: from the market event to the position, each step with its distance to the one before."""

import json

from procs.cli.limits_change import changes_of, said_change
from procs.cli.record import epoch_of, fee, named, order_state, price, reason, tell_behind
from procs.cli.text import count, duration
from procs.oms.chain import chain
from procs.oms.store import open_reader
from procs.runtime.paths import state_folder

INDENT = "  "
STEP_WIDTH, TIME_WIDTH = 18, 11


def run(arguments) -> int:
    """Print the chain. Exit 0 when it is complete, 1 when a link is missing or there is no such order."""
    connection = open_reader(arguments.name)
    try:
        found = chain(connection, arguments.order, epoch_of(arguments.epoch))
        for link in found["links"]:
            if "limits_version" in link["details"]:
                made_by = changes_of(state_folder(arguments.name), link["details"]["limits_version"])
                link["details"]["limits_changed"] = [
                    f"{said_change(line)}, by {line['by']}: {line['reason']}" for line in made_by
                ]
        print(json.dumps(found) if arguments.json else "\n".join(lines(found)))
        tell_behind(arguments.name, connection)
    finally:
        connection.close()
    return 1 if found["missing"] else 0


def lines(found: dict):
    """The chain as text: the order, then a line a step, deeper with each hand-over."""
    row = found["order"]
    strategy, instrument = named(row)
    yield (
        f"order {row['order_id']}: {strategy} {row['side']} {count(row['qty_lots'])} {instrument} at "
        f"{price(row, row['price_ticks'])}, {order_state(row)}, {count(row['executed_lots'])} executed, "
        f"{count(row['leaves_lots'])} open; epoch {row['epoch']}"
    )
    if row["parent_order_id"]:
        yield f"{INDENT}replaces order {row['parent_order_id']}"
    if found["replaced_by"]:
        yield f"{INDENT}order {found['replaced_by']} was to replace it"
    yield f"{INDENT}{'':<{STEP_WIDTH}}{'since before':>{TIME_WIDTH + 2}}{'in all':>{TIME_WIDTH}}"
    if not row["recv_stamp_ns"]:
        yield f"{INDENT}no tick caused it"
    first_ns = before_ns = 0
    for link in found["links"]:
        stamp_ns = link["stamp_ns"]
        passed = f"+{duration(stamp_ns - before_ns)}" if before_ns and stamp_ns >= before_ns else "-"
        if before_ns and 0 < stamp_ns < before_ns:
            passed = f"-{duration(before_ns - stamp_ns)}"
        first_ns, before_ns = first_ns or stamp_ns, stamp_ns or before_ns
        total = duration(stamp_ns - first_ns) if stamp_ns else "no stamp"
        text = f"{INDENT}{link['step']:<{STEP_WIDTH}}{passed:>{TIME_WIDTH + 2}}{total:>{TIME_WIDTH}}  "
        yield (text + told(row, link)).rstrip()
        for more in beneath(row, link):
            yield f"{INDENT}{'':<{STEP_WIDTH + 2 * TIME_WIDTH + 2}}  {more}"
    for sentence in found["missing"]:
        yield f"{INDENT}MISSING  {sentence}"
    for held in found["breaks"]:
        yield f"{INDENT}BREAK    {held['kind']}: expected {held['expected']}, found {held['found']}"


def beneath(row: dict, link: dict):
    """What stands in lines of its own: what the strategy saw, its signals, and the bytes on the wire."""
    held = link["details"]
    if link["step"] == "intent decided" and held["saw"]:
        saw, wants = held["saw"], []
        yield (
            f"book after message {held['venue_seq']}: {count(saw['bid_qty_lots'])} at "
            f"{price(row, saw['bid_price_ticks'])}, {count(saw['ask_qty_lots'])} at "
            f"{price(row, saw['ask_price_ticks'])}; position {saw['position_lots']:+,}"
        )
        yield "signals " + ", ".join(f"{name} {value:,}" for name, value in held["signals"].items())
        for side in ("bid", "ask"):
            lots = saw[f"wanted_{side}_lots"]
            wants.append(f"{side} {count(lots)} at {price(row, saw[f'wanted_{side}_ticks'])}" if lots else f"no {side}")
        yield "wanted " + ", ".join(wants)
    elif link["step"] == "gate passed" and held:
        yield from (f"limits {said}" for said in held["limits_changed"])
    elif link["step"] == "sent" and held["bytes"]:
        yield f"bytes {held['bytes']}"


def told(row: dict, link: dict) -> str:
    """What a step says beside its stamp."""
    step, held = link["step"], link["details"]
    entry = f" [{link['source']}]" if link["source"] else ""
    if step == "intent decided":
        return f"intent {held['intent_id']}{entry}"
    if step == "gate passed":
        if not held:
            return ""
        return f"{held['kind']}, {held['code']}, limits version {held['limits_version']}{entry}"
    if step == "journalled":
        words = f"{held['kind']} {held['side']} {count(held['qty_lots'])} at {price(row, held['price_ticks'])} "
        return f"{words}{held['tif']}, reference {held['user_ref_num']}{entry}"
    if step == "position kept":
        return f"fee {fee(held['fee_micro'])}, position {held['position_lots']:+,}{entry}"
    if "report_seq" not in held:
        return entry.strip()
    words = [order_state({"state": held["state"], "pending": held["pending"]})] if held["state"] else []
    if step in ("executed", "broken", "corrected"):
        words.append(f"match {held['match_number']}: {count(held['qty_lots'])} at {price(row, held['price_ticks'])}")
    elif step == "accepted" or step == "replaced":
        words.append(f"venue reference {held['venue_order_ref']}")
    elif step == "canceled":
        words.append(f"{count(held['qty_lots'])} taken away")
    if held["reason"]:
        words.append(f"reason {reason(step, held['reason'])}")
    if held["report_seq"]:
        words.append(f"{count(held['leaves_lots'])} open")
    if held["venue_seq"]:
        words.append(f"venue sequence {held['venue_seq']}")
    return ", ".join(words) + entry
