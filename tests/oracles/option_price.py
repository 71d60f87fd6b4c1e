"""Option oracle: Black-Scholes-Merton in sixty decimal digits, and the Leisen-Reimer tree from the paper, in lists.

`Decimal` knows exp and ln to any precision; the normal distribution function is summed from its Taylor series, which
cancels, so the working precision grows with the argument.
"""

import math
from decimal import Decimal, localcontext

DIGITS = 60


def pi() -> Decimal:
    """By Machin's formula, in the digits of the context."""

    def arctan_of_inverse(n):
        total, term, k = Decimal(0), Decimal(1) / n, 1
        while abs(term) > Decimal(10) ** -(DIGITS + 300):
            total += term / k if k % 4 == 1 else -term / k
            term /= n * n
            k += 2
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


def normal_cdf(x: Decimal) -> Decimal:
    """N(x) = 1/2 + n(0) (x - x^3/6 + x^5/40 - ...), in enough digits that DIGITS of the result are right."""
    with localcontext() as context:
        context.prec = DIGITS + 20 + int(x * x)  # the terms reach e^(x^2 / 2), the result falls to e^(-x^2 / 2)
        total, term, k = Decimal(0), x, 0
        while abs(term) > Decimal(10) ** -(context.prec + 5):
            total += term / (2 * k + 1)
            k += 1
            term *= -x * x / (2 * k)
        return Decimal("0.5") + total / (2 * pi()).sqrt()


def european(right, spot, strike, years, rate, carry, vol) -> float:
    """Price, every float taken as the exact number that it is."""
    with localcontext() as context:
        context.prec = DIGITS
        s, k, t, r, b, v = (Decimal(x) for x in (spot, strike, years, rate, carry, vol))
        deviation = v * t.sqrt()
        d1 = ((s / k).ln() + b * t) / deviation + deviation / 2
        d2 = d1 - deviation
        asset, cash = s * ((b - r) * t).exp(), k * (-r * t).exp()
        return float(right * (asset * normal_cdf(right * d1) - cash * normal_cdf(right * d2)))


def bump(function, at, step):
    """Central difference."""
    return (function(at + step) - function(at - step)) / (2 * step)


def american(right, spot, strike, years, rate, carry, vol, steps) -> float:
    """Leisen and Reimer's tree with exercise at every node, level by level."""

    def inverted(z):
        root = math.sqrt(0.25 - 0.25 * math.exp(-((z / (steps + 1 / 3 + 0.1 / (steps + 1))) ** 2) * (steps + 1 / 6)))
        return 0.5 + math.copysign(root, z)

    deviation = vol * math.sqrt(years)
    d1 = (math.log(spot / strike) + (carry + vol * vol / 2) * years) / deviation
    p, p_share = inverted(d1 - deviation), inverted(d1)
    grow = math.exp(carry * years / steps)
    up, down = grow * p_share / p, grow * (1 - p_share) / (1 - p)
    shrink = math.exp(-rate * years / steps)

    def exercised(level, ups):
        return max(right * (spot * up**ups * down ** (level - ups) - strike), 0.0)

    values = [exercised(steps, ups) for ups in range(steps + 1)]
    for level in range(steps - 1, -1, -1):
        values = [
            max(shrink * (p * values[ups + 1] + (1 - p) * values[ups]), exercised(level, ups))
            for ups in range(level + 1)
        ]
    return values[0]
