"""European options by Black-Scholes-Merton with a cost of carry: equities and indexes (carry = rate - dividend yield),
and futures, which is Black-76 (carry = 0).

Haug, The Complete Guide to Option Pricing Formulas, 2nd ed., section 1.1.6 (generalised Black-Scholes-Merton).

    d1 = (ln(S / K) + carry T) / (vol sqrt T) + vol sqrt T / 2        d2 = d1 - vol sqrt T
    price = right (S e^((carry - rate) T) N(right d1) - K e^(-rate T) N(right d2))       right: +1 call, -1 put

Units everywhere: spot, strike and price in currency per unit of the underlying; `years` are calendar days / 365; rate,
carry and vol are per year and continuous, 0.05 is 5 %. Domain: finite numbers, spot and strike above 0, |rate years|
and |carry years| at most 100; `book.first_invalid` refuses the rest. Anybody may call; nothing is kept between calls.
"""

import math

from shm.jit import hot

RIGHT_CALL = 1
RIGHT_PUT = -1
DAYS_A_YEAR = 365.0

_SQRT_HALF = math.sqrt(0.5)
_DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
_FAR = 1e3  # standard deviations: N is 0 or 1 there and the density 0, exactly


@hot
def normal_cdf(x):
    """Standard normal distribution function, to the last digits of a double in both tails: erfc cancels nothing."""
    return 0.5 * math.erfc(-x * _SQRT_HALF)


@hot
def normal_density(x):
    """Standard normal density."""
    return _DENSITY_AT_0 * math.exp(-0.5 * x * x)


@hot
def distances(log_moneyness, deviation):
    """d1 and d2 for ln(forward / strike) and deviation = vol sqrt(years).

    Deviation 0 (expired, or no volatility): their limits, far in or out of the money, and 0 exactly at the money.
    """
    if deviation > 0.0:
        d2 = log_moneyness / deviation - 0.5 * deviation
        return d2 + deviation, d2
    if log_moneyness > 0.0:
        return _FAR, _FAR
    if log_moneyness < 0.0:
        return -_FAR, -_FAR
    return 0.0, 0.0


@hot
def price_of_legs(right, log_moneyness, asset, cash, deviation):
    """Price from asset = S e^((carry - rate) T) and cash = K e^(-rate T); the rest as in `distances`."""
    d1, d2 = distances(log_moneyness, deviation)
    return max(right * (asset * normal_cdf(right * d1) - cash * normal_cdf(right * d2)), 0.0)


@hot
def option_price(right, spot, strike, years, rate, carry, vol):
    """Price of one option, currency per unit of the underlying; at least 0, and intrinsic at years or vol <= 0."""
    years, vol = max(years, 0.0), max(vol, 0.0)
    asset, cash = spot * math.exp((carry - rate) * years), strike * math.exp(-rate * years)
    return price_of_legs(right, math.log(spot / strike) + carry * years, asset, cash, vol * math.sqrt(years))


@hot
def option_greeks(right, spot, strike, years, rate, carry, vol, carry_per_rate):
    """Price and Greeks of one option: (price, delta, gamma, vega, theta, rho).

    carry_per_rate: how the carry follows the rate, 1.0 for options on a spot (carry = rate - yield), 0.0 on a future.
    Units: delta per 1.00 of the underlying's price, gamma is delta's change for the same, vega per 1.00 of vol (100
    points), theta per calendar day, rho per 1.00 of rate (100 %).
    An expired option has price and delta only; the rest is 0. At the money without volatility delta is a half, its
    limit, and gamma is 0 instead of infinite.
    """
    years, vol = max(years, 0.0), max(vol, 0.0)
    root = math.sqrt(years)
    deviation = vol * root
    d1, d2 = distances(math.log(spot / strike) + carry * years, deviation)
    growth = math.exp((carry - rate) * years)
    share = growth * normal_cdf(right * d1)
    asset = spot * share
    cash = strike * math.exp(-rate * years) * normal_cdf(right * d2)
    density = growth * normal_density(d1)
    gamma, theta = 0.0, 0.0
    if deviation > 0.0:
        gamma = density / (spot * deviation)
        theta = -spot * density * vol / (2.0 * root)
    if years > 0.0:
        theta -= right * ((carry - rate) * asset + rate * cash)
    return (
        max(right * (asset - cash), 0.0),
        right * share,
        gamma,
        spot * density * root,
        theta / DAYS_A_YEAR,
        right * years * (cash - (1.0 - carry_per_rate) * asset),
    )
