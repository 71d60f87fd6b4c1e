"""Invariants of exposure, asserted by tests after each operation. Cold."""

import numpy as np

from procs.risk_gate.exposure import find_slot
from procs.risk_gate.money import order_value, position_value, worst_gross
from procs.risk_gate.rows import HOLDING, NO_SLOT, Exposure
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.int_map import map_len

SUMS = ("open_buy", "open_sell", "orders", "value_buy", "value_sell")


def check(exposure: Exposure) -> None:
    """Assert the rules: sums equal what the slots say, values their lots and marks, maps and places complete."""
    count, slots = int(exposure.book[0]["open_count"]), exposure.slots
    places = [int(place) for place in exposure.places]
    assert sorted(places) == list(range(len(slots))), "places is a permutation"
    assert (slots["place"][places] == np.arange(len(slots))).all(), "each slot knows its place"
    assert map_len(exposure.by_intent) == count and map_len(exposure.by_order) == count, "maps hold the open orders"
    instruments = np.zeros(len(exposure.instruments), HOLDING)
    pairs = np.zeros(len(exposure.pairs), HOLDING)
    for slot in places[:count]:
        _check_order(exposure, slot)
        if slots[slot]["parent"] == NO_SLOT:  # the family is counted at its oldest member
            _count_family(exposure, slot, instruments, pairs)
    for name in SUMS:
        assert (exposure.instruments[name] == instruments[name]).all(), f"instrument {name}: {exposure.instruments}"
        assert (exposure.pairs[name] == pairs[name]).all(), f"pair {name}: {exposure.pairs}"
    _check_totals(exposure)
    _check_own_orders(exposure)


def _check_own_orders(exposure: Exposure) -> None:
    """Every open order once in the list of its instrument and side, best price first, linked both ways."""
    slots, listed = exposure.slots, []
    for row, account in enumerate(exposure.instruments):
        for side, best in ((SIDE_BUY, account["own_bid"]), (SIDE_SELL, account["own_ask"])):
            slot, above, sign = int(best) - 1, NO_SLOT, -1 if side == SIDE_BUY else 1
            price = account["own_bid_price"] if side == SIDE_BUY else account["own_ask_price"]
            assert price == (slots[slot]["price_ticks"] if best else 0), f"own best price: {account}"
            while slot != NO_SLOT:
                order = slots[slot]
                assert (int(order["instrument_id"]), int(order["side"])) == (row, side), f"own list: {order}"
                assert order["better"] == above, f"own list is not linked back: {order}"
                if above != NO_SLOT:
                    assert sign * slots[above]["price_ticks"] <= sign * order["price_ticks"], f"own list: {order}"
                listed.append(slot)
                slot, above = int(order["worse"]), slot
    opened = [int(place) for place in exposure.places[: int(exposure.book[0]["open_count"])]]
    assert sorted(listed) == sorted(opened), "own lists hold the open orders"


def _check_order(exposure: Exposure, slot: int) -> None:
    slots, order = exposure.slots, exposure.slots[slot]
    assert order["leaves_lots"] >= 0 and order["cum_lots"] >= 0, f"negative lots: {order}"
    account = exposure.accounts[int(order["instrument_id"])]
    assert order["value"] == order_value(order["price_ticks"], order["leaves_lots"], account), f"value: {order}"
    assert find_slot(exposure.by_intent, order["intent_id"]) == slot, f"intent map: {order}"
    assert find_slot(exposure.by_order, order["order_id"]) == slot, f"order map: {order}"
    if order["child"] != NO_SLOT:
        assert slots[int(order["child"])]["parent"] == slot, f"child does not know its parent: {order}"
    if order["parent"] != NO_SLOT:
        assert slots[int(order["parent"])]["child"] == slot, f"parent does not know its child: {order}"


def _count_family(exposure: Exposure, slot: int, instruments: np.ndarray, pairs: np.ndarray) -> None:
    slots, order = exposure.slots, exposure.slots[slot]
    lots = value = 0
    while slot != NO_SLOT:
        lots, value = max(lots, int(slots[slot]["leaves_lots"])), max(value, int(slots[slot]["value"]))
        slot = int(slots[slot]["child"])
    pair = int(order["strategy_id"]) * len(instruments) + int(order["instrument_id"])
    side = "buy" if order["side"] == SIDE_BUY else "sell"
    for row in (instruments[int(order["instrument_id"])], pairs[pair]):
        row[f"open_{side}"] += lots
        row[f"value_{side}"] += value
        row["orders"] += 1


def _check_totals(exposure: Exposure) -> None:
    instruments, strategies, firm = exposure.instruments, exposure.strategies, exposure.firm[0]
    pairs = exposure.pairs.reshape(len(strategies), len(instruments))
    for row, account in enumerate(instruments):
        for part in (account, *pairs[:, row]):
            assert part["value"] == position_value(part["position"], part["mark"], account), f"position: {part}"
            assert part["gross"] == worst_gross(part["value"], part["value_buy"], part["value_sell"]), f"gross: {part}"
    for name in ("orders", "value", "value_buy", "value_sell", "gross"):
        assert (strategies[name] == pairs[name].sum(axis=1)).all(), f"{name} by strategy"
        assert firm[name] == instruments[name].sum(), f"{name} of the firm"
    assert (instruments["position"] == pairs["position"].sum(axis=0)).all(), (
        "an instrument's position is its pairs' sum"
    )
