"""American options by the Leisen-Reimer binomial tree: second order in the number of steps, where CRR is of first.

Leisen and Reimer, Binomial models for option valuation (1996), with their inversion by Peizer and Pratt. Units and
domain are those of black_scholes.py. `tree` is the caller's memory, float64[2, steps + 1] with an odd number of steps,
written by every call; `new_tree` allocates it. Cost: steps squared / 2 nodes of about a nanosecond.
"""

import math

import numpy as np

from procs.risk_engine.black_scholes import DAYS_A_YEAR, option_price
from shm.jit import hot

_CERTAIN = 1e-10  # a probability nearer than this to 0 or 1: the tree has no second branch left
_ROUNDING = 1e-12  # of the strike: what the tree's products may leave of a value that is exercised
_SPOT_BUMP = 1e-6  # relative; only where the value is piecewise smooth and known to the last digits


def new_tree(steps: int) -> np.ndarray:
    """Memory for trees of that many steps; an even number is raised to the next odd one, as the method wants it."""
    if steps < 3:
        raise ValueError(f"american: expected at least 3 tree steps, found {steps}; 51 is a good start")
    return np.zeros((2, (steps | 1) + 1))


@hot
def peizer_pratt(z, steps):
    """Probability p with which a binomial of `steps` exceeds its half as a standard normal stays below z."""
    scaled = z / (steps + 1.0 / 3.0 + 0.1 / (steps + 1.0))
    half = math.sqrt(max(0.25 - 0.25 * math.exp(-scaled * scaled * (steps + 1.0 / 6.0)), 0.0))
    return 0.5 + half if z > 0.0 else 0.5 - half


@hot
def certain_value(right, spot, strike, years, rate, carry):
    """Value without volatility: the most that e^(-rate t) (S e^(carry t) - K) reaches at any moment t, at least 0."""
    best = max(right * (spot - strike), 0.0)
    at_end = math.exp(-rate * years) * right * (spot * math.exp(carry * years) - strike)
    best = max(best, at_end)
    # stationary where (carry - rate) S e^(carry t) + rate K = 0
    if carry != 0.0 and carry != rate:
        growth = rate * strike / ((rate - carry) * spot)
        if growth > 0.0:
            moment = math.log(growth) / carry
            if 0.0 < moment < years:
                best = max(best, math.exp(-rate * moment) * right * (spot * math.exp(carry * moment) - strike))
    return best


@hot
def branches(spot, strike, years, rate, carry, vol, steps):
    """(probability up, factor up, factor down) of one step; probability 0 where the tree degenerates."""
    deviation = vol * math.sqrt(years)
    if deviation <= 0.0:
        return 0.0, 1.0, 1.0
    d2 = (math.log(spot / strike) + carry * years) / deviation - 0.5 * deviation
    up_probability = peizer_pratt(d2, steps)
    if up_probability < _CERTAIN or up_probability > 1.0 - _CERTAIN:
        return 0.0, 1.0, 1.0
    drift = math.exp(carry * years / steps)
    up = drift * peizer_pratt(d2 + deviation, steps) / up_probability
    down = (drift - up_probability * up) / (1.0 - up_probability)
    if down <= 0.0:
        return 0.0, 1.0, 1.0
    return up_probability, up, down


@hot
def fill_leaves(right, spot, strike, up, down, tree):
    """Last level: prices of the underlying in tree[1], payoffs in tree[0]."""
    steps = tree.shape[1] - 1
    at, ratio = spot * math.exp(steps * math.log(down)), up / down
    for node in range(steps + 1):
        tree[1, node] = at
        tree[0, node] = max(right * (at - strike), 0.0)
        at *= ratio


@hot
def roll_back(right, strike, up_weight, down_weight, down, tree, first, last):
    """From level `first` to level `last` < first: hold or exercise at every node."""
    one_up = 1.0 / down
    for level in range(first - 1, last - 1, -1):
        for node in range(level + 1):
            at = tree[1, node] * one_up
            held = down_weight * tree[0, node] + up_weight * tree[0, node + 1]
            tree[1, node] = at
            tree[0, node] = max(held, right * (at - strike))


@hot
def american_price(right, spot, strike, years, rate, carry, vol, tree):
    """Price of one American option, currency per unit of the underlying; at least its value exercised now."""
    years, vol = max(years, 0.0), max(vol, 0.0)
    steps = tree.shape[1] - 1
    probability, up, down = branches(spot, strike, years, rate, carry, vol, steps)
    if probability == 0.0:
        held = option_price(right, spot, strike, years, rate, carry, vol)
        return max(held, certain_value(right, spot, strike, years, rate, carry))
    discount = math.exp(-rate * years / steps)
    fill_leaves(right, spot, strike, up, down, tree)
    roll_back(right, strike, discount * probability, discount * (1.0 - probability), down, tree, steps, 0)
    return max(tree[0, 0], right * (spot - strike))  # the root's own price is rounded some fifty times


@hot
def certain_greeks(right, spot, strike, years, rate, carry, vol, tree):
    """(price, delta, gamma, theta) where the tree degenerates: exercised, worthless, or held without doubt."""
    price = american_price(right, spot, strike, years, rate, carry, vol, tree)
    above = american_price(right, spot * (1.0 + _SPOT_BUMP), strike, years, rate, carry, vol, tree)
    below = american_price(right, spot * (1.0 - _SPOT_BUMP), strike, years, rate, carry, vol, tree)
    delta = (above - below) / (2.0 * _SPOT_BUMP * spot)
    theta = rate * price - carry * spot * delta if price > right * (spot - strike) + _ROUNDING * strike else 0.0
    return price, delta, 0.0, theta / DAYS_A_YEAR


@hot
def american_greeks(right, spot, strike, years, rate, carry, vol, tree):
    """(price, delta, gamma, theta) of one American option; units as option_greeks. Vega and rho: revalue.py, by bumps.

    Delta and gamma are those of the tree's first nodes, theta follows from them by the Black-Scholes equation, as in
    QuantLib's BinomialVanillaEngine; theta of an option that should be exercised now is 0.
    """
    years, vol = max(years, 0.0), max(vol, 0.0)
    steps = tree.shape[1] - 1
    probability, up, down = branches(spot, strike, years, rate, carry, vol, steps)
    if probability == 0.0:
        return certain_greeks(right, spot, strike, years, rate, carry, vol, tree)
    discount = math.exp(-rate * years / steps)
    up_weight, down_weight = discount * probability, discount * (1.0 - probability)
    fill_leaves(right, spot, strike, up, down, tree)
    roll_back(right, strike, up_weight, down_weight, down, tree, steps, 2)
    up_delta = (tree[0, 2] - tree[0, 1]) / (tree[1, 2] - tree[1, 1])
    down_delta = (tree[0, 1] - tree[0, 0]) / (tree[1, 1] - tree[1, 0])
    gamma = (up_delta - down_delta) / (0.5 * (tree[1, 2] - tree[1, 0]))
    roll_back(right, strike, up_weight, down_weight, down, tree, 2, 1)
    delta = (tree[0, 1] - tree[0, 0]) / (tree[1, 1] - tree[1, 0])
    roll_back(right, strike, up_weight, down_weight, down, tree, 1, 0)
    exercised = right * (spot - strike)
    price, theta = max(tree[0, 0], exercised), 0.0
    if price > exercised + _ROUNDING * strike:
        theta = rate * price - carry * spot * delta - 0.5 * vol * vol * spot * spot * gamma
    return price, delta, gamma, theta / DAYS_A_YEAR
