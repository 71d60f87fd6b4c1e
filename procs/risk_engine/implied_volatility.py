"""Implied volatility: the vol at which Black-Scholes-Merton gives a price, or a code that says why there is none.

The price is reduced to an out-of-the-money option of the same strike, in units of sqrt(forward x strike); then with
x = |ln(forward / strike)| and s = vol sqrt(years)

    b(s) = e^(-x/2) N(-x/s + s/2) - e^(x/2) N(-x/s - s/2)         rises from 0 to e^(-x/2), inflected at s = sqrt(2 x)

Newton's method in the scale in which b is nearly a straight line: ln b over 1/s^2 below the inflection, b over s above
it, ln(e^(-x/2) - b) over s^2 near the upper bound. A bracket is kept, and halved when a step leaves it; so it ends for
every price. After Jaeckel, Let's be rational (2015), without his tables: some five steps instead of two.

Units and domain as in black_scholes.py.
"""

import math

from procs.risk_engine.american import american_price
from procs.risk_engine.black_scholes import RIGHT_CALL, RIGHT_PUT, normal_cdf, normal_density
from shm.jit import hot

IV_OK = 1
IV_BELOW_INTRINSIC = 2  # cheaper than exercise at the forward: arbitrage, or a wrong rate or dividend
IV_NO_TIME_VALUE = 3  # at intrinsic value as far as a double can tell: every small vol gives this price
IV_ABOVE_MAX = 4  # a call at or above its discounted forward, a put at or above its discounted strike
IV_BAD_INPUT = 5  # not finite, not positive, or expired

_STEPS_MAX = 80  # bisection alone would need about 60
_CLOSE = 4e-16  # relative: two neighbouring doubles
_ROUNDING = 4e-15  # of forward and strike: what is left of a time value after the intrinsic value is subtracted
_DEVIATION_MAX = 76.0  # N(-s/2) is still above 0
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


@hot
def reduced_price(x, s):
    """b(s) above; x >= 0, s > 0."""
    return math.exp(-0.5 * x) * normal_cdf(0.5 * s - x / s) - math.exp(0.5 * x) * normal_cdf(-0.5 * s - x / s)


@hot
def reduced_rest(x, s):
    """e^(-x/2) - b(s), without cancellation."""
    return math.exp(-0.5 * x) * normal_cdf(x / s - 0.5 * s) + math.exp(0.5 * x) * normal_cdf(-0.5 * s - x / s)


@hot
def reduced_slope(x, s):
    """db/ds."""
    return normal_density(x / s) * math.exp(-0.125 * s * s)


@hot
def step_low(x, s, target):
    """(how far ln b is off, next s) below the inflection."""
    found = reduced_price(x, s)
    if found <= 0.0:
        return -1.0, 0.0
    off = math.log(found / target)
    slope = reduced_slope(x, s) / found * -0.5 * s * s * s  # over 1/s^2
    inverse = 1.0 / (s * s) - off / slope if slope != 0.0 else 0.0
    return off, 1.0 / math.sqrt(inverse) if inverse > 0.0 else 0.0


@hot
def step_middle(x, s, target):
    """(how far b is off, next s) above the inflection."""
    off = reduced_price(x, s) - target
    slope = reduced_slope(x, s)
    return off, s - off / slope if slope > 0.0 else 0.0


@hot
def step_high(x, s, rest):
    """(how far ln(bound - b) is off, negated; next s) near the upper bound."""
    found = reduced_rest(x, s)
    off = math.log(rest / found)
    slope = reduced_slope(x, s) / (2.0 * s * found)  # over s^2
    square = s * s - off / slope if slope > 0.0 else 0.0
    return off, math.sqrt(square) if square > 0.0 else 0.0


@hot
def solve(x, target):
    """s with b(s) = target, for 0 < target < e^(-x/2)."""
    bound = math.exp(-0.5 * x)
    s = math.sqrt(2.0 * x)
    centre = reduced_price(x, s) if s > 0.0 else 0.0
    low, high = 0.0, _DEVIATION_MAX
    below = target < centre
    if below:
        high = s
    else:
        low = s
    near_bound = target > 0.5 * (centre + bound)
    s = max(s, target * _ROOT_TWO_PI) if x < 1e-3 else s  # at the money the inflection is at 0
    for _ in range(_STEPS_MAX):
        if below:
            off, following = step_low(x, s, target)
        elif near_bound:
            off, following = step_high(x, s, bound - target)
        else:
            off, following = step_middle(x, s, target)
        if off == 0.0:
            break
        if off < 0.0:
            low = max(low, s)
        else:
            high = min(high, s)
        if not (low < following < high):
            following = 0.5 * (low + high)
        moved = math.fabs(following - s)
        s = following
        if moved <= _CLOSE * s:
            break
    return s


@hot
def implied_vol(right, price, spot, strike, years, rate, carry):
    """(code, vol): IV_OK and the vol per year of a European option, or the reason and 0.0.

    A price is good for as many digits of vol as of time value: deep in the money few are left, or none.
    """
    amount = spot + strike + price + years + math.fabs(rate) + math.fabs(carry)
    sane = spot > 0.0 and strike > 0.0 and years > 0.0 and price >= 0.0 and amount < math.inf
    if not sane or (right != RIGHT_CALL and right != RIGHT_PUT):
        return IV_BAD_INPUT, 0.0
    discount = math.exp(-rate * years)
    asset, cash = spot * math.exp((carry - rate) * years), strike * discount
    intrinsic = right * (asset - cash)
    rounding = _ROUNDING * (asset + cash) if intrinsic > 0.0 else 0.0
    time_value = price - max(intrinsic, 0.0)
    if time_value < -rounding:
        return IV_BELOW_INTRINSIC, 0.0
    if time_value <= rounding:
        return IV_NO_TIME_VALUE, 0.0
    x = math.fabs(math.log(spot / strike) + carry * years)
    target = time_value / math.sqrt(asset * cash)
    if target >= math.exp(-0.5 * x):
        return IV_ABOVE_MAX, 0.0
    return IV_OK, solve(x, target) / math.sqrt(years)


@hot
def implied_vols(rights, prices, strikes, terms, codes, vols):
    """Implied vols of many options of one expiry into codes[n], vols[n].

    terms: float64[4], spot, years, rate, carry.
    """
    for row in range(prices.shape[0]):
        code, vol = implied_vol(rights[row], prices[row], terms[0], strikes[row], terms[1], terms[2], terms[3])
        codes[row] = code
        vols[row] = vol


AMERICAN_VOL_MAX = 8.0  # 800 % a year
_HALVINGS = 45  # of AMERICAN_VOL_MAX: to 2e-13


@hot
def american_implied_vol(right, price, spot, strike, years, rate, carry, tree):
    """(code, vol) of an American option, by halving: its tree is monotone in vol, but has no useful slope.

    Below or at the value that it has when exercised or held without volatility: IV_BELOW_INTRINSIC, IV_NO_TIME_VALUE;
    above that of AMERICAN_VOL_MAX: IV_ABOVE_MAX. Cost: some fifty trees.
    """
    amount = spot + strike + price + years + math.fabs(rate) + math.fabs(carry)
    sane = spot > 0.0 and strike > 0.0 and years > 0.0 and price >= 0.0 and amount < math.inf
    if not sane or (right != RIGHT_CALL and right != RIGHT_PUT):
        return IV_BAD_INPUT, 0.0
    least = american_price(right, spot, strike, years, rate, carry, 0.0, tree)
    rounding = _ROUNDING * (spot + strike)
    if price < least - rounding:
        return IV_BELOW_INTRINSIC, 0.0
    if price <= least + rounding:
        return IV_NO_TIME_VALUE, 0.0
    low, high = 0.0, AMERICAN_VOL_MAX
    if price > american_price(right, spot, strike, years, rate, carry, high, tree):
        return IV_ABOVE_MAX, 0.0
    for _ in range(_HALVINGS):
        vol = 0.5 * (low + high)
        if american_price(right, spot, strike, years, rate, carry, vol, tree) < price:
            low = vol
        else:
            high = vol
    return IV_OK, 0.5 * (low + high)
