"""Read the TOML files into one typed Config, or refuse with file, key, expected, found.

Files come from `$QUINTET_CONFIG` (a folder) where it has them, else from this package.
"""

import os
import re
import tomllib
import zlib
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from config.check import check
from config.errors import ConfigError
from config.executor import with_executor
from config.host import Host
from config.instruments import Instrument, Instruments, in_rows
from config.limits import Limits
from config.risk import Risk
from config.strategies import Strategies, StrategyConfig
from config.topology import Topology
from config.venues import Venue, Venues

PROFILES = ("dev", "prod")
PACKAGE = Path(__file__).resolve().parent
PORT_BLOCK = 16  # ports that one fabric name takes
PORT_BLOCKS = 1000
MESSAGE = re.compile(r"^(?P<what>.*?)(?: - at (?P<key>(?:`[^`]*`|key in `[^`]*`)))?$", re.DOTALL)


class Run(Struct, frozen=True):
    """How the simulated venue fills the day, and which logic time rules. Set by the command line, not by a file.

    `replay` is the path of a market-by-order file, "" for generated flow; `symbol` the instrument that it feeds.
    `speed` stretches logic time; 0 lets the venue drive it as fast as feed_handler publishes. `seed` and
    `events_per_second` shape generated flow. `logic_start_ns` 0 starts logic time at UTC now.
    `trading_date` is fixed when a fabric is created. `run_by` says who starts a dead process again.
    `record` is the folder that the hot roles' steps are recorded in, "" for none.
    """

    replay: str = ""
    symbol: str = ""
    speed: float = 1.0
    seed: int = 1
    events_per_second: int = 2000
    logic_start_ns: int = 0
    trading_date: date | None = None
    run_by: Literal["supervisor", "systemd"] = "supervisor"
    record: str = ""


class Config(Struct, frozen=True):
    """Everything typed, checked, and resolved for one fabric name. `cores` are those that the creator could use.

    `instruments` stand in file order as loaded and by instrument_id in a fabric. `instrument_ids` is how a roster keeps
    them short: the ids of the configured ones, and the number of rows behind; () everywhere else.
    """

    name: str
    profile: str
    topology: Topology
    instruments: tuple[Instrument, ...]
    venues: tuple[Venue, ...]
    limits: Limits
    risk: Risk
    strategies: dict[str, StrategyConfig]
    host: Host
    cores: tuple[int, ...]
    run: Run = Run()
    instrument_ids: tuple[int, ...] = ()

    def instrument_id(self, symbol: str) -> int:
        """Row of an instrument. Raises KeyError."""
        for row, instrument in enumerate(self.instruments):
            if instrument.symbol == symbol:
                return row
        raise KeyError(symbol)


def file_of(part: str) -> Path:
    """The file that a part of the configuration comes from: the user's if there is one, else the shipped one."""
    folder = os.environ.get("QUINTET_CONFIG")
    if folder and (Path(folder) / part).exists():
        return Path(folder) / part
    return PACKAGE / part


def _read(part: str, kind: type):
    return read_file(file_of(part), kind)


def read_file(path: Path, kind: type):
    """One TOML file as `kind`, its keys and types checked. Raises ConfigError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(path, "(file)", "a readable TOML file", "nothing there") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, "(syntax)", "valid TOML", str(error)) from None
    except UnicodeDecodeError as error:
        found = f"byte {error.object[error.start]:#04x} at offset {error.start}"
        raise ConfigError(path, "(encoding)", "UTF-8", found) from None
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _explain(path, _name_entry(str(error), raw, kind), raw) from None


def _name_entry(message: str, raw: dict, kind: type) -> str:
    """Put the name into a path that msgspec writes as `table[...]`: the entry that fails when it is alone."""
    table = re.search(r"`\$\.(\w+)\[\.\.\.\]", message)
    if table is None:
        return message
    for name, entry in raw[table[1]].items():
        try:
            msgspec.convert({**raw, table[1]: {name: entry}}, kind)
        except msgspec.ValidationError as error:
            return str(error).replace("[...]", f".{name}", 1)
    return message


def _explain(path: Path, message: str, raw: dict) -> ConfigError:
    """Turn msgspec's sentence into file, key, expected, found."""
    parts = MESSAGE.match(message)
    what = parts["what"]
    key = (parts["key"] or "").replace("key in", "").strip(" `").removeprefix("$").lstrip(".") or "(top level)"
    unknown = re.match(r"Object contains unknown field `(.*)`", what)
    if unknown:
        return ConfigError(path, f"{key}.{unknown[1]}".removeprefix("(top level)."), "no such key", "it")
    missing = re.match(r"Object missing required field `(.*)`", what)
    if missing:
        return ConfigError(path, f"{key}.{missing[1]}".removeprefix("(top level)."), "a value", "nothing")
    typed = re.match(r"Expected `(.*)`, got `(.*)`", what)
    if typed:
        return ConfigError(path, key, typed[1], f"{typed[2]} {_value_at(raw, key)!r}")
    invalid = re.match(r"Invalid enum value (.*)", what)
    if invalid:
        return ConfigError(path, key, "one of the documented words", invalid[1])
    return ConfigError(path, key, "a valid value", what)


def _value_at(raw, key: str):
    for step in re.findall(r"[^.\[\]]+", key):
        try:
            raw = raw[int(step)] if isinstance(raw, list) else raw[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return "?"
    return raw


def load(name: str = "quintet", profile: str = "dev") -> Config:
    """The whole configuration for fabric `name`. Raises ConfigError."""
    if profile not in PROFILES:
        raise ConfigError("(command line)", "--profile", " or ".join(PROFILES), repr(profile))
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name):
        raise ConfigError(
            "(command line)", "--name", "1-32 of a-z 0-9 _ -, starting with a letter or digit", repr(name)
        )
    config = Config(
        name=name,
        profile=profile,
        topology=_read("topology.toml", Topology),
        instruments=_read("instruments.toml", Instruments).instruments,
        venues=tuple(shift_ports(venue, name) for venue in _read("venues.toml", Venues).venues),
        limits=_read("limits.toml", Limits),
        risk=_read("risk.toml", Risk),
        strategies=_read("strategy.toml", Strategies).strategies,
        host=_read(f"hosts/{profile}.toml", Host),
        cores=tuple(sorted(os.sched_getaffinity(0))),
    )
    if config.topology.executor:
        config = with_executor(config)
    check(config, file_of)
    return config


def shift_ports(venue: Venue, name: str) -> Venue:
    """Move a simulated venue's ports by a block chosen by the fabric's name: two fabrics run side by side."""
    if not venue.simulated or name == "quintet":
        return venue
    shift = PORT_BLOCK * (1 + zlib.crc32(name.encode()) % PORT_BLOCKS)
    channel = structs.replace(
        venue.channel,
        port_a=venue.channel.port_a + shift,
        port_b=venue.channel.port_b + shift,
        retransmission_port=venue.channel.retransmission_port + shift,
    )
    session, copy = (
        held and structs.replace(held, port=held.port + shift) for held in (venue.session, venue.drop_copy)
    )
    return structs.replace(venue, channel=channel, session=session, drop_copy=copy)


def encode(config: Config) -> bytes:
    """The effective configuration as JSON, for the roster and `quintet config show`; of strangers only their number."""
    rows = [row for row, instrument in enumerate(config.instruments) if instrument.configured]
    if len(rows) == len(config.instruments):
        return msgspec.json.encode(config)
    known = tuple(config.instruments[row] for row in rows)
    ids = (*rows, len(config.instruments))
    return msgspec.json.encode(structs.replace(config, instruments=known, instrument_ids=ids))


def decode(data: bytes) -> Config:
    """The configuration that a fabric was created with, a row an instrument_id. Raises msgspec.ValidationError."""
    config = msgspec.json.decode(data, type=Config)
    if not config.instrument_ids:
        return config
    *ids, rows = config.instrument_ids
    instruments = in_rows(dict(zip(ids, config.instruments, strict=True)), {}, rows)
    return structs.replace(config, instruments=instruments, instrument_ids=())
