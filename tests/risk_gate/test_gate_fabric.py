"""The gate as a process on a real fabric, its neighbours played by the test: kill -9, disk journals, catching up."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import shm.codes as codes
from config.load import load
from procs.runtime.fabric import Fabric
from procs.runtime.prepare import calibrate_fabric
from procs.runtime.wiring import Wiring
from shm.clock import now_ns
from shm.instance import stamp
from shm.journal import JOURNAL_REPORT, journal_claim, journal_commit
from shm.latest import latest_claim, latest_publish
from shm.records.channel import CHANNEL
from shm.records.intent import INTENT
from shm.records.order import ORDER
from shm.records.reject import REJECT
from shm.records.report import REPORT
from shm.records.top import TOP
from shm.ring import ring_advance, ring_caught_up_seq, ring_claim, ring_clear_behind, ring_mark_behind, ring_peek

from shm.ring import ring_publish, ring_release  # isort: skip
from tests.support.gate import view_at

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 90  # a cold cache compiles the whole role first
PROBE_LOTS = 1000  # the greatest size: with 1800 lots open it always breaks the limit of 2000


class Machine:
    """A fabric whose only process is the gate."""

    def __init__(self):
        self.config = load(f"gate-test-{os.getpid()}")
        self.fabric = Fabric(self.config, fresh=True)
        calibrate_fabric(self.config, self.fabric.epoch)
        self.fabric.arm()
        self.wirings = {name: Wiring(self.config.name, name) for name in ("strategy", "order_sender", "feed_handler")}
        strategy, sender, feed = self.wirings.values()
        self.me = strategy.me()
        self.intents, self.rejects = strategy.rings_out("intents"), strategy.rings_in("rejects")
        self.orders, self.journal = sender.rings_in("orders"), sender.journal()
        to_gate = sender.peers_out("reports").index("risk_gate")
        self.reports = sender.rings_out("reports")[to_gate : to_gate + 1]
        self.tops, self.channels = feed.table("tops"), feed.table("channels")
        self.intent_id = self.report_seq = 0
        self.process = None
        self.beat()

    def close(self):
        self.kill()
        for wiring in self.wirings.values():
            wiring.close_background()
        self.fabric.destroy()

    def start(self):
        command = [sys.executable, "-m", "procs.risk_gate", "--fabric", self.config.name, "--instance", "risk_gate"]
        self.process = subprocess.Popen(command, cwd=ROOT)
        self.wait(lambda: self.fabric.page("risk_gate").pid == self.process.pid, "the process to attach")
        self.wait(lambda: self.fabric.page("risk_gate").life == codes.LIFE_RUNNING, "the gate to run")

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def wait(self, met, what):
        """Keep the neighbours alive until `met()`; the test fails when it takes too long."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not met():
            assert time.monotonic() < deadline, f"waited {DEADLINE_SECONDS} s for {what}"
            assert self.process is None or self.process.poll() is None, "the gate ended by itself"
            self.beat()
            time.sleep(0.001)

    def now(self):
        return int(now_ns(int(self.me[0]["clock_addr"])))

    def beat(self):
        """The strategy steps, the feed is fresh, every instrument has a market."""
        self.wirings["strategy"].page["step_ns"] = stamp(self.me[0])
        for row in range(len(self.config.instruments)):
            top = self.blank(latest_claim(self.tops[0], row), TOP)
            top["bid_price_ticks"], top["ask_price_ticks"] = 999_900, 1_000_100
            top["changed_ns"], top["trading_state"] = self.now(), codes.TRADING_OPEN
            latest_publish(self.tops[0], row)
        channel = self.blank(latest_claim(self.channels[0], 0), CHANNEL)
        channel["state"], channel["heard_ns"] = codes.CHANNEL_FRESH, self.now()
        latest_publish(self.channels[0], 0)

    @staticmethod
    def blank(address, dtype, keep=0):
        ctypes.memset(int(address) + keep, 0, dtype.itemsize - keep)
        return view_at(int(address), dtype)

    def intent(self, **fields):
        self.intent_id += 1
        row = self.blank(ring_claim(self.intents[0], 0), INTENT, keep=8)
        fields = dict(kind=1, side=1, tif=1, price_ticks=1_000_000, qty_lots=900) | fields
        for name, value in fields.items():
            row[name] = value
        row["intent_id"], row["expires_ns"] = self.intent_id, self.now() + 3_600_000_000_000
        ring_publish(self.intents[0])
        return self.intent_id

    def take(self, end, dtype, count):
        """The next `count` records of a ring."""
        taken = []
        while len(taken) < count:
            self.wait(lambda: ring_peek(end[0]) != 0, f"{count} of {dtype.names[1]}")
            taken.append(np.array(view_at(int(ring_peek(end[0])), dtype)).copy())
            ring_advance(end[0])
            ring_release(end[0])
        return taken

    def report(self, kind, order, leaves, qty, publish=True):
        """Journal first, as order_sender does; the ring is a copy."""
        self.report_seq += 1
        row = self.blank(journal_claim(self.journal[0]), REPORT)
        for name in ("order_id", "intent_id", "instrument_id", "strategy_id", "side"):
            row[name] = order[name]
        row["report_seq"], row["kind"], row["leaves_lots"], row["qty_lots"] = self.report_seq, kind, leaves, qty
        payload = row.tobytes()
        journal_commit(self.journal[0], JOURNAL_REPORT, REPORT.itemsize, stamp(self.me[0]), self.now())
        if publish:
            address = int(ring_claim(self.reports[0], 0))
            ctypes.memmove(address + 8, payload[8:], REPORT.itemsize - 8)
            ring_publish(self.reports[0])

    def worst_case(self):
        """Lots that the gate counts on the buying side, read from its refusal of one order more."""
        self.intent(qty_lots=PROBE_LOTS)
        (reject,) = self.take(self.rejects, REJECT, 1)
        assert (int(reject["intent_id"]), int(reject["code"])) == (self.intent_id, codes.REJECT_POSITION_MAX)
        return int(reject["found_value"]) - PROBE_LOTS


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTET_STATE", str(tmp_path))
    made = Machine()
    with contextlib.closing(made):
        yield made


@pytest.mark.timeout(240)
def test_a_killed_gate_comes_back_with_its_exposure_and_catches_up_from_the_journal(machine):
    machine.start()
    machine.intent()
    machine.intent()
    first, second = machine.take(machine.orders, ORDER, 2)
    machine.report(codes.REPORT_ACCEPTED, first, 900, 900)
    machine.report(codes.REPORT_EXECUTED, first, 870, 30)
    assert machine.worst_case() == 1800

    machine.kill()
    machine.report(codes.REPORT_EXECUTED, first, 840, 30)  # while it is dead
    lost = machine.intent(qty_lots=100)
    machine.start()
    (found,) = machine.take(machine.orders, ORDER, 1)
    assert int(found["intent_id"]) == lost, "nothing is decided twice, and what nobody had decided is"
    assert int(found["order_id"]) > int(second["order_id"]), "identifiers are never used again"
    assert machine.worst_case() == 1900

    ring_mark_behind(machine.reports[0])
    machine.report(codes.REPORT_EXECUTED, first, 0, 840, publish=False)
    machine.report(codes.REPORT_REJECTED, found, 0, 100, publish=False)
    machine.wait(lambda: ring_caught_up_seq(machine.reports[0]) == machine.report_seq, "the gate to catch up")
    machine.intent(qty_lots=1)
    (reject,) = machine.take(machine.rejects, REJECT, 1)
    assert int(reject["code"]) == codes.REJECT_SENDER_BEHIND, "until the ring is whole again"
    ring_clear_behind(machine.reports[0])
    machine.report(codes.REPORT_CANCEL_PENDING, second, 900, 900)
    machine.wait(lambda: not_behind(machine), "the gate to trust its ring again")
    assert machine.worst_case() == 1800
    assert ring_peek(machine.orders[0]) == 0


def not_behind(machine):
    """Whether an order that breaks the position limit is refused for that reason."""
    machine.intent(qty_lots=PROBE_LOTS)
    (reject,) = machine.take(machine.rejects, REJECT, 1)
    return int(reject["code"]) == codes.REJECT_POSITION_MAX
