"""`quintet cancel`: end the open orders that the filters name, once, and no other. Trading goes on.

The word goes to each venue's order_sender through the control object and needs no other living process: not risk_gate,
not the strategy, not the feed. What is named is every order that is open when order_sender reads it, those of unknown
fate and external ones included; an order that a strategy enters afterwards is not meant: `halt` is for that.
"""

import fcntl
import json
import os
import sys
import time

from procs.cli.control import user
from procs.cli.snapshot import Snapshot
from procs.runtime.control_names import CONTROL_WORD, control_writers, scope_names
from procs.runtime.desks import desk_names
from procs.runtime.paths import state_folder
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.control_words import ControlWords, ScopeUnknown, operator_lock
from shm.errors import Transient
from shm.inspect import counters
from shm.records.segment_header import SEGMENT_KIND_CONTROL
from shm.segment import attach_segment

HISTORY = "cancels.jsonl"  # in the state folder: who cancelled what, and why
TAKEN_SECONDS = 5.0  # a restart of order_sender and its login lie within
POLL_SECONDS = 0.005
SIDES = {None: 0, "buy": SIDE_BUY, "sell": SIDE_SELL}


class CancelNotTaken(Transient):
    """An order_sender did not read the operator's word in time."""


def run(arguments) -> int:
    """Store the word for each venue meant, wait until it was read, say how many orders it ended or asked to end."""
    snapshot = Snapshot(arguments.name)
    segment = None
    try:
        config = snapshot.config
        venues = _venues(config, arguments.venue)
        strategy = _index(desk_names(config), "strategy", arguments.strategy)
        instrument = _index([held.symbol for held in config.instruments], "instrument", arguments.instrument)
        epoch = snapshot.view.epoch
        segment = attach_segment(config.name, epoch, "control", SEGMENT_KIND_CONTROL, CONTROL_WORD, writable=True)
        words = ControlWords(segment.bytes, control_writers(config), scope_names(config))
        folder = state_folder(arguments.name)
        with operator_lock(folder):
            _note(folder, arguments)
            for session in venues:
                _wait(snapshot, words, session, "an earlier `quintet cancel`")
                words.operator_cancel(session, strategy, instrument, SIDES[arguments.side])
            asked = {}
            for session, name in venues.items():
                _wait(snapshot, words, session, "this cancel")
                asked[name] = _counters(snapshot, session).get("sender_asked_orders", 0)
    finally:
        if segment is not None:
            segment.close()
        snapshot.close()
    _tell(arguments, asked)
    return 0


def _tell(arguments, asked: dict[str, int]) -> None:
    meant = {name: getattr(arguments, name) for name in ("venue", "strategy", "instrument", "side")}
    if arguments.json:
        print(json.dumps({**meant, "orders": sum(asked.values()), "by_venue": asked}))
        return
    named = ", ".join(f"{name} {value}" for name, value in meant.items() if value is not None)
    print(f"{sum(asked.values())} orders of {named or 'the firm'} cancelled or asked to cancel")
    for name, orders in asked.items():
        print(f"  {name}  {orders}")


def _venues(config, name: str | None) -> dict[int, str]:
    """{session number: venue} that a name means; every venue when it is None."""
    names = [venue.name for venue in config.venues]
    meant = _index(names, "venue", name)
    return {session: venue for session, venue in enumerate(names) if meant in (-1, session)}


def _index(names: list[str], kind: str, name: str | None) -> int:
    """Place of a name among those of its kind; -1 for None. Raises ScopeUnknown."""
    if name is None:
        return -1
    if name not in names:
        raise ScopeUnknown(
            where=f"--{kind}", expected=" or ".join(names[:16]), found=repr(name), do=f"name a known {kind}"
        )
    return names.index(name)


def _counters(snapshot: Snapshot, session: int) -> dict[str, int]:
    sender = snapshot.config.topology.of_role("order_sender")[session].name
    return counters(snapshot.view.instances()[sender])


def _wait(snapshot: Snapshot, words: ControlWords, session: int, what: str) -> None:
    """Until the session's order_sender has done the last word. Raises CancelNotTaken: the word still stands then."""
    deadline = time.monotonic() + TAKEN_SECONDS
    while _counters(snapshot, session).get("sender_asked", 0) != words.cancel_generation(session):
        if time.monotonic() > deadline:
            sender = snapshot.config.topology.of_role("order_sender")[session].name
            raise CancelNotTaken(
                where=sender,
                expected=f"{what} read within {TAKEN_SECONDS:.0f} s",
                found="no answer; it is done as soon as order_sender runs",
                do=f"look at `quintet status`: {sender} must run; to stop what may come meanwhile, `quintet halt`",
            )
        time.sleep(POLL_SECONDS)


def _note(folder, arguments) -> None:
    """One line for the record, on disk before anything takes effect; a disk that refuses does not stop the cancel."""
    meant = {name: getattr(arguments, name) for name in ("venue", "strategy", "instrument", "side", "reason")}
    line = json.dumps({"at_ns": time.time_ns(), "by": user(), **meant})
    try:
        with open(folder / HISTORY, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        print(f"not recorded: {error}", file=sys.stderr)
