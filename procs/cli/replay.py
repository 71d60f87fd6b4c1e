"""`quintet replay`: run the roles of a recording again, step by step, and compare every byte that they give out.

`NUMBA_DISABLE_JIT=1 quintet replay DIR --instance strategy --stop-at ENTRY` stops in the debugger before one step.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from procs.cli.text import count, table
from procs.runtime.recording_file import find_parts

if TYPE_CHECKING:
    from procs.runtime.replay import Result


def run(arguments) -> int:
    """A line a part. Exit 0 when all gave out the same bytes, 1 at a difference or without a recording."""
    from procs.runtime.replay import Replay  # brings numba in

    before = _stopper(arguments.stop_at)
    results = []
    for part in find_parts(Path(arguments.folder), arguments.instance):
        results.append(Replay(part, before=before).run())
    if arguments.json:
        print(json.dumps({"parts": [_plain(result) for result in results]}))
    else:
        print(render(results))
    return 1 if any(result.difference for result in results) else 0


def _stopper(number: int | None):
    if number is None:
        return None

    def before(entry: int, state) -> None:
        if entry == number:
            breakpoint()

    return before


def _plain(result: "Result") -> dict:
    return {
        "instance": result.part.instance,
        "part": result.part.path.name,
        "steps": result.steps,
        "outputs": result.outputs,
        "output_bytes": result.output_bytes,
        "seconds": round(result.seconds, 3),
        "ended": result.ended,
        "difference": result.difference._asdict() if result.difference else None,
    }


def render(results: list["Result"]) -> str:
    """Table of the parts, then each difference as a sentence."""
    header = ("instance", "part", "steps", "outputs", "bytes", "seconds", "", "recording")
    rows = [
        (
            result.part.instance,
            result.part.path.stem,
            count(result.steps),
            count(result.outputs),
            count(result.output_bytes),
            f"{result.seconds:.1f}",
            "differs" if result.difference else "same bytes",
            result.ended or "killed: its last milliseconds are missing",
        )
        for result in results
    ]
    found = [f"{result.part.instance}: {result.difference.text()}" for result in results if result.difference]
    return "\n".join([table(header, rows, left=2, right_until=6), *found])
