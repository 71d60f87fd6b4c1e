"""Ledger: what each member did, in exact integers, and its copy in the latest table `ledger`.

One private LEDGER row for each member and instrument, changed by engine events. The shared table has a row per
instrument_id: the whole account of all members together, which is what the firm's own books must equal. Inside, an
instrument is the venue's own number, its seat.
"""

import numpy as np

from procs.venue.book import EVENT_ADD, EVENT_DELETE, EVENT_EXECUTE, EVENT_EXPIRE, INSTRUMENTS_MAX, MEMBERS_MAX
from shm.atomics import record_at
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import hot
from shm.latest import latest_claim, latest_publish
from shm.records.ledger import LEDGER
from shm.records.table_end import TABLE_END

E8 = 100_000_000
RULE = np.dtype(
    [
        ("unit_micro", "<i8"),  # money of one price tick of one lot
        ("fee_added", "<i8"),  # micro-units a lot; negative is a rebate
        ("fee_added_e8", "<i8"),  # and 1e-8 of the money traded, to the nearest, a half away from zero
        ("fee_added_least", "<i8"),  # at least this an execution; 0 none
        ("fee_removed", "<i8"),
        ("fee_removed_e8", "<i8"),
        ("fee_removed_least", "<i8"),
        ("tick", "<i8"),  # quoting step in price ticks
        ("lot", "<i8"),
        ("price_max", "<i8"),
    ]
)


LEDGERS = np.dtype(
    [
        ("rows", LEDGER, (MEMBERS_MAX * INSTRUMENTS_MAX,)),  # member 1 first, then by instrument
        ("rules", RULE, (INSTRUMENTS_MAX,)),
        ("dirty", "<i8", (INSTRUMENTS_MAX,)),
        ("ids", "<i8", (INSTRUMENTS_MAX,)),  # instrument_id of each seat
        ("table", TABLE_END),
    ]
)


def prepare_ledger(ledger, rules: np.ndarray, table: np.ndarray, ids: list[int] | None = None) -> None:
    """Make zeroed LEDGERS empty accounts; the row of every seat is published once. `ids`: instrument_id of each."""
    ledger["ids"][: len(rules)] = range(len(rules)) if ids is None else ids
    ledger["rows"]["instrument_id"] = np.tile(np.arange(INSTRUMENTS_MAX), MEMBERS_MAX)
    ledger["rules"][: len(rules)] = rules
    ledger["dirty"][: len(rules)] = 1
    ledger["table"] = table[0]


@hot
def account(ledger, owner, instrument):
    """Row of a member's account in one instrument; owner is 1..MEMBERS_MAX."""
    return (owner - 1) * INSTRUMENTS_MAX + instrument


@hot
def _fee(lots, money, per_lot, e8, least):
    # the part that does not divide is rounded by its magnitude, so a rebate rounds as a fee does
    part = (money % E8 * abs(e8) + E8 // 2) // E8
    fee = lots * per_lot + money // E8 * e8 + (part if e8 > 0 else -part)
    return max(fee, least) if least > 0 else fee


@hot
def _trade(ledger, owner, event, side, adds):
    instrument = event["instrument"]
    row = ledger["rows"][account(ledger, owner, instrument)]
    qty = event["qty"]
    money = event["price"] * qty * ledger["rules"][instrument]["unit_micro"]
    if side == SIDE_BUY:
        row["position_lots"] += qty
        row["bought_lots"] += qty
        row["bought_micro"] += money
    else:
        row["position_lots"] -= qty
        row["sold_lots"] += qty
        row["sold_micro"] += money
    rule = ledger["rules"][instrument]
    if adds:
        fee = _fee(qty, money, rule["fee_added"], rule["fee_added_e8"], rule["fee_added_least"])
        row["added_lots"] += qty
        row["added_micro"] += money
        row["added_fees_micro"] += fee
    else:
        fee = _fee(qty, money, rule["fee_removed"], rule["fee_removed_e8"], rule["fee_removed_least"])
    row["fees_micro"] += fee
    row["fills"] += 1
    row["last_match_number"] = event["match"]
    _touch(ledger, row, event["now_ns"])


@hot
def _touch(ledger, row, now_ns):
    row["now_ns"] = now_ns
    ledger["dirty"][int(row["instrument_id"])] = 1


@hot
def ledger_apply(ledger, event):
    """Book one engine event. Returns the number of members' fills in it (0, 1 or 2)."""
    kind = event["kind"]
    owner = event["owner"]
    if kind == EVENT_EXECUTE:
        return _apply_execution(ledger, event, owner)
    if owner > 0 and (kind == EVENT_ADD or kind == EVENT_DELETE):
        row = ledger["rows"][account(ledger, owner, event["instrument"])]
        row["orders_open"] += 1 if kind == EVENT_ADD else -1
        _touch(ledger, row, event["now_ns"])
    if owner > 0 and kind == EVENT_EXPIRE:
        ledger_count_canceled(ledger, owner, event["instrument"], event["now_ns"])
    return 0


@hot
def _apply_execution(ledger, event, owner):
    fills = 0
    instrument = event["instrument"]
    side = event["side"]
    if owner > 0:
        _trade(ledger, owner, event, side, True)
        if event["left"] == 0:
            ledger["rows"][account(ledger, owner, instrument)]["orders_open"] -= 1
        fills += 1
    other = event["other_owner"]
    if other > 0:
        other_side = SIDE_SELL if side == SIDE_BUY else SIDE_BUY
        _trade(ledger, other, event, other_side, False)
        fills += 1
    return fills


@hot
def ledger_count_accepted(ledger, owner, instrument, now_ns):
    """An entry was accepted (a replacement is not a new order)."""
    row = ledger["rows"][account(ledger, owner, instrument)]
    row["orders_accepted"] += 1
    _touch(ledger, row, now_ns)


@hot
def ledger_count_rejected(ledger, owner, instrument, now_ns):
    """An entry was refused."""
    row = ledger["rows"][account(ledger, owner, instrument)]
    row["orders_rejected"] += 1
    _touch(ledger, row, now_ns)


@hot
def ledger_count_canceled(ledger, owner, instrument, now_ns):
    """An order was cancelled, or the rest of an immediate one died."""
    row = ledger["rows"][account(ledger, owner, instrument)]
    row["orders_canceled"] += 1
    _touch(ledger, row, now_ns)


@hot
def ledger_publish(ledger):
    """Publish each instrument that changed: the sum over members. Returns the rows published."""
    done = 0
    for instrument in range(INSTRUMENTS_MAX):
        if ledger["dirty"][instrument] == 0:
            continue
        row = ledger["ids"][instrument]
        address = latest_claim(ledger["table"], row)
        if address != 0:
            _sum_into(ledger, instrument, record_at(address, LEDGER))
            latest_publish(ledger["table"], row)
            done += 1
        ledger["dirty"][instrument] = 0
    return done


@hot
def _sum_into(ledger, instrument, total):
    total["instrument_id"], total["reserved0"] = ledger["ids"][instrument], 0
    _sum_money(ledger, instrument, total)
    _sum_counts(ledger, instrument, total)
    for word in range(7):
        total["reserved"][word] = 0


@hot
def _sum_money(ledger, instrument, total):
    total["position_lots"], total["bought_lots"], total["sold_lots"] = 0, 0, 0
    total["bought_micro"], total["sold_micro"], total["fees_micro"] = 0, 0, 0
    total["added_lots"], total["added_micro"], total["added_fees_micro"] = 0, 0, 0
    for at in range(instrument, MEMBERS_MAX * INSTRUMENTS_MAX, INSTRUMENTS_MAX):
        row = ledger["rows"][at]
        total["position_lots"] += row["position_lots"]
        total["bought_lots"] += row["bought_lots"]
        total["sold_lots"] += row["sold_lots"]
        total["bought_micro"] += row["bought_micro"]
        total["sold_micro"] += row["sold_micro"]
        total["fees_micro"] += row["fees_micro"]
        total["added_lots"] += row["added_lots"]
        total["added_micro"] += row["added_micro"]
        total["added_fees_micro"] += row["added_fees_micro"]


@hot
def _sum_counts(ledger, instrument, total):
    total["fills"], total["orders_accepted"], total["orders_open"] = 0, 0, 0
    total["orders_rejected"], total["orders_canceled"] = 0, 0
    total["last_match_number"], total["now_ns"] = 0, 0
    for at in range(instrument, MEMBERS_MAX * INSTRUMENTS_MAX, INSTRUMENTS_MAX):
        row = ledger["rows"][at]
        total["fills"] += row["fills"]
        total["orders_accepted"] += row["orders_accepted"]
        total["orders_open"] += row["orders_open"]
        total["orders_rejected"] += row["orders_rejected"]
        total["orders_canceled"] += row["orders_canceled"]
        total["last_match_number"] = max(total["last_match_number"], row["last_match_number"])
        total["now_ns"] = max(total["now_ns"], row["now_ns"])
