"""Second person: an act of production that one person asks for and another one confirms, within a time.

What was asked for is a file of its own in `<state folder>/pending`, named by what it is about, so that asking again
replaces it. Who asks and who confirms is what the kernel says: the audit login uid, which `sudo` does not change, or
the process's uid where the kernel keeps none. Nobody confirms his own request. Root may do everything, here too; what
this keeps apart are two operators. Every request, confirmation and refusal is a line in `second_person.jsonl`.

Used by `quintet resume` (a halted scope trades again) and `quintet limits` (a limit is raised).
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import time
from pathlib import Path
from typing import NamedTuple

from shm.errors import Fatal
from shm.folders import make_folder, sync_folder

PENDING, HISTORY, LOCK = "pending", "second_person.jsonl", "second_person.lock"
LIFE_SECONDS = 600  # a request that nobody confirmed by then must be made again
NO_LOGIN = (1 << 32) - 1  # loginuid of a process that no login led to
VERSION = 1


class SecondPersonMissing(Fatal):
    """Nothing waits to be confirmed, it waited too long, or who confirms is who asked."""


class Person(NamedTuple):
    """An operating system user."""

    uid: int
    name: str


class Asked(NamedTuple):
    """What one person asked for: `what` names it completely, so that the other confirms exactly that."""

    act: str
    what: dict
    reason: str
    by: Person
    at_ns: int  # UTC
    until_ns: int


def person() -> Person:
    """Who runs this process."""
    uid = os.getuid()
    with contextlib.suppress(OSError, ValueError):
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
        uid = uid if login == NO_LOGIN else login
    try:
        return Person(uid, pwd.getpwuid(uid).pw_name)
    except KeyError:
        return Person(uid, str(uid))


def needs_second_person(config) -> bool:
    """Whether this configuration asks for one: the production profile does."""
    return config.profile == "prod"


def approve(folder: Path, act: str, what: dict, reason: str, confirming: bool) -> Asked | None:
    """The whole of it for a command with `--confirm`.

    Without it the request is noted and None returned: nothing may be done yet. With it the request of another person
    for exactly this is taken and returned: now it may be done, once. Raises SecondPersonMissing.
    """
    if confirming:
        return confirm(folder, act, what, reason)
    ask(folder, act, what, reason)
    return None


def ask(folder: Path, act: str, what: dict, reason: str, life_seconds: float = LIFE_SECONDS) -> Asked:
    """Note durably what the caller asks for. Asking for the same again replaces the request and its time."""
    at_ns = time.time_ns()
    asked = Asked(act, what, reason, person(), at_ns, at_ns + int(life_seconds * 1e9))
    with _locked(folder):
        _store(_path(folder, act, what), asked)
        _note(folder, "asked", asked.by, asked, reason)
    return asked


def confirm(folder: Path, act: str, what: dict, reason: str) -> Asked:
    """Take the request of another person for exactly this `act` and `what`. It is gone afterwards: one act each.

    Raises SecondPersonMissing: nothing was asked for, too long ago, or by the one who confirms.
    """
    by = person()
    with _locked(folder):
        path = _path(folder, act, what)
        asked = _load(path)
        where, do = f"{act} {_said(what)}", f"let somebody else ask for it: `quintet {act}` without --confirm"
        if asked is None:
            raise SecondPersonMissing(where=where, expected="a request to confirm", found="none", do=do)
        if time.time_ns() >= asked.until_ns:
            path.unlink()
            _note(folder, "expired", by, asked, reason)
            waited = f"one of {_when(asked.at_ns)}, valid until {_when(asked.until_ns)}"
            raise SecondPersonMissing(where=where, expected="a request that is still valid", found=waited, do=do)
        if by.uid == asked.by.uid:
            _note(folder, "refused", by, asked, reason)
            found = f"{by.name} (uid {by.uid}), who asked for it"
            do = "let another person confirm it"
            raise SecondPersonMissing(where=where, expected="a second person", found=found, do=do)
        path.unlink()
        sync_folder(path.parent)
        _note(folder, "confirmed", by, asked, reason)
    return asked


def pending(folder: Path) -> list[Asked]:
    """What waits to be confirmed and is still valid, oldest first."""
    found = [_load(path) for path in sorted((Path(folder) / PENDING).glob("*.json"))]
    valid = [asked for asked in found if asked is not None and time.time_ns() < asked.until_ns]
    return sorted(valid, key=lambda asked: asked.at_ns)


def told(asked: Asked, words: str) -> str:
    """The sentence for who asked. `words` are those of the command that confirms."""
    return (
        f"asked for by {asked.by.name}; nothing is changed until another person confirms it by "
        f"{_when(asked.until_ns)}: `quintet {words} --confirm --reason ...`"
    )


# --- files -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(folder: Path):
    make_folder(Path(folder) / PENDING)
    with open(Path(folder) / LOCK, "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _path(folder: Path, act: str, what: dict) -> Path:
    digest = hashlib.sha256(json.dumps([act, what], sort_keys=True).encode()).hexdigest()[:24]
    return Path(folder) / PENDING / f"{act}-{digest}.json"


def _store(path: Path, asked: Asked) -> None:
    partial = path.with_suffix(".partial")
    with open(partial, "w", encoding="utf-8") as file:
        json.dump({"version": VERSION, **asked._asdict(), "by": asked.by._asdict()}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    sync_folder(path.parent)


def _load(path: Path) -> Asked | None:
    """The request in a file; None when there is none. Raises SecondPersonMissing for one that nobody understands."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held.pop("version") != VERSION:
            raise ValueError("another version")
        return Asked(**{**held, "by": Person(**held["by"])})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise SecondPersonMissing(
            where=str(path), expected="a request as this version writes it", found=found, do="remove it and ask again"
        ) from error


def _note(folder: Path, event: str, by: Person, asked: Asked, reason: str) -> None:
    """A line for the record, on disk before anything takes effect."""
    about = {"act": asked.act, "what": asked.what, "asked_by": asked.by.name, "asked_reason": asked.reason}
    line = {"at_ns": time.time_ns(), "event": event, "by": by.name, "uid": by.uid, "reason": reason, **about}
    with open(Path(folder) / HISTORY, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _said(what: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in what.items())


def _when(utc_ns: int) -> str:
    return time.strftime("%H:%M:%SZ", time.gmtime(utc_ns // 1_000_000_000))
