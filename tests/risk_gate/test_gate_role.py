"""The role as the runtime sees it: opened on the wiring's scratch memory, warmed up, run without compiling again."""

import numpy as np

import shm.codes as codes
from config.load import load
from procs.risk_gate.__main__ import ROLE
from procs.risk_gate.recover import apply_all, rebuild
from procs.risk_gate.state import DESK, GATE, STREAM, parts_of
from procs.risk_gate.step import step
from procs.runtime.compiled import compiled_count
from procs.runtime.wiring import ScratchWiring
from shm.records.decision import DECISION
from shm.records.report import REPORT


def test_after_warm_up_nothing_is_compiled_any_more():
    config = load()
    warmed = ROLE.open_(ScratchWiring(config, "risk_gate"))
    step(warmed, 1)
    ROLE.warm_up(warmed)
    compiled = compiled_count()
    state = ROLE.open_(ScratchWiring(config, "risk_gate"))
    nothing = np.zeros(0, np.int64)
    rebuild(state, np.zeros(0, DECISION), nothing, np.zeros(0, REPORT), nothing, nothing)
    rebuild(warmed, np.zeros(1, DECISION), nothing, np.zeros(0, REPORT), nothing, nothing)
    reports = np.zeros(1, REPORT)
    reports[0]["report_seq"], reports[0]["kind"], reports[0]["side"] = 1, codes.REPORT_UNKNOWN, codes.SIDE_BUY
    apply_all(state, 0, reports)
    step(state, 2)
    ROLE.tend(ScratchIds(), state)
    assert compiled_count() == compiled
    assert int(parts_of(state).streams[0]["applied_seq"]) == 1 and state.exit_request[0] == 0


class ScratchIds:
    """A wiring of which tend uses only the identifier block."""

    class id_block:
        @staticmethod
        def extend():
            return False


def test_universe_limits_and_headroom_come_from_the_configuration():
    config = load()
    state = ROLE.open_(ScratchWiring(config, "risk_gate"))
    parts, gate = parts_of(state), state.gate[0]
    name = config.topology.of_role("strategy")[0].name
    universe = {config.instruments[row].symbol for row in np.flatnonzero(parts.allowed[0])}
    assert universe == set(config.strategies[name].universe)
    assert parts.desks[0]["silence_ns"] == config.limits.strategies[name].silence_ms_max * 1_000_000
    (ring,) = [ring for ring in config.topology.rings if ring.noun == "orders"]
    assert parts.streams[0]["headroom"] == ring.headroom > 0
    assert (gate["sessions"], gate["strategies"], gate["instruments"]) == (1, 1, len(config.instruments))


def test_private_records_hold_only_words():
    for dtype in (GATE, DESK, STREAM):
        assert all(dtype[name] == np.dtype("<i8") for name in dtype.names)
