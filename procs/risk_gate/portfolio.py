"""Portfolio: delta, gamma and vega of all that has one underlying, worst case over working and in-flight orders.

```
part of an instrument      its lots * what one lot adds (its row of `greeks`, long)
sum                        parts of the positions of all instruments of the underlying
up                         what open orders can add to it at most: buys of what is positive, sells of what is negative
down                       what they can take off it at most: the others
worst case                 sum + up, and down - sum: never an order of one direction against one of the other
```

An order is compared in the direction in which it moves the sum: one that moves it back passes as far as the other
limit. All is int64 and kept by differences; a new row takes the instrument's old part out with the very factors that
put it in, so nothing is ever left over.

A row counts when it is valid, names the instrument's underlying, and lies within SCALE_BOUND; and lots count up to
`room`, so that a part stays within PART_BOUND and a thousand of them below 2^62. An instrument without such a row that
is held or has open orders makes its underlying unknown: nothing is added to that while it has limits. The age that is
compared is that of the row of the order's own instrument.
"""

from procs.risk_gate.case import say
from procs.risk_gate.rows import (
    ACCOUNT,
    HOLDING,
    SCALE,
    SCALE_BYTES,
    SUMS,
    SUMS_BYTES,
    account_at,
    holding_at,
)
from procs.risk_gate.sides import open_lots
from shm.atomics import record_at
from shm.codes import (
    PASS,
    REJECT_DELTA,
    REJECT_GAMMA,
    REJECT_GREEKS_STALE,
    REJECT_VEGA,
    SIDE_BUY,
)
from shm.jit import hot, hot_inline
from shm.latest import latest_read, latest_version
from shm.records.greeks import GREEKS, GREEKS_VALID
from shm.records.limits import LIMIT_NONE

SCALE_NONE = 0  # no row that counts, and nothing held or open
SCALE_KNOWN = 1  # its part is in the sums of its underlying
SCALE_MISSED = 2  # no row that counts, but lots: its underlying is unknown
SCALE_BOUND = 1 << 44  # one lot adds less than 18 million of the firm's currency
PART_BOUND = 1 << 52  # positions, buys and sells of an instrument: 4.5 thousand million each


@hot
def scale_at(book, instrument_id):
    """SCALE of an instrument, in range."""
    return record_at(book["scales_addr"] + instrument_id * SCALE_BYTES, SCALE)


@hot
def sums_at(book, underlying):
    """SUMS of an underlying, in range."""
    return record_at(book["sums_addr"] + underlying * SUMS_BYTES, SUMS)


# --- parts -----------------------------------------------------------------------------------------------------------


@hot
def _raised(factor, buys, sells):
    """What open lots can add to a sum."""
    return buys * factor if factor >= 0 else -sells * factor


@hot
def _add(sums, scale, position, buys, sells):
    """Add the part of lots to the sums; with negative lots take it out."""
    factor = scale["delta"]
    sums["delta"] += position * factor
    sums["delta_up"] += _raised(factor, buys, sells)
    sums["delta_down"] += _raised(-factor, buys, sells)
    factor = scale["gamma"]
    sums["gamma"] += position * factor
    sums["gamma_up"] += _raised(factor, buys, sells)
    sums["gamma_down"] += _raised(-factor, buys, sells)
    factor = scale["vega"]
    sums["vega"] += position * factor
    sums["vega_up"] += _raised(factor, buys, sells)
    sums["vega_down"] += _raised(-factor, buys, sells)


@hot
def _fits(holding, room):
    """1 while every product of a part stays within PART_BOUND."""
    return 1 if max(abs(holding["position"]), holding["open_buy"], holding["open_sell"]) <= room else 0


@hot
def _stand_without(book, scale, holding):
    """The instrument has no row that counts: its underlying is unknown while it has lots. Its part is out already."""
    sums = sums_at(book, scale["underlying"])
    lots = holding["position"] != 0 or holding["open_buy"] != 0 or holding["open_sell"] != 0
    if lots and scale["standing"] != SCALE_MISSED:
        sums["unknown"] += 1
    elif not lots and scale["standing"] == SCALE_MISSED:
        sums["unknown"] -= 1
    scale["standing"] = SCALE_MISSED if lots else SCALE_NONE


@hot
def _forget(scale):
    """Count by no row. Caller: after the part was taken out."""
    scale["delta"] = 0
    scale["gamma"] = 0
    scale["vega"] = 0
    scale["now_ns"] = 0
    scale["room"] = 0
    scale["standing"] = SCALE_NONE


@hot
def follow(book, instrument_id, position, buys, sells):
    """The holding of an instrument has just changed by so many lots: bring the sums of its underlying to it."""
    scale, holding = scale_at(book, instrument_id), holding_at(book, instrument_id)
    if scale["standing"] != SCALE_KNOWN:
        _stand_without(book, scale, holding)
        return
    sums = sums_at(book, scale["underlying"])
    if _fits(holding, scale["room"]) == 1:
        _add(sums, scale, position, buys, sells)
        return
    bought, sold = buys - holding["open_buy"], sells - holding["open_sell"]
    _add(sums, scale, position - holding["position"], bought, sold)  # what was there before the change
    _forget(scale)
    scale["seen"] = -1  # looked at again: the lots may fit later
    _stand_without(book, scale, holding)


# --- rows ------------------------------------------------------------------------------------------------------------


@hot
def _room_of(greeks, underlying):
    """Lots that count exactly by this row, or 0 when the row does not count at all."""
    delta, gamma, vega = greeks["delta_micro"], greeks["gamma_micro"], greeks["vega_micro"]
    low, high = min(delta, gamma, vega), max(delta, gamma, vega)
    if low < -SCALE_BOUND or high > SCALE_BOUND or greeks["now_ns"] < 0:
        return 0
    if int(greeks["flags"]) != GREEKS_VALID or int(greeks["underlying_id"]) != underlying:
        return 0
    return PART_BOUND // max(1, high, -low)


@hot
def _take_out(book, scale, holding):
    """Leave the sums as if the instrument had no part in them."""
    sums = sums_at(book, scale["underlying"])
    if scale["standing"] == SCALE_KNOWN:
        _add(sums, scale, -holding["position"], -holding["open_buy"], -holding["open_sell"])
    elif scale["standing"] == SCALE_MISSED:
        sums["unknown"] -= 1
    _forget(scale)


@hot
def _put_in(book, scale, holding, greeks, room):
    """Count the instrument by a row that counts, as far as its lots fit."""
    if room == 0 or _fits(holding, room) == 0:
        if room > 0:
            scale["seen"] = -1  # looked at again: the lots may fit later
        _stand_without(book, scale, holding)
        return
    scale["delta"], scale["gamma"], scale["vega"] = greeks["delta_micro"], greeks["gamma_micro"], greeks["vega_micro"]
    scale["now_ns"], scale["room"] = greeks["now_ns"], room
    scale["standing"] = SCALE_KNOWN
    _add(sums_at(book, scale["underlying"]), scale, holding["position"], holding["open_buy"], holding["open_sell"])


@hot
def take_scale(book, table, target_addr, instrument_id):
    """Count an instrument by the newest row of `greeks`, the TABLE_END `table`, if that or its underlying is new.

    `target_addr` is a private GREEKS to copy the row to. Returns 1 when something changed.
    """
    scale, underlying = scale_at(book, instrument_id), account_at(book, instrument_id)["underlying"]
    version = latest_version(table, instrument_id)
    if version == scale["seen"] and underlying == scale["underlying"]:
        return 0
    holding = holding_at(book, instrument_id)
    read = latest_read(table, instrument_id, target_addr)
    if read < 0:
        return 0  # overwritten again and again: the old one counts until the next look
    greeks = record_at(target_addr, GREEKS)
    _take_out(book, scale, holding)
    scale["underlying"] = underlying
    scale["seen"] = read
    _put_in(book, scale, holding, greeks, _room_of(greeks, underlying) if read > 0 else 0)
    return 1


# --- the check -------------------------------------------------------------------------------------------------------


@hot
def check_scale(standing, unknown, age_ns, age_max, lots, room):
    """The order's instrument has a row that counts and is young, its lots fit, and no other one is unknown."""
    known = standing == SCALE_KNOWN and unknown == 0 and lots <= room
    return PASS if known and age_ns <= age_max else REJECT_GREEKS_STALE


@hot_inline
def worst_greek(factor, side, added, total, up, down):
    """Worst case in the direction that `added` lots of a side move a sum: what it can be at most, or minus at least."""
    if (factor >= 0) == (side == SIDE_BUY):
        return total + up + added * abs(factor)
    return down - total + added * abs(factor)


@hot
def check_greek(worst, greek_max, code):
    """Worst case within its limit."""
    return PASS if greek_max == LIMIT_NONE or worst <= greek_max else code


@hot
def _limited(factor, greek_max):
    return factor != 0 and greek_max != LIMIT_NONE


@hot_inline
def _check_greeks(case, underlying, scale, sums):
    side, added = case["side"], case["added_lots"]
    code = PASS
    if _limited(scale["delta"], underlying["delta_micro_max"]):
        worst = worst_greek(scale["delta"], side, added, sums["delta"], sums["delta_up"], sums["delta_down"])
        code = check_greek(worst, underlying["delta_micro_max"], REJECT_DELTA)
    if code == PASS and _limited(scale["gamma"], underlying["gamma_micro_max"]):
        worst = worst_greek(scale["gamma"], side, added, sums["gamma"], sums["gamma_up"], sums["gamma_down"])
        code = check_greek(worst, underlying["gamma_micro_max"], REJECT_GAMMA)
    if code == PASS and _limited(scale["vega"], underlying["vega_micro_max"]):
        worst = worst_greek(scale["vega"], side, added, sums["vega"], sums["vega_up"], sums["vega_down"])
        code = check_greek(worst, underlying["vega_micro_max"], REJECT_VEGA)
    return code


@hot_inline
def check_portfolio(case):
    """PASS or REJECT_* of an order whose underlying limits Greeks. One that adds no lots passes."""
    if case["added_lots"] <= 0:
        return PASS
    underlying, own = record_at(case["underlying_addr"], ACCOUNT), record_at(case["instrument_addr"], HOLDING)
    scale, sums = record_at(case["scale_addr"], SCALE), record_at(case["sums_addr"], SUMS)
    lots = open_lots(case["side"], own) + case["added_lots"]
    age_max = record_at(case["instrument_addr"], ACCOUNT)["scale_age_ns_max"]
    code = check_scale(
        scale["standing"], sums["unknown"], case["now_ns"] - scale["now_ns"], age_max, lots, scale["room"]
    )
    return _check_greeks(case, underlying, scale, sums) if code == PASS else code


@hot
def _say_greek(case, greek_max, factor, total, up, down):
    say(case, greek_max, worst_greek(factor, case["side"], case["added_lots"], total, up, down))


@hot
def explain_portfolio(case, code):
    """Numbers of a refused Greek; of a row that does not count its age, or -1 where there is none."""
    if code != REJECT_DELTA and code != REJECT_GAMMA and code != REJECT_VEGA and code != REJECT_GREEKS_STALE:
        return
    underlying = record_at(case["underlying_addr"], ACCOUNT)
    scale, sums = record_at(case["scale_addr"], SCALE), record_at(case["sums_addr"], SUMS)
    if code == REJECT_DELTA:
        factor, limit = scale["delta"], underlying["delta_micro_max"]
        _say_greek(case, limit, factor, sums["delta"], sums["delta_up"], sums["delta_down"])
    elif code == REJECT_GAMMA:
        factor, limit = scale["gamma"], underlying["gamma_micro_max"]
        _say_greek(case, limit, factor, sums["gamma"], sums["gamma_up"], sums["gamma_down"])
    elif code == REJECT_VEGA:
        factor, limit = scale["vega"], underlying["vega_micro_max"]
        _say_greek(case, limit, factor, sums["vega"], sums["vega_up"], sums["vega_down"])
    else:
        age_max = record_at(case["instrument_addr"], ACCOUNT)["scale_age_ns_max"]
        known = scale["standing"] == SCALE_KNOWN and sums["unknown"] == 0
        say(case, age_max, case["now_ns"] - scale["now_ns"] if known else -1)
