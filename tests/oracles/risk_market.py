"""Risk oracle, second part: permissions, short sales, price bands, losses and Greeks, from sentences, as in risk.py.

Nothing is kept: each question sums all positions and all open orders again, with unbounded integers.
"""

BUY, SELL, REPLACE = 1, 2, 2
LAST_VALUE = 2**62 - 1  # "no limit"
GREEKS = ("delta", "gamma", "vega")
LARGEST_SCALE, LARGEST_PART = 2**44, 2**52


def restricted(model, intent):
    """A side that is not in the list of the instrument; a list with an unknown word in it is empty."""
    permitted = model.limits["instrument", intent["instrument_id"]]["permitted"]
    if permitted not in range(8) or not permitted & (1 if intent["side"] == BUY else 2):
        return "restricted"
    return None


def outside_band(market, price):
    """The venue's price band; 0 is no bound, and a band below nothing allows nothing."""
    low, high = market["band"]
    if min(low, high) < 0 or price < low or (high != 0 and price > high):
        return "price_band"
    return None


def sale(model, intent, market, target, chain, after, added):
    """A sale that is not covered whole. Remembers the mark of the order in `model.short`."""
    model.short = False
    if intent["side"] != SELL:
        return None
    instrument = intent["instrument_id"]
    limits, rules = model.limits["instrument", instrument], model.instruments[instrument]
    open_sells = model.open_lots(instrument, SELL)
    own = max(order.leaves for order in chain) if chain else 0
    to_deliver = max(0, model.position(instrument) - (open_sells - own))
    if after <= to_deliver and not (target and target.short):
        return None
    model.short = rules["equity"]
    if limits["permitted"] not in range(4, 8):
        return "restricted"
    if not rules["equity"]:
        return None
    if open_sells + added - model.position(instrument) > max(0, limits["locate_lots"]):
        return "locate"
    return "short_price" if market["flags"] & 1 and intent["price_ticks"] <= market["bid"] else None


def loss(model, strategy, intent, added, now):
    """After a breach only what makes the strategy's position in the instrument smaller, all open lots of the side in."""
    instrument, side = intent["instrument_id"], intent["side"]
    held = model.position(instrument, strategy)
    if model.open_lots(instrument, side, strategy) + added <= (-held if side == BUY else held):
        return None
    oldest = now - model.limits["firm"].get("risk_age_ns_max", LAST_VALUE)
    for scope in (("strategy", strategy), "firm"):
        limits, row = model.limits[scope], model.risk.get(scope)
        names = ("loss_micro_max", "drawdown_micro_max", "risk_age_ns_max")
        loss_max, drawdown_max, age_max = (limits.get(name, LAST_VALUE) for name in names)
        if {loss_max, drawdown_max, age_max} == {LAST_VALUE}:
            continue
        believed = row is not None and row["right"] and row["now_ns"] >= 0 and row["drawdown_micro"] >= 0
        if not believed or row["stale"] != 0 or row["now_ns"] < oldest:
            return "risk_stale"
        if loss_max != LAST_VALUE and -row["pnl_micro"] >= loss_max:
            return "loss"
        if drawdown_max != LAST_VALUE and row["drawdown_micro"] >= drawdown_max:
            return "drawdown"
    return None


def lots_of(model, instrument):
    """(position, open buys, open sells) of the firm."""
    return (model.position(instrument), model.open_lots(instrument, BUY), model.open_lots(instrument, SELL))


def room_of(model, instrument):
    """How many lots count by the instrument's row of Greeks; None when the row does not count."""
    row = model.greeks.get(instrument)
    if row is None or row["flags"] != 1 or row["underlying_id"] != model.instruments[instrument]["underlying"]:
        return None
    sizes = [abs(row[f"{name}_micro"]) for name in GREEKS]
    return None if max(sizes) > LARGEST_SCALE or row["now_ns"] < 0 else LARGEST_PART // max(1, *sizes)


def counts(model, instrument):
    """Whether an instrument has a row that counts all of its lots."""
    room = room_of(model, instrument)
    return room is not None and max(abs(lots) for lots in lots_of(model, instrument)) <= room


def derivatives(model, underlying):
    """Instruments of an underlying, itself included."""
    return [number for number, rules in enumerate(model.instruments) if rules["underlying"] == underlying]


def sums(model, underlying, name):
    """(of positions, at most added by open orders, at most taken off) of one Greek of an underlying."""
    total = up = down = 0
    for instrument in derivatives(model, underlying):
        if counts(model, instrument):
            held, buys, sells = lots_of(model, instrument)
            one = model.greeks[instrument][f"{name}_micro"]
            total += held * one
            up += max(buys * one, -sells * one)
            down += max(-buys * one, sells * one)
    return total, up, down


def unknown(model, underlying):
    """How many instruments of an underlying have lots and no row that counts them."""
    return sum(
        1 for number in derivatives(model, underlying) if any(lots_of(model, number)) and not counts(model, number)
    )


def greeks(model, intent, added, now):
    """Worst case of each Greek, in the direction in which the order moves it."""
    instrument, side = intent["instrument_id"], intent["side"]
    underlying = model.instruments[instrument]["underlying"]
    limits = model.limits["instrument", underlying]
    model.raised = added > 0
    if all(limits[f"{name}_micro_max"] == LAST_VALUE for name in GREEKS) or added == 0:
        return None
    if not counts(model, instrument) or unknown(model, underlying):
        return "greeks_stale"
    if model.open_lots(instrument, side) + added > room_of(model, instrument):
        return "greeks_stale"
    row = model.greeks[instrument]
    if now - row["now_ns"] > model.limits["instrument", instrument]["scale_age_ns_max"]:
        return "greeks_stale"
    for name in GREEKS:
        moved = added * row[f"{name}_micro"] * (1 if side == BUY else -1)
        total, up, down = sums(model, underlying, name)
        worst = total + up + moved if moved > 0 else down - total - moved
        if moved != 0 and limits[f"{name}_micro_max"] != LAST_VALUE and worst > limits[f"{name}_micro_max"]:
            return name
    return None
