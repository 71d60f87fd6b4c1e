"""Every interleaving of a few actions on one order and its replacements, walked to a depth: no luck needed.

Only actions that change something are taken. At the end of each path everything is delivered and answered,
and venue, order_sender and a reader of the reports must agree about each order of the path.
"""

import pytest

from procs.order_sender.state import check
from shm.error_log import ERROR_SENDER_SESSION_LOST
from shm.jit import JIT_OFF
from tests.support.order_path import Path, new_bench

DEPTHS = {"fresh": 4, "working": 3}  # actions behind each beginning
LONGER = 0 if JIT_OFF else 2
BEGINNINGS = {"fresh": (), "working": ("wire", "answer", "hear")}
PATHS_A_BENCH = 60  # then a new one: reports are kept in memory


def walk(beginning, depth) -> int:
    """Every path of at most `depth` actions behind a beginning, each of which changes something. Returns how many."""
    paths, todo = 0, [()]
    while todo:
        if paths % PATHS_A_BENCH == 0:
            bench = new_bench()
        actions = todo.pop()
        path = Path(bench)
        for action in (*beginning, *actions):
            path.act(action)
        if len(actions) < depth:
            todo += [(*actions, action) for action in path.possible() if action != "crash"]
        where = " ".join((*beginning, *actions))
        path.deliver()
        path.agree(where)
        assert set(bench.errors()) <= {ERROR_SENDER_SESSION_LOST}, (where, bench.errors())
        path.leave()
        paths += 1
        if paths % PATHS_A_BENCH == 0:
            check(bench.state)
    return paths


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_every_interleaving_ends_with_venue_rows_and_readers_in_agreement(beginning):
    assert walk(BEGINNINGS[beginning], DEPTHS[beginning]) > 400


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_every_longer_interleaving_ends_with_venue_rows_and_readers_in_agreement(beginning):
    assert walk(BEGINNINGS[beginning], DEPTHS[beginning] + LONGER) > 400
