"""Requests: how a threshold has a position traded away: the executor is asked, which trades through the gate.

A firm or a strategy is flattened; an underlying's delta is hedged to nothing with the underlying itself. There is one
row for us in `requests`: a new request takes the place of the one before.
"""

import time

import numpy as np

from procs.risk_engine.scopes import Scope
from procs.risk_engine.tables import Writer
from procs.runtime.desks import executor_of
from procs.runtime.tables import tables_of
from shm.codes import RISK_SCOPE_FIRM, RISK_SCOPE_STRATEGY
from shm.records.greeks import GREEKS_VALID
from shm.records.request import REQUEST, REQUEST_FLATTEN, REQUEST_HEDGE, REQUESTER_RISK_ENGINE, reason_words
from shm.records.segment_header import SEGMENT_KIND_LATEST
from shm.segment import attach_segment

ALL = -1


class Requests:
    """Our row of `requests`."""

    def __init__(self, segment, greeks: Writer):
        self.segment, self.out, self.greeks = segment, Writer(segment, REQUEST), greeks

    def ask(self, scope: Scope, row: np.void, reason: str) -> int:
        """Have what a scope holds traded away; `row`: its RISK row. Returns the request's id, 0 when there is nothing.

        Caller: after the scope was put under REDUCING: the executor refuses to flatten what is not.
        """
        record = np.zeros(1, REQUEST)
        if scope.kind in (RISK_SCOPE_FIRM, RISK_SCOPE_STRATEGY):
            strategy = scope.number if scope.kind == RISK_SCOPE_STRATEGY else ALL
            record["kind"], record["strategy_id"], record["instrument_id"] = REQUEST_FLATTEN, strategy, ALL
        else:
            lots = hedge_lots(int(row["delta_micro"]), self.greeks.held(scope.number)[1])
            if lots == 0:
                return 0
            record["kind"], record["instrument_id"], record["lots"] = REQUEST_HEDGE, scope.number, lots
        version, before = self.out.held(REQUESTER_RISK_ENGINE)
        record["request_id"] = 1 + (int(before["request_id"]) if version > 0 else 0)
        record["asked_utc_ns"] = time.time_ns()
        record["reason"] = reason_words(reason)
        self.out.write(REQUESTER_RISK_ENGINE, record)
        return int(record["request_id"][0])


def hedge_lots(delta_micro: int, greeks: np.void) -> int:
    """Lots of the underlying, signed, that bring a delta nearest to nothing; 0 where its own delta is not known."""
    own = int(greeks["delta_micro"])
    if own <= 0 or not int(greeks["flags"]) & GREEKS_VALID:
        return 0
    lots = (2 * abs(delta_micro) + own) // (2 * own)
    return -lots if delta_micro > 0 else lots


def open_requests(wiring, greeks: Writer) -> Requests | None:
    """What asks the executor of this fabric; None when the topology has none."""
    if executor_of(wiring.config) is None:
        return None
    table = tables_of(wiring.config)["requests"]
    segment = attach_segment(
        wiring.name, wiring.epoch, table.name, SEGMENT_KIND_LATEST, table.dtype, table.rows, writable=True
    )
    return Requests(segment, greeks)
