"""Records: every byte table is its dtype, and every layout rule holds."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shm" / "records"
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
ROW = re.compile(r"^ *(\d+) +(\d+) {2,}([a-zA-Z]\d+)(?:x(\d+))? +(\w+) {2,}(\S.*)$")
CODES = {"i": "<i", "u": "<u", "S": "S"}


def record_of(name):
    module = importlib.import_module(f"shm.records.{name}")
    return module, getattr(module, name.upper())


def table_of(doc):
    """[(offset, size, type, count, field)] of the byte table in a docstring."""
    lines = doc.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("off  size  type")), None)
    assert start is not None, "no byte table: a line `off  size  type   field   meaning`"
    rows = []
    for line in lines[start + 2 :]:
        match = ROW.match(line)
        if match:
            offset, size, kind, count, field, _ = match.groups()
            rows.append((int(offset), int(size), kind, int(count or 1), field))
        elif line.strip() == "":
            break
        else:
            assert line.startswith(" " * 20), f"not a row of the byte table: {line!r}"
    return rows


@pytest.mark.parametrize("name", FILES)
def test_the_byte_table_in_the_docstring_is_the_dtype(name):
    module, dtype = record_of(name)
    rows = table_of(module.__doc__)
    assert [row[4] for row in rows] == list(dtype.names), f"shm/records/{name}.py: fields differ from the byte table"
    for offset, size, kind, count, field in rows:
        found, at = dtype.fields[field][:2]
        code = CODES[kind[0]] + kind[1:] if kind != "u1" else "|u1"
        base, shape = (found.base, found.shape) if found.shape else (found, ())
        assert (at, found.itemsize) == (offset, size), f"shm/records/{name}.py: offset or size of {field}"
        assert base == np.dtype(code), f"shm/records/{name}.py: type of {field} is {base.str}, the table says {kind}"
        assert shape == ((count,) if count > 1 else ()), f"shm/records/{name}.py: count of {field}"


@pytest.mark.parametrize("name", FILES)
def test_the_layout_is_packed_aligned_and_of_whole_cache_lines(name):
    _, dtype = record_of(name)
    end = 0
    for field in dtype.names:
        found, at = dtype.fields[field][:2]
        assert at == end, f"shm/records/{name}.py: hole before {field}"
        width = 1 if found.base.kind == "S" else found.base.itemsize
        assert at % width == 0, f"shm/records/{name}.py: {field} is not naturally aligned"
        end = at + found.itemsize
    assert end == dtype.itemsize
    size = dtype.itemsize
    assert size % 64 == 0 or (size < 64 and size & (size - 1) == 0), f"shm/records/{name}.py: {size} bytes"


@pytest.mark.parametrize("name", FILES)
def test_the_docstring_names_writer_and_readers_and_the_file_asserts_its_size(name):
    module, dtype = record_of(name)
    source = (FOLDER / f"{name}.py").read_text()
    for word in (r"[Ww]riter", r"[Rr]eader"):
        assert re.search(word, module.__doc__), f"shm/records/{name}.py: the docstring does not say who ({word})"
    assert f"assert {name.upper()}.itemsize == {dtype.itemsize}" in source


@pytest.mark.parametrize("name", FILES)
def test_a_ring_record_starts_with_its_sequence_word(name):
    _, dtype = record_of(name)
    if "ring_seq" in dtype.names:
        assert dtype.fields["ring_seq"][:2] == (np.dtype("<i8"), 0)
        assert dtype.itemsize % 64 == 0


def test_records_import_nothing_but_numpy():
    for path in FOLDER.glob("*.py"):
        for line in path.read_text().splitlines():
            if line.startswith(("import ", "from ")):
                assert line == "import numpy as np", f"{path.name}: {line}: a record imports nothing but numpy"
