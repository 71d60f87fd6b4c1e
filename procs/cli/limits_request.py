"""Limits request: a change that loosens, on its way to a second person, found again by a short id."""

import hashlib
import json
from pathlib import Path

from procs.cli.second_person import Asked, SecondPersonMissing, confirm, pending

ACT = "limits"


def request_id(asked: Asked) -> str:
    """Six letters that name a request: they follow from all that it would do."""
    return hashlib.sha256(json.dumps([asked.act, asked.what], sort_keys=True).encode()).hexdigest()[:6]


def requests(folder: Path) -> list[Asked]:
    """Changes of limits that wait to be confirmed, oldest first. Raises SecondPersonMissing for a damaged one."""
    return [asked for asked in pending(folder) if asked.act == ACT]


def take_request(folder: Path, wanted_id: str) -> Asked:
    """Confirm the request of that id as the person who runs this. It is used up. Raises SecondPersonMissing."""
    found = [asked for asked in requests(folder) if request_id(asked) == wanted_id]
    where = f"--confirm {wanted_id}"
    if not found:
        waiting = ", ".join(request_id(asked) for asked in requests(folder)) or "nothing waits"
        do = "look at what waits with `quintet limits`; ask again for what was confirmed or is too old"
        raise SecondPersonMissing(
            where=where, expected=f"the id of a request ({waiting})", found=repr(wanted_id), do=do
        )
    try:
        return confirm(folder, ACT, found[0].what, found[0].reason)
    except SecondPersonMissing as error:
        raise SecondPersonMissing(where=where, expected=error.expected, found=error.found, do=error.do) from None
