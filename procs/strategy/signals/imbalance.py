"""Order-book imbalance: which side of the book is heavier.

    I = (B - A) / (B + A),   B and A the others' size on the best n levels of bid and ask

in millionths, from -1,000,000 (asks only) to 1,000,000 (bids only). Source: Cartea, Donnelly and Jaimungal (2018),
"Enhancing trading strategies with order book signals", section 2; there of the best level.
"""

from shm.jit import hot

MILLION = 1_000_000


@hot
def imbalance_ppm(bid_lots, ask_lots):
    """I in millionths; 0 for an empty book. Rounded toward zero, so that swapping the sides swaps the sign."""
    total = bid_lots + ask_lots
    if total <= 0:
        return 0
    size = abs(bid_lots - ask_lots) * MILLION // total
    return size if bid_lots >= ask_lots else -size
