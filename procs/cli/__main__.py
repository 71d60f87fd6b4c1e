"""quintet: demo, up, down, status, halt, resume, cancel-all, config. One module a command, imported when asked for.

Exit codes: 0 well, 1 failed, 2 usage. Data goes to stdout, talk to stderr.
"""

import argparse
import importlib
import os
import sys
from importlib.metadata import PackageNotFoundError, version

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
DEFAULT_NAME = "quintet"


def _version() -> str:
    try:
        return version("quintet")
    except PackageNotFoundError:
        return "not installed (running from the sources)"


def _speed(text: str) -> float:
    """`max` is 0: the venue drives logic time."""
    if text == "max":
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"expected `max` or a number from 0.01 to 1000, found {text!r}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError(f"expected seconds above 0 and at most 86400, found {text!r}")
    return value


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="quintet", description="Market making over shared-memory rings: operate the machine."
    )
    top.add_argument("--version", action="version", version=f"quintet {_version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="trade on the embedded venue and report")
    demo.add_argument("--seconds", type=_seconds, help="stop after this long (default 30; a replay: when history ends)")
    demo.add_argument("--replay", metavar="FILE", help="market-by-order history to trade on (.dbn.zst)")
    demo.add_argument("--speed", type=_speed, metavar="N|max", help="scale logic time (default 1; a replay: max)")
    demo.add_argument("--strategy", metavar="NAME", help="module in procs/strategy, or a Python file")
    demo.add_argument("--name", default="demo", help="name of the fabric (default demo)")
    demo.add_argument("--json", action="store_true", help="last line of stdout is the report as one JSON object")

    up = commands.add_parser("up", help="start a supervised fabric in the background")
    up.add_argument("--profile", choices=("dev", "prod"), default="dev")
    down = commands.add_parser("down", help="stop a fabric: cancel, leave, remove its shared memory")
    status = commands.add_parser("status", help="what runs, where, how fast (reads shared memory only)")
    status.add_argument("--watch", action="store_true", help="again every second until Ctrl-C")

    halt = commands.add_parser("halt", help="stop trading in a scope, cancel its orders, latched until `resume`")
    resume = commands.add_parser("resume", help="let a halted scope trade again")
    cancel = commands.add_parser("cancel-all", help="cancel all orders of a scope; quoting stays off until `resume`")
    for command in (halt, resume, cancel):
        help_text = "firm (default), session:NAME, strategy:NAME, instrument:SYMBOL"
        command.add_argument("--scope", default="firm", help=help_text)
        command.add_argument("--reason", required=True, help="why, for the record")
    for command in (up, down, status, halt, resume, cancel):
        command.add_argument("--name", default=DEFAULT_NAME, help=f"name of the fabric (default {DEFAULT_NAME})")
        command.add_argument("--json", action="store_true", help="report as one JSON object")

    config = commands.add_parser("config", help="check or show the configuration")
    config.add_argument("what", choices=("check", "show"))
    config.add_argument("--profile", choices=("dev", "prod"), default="dev")
    config.add_argument("--name", default=DEFAULT_NAME)
    config.add_argument("--json", action="store_true")
    return top


MODULES = {
    "demo": "procs.cli.demo",
    "up": "procs.cli.up",
    "down": "procs.cli.down",
    "status": "procs.cli.status",
    "halt": "procs.cli.control",
    "resume": "procs.cli.control",
    "cancel-all": "procs.cli.control",
    "config": "procs.cli.configuration",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; every expected failure is one sentence on stderr."""
    arguments = parser().parse_args(argv)
    module = importlib.import_module(MODULES[arguments.command])
    from config.errors import ConfigError
    from shm.errors import QuintetError

    try:
        return module.run(arguments)
    except (ConfigError, QuintetError) as error:
        print(f"quintet {arguments.command}: {error}", file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:  # the reader of our stdout left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except KeyboardInterrupt:
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
