"""`quintet limits`: what is in force, what a change does and leaves behind, who must confirm it, what is refused."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from config.load import load
from procs.cli import second_person
from procs.cli.limits_change import changes_of
from procs.runtime.fabric import Fabric
from procs.runtime.limit_values import limit_scopes
from procs.runtime.limits_file import load_limits_file
from procs.runtime.paths import state_folder
from shm.inspect import latest_row, latest_rows
from shm.latest_words import write_latest_row
from shm.records.exposure import EXPOSURE
from shm.records.limits import LIMITS
from shm.records.segment_header import SEGMENT_KIND_LATEST
from shm.segment import attach_segment
from tests.support.cli import call

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def fabric(name):
    """A fabric without processes."""
    made = Fabric(load(name))
    yield made
    made.destroy()


@pytest.fixture
def production(name):
    """The same, where what loosens needs a second person."""
    made = Fabric(structs.replace(load(name), profile="prod"))
    yield made
    made.destroy()


@pytest.fixture
def limits(name):
    def ask(*words: str) -> dict:
        answer = call("limits", *words, "--json", "--name", name)
        assert answer.code == 0, answer.err
        return answer.json()

    return ask


@pytest.fixture
def others(monkeypatch):
    """Who the kernel says we are: the test moves on to another user."""

    def become(uid: int) -> None:
        monkeypatch.setattr(second_person, "person", lambda: second_person.Person(uid, f"user{uid}"))
        monkeypatch.setattr("procs.cli.limits.person", second_person.person)

    return become


def table(fabric, name="limits", dtype=LIMITS):
    return attach_segment(fabric.config.name, fabric.epoch, name, SEGMENT_KIND_LATEST, dtype)


def row_of(fabric, scope):
    with table(fabric) as segment:
        return latest_row(segment, LIMITS, limit_scopes(fabric.config)[scope].row)


def value(told: dict, scope: str, key: str):
    (held,) = [held for held in told["scopes"] if held["scope"] == scope]
    (entry,) = [entry for entry in held["limits"] if entry["limit"] == key]
    return entry["value"]


def noted(name):
    return [json.loads(line) for line in (state_folder(name) / "limits.jsonl").read_text().splitlines()]


QNTA = ("--scope", "instrument:QNTA")


# --- what is shown -------------------------------------------------------------------------------------------------


def test_without_a_change_it_shows_every_scope_with_value_cap_owner_and_what_is_used(fabric, limits, name):
    told = limits()
    labels = [held["scope"] for held in told["scopes"]]
    assert labels[:3] == ["firm", "strategy:strategy", "instrument:QNTA"] and "instrument:ESH4" in labels
    firm = told["scopes"][0]
    assert (firm["owner"], firm["version"], firm["taken"]) == ("risk officer", 1, False)
    assert value(told, "instrument:QNTA", "permitted") == ["buy", "sell", "short"]
    with attach_segment(name, fabric.epoch, "exposure", SEGMENT_KIND_LATEST, EXPOSURE, writable=True) as segment:
        row = np.zeros(1, EXPOSURE)
        row["open_orders"], row["gross_micro"], row["limits_seen"], row["limits_version"] = 50, 25 * 10**12, 1, 1
        row["net_long_micro"], row["net_short_micro"], row["orders_in_window"] = -5, 10**13, 500
        write_latest_row(segment, limit_scopes(fabric.config)["firm"].row, row)
    (firm,) = limits("--scope", "firm")["scopes"]
    used = {entry["limit"]: (entry["used"], entry.get("percent")) for entry in firm["limits"]}
    assert used["open_orders_max"] == (50, 25.0) and used["gross_micro_max"] == (25 * 10**12, 25.0)
    assert used["net_micro_max"] == (10**13, 20.0) and used["rate_orders_max"] == (500, 25.0)
    assert firm["taken"] is True
    text = call("limits", "--scope", "firm", "--name", name).out
    assert "firm  owner risk officer, review by 2027-06-30; version 1\n" in text
    assert ["open_orders_max", "50", "200", "25", "%", "<=", "20,000"] in [line.split() for line in text.splitlines()]
    assert "no limit: concentration_bps_max, loss_micro_max" in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_list_of_checks_names_each_with_its_limit_and_who_asks_for_it(limits, name):
    told = limits("--checks")["checks"]
    assert {"qty_max", "message_rate", "collar_near"} <= {check["label"] for check in told}
    assert all(check["standard"] and check["refuses"] for check in told)
    text = call("limits", "--checks", "--name", name).out
    assert "limit rate_messages_max; in messages; asked by RTS 6 15(1)(d)" in text
    assert max(map(len, text.splitlines())) <= 120


# --- changing ------------------------------------------------------------------------------------------------------


def test_a_change_is_in_force_noted_with_who_when_why_before_and_after_and_raises_the_version(fabric, limits, name):
    changed = limits("qty_lots_max=500", "permitted=sell", *QNTA, "--reason", "thin book")["changes"]
    assert [(c["key"], c["before"], c["after"], c["lasting"]) for c in changed] == [
        ("qty_lots_max", 1000, 500, 500),
        ("permitted", ["buy", "sell", "short"], ["sell"], ["sell"]),
    ]
    version, row = row_of(fabric, "instrument:QNTA")
    assert (version, int(row["qty_lots_max"]), int(row["permitted"]), int(row["fx_ppm"])) == (2, 500, 2, 1_000_000)
    assert int(row["version"]) == changed[0]["version"] == 3 and int(row["expires_ns"]) == 0
    assert row_of(fabric, "instrument:QNTB")[0] == 1, "no other row was written"
    (first, second) = noted(name)
    assert (first["reason"], first["scope"], first["by"], first["uid"]) == (
        "thin book",
        "instrument:QNTA",
        second_person.person().name,
        os.getuid() if Path("/proc/self/loginuid").read_text() == "4294967295" else first["uid"],
    )
    assert limits("qty_lots_max=500", *QNTA, "--reason", "again")["changes"] == []
    assert len(noted(name)) == 2
    said = call("limits", "qty_lots_max=1_000", *QNTA, "--reason", "back", "--name", name).out
    assert said == "instrument:QNTA qty_lots_max  500 -> 1,000  version 4\n"
    text = call("limits", "--history", "--name", name).out
    assert "permitted     buy,sell,short -> sell  thin book" in text


def test_a_version_in_a_decision_leads_to_the_change_that_made_it(fabric, limits, name):
    limits("qty_lots_max=500", *QNTA, "--reason", "less")
    limits("open_orders_max=9", "--scope", "firm", "--reason", "calm", "--for", "1h")
    row, firm = (int(row_of(fabric, scope)[1]["version"]) for scope in ("instrument:QNTA", "firm"))
    folder = state_folder(name)
    assert [(line["key"], line["reason"]) for line in changes_of(folder, row)] == [("qty_lots_max", "less")]
    assert [line["reason"] for line in changes_of(folder, firm)] == ["calm"]
    assert [line["reason"] for line in changes_of(folder, firm + 1)] == ["calm"], "what follows the override"
    assert changes_of(folder, 1) == []


def test_an_override_has_the_row_that_follows_it_and_its_end(fabric, limits, name):
    limits("qty_lots_max=500", *QNTA, "--reason", "less")
    (change,) = limits("qty_lots_max=2000", *QNTA, "--reason", "one big order", "--for", "10m")["changes"]
    assert (change["before"], change["after"], change["lasting"]) == (500, 2000, 500)
    row = row_of(fabric, "instrument:QNTA")[1]
    assert abs(int(row["expires_ns"]) - time.time_ns() - 600 * 10**9) < 60 * 10**9
    with table(fabric, "standing") as segment:
        lasting = latest_row(segment, LIMITS, int(row["standing_row"]))[1]
    assert (int(lasting["qty_lots_max"]), int(lasting["expires_ns"])) == (500, 0)
    assert int(lasting["standing_row"]) == limit_scopes(fabric.config)["instrument:QNTA"].row
    assert int(lasting["version"]) == int(row["version"]) + 1, "a version of its own"
    refused = call("limits", "open_orders_max=5", *QNTA, "--reason", "x", "--for", "5m", "--name", name)
    assert refused.code == 2 and "one override of a scope at a time" in refused.err
    limits("open_orders_max=10", *QNTA, "--reason", "for good")
    row = row_of(fabric, "instrument:QNTA")[1]
    assert (int(row["qty_lots_max"]), int(row["open_orders_max"])) == (2000, 10), "beside the override"
    limits("qty_lots_max=400", *QNTA, "--reason", "for good")
    row = row_of(fabric, "instrument:QNTA")[1]
    assert (int(row["qty_lots_max"]), int(row["expires_ns"])) == (400, 0), "instead of it"


def test_an_override_that_ended_is_not_shown_and_its_place_is_free_again(fabric, limits, name, monkeypatch):
    monkeypatch.setattr("procs.cli.limits_change.STANDING_ROWS", 2)
    for _ in range(4):
        limits("qty_lots_max=900", *QNTA, "--reason", "x", "--for", "1s")
        with attach_segment(name, fabric.epoch, "limits", SEGMENT_KIND_LATEST, LIMITS, writable=True) as segment:
            row = limit_scopes(fabric.config)["instrument:QNTA"].row
            record = latest_row(segment, LIMITS, row)[1].reshape(1).copy()
            record["expires_ns"] = 1  # its time is over
            write_latest_row(segment, row, record)
        assert value(limits(), "instrument:QNTA", "qty_lots_max") == 1000
    with table(fabric) as segment:
        assert np.count_nonzero(latest_rows(segment, LIMITS)[1]["expires_ns"] > 0) == 1
    limits("qty_lots_max=900", "--scope", "instrument:QNTB", "--reason", "x", "--for", "1h")
    limits("qty_lots_max=900", "--scope", "instrument:QNTC", "--reason", "x", "--for", "1h")
    more = call(
        "limits", "qty_lots_max=9", "--scope", "instrument:QNTD", "--reason", "x", "--for", "1h", "--name", name
    )
    assert more.code == 2 and "--for: expected at most 2 scopes with an override, found more" in more.err


REFUSED = """
words                                                                 | code | said
qty_lots_max=0 --scope instrument:QNTA --reason x                     | 2    | instrument.QNTA.qty_lots_max: expected a number above 0, found 0
qty_lots_max=-1 --scope instrument:QNTA --reason x                    | 2    | expected a number above 0, found -1
qty_lots_max=nan --scope instrument:QNTA --reason x                   | 2    | expected a whole number, found 'nan'
qty_lots_max=inf --scope instrument:QNTA --reason x                   | 2    | expected a whole number, found 'inf'
qty_lots_max=1e9 --scope instrument:QNTA --reason x                   | 2    | expected a whole number, found '1e9'
qty_lots_max=10.0 --scope instrument:QNTA --reason x                  | 2    | expected a whole number, found '10.0'
qty_lots_max=none --scope instrument:QNTA --reason x                  | 2    | expected a whole number, found 'none'
qty_lots_max=100001 --scope instrument:QNTA --reason x                | 2    | expected at most 100000 (cap.instrument.qty_lots_max), found 100001
qty_lots_max=9999999999999999999999 --scope instrument:QNTA --reason x | 2   | expected a number below 2^62
burst_window_ms=99 --scope instrument:QNTA --reason x                 | 2    | expected at least 100 (cap.instrument.burst_window_ms), found 99
gross_micro_max=none --scope instrument:QNTA --reason x               | 2    | expected at most 200000000000000 (cap.instrument.gross_micro_max), found none
permitted=buy,fly --scope instrument:QNTA --reason x                  | 2    | one of the documented words, found ['buy', 'fly']
rate_headroom=4000 --scope firm --reason x                            | 2    | expected less than rate_messages_max (4000)
nothing=1 --scope firm --reason x                                     | 2    | firm nothing: expected one of gross_micro_max, net_micro_max
silence_ms_max=5 --scope strategy:strategy --reason x                 | 2    | strategy:strategy silence_ms_max: expected one of
fx_ppm=5 --scope instrument:QNTA --reason x                           | 2    | instrument:QNTA fx_ppm: expected one of
version=5 --scope instrument:QNTA --reason x                          | 2    | instrument:QNTA version: expected one of
open_orders_max --scope firm --reason x                               | 2    | KEY=VALUE: expected a limit's name, = and its value
open_orders_max=1 open_orders_max=2 --scope firm --reason x           | 2    | open_orders_max: expected one value, found two
open_orders_max=1 --scope firm                                        | 2    | --reason: expected why, for the record, found nothing
open_orders_max=1 --reason x                                          | 2    | --scope: expected firm, strategy:NAME or instrument:SYMBOL
open_orders_max=1 --scope instrument:ZZZ --reason x                   | 1    | expected QNTA or QNTB
open_orders_max=1 --scope strategy:nobody --reason x                  | 1    | scope strategy:nobody: expected strategy, found 'nobody'
open_orders_max=1 --scope session:order_sender --reason x             | 1    | expected firm, strategy:NAME or instrument:SYMBOL, found 'session:order_sender'
open_orders_max=1 --scope session:nobody --reason x                   | 1    | expected firm, strategy:NAME or instrument:SYMBOL, found 'session:nobody'
open_orders_max=1 --scope firm:x --reason x                           | 1    | expected firm, strategy:NAME or instrument:SYMBOL, found 'firm:x'
open_orders_max=1 --scope desk --reason x                             | 1    | expected firm, strategy:NAME or instrument:SYMBOL, found 'desk'
--scope session:order_sender                                          | 1    | expected firm, strategy:NAME or instrument:SYMBOL, found 'session:order_sender'
--scope nobody                                                        | 1    | expected firm, strategy:NAME or instrument:SYMBOL, found 'nobody'
--scope instrument:ZZZ                                                | 1    | expected QNTA or QNTB
--history --scope nobody                                              | 1    | expected firm, strategy:NAME or instrument:SYMBOL, found 'nobody'
--history --scope strategy:                                           | 1    | expected firm, strategy:NAME or instrument:SYMBOL, found 'strategy:'
open_orders_max=1 --scope firm --reason x --for 25h                   | 2    | expected a time as 30s, 10m or 2h, at most 24h, found '25h'
open_orders_max=1 --scope firm --reason x --for 0s                    | 2    | at most 24h, found '0s'
--for 5m                                                              | 2    | --for: expected KEY=VALUE beside it
--reload /nowhere/limits.toml --reason x                              | 1    | /nowhere/limits.toml: (file): expected a readable TOML file
--reload --confirm 123456 --reason x                                  | 2    | expected one of them, found several
--confirm ../../x                                                     | 1    | expected the id of a request (nothing waits), found '../../x'
--confirm abcdef                                                      | 1    | expected the id of a request (nothing waits), found 'abcdef'
"""


def cells(text):
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()[1:]]


@pytest.mark.parametrize("words,code,said", cells(REFUSED))
def test_a_change_that_cannot_be_is_refused_and_the_limits_in_force_stay(fabric, name, words, code, said):
    with table(fabric) as segment:
        before = latest_rows(segment, LIMITS)
        answer = call("limits", *words.split(), "--name", name)
        after = latest_rows(segment, LIMITS)
    assert (answer.code, answer.out) == (int(code), ""), answer.err
    assert said in answer.err and "Traceback" not in answer.err
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
    assert not (state_folder(name) / "limits.jsonl").exists()


def test_a_damaged_limits_file_refuses_every_change(fabric, name):
    path = state_folder(name) / "limits.json"
    path.write_text(path.read_text().replace('"version": 2', '"version": 1'))
    answer = call("limits", "open_orders_max=5", "--scope", "firm", "--reason", "x", "--name", name)
    assert answer.code == 1 and "limits.json: checksum: expected" in answer.err
    assert int(row_of(fabric, "firm")[1]["open_orders_max"]) == 200


def test_without_a_fabric_it_says_so(name):
    answer = call("limits", "--name", name)
    assert answer.code == 1 and "expected a fabric of that name" in answer.err


# --- reload --------------------------------------------------------------------------------------------------------


@pytest.fixture
def edited(tmp_path):
    """limits.toml with pieces replaced, as a file."""

    def write(*pieces: tuple[str, str]) -> str:
        text = (ROOT / "config" / "limits.toml").read_text()
        for old, new in pieces:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "limits.toml"
        path.write_text(text)
        return str(path)

    return write


def test_a_changed_file_is_taken_over_whole(fabric, limits, name, edited):
    limits("open_orders_max=50", "--scope", "firm", "--reason", "less")
    path = edited(("revision = 1", "revision = 2"), ("qty_lots_max = 1000", "qty_lots_max = 700"))
    changed = limits("--reload", path, "--reason", "new quarter")["changes"]
    assert [(c["scope"], c["key"], c["before"], c["after"]) for c in changed] == [
        ("firm", "open_orders_max", 50, 200),
        ("instrument:QNTA", "qty_lots_max", 1000, 700),
    ]
    kept = load_limits_file(state_folder(name))
    assert kept["revision"] == 2 and kept["kept"] == {}, "the file says it: nothing was lowered by hand"
    limits("qty_lots_max=600", *QNTA, "--reason", "less")
    assert [entry["value"] for entry in load_limits_file(state_folder(name))["kept"]["instrument:QNTA"]] == [600]


BAD_FILES = """
old                                  | new                                  | said
revision = 1                         | revision = 1#                        | revision: expected above 1: what it says is not what was in force under that number
revision = 1                         | revision = 2{N}qty = 1               | qty: expected no such key
open_orders_max = 200                | open_orders_max = nan                | firm.open_orders_max: expected int, found float nan
open_orders_max = 200                | open_orders_max = 0                  | firm.open_orders_max: expected a number above 0, found 0
open_orders_max = 200                | open_orders_max = 20_001             | at most 20000 (cap.firm.open_orders_max)
open_orders_max = 200                |                                      | firm.open_orders_max: expected a value, found nothing
silence_ms_max = 1000                | silence_ms_max = 2000                | strategy.strategy.silence_ms_max: expected 1000: it is read once, at the start, found 2000
open_orders_max = 20_000             | open_orders_max = 30_000             | cap: expected what the fabric was started with
USD = 1_000_000                      | USD = 1_000_000{N}EUR = 1_100_000    | fx_ppm: expected what the fabric was started with
[instrument.QNTB]                    | [instrument.QNTZ]                    | instrument.QNTZ: expected a symbol of instruments.toml
[strategy.strategy]                  | [strategy.other]                     | strategy.strategy: expected limits for every strategy instance
"""


@pytest.mark.parametrize("old,new,said", cells(BAD_FILES))
def test_a_bad_file_is_refused_whole_and_the_limits_in_force_stay(fabric, name, edited, old, new, said):
    pieces = [(old, new.replace("{N}", "\n") or "#")]
    if old == "revision = 1":
        pieces.append(("open_orders_max = 200", "open_orders_max = 150"))
    else:
        pieces.append(("revision = 1", "revision = 2"))
    answer = call("limits", "--reload", edited(*pieces), "--reason", "x", "--name", name)
    assert (answer.code, answer.out) == (1, "") and said in answer.err, answer.err
    assert int(row_of(fabric, "firm")[1]["open_orders_max"]) == 200
    assert load_limits_file(state_folder(name))["revision"] == 1


def test_an_older_file_is_refused(fabric, limits, name, edited):
    limits("--reload", edited(("revision = 1", "revision = 5")), "--reason", "x")
    answer = call("limits", "--reload", edited(("revision = 1", "revision = 4")), "--reason", "x", "--name", name)
    assert answer.code == 1 and "revision: expected 5 or above" in answer.err and "found 4" in answer.err


def test_a_file_that_is_no_text_is_refused(fabric, name, tmp_path):
    (tmp_path / "odd.toml").write_bytes(b"revision = 2\n\xff")
    answer = call("limits", "--reload", str(tmp_path / "odd.toml"), "--reason", "x", "--name", name)
    assert answer.code == 1 and "(encoding): expected UTF-8, found byte 0xff at offset 13" in answer.err


# --- the second person ---------------------------------------------------------------------------------------------


def test_in_production_one_person_may_lower_but_not_raise(production, limits, others, name):
    others(1001)
    assert limits("qty_lots_max=500", *QNTA, "--reason", "less")["request"] is None
    asked = limits("qty_lots_max=900", "open_orders_max=5", *QNTA, "--reason", "more")
    assert asked["changes"] == [] and asked["request"]["loosens"] == ["instrument:QNTA qty_lots_max  500 -> 900"]
    assert int(row_of(production, "instrument:QNTA")[1]["qty_lots_max"]) == 500
    told = limits()
    assert [(held["by"], held["reason"]) for held in told["requests"]] == [("user1001", "more")]
    same = call("limits", "--confirm", asked["request"]["id"], "--name", name)
    assert same.code == 1 and "expected a second person, found user1001 (uid 1001), who asked for it" in same.err
    others(1002)
    changed = limits("--confirm", asked["request"]["id"])["changes"]
    assert [(c["key"], c["after"], c["by"], c["uid"], c["confirmed_by"], c["confirmed_uid"]) for c in changed] == [
        ("qty_lots_max", 900, "user1001", 1001, "user1002", 1002),
        ("open_orders_max", 5, "user1001", 1001, "user1002", 1002),
    ]
    assert int(row_of(production, "instrument:QNTA")[1]["qty_lots_max"]) == 900
    again = call("limits", "--confirm", asked["request"]["id"], "--name", name)
    assert again.code == 1 and "expected the id of a request" in again.err, "good for one confirmation"


@pytest.mark.parametrize("words", ["rate_window_ms=1001 rate_headroom=999", "self_trade=cancel"])
def test_what_loosens_in_another_way_needs_a_second_person_too(production, limits, others, words):
    others(1001)
    asked = limits(*words.split(), "--scope", "firm", "--reason", "x")
    assert len(asked["request"]["loosens"]) == 1


def test_a_lowering_override_that_is_ended_early_loosens(production, limits, others):
    others(1001)
    assert limits("open_orders_max=10", "--scope", "firm", "--for", "1h", "--reason", "x")["request"] is None
    assert limits("open_orders_max=200", "--scope", "firm", "--reason", "x")["request"]["loosens"]


def test_a_reload_that_raises_waits_as_a_whole(production, limits, others, edited, name):
    others(1001)
    pieces = [("revision = 1", "revision = 2"), ("qty_lots_max = 1000", "qty_lots_max = 1200")]
    path = edited(*pieces, ("open_orders_max = 200", "open_orders_max = 150"))
    asked = limits("--reload", path, "--reason", "new quarter")
    assert asked["request"]["loosens"] == ["instrument:QNTA qty_lots_max  1000 -> 1200"]
    assert int(row_of(production, "firm")[1]["open_orders_max"]) == 200
    others(1002)
    assert len(limits("--confirm", asked["request"]["id"])["changes"]) == 2
    assert load_limits_file(state_folder(name))["revision"] == 2


def test_a_request_is_void_when_the_limits_changed_since_when_it_is_old_or_was_touched(
    production, others, limits, name
):
    others(1001)
    folder = state_folder(name) / "pending"

    def ask():
        return limits("open_orders_max=300", "--scope", "firm", "--reason", "x")["request"]["id"]

    def confirm(request):
        others(1002)
        answer = call("limits", "--confirm", request, "--name", name)
        others(1001)
        assert answer.code == 1 and int(row_of(production, "firm")[1]["open_orders_max"]) < 300
        return answer.err

    stale = ask()
    limits("qty_lots_max=500", *QNTA, "--reason", "less")
    assert "something changed them since" in confirm(stale)
    touched = ask()
    (path,) = folder.glob("*.json")
    path.write_text(path.read_text().replace("300", "3000"))
    assert "expected the id of a request" in confirm(touched)
    ((other_id,),) = [[held["id"] for held in limits()["requests"]]]
    assert "expected a request to confirm, found none" in confirm(other_id), "its name follows from what it asked for"
    path.write_text("{")
    assert "expected a request as this version writes it" in confirm(touched)
    path.unlink()
    old = ask()
    (path,) = folder.glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"until_ns": 1}))
    assert "expected the id of a request (nothing waits)" in confirm(old)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to be two users")
def test_who_somebody_is_says_the_kernel(production, name):
    """Two processes of different real users; names and environment are typed in and count for nothing."""
    if Path("/proc/self/loginuid").read_text() != "4294967295":
        pytest.skip("the host knows who logged in: both processes would be that one")

    def run(uid, *words):
        body = (
            f"import os, sys; os.setresuid({uid}, 0, 0); from procs.cli.__main__ import main; sys.exit(main({words!r}))"
        )
        env = os.environ | {"USER": "somebody", "LOGNAME": "somebody", "SUDO_UID": "4242"}
        return subprocess.run(
            [sys.executable, "-c", body], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
        )

    made = run(3001, "limits", "open_orders_max=300", "--scope", "firm", "--reason", "x", "--json", "--name", name)
    assert made.returncode == 0, made.stderr
    request = json.loads(made.stdout)["request"]["id"]
    refused = run(3001, "limits", "--confirm", request, "--name", name)
    assert refused.returncode == 1 and "expected a second person, found 3001 (uid 3001)" in refused.stderr
    assert run(3002, "limits", "--confirm", request, "--name", name).returncode == 0
    assert int(row_of(production, "firm")[1]["open_orders_max"]) == 300
    assert (noted(name)[0]["uid"], noted(name)[0]["confirmed_uid"]) == (3001, 3002)
