"""Decode: a chunk of journal entries as rows of plain values, column by column. No numba.

A column as a list costs some 30 ns an entry; a record as a dictionary several microseconds, and a day has millions.
"""

from itertools import repeat

import numpy as np

from shm.journal_kinds import CODE_NAMES, PAYLOADS


def select(chunk: np.ndarray, kind: int) -> tuple[list[int], dict[str, np.ndarray]]:
    """Indices in `chunk` of the whole entries of one kind, and their payload's records by name (shm/journal_kinds)."""
    parts = PAYLOADS[kind]
    size = sum(part.dtype.itemsize for part in parts)
    head = chunk["head"]
    found = np.flatnonzero((head["kind"] == kind) & (head["payload_bytes"] >= size))
    if not len(found):
        return [], {}
    payload = np.ascontiguousarray(chunk["payload"][found, :size])
    records, at = {}, 0
    for part in parts:
        held = np.ascontiguousarray(payload[:, at : at + part.dtype.itemsize])
        records[part.name] = held.view(part.dtype).reshape(-1)
        at += part.dtype.itemsize
    return found.tolist(), records


def column(part: str, records: np.ndarray, field: str) -> list:
    """One field of every record as plain values, its codes by name; a code without a name as digits."""
    values = records[field].tolist()
    names = CODE_NAMES.get((part, field))
    if names is not None:
        return [names.get(value) or (str(value) if value else "") for value in values]
    if records.dtype[field].kind == "S":
        return [value.decode("ascii", "backslashreplace").rstrip("\0 ") for value in values]
    return values


def rows(part: str, records: np.ndarray, fields: tuple[str, ...], **given) -> list[tuple]:
    """A tuple of `fields` for every record; a field of `given` comes from there: a list, or one value for all."""
    found = []
    for field in fields:
        if field not in given:
            found.append(column(part, records, field))
        else:
            found.append(given[field] if isinstance(given[field], list) else repeat(given[field]))
    return list(zip(*found, strict=False)) if len(records) else []
