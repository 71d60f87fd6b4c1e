"""Authority: what thresholds make this process do: say it in our row of control, journal it, latch it on disk.

The word comes first and takes no lock: nothing delays a halt. What was said is in force until an operator resumes the
scope; a life of the fabric that ends latches it for the next. When this process dies the words stay.
"""

import sys
import time

import numpy as np

from procs.risk_engine.ladder import STEP_OF, Act, Ladder, ladder_of
from procs.risk_engine.measures import REASONS, STALE, value_of
from procs.risk_engine.scopes import Scope
from shm.codes import (
    JOURNAL_RISK,
    RISK_EVENT_EASED,
    RISK_EVENT_ROW,
    RISK_REASON_STALE,
    RISK_SCOPE_NAMES,
    RISK_STEP_FLATTEN,
    RISK_STEP_NAMES,
    RISK_STEP_NONE,
    RISK_STEP_WARN,
    STATE_ACTIVE,
    STATE_NAMES,
)
from shm.control_words import LatchUnreadable, latch_state
from shm.counters import RISK_BREACHED, RISK_STEPS
from shm.error_log import ERROR_RISK_NO_EXECUTOR, ERROR_RISK_THRESHOLD
from shm.records.risk_entry import RISK_ENTRY

EXECUTOR_NONE, EXECUTOR_ASKED, EXECUTOR_ABSENT = 0, 1, 2  # RISK_ENTRY.executor
MS = 1_000_000


class Watched:
    """One measure of one scope and its ladder."""

    def __init__(self, scope: Scope, measure: str, ladder: Ladder):
        self.scope, self.measure, self.ladder = scope, measure, ladder
        self.since_ns = 0  # real time from which a stale input is seen without a pause


class Authority:
    """The ladders of every scope, and the hands that do what they ask for.

    `words`, `writer`: control words and our row. `journal`: a ColdJournal. `requests`: asks the executor, or None.
    """

    def __init__(self, wiring, scopes: list[Scope], words, writer: int, journal, requests):
        self.wiring, self.words, self.writer, self.journal, self.requests = wiring, words, writer, journal, requests
        risk = wiring.config.risk
        self.grace_ns = risk.input.grace_ms * MS
        self.known = set(words.scopes.labels)
        self.watched = [
            Watched(scope, threshold.measure, ladder_of(threshold, risk.again_ppm))
            for threshold in risk.thresholds
            for scope in scopes
            if _covers(threshold.scope, scope)
        ]
        stale = STEP_OF[risk.input.stale_state]
        self.watched += [Watched(scope, STALE, Ladder({stale: 1}, risk.again_ppm)) for scope in scopes]
        self._indices = {scope.row: [words.scopes.index(label) for label in self._labels(scope)] for scope in scopes}

    def _labels(self, scope: Scope) -> list[str]:
        return [label for label in scope.labels if label in self.known]

    # --- what is in force -----------------------------------------------------------------------------------------

    def state(self, scope: Scope) -> int:
        """Strictest STATE_* that we impose on a scope now."""
        return max(
            (self.words.in_force(self.writer, index) for index in self._indices[scope.row]), default=STATE_ACTIVE
        )

    def reason(self, scope: Scope) -> int:
        """RISK_REASON_* of the highest step that holds in a scope; 0 for none."""
        held = [one for one in self.watched if one.scope.row == scope.row and one.ladder.step > RISK_STEP_NONE]
        return REASONS[max(held, key=lambda one: one.ladder.step).measure] if held else 0

    # --- what is done -----------------------------------------------------------------------------------------------

    def look(self, rows: dict[int, np.ndarray], real_ns: int, leaving: bool) -> int:
        """Compare every measure with its ladder; `rows`: RISK[1] by row number. Returns the steps taken.

        `leaving`: the machine stops, so that inputs end is no breach.
        """
        taken = 0
        for one in self.watched:
            row = rows.get(one.scope.row)
            value = None if row is None else value_of(row[0], one.measure)
            if value is None or (one.measure == STALE and not self._ripe(one, value, real_ns, leaving)):
                continue
            act = one.ladder.look(value, self._acknowledged(one))
            if act is not None:
                self._do(one, act, row)
                taken += act.event != RISK_EVENT_EASED
        breached = sum(one.ladder.step >= RISK_STEP_WARN for one in self.watched)
        self.wiring.gauge(RISK_BREACHED, breached)
        return taken

    def _ripe(self, one: Watched, stale: int, real_ns: int, leaving: bool) -> bool:
        """Whether staleness lasts for longer than the grace, or is over."""
        if stale == 0:
            one.since_ns = 0
            return True
        one.since_ns = one.since_ns or real_ns
        return not leaving and real_ns - one.since_ns >= self.grace_ns

    def _acknowledged(self, one: Watched) -> bool:
        """Whether what this ladder said is not in force any more on every scope that it was said for."""
        wanted = Act(0, one.ladder.step, 0, 0, 0, 0).state
        return any(self.words.in_force(self.writer, index) < wanted for index in self._indices[one.scope.row])

    def _do(self, one: Watched, act: Act, row: np.ndarray) -> None:
        scope, state = one.scope, act.state
        said = [] if state == STATE_ACTIVE else self._indices[scope.row]
        for index in said:
            if self.words.in_force(self.writer, index) < state:
                self.words.writer_set(self.writer, index, state)
        request, executor = 0, EXECUTOR_NONE
        if act.event != RISK_EVENT_EASED and act.step == RISK_STEP_FLATTEN:
            request = self.requests.ask(scope, row[0], _sentence(one, act)) if self.requests is not None else 0
            executor = EXECUTOR_ASKED if request else EXECUTOR_ABSENT
        if state != STATE_ACTIVE:
            row["state"], row["reason"] = self.state(scope), REASONS[one.measure]
        self._note(one, act, row, state if said else 0, request, executor)
        if act.event == RISK_EVENT_EASED:
            return
        self.wiring.count(RISK_STEPS, 1)
        self.wiring.note_error(ERROR_RISK_THRESHOLD, REASONS[one.measure], act.found)
        if executor == EXECUTOR_ABSENT:
            self.wiring.note_error(ERROR_RISK_NO_EXECUTOR, scope.row, REASONS[one.measure])
        if said:
            self._latch(scope, state, _sentence(one, act))

    def _note(self, one: Watched, act: Act, row: np.ndarray, state: int, request: int, executor: int) -> None:
        entry = np.zeros(1, RISK_ENTRY)
        entry["found_micro"], entry["threshold_micro"], entry["again_micro"] = act.found, act.threshold, act.again
        entry["request_id"], entry["executor"], entry["at_utc_ns"] = request, executor, time.time_ns()
        entry["event"], entry["reason"], entry["state"] = act.event, REASONS[one.measure], state
        entry["step"], entry["step_before"] = act.step, act.before
        entry["scope"], entry["scope_id"] = one.scope.kind, one.scope.number
        self.journal.append(JOURNAL_RISK, int(row["now_ns"][0]), entry, row)
        print(_sentence(one, act), file=sys.stderr, flush=True)

    def note_row(self, row: np.ndarray) -> None:
        """Journal a row as it was published."""
        entry = np.zeros(1, RISK_ENTRY)
        entry["event"], entry["at_utc_ns"] = RISK_EVENT_ROW, time.time_ns()
        for name in ("reason", "state", "scope", "scope_id"):
            entry[name] = row[name]
        self.journal.append(JOURNAL_RISK, int(row["now_ns"][0]), entry, row)

    def _latch(self, scope: Scope, state: int, reason: str) -> None:
        """Latch what we said where it is in force still; a person may have resumed it meanwhile."""
        for label in self._labels(scope):
            index = self.words.scopes.index(label)
            try:
                latch_state(
                    self.wiring.state_folder,
                    label,
                    state,
                    reason,
                    self.wiring.instance,
                    lambda held=index: self.words.in_force(self.writer, held) >= state,
                )
            except (LatchUnreadable, OSError) as error:  # the word stands in memory; the supervisor latches halts, too
                print(f"{label} could not be latched: {error}", file=sys.stderr, flush=True)

    # --- after a death --------------------------------------------------------------------------------------------

    def resume(self, entries) -> None:
        """Go on where the journal of this life ends: `entries` are RISK_ENTRY records, oldest first."""
        last = {
            (int(held["scope"]), int(held["scope_id"]), int(held["reason"])): held
            for held in entries
            if held["event"] != RISK_EVENT_ROW
        }
        for one in self.watched:
            held = last.get((one.scope.kind, one.scope.number, REASONS[one.measure]))
            if held is None:
                continue
            one.ladder.resume_at(int(held["step"]), int(held["again_micro"]))
            if one.ladder.step > RISK_STEP_WARN and not self._acknowledged(one):
                self._latch(one.scope, Act(0, one.ladder.step, 0, 0, 0, 0).state, "before risk_engine died")


def _covers(text: str, scope: Scope) -> bool:
    """Whether a threshold's scope text means this scope."""
    kind, _, name = text.partition(":")
    return kind == RISK_SCOPE_NAMES[scope.kind] and name in ("", scope.name)


def _sentence(one: Watched, act: Act) -> str:
    """What happened, for the log and the latch."""
    kind = RISK_SCOPE_NAMES[one.scope.kind]
    where = "firm" if kind == "firm" else f"{kind} {one.scope.name}"
    if REASONS[one.measure] == RISK_REASON_STALE:
        found = f"{act.found} stale inputs"
    else:
        found = f"{one.measure} {act.found / 1e6:,.2f}, threshold {act.threshold / 1e6:,.2f}"
    if act.event == RISK_EVENT_EASED:
        return f"risk_engine: {where}: {found}: eased to {RISK_STEP_NAMES[act.step]}"
    told = "" if act.state == STATE_ACTIVE else f", {STATE_NAMES[act.state]} until `quintet resume`"
    return f"risk_engine: {where}: {found}: {RISK_STEP_NAMES[act.step]}{told}"
