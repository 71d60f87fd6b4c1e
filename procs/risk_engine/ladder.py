"""Ladder: the steps that one measure of one scope climbs. Pure: no time, no memory but its own.

A step that was taken stays taken: nothing here goes back by itself once a state was said. `resume` acknowledges what
was said; then the step is taken again when the measure has fallen below it and reached it again, or has grown by
`again_ppm` since. A warning says no state and eases by itself.
"""

from dataclasses import dataclass

from shm.codes import (
    RISK_EVENT_AGAIN,
    RISK_EVENT_EASED,
    RISK_EVENT_STEP,
    RISK_STEP_FLATTEN,
    RISK_STEP_HALTED,
    RISK_STEP_NONE,
    RISK_STEP_REDUCING,
    RISK_STEP_WARN,
    STATE_ACTIVE,
    STATE_HALTED,
    STATE_REDUCING,
)

PPM = 1_000_000
STEP_STATES = {
    RISK_STEP_NONE: STATE_ACTIVE,
    RISK_STEP_WARN: STATE_ACTIVE,
    RISK_STEP_REDUCING: STATE_REDUCING,
    RISK_STEP_FLATTEN: STATE_REDUCING,
    RISK_STEP_HALTED: STATE_HALTED,
}
STEP_OF = {
    "warn": RISK_STEP_WARN,
    "reducing": RISK_STEP_REDUCING,
    "flatten": RISK_STEP_FLATTEN,
    "halted": RISK_STEP_HALTED,
}


@dataclass
class Act:
    """Something that has to be done and journalled: RISK_EVENT_*, steps now and before, the number that was reached."""

    event: int
    step: int
    before: int
    found: int
    threshold: int
    again: int

    @property
    def state(self) -> int:
        """STATE_* to be said; STATE_ACTIVE for nothing."""
        return STEP_STATES[self.step] if self.event != RISK_EVENT_EASED else STATE_ACTIVE


class Ladder:
    """`numbers`: RISK_STEP_* -> from which value on it is taken, above 0, rising with the step."""

    def __init__(self, numbers: dict[int, int], again_ppm: int):
        self.numbers, self.again_ppm = numbers, again_ppm
        self.step, self.again = RISK_STEP_NONE, 0

    def reached(self, value: int) -> int:
        """The highest step whose number `value` has reached: at the number it is taken, one below it is not."""
        return max((step for step, number in self.numbers.items() if value >= number), default=RISK_STEP_NONE)

    def resume_at(self, step: int, again: int) -> None:
        """Go on where an earlier process stood."""
        self.step, self.again = step, again

    def look(self, value: int, acknowledged: bool) -> Act | None:
        """What `value` asks for. `acknowledged`: what this ladder said is not in force any more."""
        reached, before = self.reached(value), self.step
        if reached > before:
            return self._take(RISK_EVENT_STEP, reached, before, value)
        said = STEP_STATES[before] != STATE_ACTIVE
        if said and acknowledged and reached == before and value >= self.again:
            return self._take(RISK_EVENT_AGAIN, reached, before, value)
        if reached < before and (acknowledged or not said):
            self.step, self.again = reached, self._grown(value)  # who resumed it did so knowing the milder step, too
            return Act(RISK_EVENT_EASED, reached, before, value, self.numbers.get(before, 0), self.again)
        return None

    def _grown(self, value: int) -> int:
        return value + max(1, value * self.again_ppm // PPM)

    def _take(self, event: int, step: int, before: int, value: int) -> Act:
        self.step = step
        self.again = self._grown(value)
        return Act(event, step, before, value, self.numbers[step], self.again)


def ladder_of(threshold, again_ppm: int) -> Ladder:
    """Of a configured threshold."""
    numbers = {step: getattr(threshold, word) for word, step in STEP_OF.items() if getattr(threshold, word) != "none"}
    return Ladder(numbers, again_ppm)
