"""Slow and obvious signals: every formula over the whole list of what happened."""

import math

import numpy as np


def flow(trades, now_ns, halflife_ns):
    """trades: (when_ns, sign, lots)."""
    return sum(sign * lots * 0.5 ** ((now_ns - when) / halflife_ns) for when, sign, lots in trades)


def volatility(samples, halflife_ns):
    """samples: (when_ns, mid), all that count. Zhou (1996), weights from the end of each move."""
    moves = [(t1, (t1 - t0) * 1e-9, m1 - m0) for (t0, m0), (t1, m1) in zip(samples, samples[1:], strict=False)]
    last = moves[-1][0]
    squares = seconds = before = 0.0
    for when, took_s, move in moves:
        weight = 0.5 ** ((last - when) / halflife_ns)
        squares += weight * (move * move + 2 * move * before)
        seconds += weight * took_s
        before = move
    return math.sqrt(max(squares, 0.0) / seconds)


def intensity(orders, start_ns, now_ns, halflife_ns, buckets, orders_min):
    """orders: (when_ns, half steps reached). (A a second and side, k a step) by numpy's least squares."""
    seconds = sum(
        (t1 - t0) * 1e-9 * 0.5 ** ((now_ns - t1) / halflife_ns)
        for t0, t1 in zip([start_ns] + [t for t, _ in orders], [t for t, _ in orders] + [now_ns], strict=True)
    )
    reached = [sum(0.5 ** ((now_ns - t) / halflife_ns) for t, far in orders if far >= j) for j in range(buckets)]
    first = min(far for _, far in orders)
    points = [(0.5 * j, n) for j, n in enumerate(reached) if j >= first and n >= orders_min]
    away = np.array([d for d, _ in points])
    counts = np.array([n for _, n in points])
    slope, level = np.polyfit(away, np.log(0.5 * counts / seconds), 1, w=np.sqrt(counts))
    return math.exp(level), -slope


def lean(chance_up, chance_down, next_state):
    """g of Stoikov's microprice by linear algebra, in steps: g = E[move] + P g, the solution without drift."""
    drift = np.asarray(chance_up) - np.asarray(chance_down)
    matrix = np.eye(len(drift)) - np.asarray(next_state)
    return np.linalg.lstsq(matrix, drift, rcond=None)[0]
