"""The command line of `quintet`: which subcommands there are and what they take. Imports nothing of ours."""

import argparse
import re

DEFAULT_NAME = "quintet"
RECORD_HELP = "record every step of the hot roles there, for `quintet replay`"


class _Version(argparse.Action):
    """Prints the version; reading it costs 30 ms, which the other commands do not pay."""

    def __init__(self, **words):
        super().__init__(nargs=0, help="print the version and exit", **words)

    def __call__(self, parser, namespace, values, option_string=None):
        from importlib.metadata import PackageNotFoundError, version

        try:
            text = version("quintet")
        except PackageNotFoundError:
            text = "(not installed: running from the sources)"
        print(f"quintet {text}")
        parser.exit(0)


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", text):
        expected = "1 to 32 of a-z 0-9 _ -, starting with a letter or digit"
        raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}")
    return text


def _reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("expected words that somebody understands in a year, found nothing")
    return text


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


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected whole days, at least 1, found {text!r}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="quintet", description="Market making over shared-memory rings: operate the machine."
    )
    top.add_argument("--version", action=_Version)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in (_trade, _look, _steer, _limits, _record, _prepare):
        group(commands)
    for name, command in commands.choices.items():
        if name not in ("demo", "replay"):
            help_text = f"name of the fabric (default {DEFAULT_NAME})"
            command.add_argument("--name", type=_name, default=DEFAULT_NAME, help=help_text)
        if name != "demo":
            command.add_argument("--json", action="store_true", help="report as one JSON object")
    return top


def _trade(commands) -> None:
    """What starts and ends a machine."""
    demo = commands.add_parser("demo", help="trade on the embedded venue and report")
    demo.add_argument("--seconds", type=_seconds, help="stop after this long (default 30; a replay: when history ends)")
    demo.add_argument(
        "--replay", metavar="FILE", help="a day to trade on: .dbn.zst (market by order) or .itch[.gz] (ITCH 5.0)"
    )
    demo.add_argument("--speed", type=_speed, metavar="N|max", help="scale logic time (default 1; a replay: max)")
    demo.add_argument("--strategy", metavar="NAME", help="module in procs/strategy, or a Python file")
    help_text = "breach: a strategy that keeps buying into its risk thresholds, which act by themselves"
    demo.add_argument("--scenario", choices=("breach",), help=help_text)
    demo.add_argument("--record", metavar="DIR", help=RECORD_HELP)
    demo.add_argument("--name", type=_name, default="demo", help="name of the fabric (default demo)")
    demo.add_argument("--json", action="store_true", help="last line of stdout is the report as one JSON object")

    up = commands.add_parser("up", help="start a supervised fabric in the background")
    up.add_argument("--profile", choices=("dev", "prod"), default="dev")
    up.add_argument("--record", metavar="DIR", help=RECORD_HELP)
    commands.add_parser("down", help="stop a fabric: cancel, leave, remove its shared memory")


def _look(commands) -> None:
    """What only reads shared memory."""
    status = commands.add_parser("status", help="what runs, where, how fast (reads shared memory only)")
    status.add_argument("--watch", action="store_true", help="again every second until Ctrl-C")

    positions = commands.add_parser("positions", help="positions and P&L (reads shared memory only)")
    help_text = "one row for each of these and currency; default: strategy and instrument"
    at_help = "as they stood then, from the book of record: a time as for `orders --since`"
    positions.add_argument("--at", metavar="T", help=at_help)
    positions.add_argument("--epoch", metavar="N|all", help="with --at: that life of the fabric (default: the newest)")
    positions.add_argument("--by", choices=("strategy", "instrument", "venue", "currency", "firm"), help=help_text)

    risk = commands.add_parser("risk", help="Greeks, exposures, value at risk by scope (reads shared memory only)")
    help_text = "what thresholds did in this life of the fabric, from risk_engine's journal"
    risk.add_argument("--history", action="store_true", help=help_text)


def _steer(commands) -> None:
    """What changes a running machine, each with a reason for the record."""
    halt = commands.add_parser("halt", help="stop trading in a scope, cancel its orders, latched until `resume`")
    resume = commands.add_parser("resume", help="let a halted scope trade again")
    cancel = commands.add_parser("cancel-all", help="cancel all orders of a scope; quoting stays off until `resume`")
    reduce = commands.add_parser("reduce", help="only what lowers exposure passes in a scope, latched until `resume`")
    flatten = commands.add_parser("flatten", help="work positions down to nothing; the scope must be REDUCING")
    for command in (halt, resume, cancel, reduce, flatten):
        help_text = "firm (default), session:NAME, strategy:NAME, instrument:SYMBOL"
        command.add_argument("--scope", default="firm", help=help_text)
        command.add_argument("--reason", required=True, type=_reason, help="why, for the record")
    for command in (resume, reduce):
        help_text = "production: be the second person, for what another one asked for"
        command.add_argument("--confirm", action="store_true", help=help_text)
    help_text = "logic time until it gives up, with an alarm (default 60)"
    flatten.add_argument("--seconds", type=_seconds, default=60.0, help=help_text)

    once = commands.add_parser("cancel", help="cancel the open orders that the filters name, once; trading goes on")
    once.add_argument("--venue", metavar="NAME", help="orders at one venue (default: every one)")
    once.add_argument("--strategy", metavar="NAME", help="orders of one strategy; `house` for external orders")
    once.add_argument("--instrument", metavar="SYMBOL", help="orders in one instrument")
    once.add_argument("--side", choices=("buy", "sell"), help="orders of one side")
    once.add_argument("--reason", required=True, type=_reason, help="why, for the record")

    params = commands.add_parser("params", help="show a strategy's parameters, or change them while it runs")
    params.add_argument("changes", nargs="*", metavar="KEY=VALUE", help="what to change; without it print a table")
    params.add_argument("--strategy", metavar="NAME", help="strategy instance (default: all, or the only one)")
    params.add_argument("--instrument", metavar="SYMBOL", help="one instrument (default: all of its universe)")
    params.add_argument("--reason", type=_reason, help="why, for the record; needed for a change")


def _limits(commands) -> None:
    """The limits of risk_gate: what is used of them, and changing them."""
    limits = commands.add_parser("limits", help="limits in force and what is used of them; change them while it runs")
    limits.add_argument("changes", nargs="*", metavar="KEY=VALUE", help="what to change, as in limits.toml")
    limits.add_argument("--scope", metavar="SCOPE", help="firm, strategy:NAME, instrument:SYMBOL (default: all)")
    limits.add_argument("--reason", type=_reason, help="why, for the record; needed for a change")
    help_text = "a temporary override: 30s, 10m, 2h of logic time, at most 24h; it ends by itself"
    limits.add_argument("--for", dest="lasting", metavar="TIME", help=help_text)
    limits.add_argument("--reload", nargs="?", const="", metavar="FILE", help="take over a changed limits.toml, whole")
    limits.add_argument("--confirm", metavar="ID", help="let what another person asked for happen (profile prod)")
    limits.add_argument("--checks", action="store_true", help="every pre-trade check, in order, with who asks for it")
    limits.add_argument("--history", action="store_true", help="every change: when, who, why, before and after")


def _record(commands) -> None:
    """The journals and the book of record, of this and earlier lives."""
    journal = commands.add_parser("journal", help="list, print, follow, filter and verify journals; prune old ones")
    help_text = "whose journal to print: order_sender; without it all are listed; `prune`: which lives may go"
    journal.add_argument("instance", nargs="?", help=help_text)
    journal.add_argument("--epoch", type=int, metavar="N", help="that life of the fabric (default: the newest)")
    journal.add_argument("--from", dest="start", type=int, metavar="SEQ", help="start at this sequence")
    journal.add_argument("--last", type=int, metavar="N", help="only the last N entries")
    journal.add_argument(
        "--kind", action="append", default=[], help="report, decision, order_sent, ...; may be repeated"
    )
    help_text = "entries of which a field has this value, as side=buy; repeatable: all must hold"
    journal.add_argument("--where", action="append", default=[], metavar="FIELD=VALUE", help=help_text)
    journal.add_argument("--follow", action="store_true", help="go on as entries are appended, until Ctrl-C")
    journal.add_argument("--verify", action="store_true", help="check every entry of the journals; exit 1 on damage")

    journal.add_argument("--days", type=_days, metavar="N", help="prune: keep what is younger (default 1830)")
    journal.add_argument("--apply", action="store_true", help="prune: remove what may go; without it only say so")

    orders = commands.add_parser("orders", help="orders in the book of record, now and in history")
    orders.add_argument("--open", action="store_true", help="only those that may still trade")
    orders.add_argument("--state", metavar="STATE", help="passed, sent, working, unknown, filled, canceled, ...")
    orders.add_argument("--at", metavar="T", help="as they stood then; a time as for --since")
    executions = commands.add_parser("executions", help="executions in the book of record, with fee and position after")
    executions.add_argument("--state", metavar="STATE", help="done, broken, corrected")
    decisions = commands.add_parser("decisions", help="what risk_gate answered, with the numbers")
    decisions.add_argument(
        "--code", metavar="NAME", help="pass, refused (all but pass), or a reject: collar, rate, ..."
    )
    for command in (orders, executions, decisions):
        command.add_argument("--strategy", metavar="NAME")
        command.add_argument("--instrument", metavar="SYMBOL")
        command.add_argument("--side", choices=("buy", "sell"))
        help_text = "logic time, UTC: 2026-01-31, 2026-01-31T14:30:05.5, or 14:30 of the newest day"
        command.add_argument("--since", metavar="T", help=help_text)
        command.add_argument("--until", metavar="T", help="as --since; the time itself is not in")
        command.add_argument("--epoch", metavar="N|all", help="that life of the fabric (default: the newest)")
        command.add_argument("--last", type=int, metavar="N", help="only the last N")

    replay = commands.add_parser("replay", help="run recorded roles again, step by step, and compare every byte")
    replay.add_argument("folder", metavar="DIR", help="what was given to --record")
    replay.add_argument("--instance", metavar="NAME", help="one of them: strategy, risk_gate, ... (default: all)")
    replay.add_argument("--stop-at", type=int, metavar="ENTRY", help="enter the debugger before that entry's step")

    chain = commands.add_parser("chain", help="everything that led to an order and came of it, stamp by stamp")
    chain.add_argument(
        "order", metavar="ORDER", help="its id, or intent:N, match:N, ref:N (our reference at the venue)"
    )
    chain.add_argument("--epoch", metavar="N|all", help="that life of the fabric (default: the newest)")
    breaks = commands.add_parser("breaks", help="where our record and the venue's drop copy differ, or did")
    breaks.add_argument("--state", metavar="STATE", help="open, acknowledged, cleared")
    breaks.add_argument("--kind", metavar="KIND", help="execution_differs, order_not_copied, silence, ...")
    breaks.add_argument("--instrument", metavar="SYMBOL")
    breaks.add_argument("--epoch", metavar="N|all", help="that life of the fabric (default: the newest)")
    breaks.add_argument("--last", type=int, metavar="N", help="only the last N")
    oms = commands.add_parser("oms", help="the book of record itself: bring it up to the journals, or check it")
    help_text = (
        "load: read what the journals have more, while no oms runs; check: its parts agree, and no break is in it"
    )
    oms.add_argument("what", choices=("load", "check"), help=help_text)


def _prepare(commands) -> None:
    """Configuration, and a fabric without its roles."""
    config = commands.add_parser("config", help="check or show the configuration")
    config.add_argument("what", choices=("check", "show"))
    config.add_argument("--profile", choices=("dev", "prod"), default="dev")
    fabric = commands.add_parser("fabric", help="a fabric's shared memory by itself: for systemd, which runs the roles")
    fabric.add_argument("what", choices=("create", "watch", "remove"))
    fabric.add_argument("--profile", choices=("dev", "prod"), default="prod", help="for create (default prod)")
