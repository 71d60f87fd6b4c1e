"""Halt line: whether a command line is a `quintet halt` of the whole firm that argparse would accept. Imports nothing.

Only what is beyond doubt: anything unusual is left to the slow way, which halts too or says what is wrong.
"""

DEFAULT_NAME = "quintet"
TAKES_WORD = ("--reason", "--scope", "--name")


def firm_to_halt(words: list[str]) -> str | None:
    """Name of the fabric that these words halt altogether; None for any other command line."""
    if not words or words[0] != "halt":
        return None
    given = {"--scope": "firm", "--name": DEFAULT_NAME, "--reason": ""}
    rest = iter(words[1:])
    for word in rest:
        if word == "--json":
            continue
        key, equals, value = word.partition("=")
        if key not in TAKES_WORD:
            return None
        if not equals:
            value = next(rest, "-")
            if value.startswith("-"):
                return None
        given[key] = value
    return given["--name"] if given["--scope"] == "firm" and given["--reason"].strip() else None
