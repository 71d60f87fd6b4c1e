"""What README.md names exists: files, folders, units, environment variables, counters, fields, extras, commands."""

import re
import tomllib

import pytest

from procs.cli.__main__ import MODULES
from procs.cli.command_line import parser
from shm.counters import COUNTERS
from shm.error_log import BY_CODE
from tests.support.readme import PREFIXES, PROGRAMS, ROOT, blocks, chapter, prose, readme, spans, table_rows

SOURCES = ("shm", "config", "procs", "bench", "systemd")
LIBRARY = {"sched_yield"}  # names of the system's C library
ABBREVIATED = re.compile(r"_\d_")  # `_3_` stands for another field of the same row


def text_of(folders, *endings) -> str:
    """All text of the files below some folders."""
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.suffix in endings]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


CODE = text_of(SOURCES, ".py", ".toml", ".service", ".env", ".conf", ".slice", ".target")
WORDS = set(re.findall(r"\w+", CODE))
LABELS = {counter.label for counter in COUNTERS}


def named(pattern: str) -> list[str]:
    """Every piece of code in the README's text that is, as a whole, of this form."""
    plain = [found for found in spans(readme()) if not found.startswith((*PROGRAMS, *PREFIXES))]
    return sorted({found for found in plain if re.fullmatch(pattern, found)})


def exists(path: str) -> bool:
    """Whether a file or folder is there: from the root, from config/, or, without a folder, anywhere.

    `<profile>` and the x of `test_x.py` stand for any name.
    """
    wanted = re.sub(r"<\w+>", "*", path).replace("test_x", "test_*").removeprefix("./").rstrip("/")
    places = [wanted, f"config/{wanted}"] + ([] if "/" in wanted else [f"{part}/**/{wanted}" for part in PARTS])
    return any(True for place in places for _ in ROOT.glob(place))


PARTS = (*SOURCES, "tests")
PATHS = named(r"(?!/|~|\.\./|\$)[\w.<>/-]+(/|\.(py|toml|conf|md))") + named(r"(tests|shm|procs|bench|config)/[\w/-]+")


@pytest.mark.parametrize("path", sorted(set(PATHS) - {"./join.py"}))
def test_a_file_or_folder_that_the_readme_names_is_there(path):
    assert exists(path), f"README.md names {path}, which is not there"


def test_the_table_of_folders_names_every_folder_of_the_top_and_every_role():
    told = chapter(readme(), "Folders")
    for path in sorted(ROOT.iterdir()):
        if path.is_dir() and any(path.rglob("*.py")) and path.name[0] != "." and path.name not in ("build", "dist"):
            assert f"`{path.name}/`" in told, path.name


@pytest.mark.parametrize("variable", sorted(set(re.findall(r"\b(?:QUINTET|NUMBA)_[A-Z]+\w*", readme()))))
def test_an_environment_variable_that_the_readme_names_is_read_somewhere(variable):
    read = CODE + text_of(("tests/support", "tests/fault", "tests/simulation"), ".py")  # some are for tests alone
    assert re.search(rf"\b{variable.removeprefix('NUMBA_') if 'NUMBA' in variable else variable}\b", read), variable


def test_every_environment_variable_that_the_code_reads_is_in_the_readme():
    private = {"QUINTET_VENUE", "QUINTET_FAILPOINTS"}  # of tests: what the simulated venue does; a mode of compiling
    read = set(re.findall(r"\bQUINTET_[A-Z]+\b", CODE))
    assert read - private <= set(re.findall(r"\bQUINTET_[A-Z]+\b", readme()))


@pytest.mark.parametrize("word", named(r"[a-z]\w*_\w+|_\w+=\w+|\w+_\d_\w+"))
def test_a_field_parameter_or_counter_that_the_readme_names_is_in_the_code(word):
    name = word.split("=")[0]
    if not ABBREVIATED.fullmatch(name) and name not in LIBRARY:
        assert name in WORDS, f"README.md names `{word}`, which is nowhere in {', '.join(SOURCES)}"


def test_what_the_table_of_alarms_names_is_a_counter_with_an_alarm_or_a_word_of_status():
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", chapter(readme(), "Operating"), re.MULTILINE)
    rows = [row for row in rows if not row.startswith(("Seen in", "---"))]
    assert rows, "README.md has no table of what is seen in `quintet status`"
    alarms = {counter.label for counter in COUNTERS if counter.alarm} | {held.label for held in BY_CODE.values()}
    seen = (ROOT / "procs/cli/status.py").read_text() + " ".join(sorted(LABELS))
    for row in rows:
        for name in re.findall(r"`(\w+_\w+)`", row):
            assert name in alarms, (
                f"`{name}` is neither a counter with an alarm (shm/counters.py) nor an error (shm/error_log.py)"
            )
        for word in re.findall(r"[a-z]{4,}", re.sub(r"`\w+_\w+`", "", row)):
            stem = word.removesuffix("s")
            assert stem in seen.lower() or word in ("steps", "over", "budget", "growing"), f"{row}: {word} is not shown"


@pytest.mark.parametrize("unit", named(r"quintet[-@.][\w@.-]*"))
def test_a_unit_or_user_that_the_readme_names_is_in_systemd(unit):
    name = re.sub(r"@(NAME|INSTANCE|venue)\b", "@", unit)
    files = {path.name for path in (ROOT / "systemd").iterdir()} | {"quintet@.service.d/"}
    users = (ROOT / "systemd/quintet.sysusers.conf").read_text().split()
    assert any(file == name or file.startswith(f"{name}.") for file in files) or unit in users, unit


def test_extras_that_the_readme_installs_are_declared():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    installed = {word for found in re.findall(r"'[\w.]*\[([\w,]+)\]'", readme()) for word in found.split(",")}
    assert installed and installed <= set(extras), installed - set(extras)
    assert re.search(r"extra `(\w+)`", readme())[1] in extras


def test_the_table_of_commands_is_the_command_line():
    verbs = {row.verb.removeprefix("quintet ") for row in table_rows(readme()) if row.verb.startswith("quintet ")}
    assert verbs == set(MODULES), "the table of commands in README.md and procs/cli/__main__.py differ"
    commands = next(iter(parser()._subparsers._group_actions)).choices
    for row in table_rows(readme()):
        if row.verb.startswith("quintet "):
            known = " ".join(commands[row.verb.split()[1]].format_help().split())
            for word in row.words:
                assert re.search(rf"(?<![\w-]){word}(?![\w-])", known), f"`{row.verb}` takes no {word}"


PYTHON = {  # first line of a block -> the test that runs it, as the README has it
    '"""Join the touch on both sides, half size on the side that would add to the position."""': "tests/flow/"
    "test_readme_strategy.py"
}


@pytest.mark.parametrize("block", blocks(readme(), "python"), ids=lambda block: block.splitlines()[0][:40])
def test_a_block_of_python_is_run_by_a_test(block):
    first = block.splitlines()[0]
    assert first in PYTHON, f"README.md has a block of Python that starts {first!r}: name its test in PYTHON"
    assert "```python" in (ROOT / PYTHON[first]).read_text()
    compile(block, "README.md", "exec")


def test_chapters_that_the_text_points_to_are_there():
    titles = set(re.findall(r"^##+ (.+)$", prose(readme()), re.MULTILINE))
    assert len(titles) == len(re.findall(r"^##+ ", prose(readme()), re.MULTILINE)), "two chapters of one title"
    for target in re.findall(r"\]\(([^)]+)\)", prose(readme())):
        if target.startswith("#"):
            assert target[1:] in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target
        elif "://" not in target:
            assert exists(target), target


def test_the_search_for_names_bites():
    assert not exists("procs/strategy/nosuch.py") and not exists("nosuch.toml") and exists("20-network.conf")
    assert exists("hosts/<profile>.toml") and exists("test_x_model.py") and exists("step.py")
    assert "strategy_held_back" in WORDS and "strategy_held_forward" not in WORDS
