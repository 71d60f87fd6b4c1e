"""`quintet flatten`: let the executor work positions down to nothing, through the same gate as every order.

A third, deliberate step behind stopping and cancelling: it works only while its scope is REDUCING, so a halted firm is
first put there (`quintet reduce`). Strategies of the scope that quote are put under CANCEL_ONLY, latched: what they
would quote would take the executor's room, or open what it closed. They stay there until `resume`.

The firm ends flat by instrument (`quintet positions --by instrument`); the executor's desk holds the opposite of what
the others do. `requests.jsonl` in the state folder keeps what was asked for and what became of it.
"""

import json
import os
import sys
import time

import numpy as np

from procs.cli.control import user
from procs.cli.snapshot import Snapshot
from procs.runtime.control_names import CONTROL_WORD, control_writers, scope_names
from procs.runtime.desks import executor_of
from procs.runtime.paths import state_folder
from shm.codes import REJECT_NAMES, STATE_ACTIVE, STATE_CANCEL_ONLY, STATE_NAMES, STATE_REDUCING
from shm.control_words import ControlWords, ScopeUnknown, operator_stop
from shm.errors import Fatal, Transient
from shm.inspect import latest_rows
from shm.latest_words import write_latest_row
from shm.records.request import (
    REQUEST,
    REQUEST_DONE,
    REQUEST_FLATTEN,
    REQUEST_STATE,
    REQUEST_STATE_NAMES,
    REQUEST_WORKING,
    REQUESTER_OPERATOR,
    reason_words,
)
from shm.records.segment_header import SEGMENT_KIND_CONTROL, SEGMENT_KIND_LATEST
from shm.roster import roster_lock
from shm.segment import Segment, attach_segment

HISTORY = "requests.jsonl"
POLL_SECONDS = 0.01
GRACE_SECONDS = 10.0  # real time beyond the request's own, which is logic time and may be driven


class NoExecutor(Fatal):
    """This fabric has nobody who could work a position down."""


class NotReducing(Fatal):
    """The scope is not in the one state in which positions are worked down."""


class NotAnswered(Transient):
    """The executor did not say in time what became of the request."""


def run(arguments) -> int:
    """Exit 0 when nothing is left to be worked off; 1 with the executor's reason when not."""
    snapshot = Snapshot(arguments.name)
    segments: list[Segment] = []
    try:
        return _flatten(arguments, snapshot, segments)
    finally:
        for segment in segments:
            segment.close()
        snapshot.close()


def _flatten(arguments, snapshot: Snapshot, segments: list[Segment]) -> int:
    config, folder = snapshot.config, state_folder(arguments.name)
    executor = executor_of(config)
    if executor is None:
        do = "add `executor = true` to topology.toml and start the fabric anew; `halt` and `cancel` need none"
        raise NoExecutor(where=f"fabric {config.name}", expected="an executor", found="none", do=do)
    strategy, instrument = scope_of(config, arguments.scope, executor)
    epoch = snapshot.view.epoch
    control = attach_segment(config.name, epoch, "control", SEGMENT_KIND_CONTROL, CONTROL_WORD, writable=True)
    table = attach_segment(config.name, epoch, "requests", SEGMENT_KIND_LATEST, REQUEST, writable=True)
    segments += [control, table]
    words = ControlWords(control.bytes, control_writers(config), scope_names(config))
    refuse_unless_reducing(words, arguments.scope)
    row = next(row for row in snapshot.instances() if row["instance"] == executor)
    if row["state"] != "running":
        do = "see `quintet status` and its log; nothing was asked for"
        raise NoExecutor(where=executor, expected="a running process", found=row["state"], do=do)
    stopped = _stop_quoting(arguments, config, words, folder, executor)
    before = firm_lots(snapshot)
    _note(folder, {"event": "asked", "by": user(), "scope": arguments.scope, "reason": arguments.reason})
    with roster_lock(config.name):
        request_id = _ask(table, strategy, instrument, arguments)
    answer = _wait(snapshot, request_id, arguments.seconds)
    _note(folder, {"event": REQUEST_STATE_NAMES[answer["state"]], "request_id": request_id, **answer})
    _tell(arguments, snapshot, answer, stopped, before)
    return 0 if answer["state"] == REQUEST_DONE else 1


def scope_of(config, scope: str, executor: str) -> tuple[int, int]:
    """(strategy_id, instrument_id) that a scope means, -1 for every one. Raises ScopeUnknown."""
    names = scope_names(config)
    names.index(scope)
    kind, _, name = scope.partition(":")
    if kind == "session" or name == executor:
        expected = f"firm, strategy:NAME (not {executor}) or instrument:SYMBOL"
        raise ScopeUnknown(where="--scope", expected=expected, found=repr(scope), do="name one of these")
    strategy = names.strategies.index(name) if kind == "strategy" else -1
    return strategy, names.instruments.index(name) if kind == "instrument" else -1


def refuse_unless_reducing(words: ControlWords, scope: str) -> None:
    """Raise NotReducing unless the strictest word over the firm and the scope is REDUCING.

    A strategy may be under CANCEL_ONLY too: it is not the one who trades.
    """
    firm, own = words.effective(0), words.effective(words.scopes.index(scope))
    state = max(firm, own)
    only_cancels = scope.startswith("strategy:") and own == STATE_CANCEL_ONLY and firm <= STATE_REDUCING
    if state != STATE_REDUCING and not only_cancels:
        do = f"set REDUCING first: `quintet reduce --scope {scope} --reason ...`"
        if state != STATE_ACTIVE and scope != "firm" and words.effective(0) > STATE_REDUCING:
            do = "set REDUCING first: `quintet reduce --reason ...`, the firm is what is stopped"
        raise NotReducing(where=f"flatten of {scope}", expected="REDUCING", found=STATE_NAMES[state], do=do)


def firm_lots(snapshot: Snapshot) -> dict[str, int]:
    """What the firm holds of each instrument, those that are not flat."""
    lots: dict[str, int] = {}
    for row in snapshot.positions():
        lots[row["instrument"]] = lots.get(row["instrument"], 0) + row["position_lots"]
    return {symbol: held for symbol, held in lots.items() if held}


def _stop_quoting(arguments, config, words: ControlWords, folder, executor: str) -> list[str]:
    """CANCEL_ONLY for the strategies of the scope. Returns their names; of one instrument none, they share the room."""
    kind, _, name = arguments.scope.partition(":")
    names = [held.name for held in config.topology.of_role("strategy") if held.name != executor]
    meant = names if kind == "firm" else [name] if kind == "strategy" else []
    for held in meant:
        reason = f"flatten: {arguments.reason}"
        operator_stop(words, folder, f"strategy:{held}", STATE_CANCEL_ONLY, reason, user())
    return meant


def _ask(table: Segment, strategy: int, instrument: int, arguments) -> int:
    """Write the operator's row. Caller: holds the roster's lock. Returns the request's id."""
    _, rows = latest_rows(table, REQUEST)
    record = np.zeros(1, REQUEST)
    record["request_id"] = int(rows[REQUESTER_OPERATOR]["request_id"]) + 1
    record["kind"] = REQUEST_FLATTEN
    record["strategy_id"], record["instrument_id"] = strategy, instrument
    record["life_ns"] = int(arguments.seconds * 1e9)
    record["asked_utc_ns"] = time.time_ns()
    record["reason"] = reason_words(arguments.reason)
    write_latest_row(table, REQUESTER_OPERATOR, record)
    return int(record["request_id"][0])


def _wait(snapshot: Snapshot, request_id: int, seconds: float) -> dict[str, int]:
    """The executor's last word on a request. Raises NotAnswered: it still works, or does not run."""
    deadline = time.monotonic() + seconds + GRACE_SECONDS
    while True:
        _, rows = snapshot.view.table("request_states", REQUEST_STATE)
        answer = {name: int(rows[REQUESTER_OPERATOR][name]) for name in REQUEST_STATE.names}
        if answer["request_id"] == request_id and answer["state"] != REQUEST_WORKING:
            return answer
        if time.monotonic() > deadline:
            working = answer["request_id"] == request_id
            found = f"{answer['remaining_lots']} lots remain" if working else "no answer"
            raise NotAnswered(
                where="executor",
                expected=f"an answer within {seconds:g} s",
                found=found,
                do="look at `quintet status`; `quintet halt` ends it",
            )
        time.sleep(POLL_SECONDS)


def _tell(arguments, snapshot: Snapshot, answer: dict, stopped: list[str], before: dict[str, int]) -> None:
    after = firm_lots(snapshot)
    state = REQUEST_STATE_NAMES[answer["state"]]
    why = REJECT_NAMES.get(answer["code"], "")
    if arguments.json:
        lots = {"before": before, "after": after, "done_lots": answer["done_lots"], "left": answer["remaining_lots"]}
        print(json.dumps({"scope": arguments.scope, "state": state, "code": why, "stopped": stopped, **lots}))
    else:
        print(f"{arguments.scope} {state}{f' ({why})' if why else ''}: {answer['done_lots']} lots traded")
        for symbol in sorted({*before, *after}):
            print(f"  {symbol}  {before.get(symbol, 0)} -> {after.get(symbol, 0)}")
    if answer["remaining_lots"]:
        print(f"{answer['remaining_lots']} lots remain", file=sys.stderr)
    if stopped:
        print(f"CANCEL_ONLY until `resume`: {', '.join(f'strategy:{name}' for name in stopped)}", file=sys.stderr)


def _note(folder, line: dict) -> None:
    """A line for the record; a disk that refuses does not keep a position open."""
    try:
        with open(folder / HISTORY, "a", encoding="utf-8") as file:
            file.write(json.dumps({"at_ns": time.time_ns(), **line}) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        print(f"not recorded: {error}", file=sys.stderr)
