"""How much a power loss would take: the watermark's lag of every journal of a trading machine, in entries and in time."""

import time

import numpy as np
import pytest

from procs.runtime.objects import journals_of
from shm.clock import stamp_ns
from shm.journal_view import JournalView
from shm.records.clock_page import CLOCK_PAGE
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import SEGMENT_KIND_CLOCK, SEGMENT_KIND_JOURNAL
from shm.segment import HEADER_BYTES
from tests.support.system import System, system_config

pytestmark = [pytest.mark.usefixtures("folders", "no_leftovers")]

WRITERS = ("risk_gate", "order_sender", "position_keeper")
SECONDS = 2.0
LAG_S_MAX = 5.0  # on a machine that others use; alone it is some milliseconds


def look(view: JournalView, clock_addr: int) -> tuple[int, int]:
    """(entries behind the watermark, ns since the oldest of them was appended) now; (0, 0) when all is on disk."""
    watermark = view.watermark
    chunk = view.read(watermark, view.capacity)
    if len(chunk) == 0:
        return 0, 0
    return len(chunk), max(0, int(stamp_ns(clock_addr)) - int(chunk["head"]["stamp_ns"][0]))


def test_the_watermarks_lag_is_printed_and_bounded():
    with System(system_config("lag")) as machine:
        machine.wait(lambda: machine.fills() > 0, "fills")
        views = {}
        for instance in WRITERS:
            shape = journals_of(machine.config)[instance]
            segment = machine.snapshot.view.segment(shape.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY)
            views[instance] = JournalView(segment.bytes, journal_entry_bytes(shape.payload_bytes), shape.entries)
        page = machine.snapshot.view.segment("clock", SEGMENT_KIND_CLOCK).view(HEADER_BYTES, CLOCK_PAGE)
        clock_addr = int(page.ctypes.data)
        before = {instance: view.tail() for instance, view in views.items()}
        seen = {instance: [] for instance in WRITERS}
        until, poll_at = time.monotonic() + SECONDS, 0.0
        while (now := time.monotonic()) < until:
            for instance, view in views.items():
                seen[instance].append(look(view, clock_addr))
            if now > poll_at:
                machine.poll()
                poll_at = now + 0.05
            time.sleep(0.0005)
        for instance, samples in seen.items():
            entries, ages_ns = (np.array(column) for column in zip(*samples, strict=True))
            figures = [
                f"{share} {np.percentile(entries, at):.0f} entries {np.percentile(ages_ns, at) / 1e6:.2f} ms"
                for share, at in (("p50", 50), ("p99", 99), ("max", 100))
            ]
            count = views[instance].tail() - before[instance]
            print(f"{instance}: {', '.join(figures)} of {count:,} entries in {SECONDS:.0f} s, {len(samples):,} looks")
            assert ages_ns.max() <= LAG_S_MAX * 1e9
        for instance, view in views.items():
            assert view.tail() > before[instance], f"{instance} wrote nothing"
        assert machine.finish()["failures"] == []
