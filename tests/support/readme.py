"""What README.md tells people to type: lines of its `sh` blocks, rows of its table of commands, commands in its text."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("quintet ", "python ", "python3 ", "pip ", "systemctl ", "systemd-analyze ", "journalctl ", "apt-get ")
PREFIXES = ("/opt/", ".venv/", "set -a", "-m ", "resume --", "halt --", "cancel-all --")  # of commands cut short
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")


class Row(NamedTuple):
    """A row of the table of commands: `quintet demo`, and the options and alternatives that it names."""

    verb: str
    text: str
    words: tuple[str, ...]


def readme() -> str:
    """The text of README.md."""
    return (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Bodies of the fenced blocks of a language."""
    return [body for found, body in FENCE.findall(text) if found == language]


def shell_lines(text: str) -> list[str]:
    """Every line of every `sh` block that is not empty or a comment; a line that ends in a backslash goes on."""
    found = []
    for block in blocks(text, "sh"):
        joined = block.replace("\\\n", " ")
        found += [line.strip() for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]
    return found


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """Every piece of code in the running text and the tables."""
    return [found.replace("\\|", "|") for found in SPAN.findall(prose(text))]


def chapter(text: str, title: str) -> str:
    """The text of a chapter of the second level, its own heading left out."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no chapter {title!r}"
    return found[1]


def table_rows(text: str) -> list[Row]:
    """The rows of the chapter Commands."""
    rows = []
    for line in chapter(text, "Commands").splitlines():
        found = re.match(r"\| `([^`]+)` \|", line)
        if found:
            command = found[1].replace("\\|", "|")
            rows.append(Row(_verb(command), command, _words(command)))
    return rows


def _verb(command: str) -> str:
    words = command.split()
    return " ".join(words[:3] if words[0].startswith("python") else words[:2])


def _words(command: str) -> tuple[str, ...]:
    """Options, and of `create|watch|remove` or `N|max` each alternative that is not a placeholder."""
    options = re.findall(r"--[a-z][a-z-]*", command)
    groups = re.findall(r"[\w-]+(?:\|[\w-]+)+", command)
    return (*options, *(word for group in groups for word in group.split("|") if not word.isupper()))


def inline_commands(text: str) -> list[str]:
    """Commands inside sentences. A bare `quintet VERB WHAT` speaks of the command and is none by itself."""
    table = {row.text for row in table_rows(text)}
    found = []
    for span in spans(text):
        whole = span.startswith(PROGRAMS) or span.startswith(PREFIXES)
        if whole and span not in table and not re.fullmatch(r"quintet [\w-]+( [a-z]+)?", span):
            found.append(span)
    return sorted(set(found))
