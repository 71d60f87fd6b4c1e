"""Role: the parts that a role package hands to the runtime."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _nothing(*_arguments) -> None:
    """A part that a role does not need."""


@dataclass(frozen=True, kw_only=True)
class ColdRole:
    """What a cold role's package offers (procs/runtime/cold.py): `open_(wiring)` gives the worker.

    `worker.step()` does a batch and returns a work count, 0 when there was nothing; `worker.finish(gone)` follows the
    last step, with whether every instance of the roles in `reads` has left; `worker.close()` ends it.
    `rest_seconds`: after a step without work, what it may lag behind on its own account. `compiled`: `module:function`,
    called with the configuration while a fabric is prepared: it compiles what the role has of compiled code.
    """

    name: str
    open_: Callable[[Any], Any]
    reads: tuple[str, ...] = ()
    rest_seconds: float = 0.1
    compiled: str = ""


@dataclass(frozen=True, kw_only=True)
class Role:
    """What a role package offers. Compiled parts are named `module:function`, so that the loop imports them by name.

    `step(state, now_ns)` is one duty cycle; `poll_in(state)` and `poll_out(state)` are empty for ring-only roles. All
    three return a work count. `generate(config, instance)` gives the source of a module that defines `step`, for a role
    whose step is completed by a user's function; it replaces `step`.
    `open_(wiring)` attaches and allocates everything and returns the state, a NamedTuple of arrays with `me` and
    `exit_request`; it opens no socket. `recover(wiring, state)` runs once before the loop; `tend(wiring, state)` runs
    on the control thread while the loop runs; `catch_up(wiring, state)` runs when the loop returned EXIT_CATCH_UP;
    `warm_up(state)` runs step through its branches on a scratch state; `close(wiring, state)` runs after the loop.
    `sent_again(state, taken)` names what `poll_out` did to the state when the world took `taken`; for a replay, which
    sends nothing; `streams` says that its frames are byte streams. `recorded` False keeps a role out of recordings: its
    step has inputs that no wiring hands out.
    `histograms` labels the instance's latency histograms in order of their ids.
    """

    name: str
    open_: Callable[[Any], Any]
    histograms: tuple[str, ...]
    recorded: bool = True
    sent_again: str = ""
    streams: bool = False
    step: str = ""
    generate: Callable[[Any, str], str] | None = None
    poll_in: str = ""
    poll_out: str = ""
    recover: Callable[[Any, Any], None] = _nothing
    warm_up: Callable[[Any], None] = _nothing
    tend: Callable[[Any, Any], None] = _nothing
    catch_up: Callable[[Any, Any], None] = _nothing
    close: Callable[[Any, Any], None] = _nothing
