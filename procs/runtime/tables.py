"""Latest tables: which record, how many rows, whose. The one place that sizes them from the configuration."""

from typing import NamedTuple

import numpy as np

from config.instruments import configured_end
from procs.runtime.desks import desk_names, executor_of
from procs.runtime.totals import total_rows
from shm.records.channel import CHANNEL
from shm.records.depth import DEPTH
from shm.records.exposure import EXPOSURE
from shm.records.greeks import GREEKS
from shm.records.instrument import INSTRUMENT
from shm.records.ledger import LEDGER
from shm.records.limits import LIMITS, STANDING_ROWS
from shm.records.live_params import LIVE_PARAMS
from shm.records.pnl import PNL
from shm.records.position import POSITION
from shm.records.request import REQUEST, REQUEST_STATE, REQUESTERS
from shm.records.risk import RISK
from shm.records.top import TOP
from shm.records.total import TOTAL
from shm.records.working import WORKING

FABRIC = "fabric"  # owner of what the fabric step itself writes


class Table(NamedTuple):
    """One latest table: object name, record, rows, owner instance."""

    name: str
    dtype: np.dtype
    rows: int
    owner: str


def tables_of(config) -> dict[str, Table]:
    """Every latest table of a configuration, by object name."""
    topology = config.topology
    instruments = len(config.instruments)
    tunable = configured_end(config.instruments)  # strangers behind it have no parameters and no risk of ours
    strategies, desks = len(topology.of_role("strategy")), len(desk_names(config))
    feed = topology.of_role("feed_handler")[0].name
    keeper = topology.of_role("position_keeper")[0].name
    engine = next((held.name for held in topology.of_role("risk_engine")), FABRIC)  # without one they stay empty
    tables = [
        Table("tops", TOP, instruments, feed),
        Table("depth", DEPTH, instruments, feed),
        Table("instruments", INSTRUMENT, instruments, feed),
        Table("channels", CHANNEL, len(topology.of_role("feed_handler")), feed),
        Table("positions", POSITION, desks * instruments, keeper),
        Table("pnl", PNL, desks * instruments, keeper),
        Table("params", LIVE_PARAMS, strategies * tunable + strategies, FABRIC),
        Table("totals", TOTAL, len(total_rows(config)), keeper),
        Table("limits", LIMITS, instruments + desks + 1, FABRIC),
        Table("standing", LIMITS, STANDING_ROWS, FABRIC),
        Table("exposure", EXPOSURE, instruments + desks + 1, topology.of_role("risk_gate")[0].name),
        Table("greeks", GREEKS, instruments, engine),
        Table("requests", REQUEST, REQUESTERS, FABRIC),
        Table("request_states", REQUEST_STATE, REQUESTERS, executor_of(config) or FABRIC),
        Table("risk", RISK, 1 + desks + tunable, engine),
    ]
    for sender in topology.of_role("order_sender"):
        tables.append(Table(f"working.{sender.name}", WORKING, topology.working_rows, sender.name))
    for venue in topology.of_role("venue"):
        tables.append(Table("ledger", LEDGER, instruments, venue.name))
    return {table.name: table for table in tables}
