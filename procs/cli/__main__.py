"""The `quintet` command. One module a subcommand, imported late.

Exit codes: 0 well, 1 failed, 2 usage (the command line cannot mean anything, whatever runs or lies on disk). Data goes
to stdout, talk to stderr.
"""

import importlib
import os
import sys

from procs.cli.halt_line import firm_to_halt
from shm.kill_word import halt_word

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2

MODULES = {
    "demo": "procs.cli.demo",
    "up": "procs.cli.up",
    "down": "procs.cli.down",
    "status": "procs.cli.status",
    "positions": "procs.cli.positions",
    "risk": "procs.cli.risk",
    "halt": "procs.cli.control",
    "reduce": "procs.cli.control",
    "flatten": "procs.cli.flatten",
    "resume": "procs.cli.control",
    "cancel": "procs.cli.cancel",
    "cancel-all": "procs.cli.control",
    "journal": "procs.cli.journal",
    "params": "procs.cli.params",
    "limits": "procs.cli.limits",
    "orders": "procs.cli.record",
    "executions": "procs.cli.record",
    "decisions": "procs.cli.record",
    "replay": "procs.cli.replay",
    "chain": "procs.cli.chain",
    "breaks": "procs.cli.breaks",
    "oms": "procs.cli.oms",
    "config": "procs.cli.configuration",
    "fabric": "procs.cli.fabric",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; every expected failure is one sentence on stderr."""
    if (name := firm_to_halt(sys.argv[1:] if argv is None else argv)) is not None:
        halt_word(name)  # before anything heavy is imported; what follows latches it and says what happened
    from procs.cli.command_line import parser

    arguments = parser().parse_args(argv)
    module = importlib.import_module(MODULES[arguments.command])
    from config.errors import ConfigError
    from shm.errors import QuintetError

    try:
        return module.run(arguments)
    except ConfigError as error:
        print(f"quintet {arguments.command}: {error}", file=sys.stderr)
        return EXIT_USAGE if error.file == "(command line)" else EXIT_FAILED
    except QuintetError as error:
        print(f"quintet {arguments.command}: {error}", file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:  # the reader of our stdout left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except OSError as error:  # a folder that we may not write, a full disk
        where = f" ({error.filename})" if error.filename else ""
        print(f"quintet {arguments.command}: {error.strerror or error}{where}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
