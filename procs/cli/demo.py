"""`quintet demo`: the embedded venue and the five roles trade for a while, then all is cancelled and reported."""

import json
import signal
import sys
import time

from msgspec import structs

from config.errors import ConfigError
from config.load import Config, Run, load
from procs.cli.report import collect, failures, render
from procs.cli.session import NotReady, drain, progress_line, stop_quoting, wait_ready
from procs.cli.snapshot import Snapshot
from procs.cli.text import count, money
from procs.runtime.fabric import Fabric
from procs.runtime.supervisor import StartFailed, Supervisor

SECONDS_DEFAULT = 30.0
REPLAY_SECONDS_MAX = 3600.0
LINE_SECONDS = 1.0
SAMPLE_SECONDS = 0.25
POLL_SECONDS = 0.02
DEMO_STRATEGY = "avellaneda_stoikov"


class Interrupted(Exception):
    """Ctrl-C or SIGTERM: wind down and report."""


def run(arguments) -> int:
    """Exit 0 when the session was well: traded, every hop counted, no break, no error."""
    config = demo_config(arguments)
    asked = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.append(True))
    fabric = Fabric(config, fresh=True)
    supervisor = None
    try:
        supervisor = Supervisor(fabric)
        supervisor.prepare(progress_line)
        if asked:
            return 1
        supervisor.start()
        report = trade(fabric, supervisor, arguments, asked)
    except (StartFailed, NotReady) as error:
        print(f"quintet demo: {error}", file=sys.stderr)
        return 1
    finally:
        killed = supervisor.stop() if supervisor else []
        fabric.destroy()
    found = failures(report) + [f"{name} did not stop and was killed" for name in killed]
    print(render(report))
    for text in found:
        print(f"FAILED  {text}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(report))
    return 1 if found else 0


def demo_config(arguments) -> Config:
    """The development configuration with what the command line asks for."""
    config = load(arguments.name, "dev")
    if arguments.replay:
        from procs.venue.history import history_start  # reads the file's head; needs the extra `history`

        symbol, start_ns = history_start(arguments.replay)
        if symbol not in {instrument.symbol for instrument in config.instruments}:
            raise ConfigError(
                "instruments.toml", "instrument", f"an entry for {symbol} (in {arguments.replay})", "none"
            )
        speed = 0.0 if arguments.speed is None else arguments.speed
        run_as = Run(replay=arguments.replay, symbol=symbol, speed=speed, logic_start_ns=start_ns)
    else:
        if arguments.speed == 0:
            raise ConfigError("(command line)", "--speed", "`max` only with --replay", "max")
        run_as = Run(speed=1.0 if arguments.speed is None else arguments.speed)
    strategies = {}
    for name, strategy in config.strategies.items():
        changes = {"module": arguments.strategy or strategy.module}
        if arguments.strategy and arguments.strategy != strategy.module:
            changes |= {"params": {}, "overrides": {}}  # another module has other parameters: its defaults
        if arguments.replay:
            changes["universe"] = (run_as.symbol,)
        strategies[name] = structs.replace(strategy, **changes)
    return structs.replace(config, run=run_as, strategies=strategies)


def trade(fabric: Fabric, supervisor: Supervisor, arguments, asked: list) -> dict:
    """Arm, trade until time, history or the user ends it, wind down, and collect the report."""
    snapshot = Snapshot(fabric.config.name)
    try:
        wait_ready(fabric, supervisor, snapshot)
        fabric.arm()
        processes = {
            row["instance"]: {"pid": row["pid"], "tid": row["tid"], "core": row["core"]} for row in snapshot.instances()
        }
        begun = time.monotonic()
        inventory = follow(fabric, supervisor, snapshot, arguments, asked, begun)
        seconds = time.monotonic() - begun
        open_left = stop_quoting(fabric, supervisor, snapshot)
        missing = drain(supervisor, snapshot)
        source = f"replay of {arguments.replay}" if arguments.replay else "generated flow"
        report = collect(snapshot, seconds, source, processes, inventory)
        if open_left:
            report["errors"]["demo: orders still open after cancel"] = {"count": open_left, "detail": [0, 0]}
        if missing:
            report["errors"]["demo: reports not applied by position_keeper"] = {"count": missing, "detail": [0, 0]}
        return report
    finally:
        snapshot.close()


def follow(fabric, supervisor, snapshot, arguments, asked: list, begun: float) -> list[dict]:
    """Watch the session: restart what dies, draw the live line, sample inventory. Returns the samples."""
    limit = arguments.seconds or (REPLAY_SECONDS_MAX if arguments.replay else SECONDS_DEFAULT)
    samples, next_line, next_sample = [], begun, begun
    while not asked and time.monotonic() - begun < limit:
        for event in supervisor.poll():
            print(f"\n{event}" if sys.stderr.isatty() else event, file=sys.stderr, flush=True)
        now = time.monotonic()
        if now >= next_sample:
            next_sample = now + SAMPLE_SECONDS
            lots: dict[str, int] = {}
            for row in snapshot.positions():
                lots[row["instrument"]] = lots.get(row["instrument"], 0) + row["position_lots"]
            samples.append({"seconds": round(now - begun, 2), "lots": lots})
        if now >= next_line:
            next_line = now + LINE_SECONDS
            live_line(snapshot, now - begun)
        if arguments.replay and snapshot.counters().get("venue_history_done", 0):
            break
        time.sleep(POLL_SECONDS)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return samples


def live_line(snapshot: Snapshot, seconds: float) -> None:
    """One line of life on stderr, written over on a terminal."""
    counters = snapshot.counters()
    positions = snapshot.positions()
    total = sum(row["realised_micro"] + row["unrealised_micro"] - row["fees_micro"] for row in positions)
    hop = snapshot.hops().get("tick_to_order", {})
    text = (
        f"{seconds:6.0f} s  {count(counters.get('feed_messages', 0))} messages  "
        f"{count(counters.get('sender_sent', 0) + counters.get('sender_replaces_sent', 0))} orders  "
        f"{count(sum(row['fills'] for row in positions))} fills  P&L {money(total)}  "
        f"tick-to-order p50 {hop.get('p50', 0) / 1000:.1f} us"
    )
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)
