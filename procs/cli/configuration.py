"""`quintet config check | show`: read the files, say what is wrong or what is in force."""

import json
import sys

from config.load import encode, file_of, load
from procs.cli.strategies import check_strategies

PARTS = ("topology.toml", "instruments.toml", "venues.toml", "limits.toml", "strategy.toml")


def run(arguments) -> int:
    """Exit 0 when the configuration is sound; a ConfigError or StrategyRefused otherwise."""
    config = load(arguments.name, arguments.profile)
    check_strategies(config)
    if arguments.what == "show":
        effective = json.loads(encode(config))
        print(json.dumps(effective) if arguments.json else "\n".join(_lines(effective)))
        return 0
    files = [str(file_of(part)) for part in (*PARTS, f"hosts/{arguments.profile}.toml")]
    if arguments.json:
        print(json.dumps({"ok": True, "profile": arguments.profile, "files": files}))
        return 0
    for file in files:
        print(f"ok  {file}")
    print(
        f"{len(config.topology.instances)} instances, {len(config.topology.rings)} rings, "
        f"{len(config.instruments)} instruments, profile {arguments.profile}",
        file=sys.stderr,
    )
    return 0


def _lines(value, key: str = ""):
    """Dotted key = value, one a line, in file order."""
    if isinstance(value, dict):
        for name, held in value.items():
            yield from _lines(held, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for position, held in enumerate(value):
            yield from _lines(held, f"{key}[{position}]")
    else:
        yield f"{key} = {json.dumps(value)}"
