"""Control: who may trade, by scope. One word for each writer and scope; the strictest wins.

```
+-------+--------------------------------------------------------------------------------+
|    0  | segment header (records/segment_header)                                        |
|  512  | operator's words:  firm | session 0.. | strategy 0.. | instrument 0..          |
|  + B  | monitor's words                           B = words rounded to whole lines     |
|  +kB  | words of writer k: an instance, in topology order; one writer, one block       |
|  +nB  | acknowledgements:  n blocks like those above, all written by the operator      |
| +2nB  | operator's cancels: a word for each session (records/control_end)              |
+-------+--------------------------------------------------------------------------------+
word = generation << 8 | STATE_*;  acknowledgement[writer][scope] = a generation of that writer's word
```

A writer's word counts until the operator acknowledges its generation: a resume takes back what it saw, and a halt that
was raised meanwhile stays in force. Word 0 of a writer is no opinion; word 0 of the operator is HALTED, so that zeroed
memory never reads as permission. A halt needs no free slot and no living reader but order_sender.

Cold twin without numba, latch file and scope names: shm/control_words.py.
"""

from shm.atomics import load_acquire, store_release
from shm.codes import STATE_ACTIVE, STATE_HALTED
from shm.jit import hot, hot_inline
from shm.records.control_end import (
    CANCEL_GENERATION_SHIFT,
    CANCEL_INSTRUMENT_MASK,
    CANCEL_SIDE_MASK,
    CANCEL_SIDE_SHIFT,
    CANCEL_STRATEGY_MASK,
    CANCEL_STRATEGY_SHIFT,
)

SCOPE_FIRM = 0


@hot_inline
def _state_in(word):
    """State of a word; one that is out of range reads as HALTED."""
    state = word & 255
    if state < STATE_ACTIVE or state > STATE_HALTED:
        return STATE_HALTED
    return state


@hot
def control_scope_state(control, scope):
    """Effective STATE_* of one scope index, firm not included. `scope` must be in range. Cost: one load a writer.

    Ordering: acquire of each word and acknowledgement; pairs with the release in `control_set` and in the operator's.
    """
    address = control["words_addr"] + scope * 8
    strictest = _state_in(load_acquire(address))
    for writer in range(1, control["writers"]):
        word = load_acquire(address + writer * control["block_bytes"])
        if word == 0 or _state_in(word) <= strictest:
            continue
        if word >> 8 > load_acquire(control["acks_addr"] + writer * control["block_bytes"] + scope * 8):
            strictest = _state_in(word)
    return strictest


@hot
def _strictest(control, own, strategic, tradable):
    """Strictest word in force over the firm and three scope indices."""
    strictest = max(control_scope_state(control, SCOPE_FIRM), control_scope_state(control, own))
    return max(strictest, control_scope_state(control, strategic), control_scope_state(control, tradable))


@hot_inline
def control_state(control, session, strategy, instrument):
    """Strictest STATE_* over firm, session, strategy and instrument; index -1 leaves that scope out. Caller: anyone.

    An index out of range reads as HALTED. Cost: about a nanosecond for each writer and scope asked for.
    """
    sessions, strategies, instruments = control["sessions"], control["strategies"], control["instruments"]
    if session >= sessions or strategy >= strategies or instrument >= instruments:
        return STATE_HALTED
    if session < -1 or strategy < -1 or instrument < -1:
        return STATE_HALTED
    own = 0 if session < 0 else 1 + session  # a scope that is left out reads the firm's words again
    strategic = 0 if strategy < 0 else 1 + sessions + strategy
    tradable = 0 if instrument < 0 else 1 + sessions + strategies + instrument
    address = control["words_addr"]
    other = load_acquire(address) ^ STATE_ACTIVE
    other |= load_acquire(address + own * 8) ^ STATE_ACTIVE
    other |= load_acquire(address + strategic * 8) ^ STATE_ACTIVE
    other |= load_acquire(address + tradable * 8) ^ STATE_ACTIVE
    other &= 255  # the state, without the generation
    for _ in range(1, control["writers"]):
        address += control["block_bytes"]
        other |= load_acquire(address) | load_acquire(address + own * 8)
        other |= load_acquire(address + strategic * 8) | load_acquire(address + tradable * 8)
    if other == 0:  # the operator lets all four trade and nobody else has an opinion: the common case, one branch
        return STATE_ACTIVE
    return _strictest(control, own, strategic, tradable)


@hot
def control_session_scope(control, session):
    """Scope index of a venue session, for `control_set`."""
    return 1 + session


@hot
def control_strategy_scope(control, strategy):
    """Scope index of a strategy, for `control_set`."""
    return 1 + control["sessions"] + strategy


@hot
def control_instrument_scope(control, instrument):
    """Scope index of an instrument, for `control_set`."""
    return 1 + control["sessions"] + control["strategies"] + instrument


@hot
def control_own_state(control, scope):
    """STATE_* that the own row imposes on scope index `scope` now; 0 when it imposes nothing. Caller: the row's owner.

    Ordering: acquire; pairs with the release of the operator's acknowledgement.
    """
    scopes = 1 + control["sessions"] + control["strategies"] + control["instruments"]
    if control["writer"] < 0 or control["writer"] >= control["writers"] or scope < 0 or scope >= scopes:
        return 0
    offset = control["writer"] * control["block_bytes"] + scope * 8
    word = load_acquire(control["words_addr"] + offset)
    if word == 0 or word >> 8 <= load_acquire(control["acks_addr"] + offset):
        return 0
    return _state_in(word)


@hot
def control_set(control, scope, state):
    """Say `state` for scope index `scope` in the own row. Returns the word's generation; 0 for a bad index or a reader.

    Saying again what is still in force changes nothing; saying it after the operator acknowledged it is a new
    generation and counts again. Caller: the one thread that owns this row. Survives the writer's death.
    Ordering: release; pairs with the acquire in `control_scope_state`.
    """
    scopes = 1 + control["sessions"] + control["strategies"] + control["instruments"]
    if control["writer"] < 0 or control["writer"] >= control["writers"] or scope < 0 or scope >= scopes:
        return 0
    offset = control["writer"] * control["block_bytes"] + scope * 8
    word = load_acquire(control["words_addr"] + offset)
    if word != 0 and word & 255 == state and word >> 8 > load_acquire(control["acks_addr"] + offset):
        return word >> 8
    generation = (word >> 8) + 1
    store_release(control["words_addr"] + offset, generation << 8 | state)
    return generation


# --- an operator's cancel: one word a session, done once by its order_sender ------------------------------------------


@hot
def control_cancel_word(control, session):
    """The operator's last cancel for a session; 0 when there never was one, or the session is out of range.

    Ordering: acquire; pairs with the operator's store (`ControlWords.operator_cancel`, shm/control_words.py).
    """
    if session < 0 or session >= control["sessions"]:
        return 0
    return load_acquire(control["acks_addr"] + control["writers"] * control["block_bytes"] + session * 8)


@hot
def word_generation(word):
    """Which cancel it is: they are counted."""
    return word >> CANCEL_GENERATION_SHIFT


@hot
def word_side(word):
    """SIDE_* that it names; 0 both."""
    return (word >> CANCEL_SIDE_SHIFT) & CANCEL_SIDE_MASK


@hot
def word_strategy(word):
    """Strategy that it names; -1 every one."""
    return ((word >> CANCEL_STRATEGY_SHIFT) & CANCEL_STRATEGY_MASK) - 1


@hot
def word_instrument(word):
    """Instrument that it names; -1 every one."""
    return (word & CANCEL_INSTRUMENT_MASK) - 1
