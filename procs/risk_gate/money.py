"""Money: what orders and positions are worth in the firm's currency, in integers that cannot overflow.

```
value of an order     its open lots * limit price * unit, at the rate of its currency, rounded up
value of a position   its lots * mark * unit, at that rate, size rounded up, with its sign
gross of a holding    the greatest size that its value can reach: max(value + open buys, open sells - value)
```

`unit` is multiplier * price_tick_micro, a rate is `fx_ppm`: the firm's currency for one million. Bounds: one order is
worth less than ORDER_VALUE_BOUND or is refused, one position counts at most POSITION_VALUE_BOUND, and what passes keeps
each sum at most SUM_BOUND. Orders that no check has seen (adopted from the venue) would have to be thousands to reach
2^63.
"""

from shm.jit import hot, hot_inline
from shm.records.limits import LIMIT_NONE

PRICE_BOUND = 1 << 40  # times 2 * 10000 (collar) stays below 2^56; OUCH carries prices below 2^31
QTY_BOUND = (1 << 32) - 1  # the wire's field; 2^16 open orders of it stay below 2^49
VALUE_BOUND = (1 << 62) - 1  # no amount of money reaches 2^62
ORDER_VALUE_BOUND = 1 << 50  # 1.1 thousand million of the firm's currency; 2^10 orders of it stay below 2^60
POSITION_VALUE_BOUND = 1 << 56
SUM_BOUND = 1 << 61
PPM = 1_000_000
WORD_MAX = (1 << 31) - 1  # two factors up to it cannot overflow

assert VALUE_BOUND == LIMIT_NONE
assert 2 * PRICE_BOUND * 10_000 < VALUE_BOUND


@hot
def unit_room(unit):
    """The greatest price * lots that stays below VALUE_BOUND times `unit`; 0 for a unit that is not positive."""
    return (VALUE_BOUND - 1) // unit if unit > 0 else 0


@hot
def notional(price, lots, unit, room):
    """price * lots * unit, saturated at VALUE_BOUND; 0 without price or lots. `room` is unit_room(unit).

    Divides only where the product of price and lots could overflow.
    """
    if price <= 0 or lots <= 0:
        return 0
    if (price > WORD_MAX or lots > WORD_MAX) and lots > room // price:
        return VALUE_BOUND
    product = price * lots
    return product * unit if product <= room else VALUE_BOUND


@hot_inline
def to_firm(micro, fx_ppm, bound):
    """An amount in the firm's currency, rounded up, saturated at `bound`. A rate that is not positive gives 0."""
    return min(micro, bound) if fx_ppm == PPM else _converted(micro, fx_ppm, bound)


@hot
def _converted(micro, fx_ppm, bound):
    """The same at any rate."""
    if fx_ppm <= 0:
        return 0
    millions = micro // PPM
    if millions > bound // fx_ppm:
        return bound
    return min(millions * fx_ppm + ((micro - millions * PPM) * fx_ppm + PPM - 1) // PPM, bound)


@hot
def order_value(price, lots, account):
    """Value of `lots` open at `price` in the instrument of ACCOUNT `account`."""
    micro = notional(price, lots, account["unit"], account["unit_room"])
    return to_firm(micro, account["fx_ppm"], ORDER_VALUE_BOUND)


@hot
def position_value(position, mark, account):
    """Value of a signed position at `mark` in the instrument of ACCOUNT `account`."""
    micro = notional(mark, abs(position), account["unit"], account["unit_room"])
    value = to_firm(micro, account["fx_ppm"], POSITION_VALUE_BOUND)
    return value if position >= 0 else -value


@hot
def worst_gross(value, value_buy, value_sell):
    """The greatest size that a holding can reach when all of one side trades and none of the other."""
    return max(value + value_buy, value_sell - value)
