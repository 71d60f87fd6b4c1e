"""Random operations, possible and impossible, against the SortedDict oracle; the same answer and book after each."""

import random

import pytest

from procs.feed_handler.book import (
    BOOK_NAMES,
    BOOK_OK,
    best_level,
    book_add,
    book_delete,
    book_reduce,
    book_replace,
)
from procs.feed_handler.book_check import check, contents
from procs.feed_handler.book_memory import open_book
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import JIT_OFF
from tests.oracles.book import OracleBooks

INSTRUMENTS = 3
OPERATIONS = 1_500 if JIT_OFF else 6_000


def name_of(code):
    return "ok" if code == BOOK_OK else BOOK_NAMES[int(code)]


def same_side(book, oracle, instrument, side):
    ours = contents(book, instrument, side)
    theirs = [
        (price, size, oracle.queue(instrument, side, price)) for price, size, _ in oracle.levels(instrument, side)
    ]
    assert ours == theirs


def random_operation(rng, refs, next_ref):
    """(name, arguments): mostly possible, one in twelve wrong on purpose."""
    instrument = rng.randrange(INSTRUMENTS)
    ref, home = rng.choice(refs) if refs else (1, 0)
    if rng.random() < 0.97:
        instrument = home
    price = rng.choice((rng.randrange(990, 1010), rng.randrange(1, 3000), 0 if rng.random() < 0.2 else 1000))
    qty = rng.choice((1, 5, 100, 100, 0 if rng.random() < 0.2 else 7))
    kind = rng.choices(("add", "reduce", "delete", "replace"), (45, 20, 20, 15))[0]
    if kind == "add":
        side = rng.choice((SIDE_BUY, SIDE_SELL)) if rng.random() < 0.98 else rng.choice((0, 3))
        new_ref = next_ref if rng.random() < 0.97 else ref
        return kind, (rng.randrange(-1, INSTRUMENTS + 1) if rng.random() < 0.05 else rng.randrange(INSTRUMENTS),
                      new_ref, side, qty, price)  # fmt: skip
    if rng.random() < 0.03:
        ref = rng.randrange(1, 1 << 60)
    if kind == "reduce":
        return kind, (instrument, ref, qty)
    if kind == "delete":
        return kind, (instrument, ref)
    return kind, (instrument, ref, next_ref if rng.random() < 0.97 else ref, qty, price)


@pytest.mark.parametrize(("seed", "ref_step"), [(1, 1), (2, 1 << 20), (3, 0)])
def test_random_flow_gives_the_oracle_s_answer_and_book(seed, ref_step):
    print(f"seed {seed} ref_step {ref_step}")
    rng = random.Random(seed)
    book = open_book(instruments=INSTRUMENTS, orders_max=4096, levels_max=4096)
    oracle = OracleBooks(INSTRUMENTS)
    operations = {"add": book_add, "reduce": book_reduce, "delete": book_delete, "replace": book_replace}
    refs, next_ref, seen = [], 1000, set()
    for done in range(OPERATIONS):
        kind, arguments = random_operation(rng, refs, next_ref)
        answer = name_of(operations[kind](book.row[0], *arguments))
        assert answer == getattr(oracle, kind)(*arguments), (seed, done, kind, arguments)
        seen.add(answer)
        if kind in ("add", "replace") and answer == "ok":
            refs.append((next_ref, arguments[0]))
            next_ref += ref_step or rng.randrange(1, 1 << 40)
        for ref in [arguments[1]] if kind != "add" else []:
            if ref not in oracle.where:
                refs = [pair for pair in refs if pair[0] != ref] if len(refs) < 400 else refs[-300:]
        instrument = arguments[0] if 0 <= arguments[0] < INSTRUMENTS else 0
        bid, ask = best_level(book.row[0], 2 * instrument), best_level(book.row[0], 2 * instrument + 1)
        top = tuple(int(row[field]) for row in (bid, ask) for field in ("price_ticks", "qty_lots"))
        assert top == oracle.top(instrument), (seed, done, kind, arguments)
        if done % 8 == 0:
            same_side(book, oracle, instrument, rng.choice((SIDE_BUY, SIDE_SELL)))
        if done % 250 == 0:
            check(book)
    check(book)
    for instrument in range(INSTRUMENTS):
        for side in (SIDE_BUY, SIDE_SELL):
            same_side(book, oracle, instrument, side)
    assert seen >= {"ok", "unknown order", "duplicate order", "price", "quantity", "side", "instrument"}
