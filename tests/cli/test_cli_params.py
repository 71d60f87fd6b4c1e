"""`quintet params`: what is in force, what a change does and leaves behind, and what is refused with which words."""

import json

import numpy as np
import pytest

from config.load import load
from procs.runtime.fabric import Fabric
from procs.runtime.paths import state_folder
from procs.runtime.wiring import Wiring
from procs.strategy.live_params import take_params
from procs.strategy.state import state_of
from shm.scratch import scratch_ids, scratch_journal, scratch_me, scratch_ring
from tests.support.cli import call

STRATEGY_TABLES = ("depth", "positions", "params", "requests", "request_states")


@pytest.fixture
def fabric(name):
    """A fabric without processes."""
    made = Fabric(load(name))
    yield made
    made.destroy()


@pytest.fixture
def params(name):
    def ask(*words: str) -> dict:
        answer = call("params", *words, "--json", "--name", name)
        assert answer.code == 0, answer.err
        return answer.json()

    return ask


def value(told: dict, symbol: str, key: str):
    (entry,) = [entry for entry in told["params"] if entry["instrument"] == symbol]
    return entry["params"][key]["value"]


def test_without_a_change_it_shows_value_default_bounds_type_and_meaning(fabric, params, name):
    told = params("--instrument", "QNTA")
    assert told["changes"] == []
    (entry,) = told["params"]
    assert (entry["strategy"], entry["instrument"]) == ("strategy", "QNTA")
    shown = entry["params"]["risk_aversion"]
    assert (shown["value"], shown["default"], shown["min"], shown["max"], shown["dtype"]) == (
        0.05,
        0.05,
        1e-6,
        100.0,
        "f8",
    )
    assert (
        entry["params"]["refill_percent"]["dtype"] == "i8"
        and "topped up" in entry["params"]["refill_percent"]["meaning"]
    )
    text = call("params", "--name", name).out
    assert "strategy on QNTA" in text and "strategy on QNTD" in text and "position_lots_max" in text


def test_a_change_is_in_force_for_the_instruments_it_names_and_noted_with_who_when_and_why(fabric, params, name):
    changed = params("qty_lots=70", "risk_aversion=0.2", "--instrument", "QNTB", "--reason", "wider for the open")
    assert [(c["instrument"], c["name"], c["before"], c["after"]) for c in changed["changes"]] == [
        ("QNTB", "qty_lots", 100, 70),
        ("QNTB", "risk_aversion", 0.05, 0.2),
    ]
    assert value(params(), "QNTB", "qty_lots") == 70 and value(params(), "QNTA", "qty_lots") == 100
    assert len(params("jump_sigmas=6", "--reason", "calm")["changes"]) == 4
    assert params("qty_lots=70", "--instrument", "QNTB", "--reason", "again")["changes"] == []
    history = [json.loads(line) for line in (state_folder(name) / "params.jsonl").read_text().splitlines()]
    assert len(history) == 6
    first = history[0]
    assert first["reason"] == "wider for the open" and first["by"] and first["at_ns"] > 0
    assert (first["strategy"], first["instrument"], first["before"], first["after"]) == ("strategy", "QNTB", 100, 70)
    said = call("params", "qty_lots=80", "--instrument", "QNTB", "--reason", "back", "--name", name).out
    assert said == "strategy QNTB qty_lots  70 -> 80\n"


@pytest.mark.parametrize(
    "words, code, said",
    [
        ("qty_lots=0 --reason x", 1, "parameter qty_lots: expected 1 .. 1000000, found 0"),
        ("qty_lots=1.5 --reason x", 1, "expected a whole number, found 1.5"),
        ("risk_aversion=much --reason x", 1, "expected a number, found 'much'"),
        ("risk_aversion=nan --reason x", 1, "expected 1e-06 .. 100.0, found nan"),
        ("nothing=1 --reason x", 2, "nothing of strategy, QNTA: expected one of risk_aversion, "),
        ("qty_lots --reason x", 2, "KEY=VALUE: expected a parameter's name, = and its value, found 'qty_lots'"),
        ("qty_lots=5 qty_lots=6 --reason x", 2, "qty_lots: expected one value, found two"),
        ("qty_lots=5", 2, "--reason: expected why, for the record, found nothing"),
        ("qty_lots=5 --reason x --strategy other", 2, "--strategy: expected one of strategy, found 'other'"),
        (
            "qty_lots=5 --reason x --instrument ESH4",
            2,
            "--instrument: expected one of QNTA, QNTB, QNTC, QNTD, found 'ESH4'",
        ),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_nothing_changes(fabric, params, name, words, code, said):
    answer = call("params", *words.split(), "--name", name)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err and "Traceback" not in answer.err
    assert not (state_folder(name) / "params.jsonl").exists()
    assert value(params(), "QNTA", "qty_lots") == 100


def test_one_bad_value_among_good_ones_changes_nothing(fabric, params, name):
    answer = call("params", "qty_lots=50", "levels=9", "--reason", "x", "--name", name)
    assert answer.code == 1 and "parameter levels: expected 1 .. 4, found 9" in answer.err
    assert value(params(), "QNTA", "qty_lots") == 100


def test_without_a_fabric_it_says_so(name):
    answer = call("params", "--name", name)
    assert answer.code == 1 and "expected a fabric of that name" in answer.err


def test_the_strategy_takes_a_change_at_its_next_step_and_again_after_a_restart(fabric, params, name):
    config, wiring = load(name), Wiring(name, "strategy")
    slot = np.dtype([("ring_seq", "<i8"), ("rest", "<i8", 15)])

    def strategy():
        rings = {noun: scratch_ring(slot, 4)[1] for noun in ("rejects", "reports", "ticks", "intents")}
        tables = {table: wiring.table(table) for table in STRATEGY_TABLES}
        own = {
            "me": scratch_me(),
            "control": wiring.control(),
            "journal": scratch_journal(192, 4),
            "ids": scratch_ids(),
            "config": config,
            "instance": "strategy",
        }
        return state_of(rings=rings, tables=tables, strategy_id=0, headroom=0, **own)

    state = strategy()
    assert take_params(state) == 0
    params("qty_lots=70", "jump_pause_ms=250", "--instrument", "QNTB", "--reason", "x")
    for held in (state, strategy()):
        assert take_params(held) == 1 and take_params(held) == 0
        assert held.rules["jump_pause_ns"].tolist()[:3] == [10**9, 250_000_000, 10**9]
    wiring.detach()
