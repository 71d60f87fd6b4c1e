"""Wiring: what a role attaches to, by noun. No role knows names, epochs or other instances.

`Wiring` maps the real objects of a fabric; `ScratchWiring` gives the same shapes in private memory, for the compile step,
warm-up and tests: one `open_` serves both, and the compiled types are the same.
"""

import threading
import time

import numpy as np

from config.load import Config, decode
from config.placement import place
from procs.runtime.control_names import control_writers, scope_names
from procs.runtime.fabric import CONTROL_WORD
from procs.runtime.fill import instrument_rows, limit_rows
from procs.runtime.objects import journals_of, rings_of
from procs.runtime.paths import runtime_folder, state_folder
from procs.runtime.tables import tables_of
from shm.control import control_end_at
from shm.ids import IdBlock
from shm.instance import HOT_ERROR_ROWS
from shm.journal import journal_end_at, journal_resume
from shm.journal_disk import JournalCopier, JournalReader
from shm.latest import latest_claim, latest_publish
from shm.process import process_start_ns
from shm.records.control_end import CONTROL_INSTANCE_FIRST
from shm.records.histogram import HISTOGRAM_BYTES
from shm.records.instance import COUNTERS_OFFSET, ERRORS_OFFSET, ERRORS_MAX, HISTOGRAMS_OFFSET, INSTANCE, INSTANCE_OFFSET
from shm.ring import ring_resume_consumer, ring_resume_producer
from shm.roster import read_roster
from shm.scratch import scratch_control, scratch_journal, scratch_me, scratch_ring, scratch_table
from shm.segment import (
    Segment,
    attach_ring_consumer,
    attach_ring_producer,
    attach_segment,
    instance_end,
    ring_end_consumer,
    ring_end_producer,
    table_end,
)
