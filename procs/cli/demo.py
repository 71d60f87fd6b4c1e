"""`quintet demo`: the embedded venue and the five roles trade for a while, then all is cancelled and reported."""

import json
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from config.errors import ConfigError
from config.load import Config, Run, load
from procs.cli.interrupt import Leave
from procs.cli.record_to import with_record
from procs.cli.report import collect, failures, mark, render
from procs.cli.scenario import (
    collect_scenario,
    complete,
    expected_errors,
    missing_steps,
    render_scenario,
    states_now,
    wait_engine,
    with_scenario,
)
from procs.cli.session import NotReady, drain, progress_line, stop_quoting, wait_ready
from procs.cli.snapshot import Snapshot
from procs.cli.strategies import check_strategies, with_module
from procs.cli.text import clock, count, duration, money
from procs.runtime.fabric import Fabric
from procs.runtime.kill import Kill
from procs.runtime.paths import runtime_folder
from procs.runtime.supervisor import StartFailed, Supervisor
from procs.venue.day_file import is_day, read_directory

SECONDS_DEFAULT = 30.0
REPLAY_SECONDS_MAX = 3600.0
LINE_SECONDS = 1.0
SAMPLE_SECONDS = 0.25
POLL_SECONDS = 0.02
COLUMNS_DEFAULT = 80
DAY_NS = 86_400_000_000_000
# for a whole market: 100 MB of private memory; 52 MiB of shared memory for 8,000 instruments, 64 for 11,000
DAY_ORDERS_MAX, DAY_LEVELS_MAX, DAY_SHARED_BYTES_MAX = 1 << 20, 1 << 19, 100_663_296


def run(arguments) -> int:
    """Exit 0 when the session was well: traded, every hop counted, no break, no error, no role died."""
    config, listed, traded = demo_config(arguments)
    if not traded:
        print(f"no instrument of instruments.toml occurs in {arguments.replay}: nothing is traded", file=sys.stderr)
    leave = Leave()
    fabric = Fabric(config, fresh=True, listed=listed)
    supervisor, killed = None, []
    try:
        kill = Kill(fabric.state_folder, runtime_folder(config.name), "supervisor")
        kill.use(fabric.control)
        kill.on_signal()
        supervisor = Supervisor(fabric)
        leave.then = supervisor.abandon
        supervisor.prepare(progress_line, leave)
        supervisor.start(leave=leave)
        report = trade(fabric, supervisor, arguments, leave, kill)
    except (StartFailed, NotReady) as error:
        print(f"quintet demo: {'stopped before it traded' if leave else error}", file=sys.stderr)
        return 1
    finally:
        killed = supervisor.stop() if supervisor else []
        fabric.destroy()
    found = failures(report, traded) + [f"{name} did not stop and was killed" for name in killed]
    found += [f"{name} failed for good" for name in supervisor.given_up()]
    found += [f"{name} died {n} times and was started again" for name, n in report["restarts"].items()]
    print(render(report))
    if arguments.scenario:
        found += missing_steps(report["scenario"]["steps"])
        print(f"\n{render_scenario(report['scenario'])}")
    unlisted = report["counters"].get("feed_unlisted", 0)
    if unlisted:
        print(f"{unlisted:,} messages were of instruments without a row: their books were not kept", file=sys.stderr)
    for text in found:
        print(f"FAILED  {text}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(report))
    return 1 if found else 0


class Replay(NamedTuple):
    """What a session runs on: symbols that a day's directory names, and whether any of the configured is among them."""

    config: Config
    listed: tuple[str, ...] = ()
    traded: bool = True


def demo_config(arguments) -> Replay:
    """The development configuration with what the command line asks for. Raises ConfigError and what files refuse."""
    config = load(arguments.name, "dev")
    if arguments.scenario and (arguments.replay or arguments.strategy):
        expected = "a scenario by itself: it brings its strategy, and generated flow"
        found = "--replay" if arguments.replay else "--strategy"
        raise ConfigError("(command line)", "--scenario", expected, f"{found}, too")
    if arguments.speed == 0 and not arguments.replay:
        raise ConfigError("(command line)", "--speed", "a number (`max` is for --replay)", "max")
    if arguments.replay:
        speed = 0.0 if arguments.speed is None else arguments.speed
        replays = replay_day if is_day(arguments.replay) else replay_history
        replay = replays(config, arguments.replay, speed)
    else:
        speed = 1.0 if arguments.speed is None else arguments.speed
        replay = Replay(structs.replace(config, run=Run(speed=speed)))
    config = replay.config
    if arguments.strategy:
        module = _module(arguments.strategy)
        chosen = {name: with_module(strategy, module) for name, strategy in config.strategies.items()}
        config = structs.replace(config, strategies=chosen)
    config = with_scenario(config, arguments.scenario)
    check_strategies(config)
    return replay._replace(config=with_record(config, arguments.record))


def replay_history(config: Config, replay: str, speed: float) -> Replay:
    """`config` on a market-by-order file: every strategy trades its instrument. Raises ConfigError, HistoryRefused."""
    from procs.venue.history import history_start  # reads the file's head; needs the extra `history`

    symbol, start_ns = history_start(replay)
    if symbol not in {instrument.symbol for instrument in config.instruments}:
        raise ConfigError("instruments.toml", "instrument", f"an entry for {symbol} (in {replay})", "none")
    run_as = Run(replay=str(Path(replay).resolve()), symbol=symbol, speed=speed, logic_start_ns=start_ns)
    strategies = {name: structs.replace(held, universe=(symbol,)) for name, held in config.strategies.items()}
    return Replay(structs.replace(config, run=run_as, strategies=strategies))


def replay_day(config: Config, replay: str, speed: float) -> Replay:
    """`config` on a whole ITCH day, played today: every strategy trades what is configured and occurs in it.

    Where nothing is, the universe stays and nothing of it ever has a market. Raises DayRefused.
    """
    directory = read_directory(replay)
    midnight_ns = time.time_ns() // DAY_NS * DAY_NS
    run_as = Run(replay=str(Path(replay).resolve()), speed=speed, logic_start_ns=midnight_ns + directory.first_ns)
    universe = tuple(held.symbol for held in config.instruments if held.symbol in directory.locates)
    strategies = config.strategies
    if universe:
        strategies = {name: structs.replace(held, universe=universe) for name, held in strategies.items()}
    host = config.host
    host = structs.replace(
        host,
        book_orders_max=max(host.book_orders_max, DAY_ORDERS_MAX),
        book_levels_max=max(host.book_levels_max, DAY_LEVELS_MAX),
        shared_memory_bytes_max=max(host.shared_memory_bytes_max, DAY_SHARED_BYTES_MAX),
    )
    config = structs.replace(config, run=run_as, strategies=strategies, host=host)
    return Replay(config, tuple(directory.locates), bool(universe))


def _module(text: str) -> str:
    """A strategy as named on the command line; a path is made absolute, because roles need not share our folder."""
    return str(Path(text).expanduser().resolve()) if text.endswith(".py") else text


def trade(fabric: Fabric, supervisor: Supervisor, arguments, leave: Leave, kill: Kill) -> dict:
    """Arm, trade until time, history or the user ends it, wind down, and collect the report."""
    snapshot = Snapshot(fabric.config.name)
    try:
        wait_ready(fabric, supervisor, snapshot, leave=leave)
        if arguments.scenario:
            wait_engine(supervisor, snapshot, leave)
        armed = mark(snapshot)
        fabric.arm()
        processes = {
            row["instance"]: {"pid": row["pid"], "tid": row["tid"], "core": row["core"]} for row in snapshot.instances()
        }
        begun = time.monotonic()
        inventory = follow(supervisor, snapshot, arguments, leave, begun, kill)
        seconds = time.monotonic() - begun
        stopped = mark(snapshot)
        states = states_now(snapshot) if arguments.scenario else {}
        open_left = stop_quoting(fabric, supervisor, snapshot)
        missing = drain(supervisor, snapshot)
        source = f"replay of {arguments.replay}" if arguments.replay else "generated flow"
        report = collect(snapshot, seconds, source, processes, inventory, armed, stopped)
        if arguments.scenario:
            report["scenario"] = collect_scenario(snapshot) | {"states": states}
            by_design = expected_errors()
            report["errors"] = {
                key: row for key, row in report["errors"].items() if key.split(": ")[1] not in by_design
            }
        report["restarts"] = {row["instance"]: row["restarts"] for row in snapshot.instances() if row["restarts"]}
        if open_left:
            report["errors"]["demo: orders still open after cancel"] = {"count": open_left, "detail": [0, 0]}
        if missing:
            report["errors"]["demo: reports not applied by position_keeper"] = {"count": missing, "detail": [0, 0]}
        return report
    finally:
        snapshot.close()


def follow(supervisor: Supervisor, snapshot: Snapshot, arguments, leave: Leave, begun: float, kill: Kill) -> list[dict]:
    """Watch the session: restart what dies, draw the live line, sample inventory. Returns the samples."""
    limit = arguments.seconds or (REPLAY_SECONDS_MAX if arguments.replay else SECONDS_DEFAULT)
    terminal = sys.stderr.isatty()
    samples, next_line, next_sample, next_look = [], begun + LINE_SECONDS, begun, begun
    while not leave and time.monotonic() - begun < limit:
        for event in supervisor.poll():
            print(f"\n{event}" if terminal else event, file=sys.stderr, flush=True)
        if why := kill.look():
            print(f"\nHALTED: {why}", file=sys.stderr, flush=True)
        if supervisor.given_up():
            break
        now = time.monotonic()
        if now >= next_sample:
            next_sample = now + SAMPLE_SECONDS
            lots: dict[str, int] = {}
            for row in snapshot.positions():
                lots[row["instrument"]] = lots.get(row["instrument"], 0) + row["position_lots"]
            samples.append({"seconds": round(now - begun, 2), "lots": lots})
        if now >= next_line:
            next_line = now + LINE_SECONDS
            columns = os.get_terminal_size(sys.stderr.fileno()).columns if terminal else COLUMNS_DEFAULT
            text = live_line(snapshot, now - begun, bool(arguments.replay), columns - 1)
            print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)
        if arguments.replay and snapshot.counters().get("venue_history_done", 0):
            break
        if arguments.scenario and now >= next_look:
            next_look = now + LINE_SECONDS
            if complete(collect_scenario(snapshot)):
                break
        time.sleep(POLL_SECONDS)
    if terminal:
        print(file=sys.stderr)
    return samples


def live_line(snapshot: Snapshot, seconds: float, replay: bool, columns: int) -> str:
    """What goes on, most important first; what does not fit in `columns` is left out."""
    counters = snapshot.counters()
    positions = snapshot.positions()
    totals: dict[str, int] = {}
    for row in positions:
        profit = row["realised_micro"] + row["unrealised_micro"] - row["fees_micro"]
        totals[row["currency"]] = totals.get(row["currency"], 0) + profit
    sent = counters.get("sender_sent", 0) + counters.get("sender_replaces_sent", 0)
    parts = [f"{seconds:4.0f} s"]
    if replay:
        parts.append(clock(snapshot.logic_ns()))
    parts.append(f"{count(sent)} orders")
    parts.append(f"{count(sum(row['fills'] for row in positions))} fills")
    parts.append("P&L " + (", ".join(f"{money(total, unit)} {unit}" for unit, total in totals.items()) or "0.00"))
    parts.append(f"tick-to-order {duration(snapshot.hops().get('tick_to_order', {}).get('p50', 0))}")
    parts.append(f"{count(counters.get('feed_messages', 0))} messages")
    text = parts[0]
    for part in parts[1:]:
        if len(text) + 2 + len(part) > columns:
            break
        text += f"  {part}"
    return text
