"""Oracle of one order's life: a few facts in plain words, and what each event means for them.

It knows nothing of states: `name` says which one the facts amount to. `on` says whether an event can happen at all.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Facts:
    """`known`: the venue showed that it has the order. `lost`: the session went before it did."""

    known: bool = False
    lost: bool = False
    cancel: bool = False  # a cancel of ours is on the way
    replacing: bool = False  # a replacement of ours is on the way, and no cancel came after it
    closed: bool = False
    external: bool = False  # none of ours entered it: the venue's acknowledgement is all that we have

    @property
    def unanswered(self) -> bool:
        return not (self.known or self.lost or self.closed)

    @property
    def name(self) -> str:
        if self.closed:
            return "CLOSED"
        if self.external:
            return "EXTERNAL"
        if self.lost:
            return "UNKNOWN"
        if self.cancel:
            return "CANC" if self.known else "S_CANC"
        if self.replacing:
            return "REPL" if self.known else "S_REPL"
        return "WORKING" if self.known else "SENT"

    def lives(self) -> "Facts":
        return replace(self, known=True, lost=False)

    def ends(self) -> "Facts":
        return Facts(closed=True)


def on(facts: Facts, event: str) -> Facts | None:
    """The facts after an event, or None when it cannot happen to such an order."""
    is_open = not facts.closed
    if event == "CANCEL_SENT":
        after = facts if facts.lost else replace(facts, cancel=True, replacing=False)
        return after if is_open else None
    if event == "REDUCE_SENT":
        return facts if is_open and not (facts.cancel or facts.external) else None
    if event == "REPLACE_SENT":
        free = is_open and not (facts.lost or facts.cancel or facts.replacing or facts.external)
        return replace(facts, replacing=True) if free else None
    if event == "REPLACE_DIED":
        return replace(facts, replacing=False)
    if event in ("REPLACED_AWAY", "FILLED"):
        return facts.ends() if is_open else None
    if event in ("ACCEPTED", "EXECUTED", "REDUCED"):
        return facts.lives() if is_open else None
    if event == "CANCELED":
        return facts.ends()
    if event in ("ACCEPTED_DEAD", "REJECTED"):  # of a closed order: told before
        return None if facts.known else facts.ends()
    if event == "CANCEL_REJECTED":
        return None if facts.unanswered and not facts.cancel else replace(facts, cancel=False)
    if event == "CANCEL_PENDING":
        return None if facts.unanswered and not facts.cancel else facts
    if event == "RESTATED":
        if facts.unanswered:
            return None
        return facts.lives() if is_open else facts
    if event == "RESTATED_EMPTY":
        return None if is_open else facts
    if event in ("BROKEN", "CORRECTED"):
        return None if facts.unanswered else facts
    if event == "SESSION_LOST":
        return Facts(lost=True) if facts.unanswered else facts
    if event == "NEVER_ARRIVED":
        return facts.ends() if is_open and not facts.known else None
    if event == "UNSENT":
        return facts.ends() if facts.unanswered else None
    raise AssertionError(f"no such event: {event}")
