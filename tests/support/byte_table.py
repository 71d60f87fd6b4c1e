"""Reads the byte tables in the docstrings of the codecs, so that a test can hold them against the code."""

import re
from typing import NamedTuple

TITLE = re.compile(r"^(?P<letter>\S) (?P<name>[^,]+), (?P<bytes>\d+) bytes(?P<rest>.*)$")
ROW = re.compile(r"^\s*(?P<offset>\d+)\s+(?P<size>\d+)\s+(?P<field>\w+)$")


class Field(NamedTuple):
    """One row of a table."""

    offset: int
    size: int
    name: str


class Message(NamedTuple):
    """One table: the type letter, the words of the title, the announced size, the rows."""

    letter: str
    name: str
    size: int
    outbound: bool
    fields: tuple[Field, ...]


def byte_tables(module) -> list[Message]:
    """All tables of messages (titles that start with a type letter) in the module's docstring."""
    found = []
    title = None
    fields: list[Field] = []
    for line in [*module.__doc__.splitlines(), ""]:
        row = ROW.match(line)
        if row:
            fields.append(Field(int(row["offset"]), int(row["size"]), row["field"]))
        elif fields:
            if title:
                outbound = "outbound" in title["rest"]
                found.append(Message(title["letter"], title["name"], int(title["bytes"]), outbound, tuple(fields)))
            title, fields = None, []
        elif TITLE.match(line):
            title = TITLE.match(line)
    return found


def size_rows(text: str) -> dict[str, int]:
    """{letter: size} of the rows `size  letter  name` of a size table."""
    rows = re.findall(r"^ *(\d+) +(\S) +\S.*$", text, re.MULTILINE)
    return {letter: int(size) for size, letter in rows}


def check_table(message: Message) -> None:
    """Rows touch each other and fill the announced size."""
    at = 0
    for field in message.fields:
        assert field.offset == at, (message.name, field, f"expected offset {at}")
        at += field.size
    assert at == message.size, (message.name, f"rows end at {at}, title says {message.size}")
