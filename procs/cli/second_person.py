"""Second person: an act that one person asks for and another confirms, as production wants it for what loosens control.

Who somebody is says the kernel, not a name that is typed in: the user who logged in (the audit's login id, which `sudo`
does not change), or, where the host keeps none, the user of the process. A request is a file in the state folder, good
for fifteen minutes and for one confirmation; it carries what will be done, word for word.
"""

import json
import os
import pwd
import re
import secrets
import time
import zlib
from pathlib import Path
from typing import NamedTuple

from shm.errors import Fatal
from shm.folders import make_folder, sync_folder

REQUESTS = "requests"
FORMAT = 1
LIFE_NS = 15 * 60 * 1_000_000_000
NO_LOGIN = (1 << 32) - 1


class RequestRefused(Fatal):
    """A request that cannot be confirmed: by this person, any more, or at all."""


class Person(NamedTuple):
    """Who acts: number and name of the user, both from the kernel."""

    uid: int
    name: str


class Request(NamedTuple):
    """What was asked for. `content` is the asker's to define."""

    id: str
    what: str
    content: dict
    reason: str
    by: str
    uid: int
    at_ns: int
    until_ns: int


def person() -> Person:
    """Who runs this process."""
    try:
        uid = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        uid = NO_LOGIN
    if uid == NO_LOGIN:
        uid = os.getuid()
    try:
        return Person(uid, pwd.getpwuid(uid).pw_name)
    except KeyError:
        return Person(uid, str(uid))


def _checksum(row: dict) -> str:
    rest = {key: value for key, value in row.items() if key != "checksum"}
    return f"{zlib.crc32(json.dumps(rest, sort_keys=True).encode()):08x}"


def ask(folder: Path, what: str, content: dict, reason: str) -> Request:
    """Leave a request for another person, durably. `what` names the kind of act: `limits`."""
    forget_old(folder)
    asker, now_ns = person(), time.time_ns()
    request = Request(secrets.token_hex(3), what, content, reason, asker.name, asker.uid, now_ns, now_ns + LIFE_NS)
    row = {"format": FORMAT, **request._asdict()}
    make_folder(Path(folder) / REQUESTS)
    path = Path(folder) / REQUESTS / f"{request.id}.json"
    with open(path, "x", encoding="utf-8") as file:
        json.dump({**row, "checksum": _checksum(row)}, file)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return request


def _read(path: Path) -> Request:
    try:
        row = json.loads(path.read_bytes().decode("utf-8"))
        if row.pop("checksum") != _checksum(row) or row.pop("format") != FORMAT:
            raise ValueError("another checksum or format")
        return Request(**row)
    except FileNotFoundError:
        do = "look at what waits with `quintet limits`; it may be confirmed or too old by now"
        raise RequestRefused(where="--confirm", expected="a request", found=repr(path.stem), do=do) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        do = "do not trust it: ask again"
        raise RequestRefused(where=str(path), expected="a whole request", found=str(error), do=do) from None


def pending(folder: Path, what: str) -> list[Request]:
    """Requests of that kind that may still be confirmed, oldest first; damaged files are passed over."""
    found = []
    for path in sorted((Path(folder) / REQUESTS).glob("*.json")):
        try:
            request = _read(path)
        except RequestRefused:
            continue
        if request.what == what and request.until_ns > time.time_ns():
            found.append(request)
    return sorted(found, key=lambda request: request.at_ns)


def confirm(folder: Path, what: str, request_id: str) -> tuple[Request, Person]:
    """The request, used up, and who confirmed it. Raises RequestRefused. Caller: keeps two from confirming at once."""
    if not re.fullmatch(r"[0-9a-f]{6}", request_id):
        do = "copy the id from the request"
        raise RequestRefused(where="--confirm", expected="six of 0-9 a-f", found=repr(request_id), do=do)
    path = Path(folder) / REQUESTS / f"{request_id}.json"
    request, who = _read(path), person()
    if request.what != what:
        do = f"confirm it with `quintet {request.what}`"
        raise RequestRefused(where="--confirm", expected=f"a request of `quintet {what}`", found=request.what, do=do)
    if request.uid == who.uid:
        raise RequestRefused(
            where=f"--confirm {request_id}",
            expected=f"another person than {request.by} (user {request.uid}), who asked",
            found=f"the same user {who.uid}",
            do="let a second person confirm it",
        )
    if request.until_ns <= time.time_ns():
        path.unlink()
        do = "ask again"
        raise RequestRefused(
            where=f"--confirm {request_id}", expected="a request that is open", found="its time over", do=do
        )
    path.unlink()
    sync_folder(path.parent)
    return request, who


def forget_old(folder: Path) -> None:
    """Remove requests whose time is over."""
    for path in (Path(folder) / REQUESTS).glob("*.json"):
        try:
            if _read(path).until_ns <= time.time_ns():
                path.unlink()
        except RequestRefused:
            continue  # a person may want to see it
