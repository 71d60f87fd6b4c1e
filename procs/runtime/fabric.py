"""Fabric: creates every shared-memory object of a configuration before any role starts, and takes them away. No numba.

The fabric step knows the topology; roles only attach. Its creator keeps the mappings that it needs afterwards: the
INSTANCE pages (the supervisor's lines are its own) and the control words.
"""

import contextlib
import os
import shutil
import time

import numpy as np

from config.fees import with_trading_date
from config.load import Config, encode, file_of
from procs.runtime.control_names import CONTROL_WORD, control_writers, scope_names
from procs.runtime.fill import instrument_rows
from procs.runtime.instrument_ids import IDS_FILE, LOCK_FILE, number_instruments
from procs.runtime.kill import HALT_FILE, file_reason, halt_file
from procs.runtime.limits_file import start_limits
from procs.runtime.objects import journals_of, rings_of
from procs.runtime.paths import runtime_folder, state_folder
from procs.runtime.settled import CONFIGURATION, epoch_to_go_on_with, epochs_of, settle
from procs.runtime.tables import FABRIC, tables_of
from shm.codes import STATE_HALTED
from shm.control_words import ControlWords, control_arm, control_restore, operator_stop
from shm.errors import Fatal, OutOfSharedMemory
from shm.folders import make_folder, sync_folder
from shm.records.control_end import control_bytes
from shm.records.instance import INSTANCE, INSTANCE_OFFSET
from shm.records.journal_end import journal_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import SEGMENT_KIND_CONTROL, SEGMENT_KIND_JOURNAL
from shm.records.table_end import LATEST_ROWS_OFFSET
from shm.roster import create_fabric_epoch, destroy
from shm.segment import Segment, create_segment
from shm.segment_kinds import create_clock, create_instance, create_latest, create_ring

KEPT_MARK = "kept"  # in a state folder: what lies here must not be erased by a demonstration


class StateKept(Fatal):
    """A demonstration was asked to start from nothing where something lies that nobody may erase."""


class InstancePage:
    """An instance's page as the supervisor sees it: reads all of it, writes the supervisor's lines."""

    def __init__(self, name: str, segment: Segment):
        self.name, self.segment = name, segment
        self.row = segment.view(INSTANCE_OFFSET, INSTANCE)[0]

    @property
    def life(self) -> int:
        """LIFE_* of the running copy."""
        return int(self.row["life"])

    @property
    def pid(self) -> int:
        """Process id of the running copy; 0 before the first."""
        return int(self.row["pid"])

    def note_restart(self, exit_status: int) -> None:
        """Count a death and the start that follows it."""
        self.row["restarts"] += 1
        self.row["last_exit"] = exit_status
        self.row["restarted_ns"] = time.monotonic_ns()


class Fabric:
    """One life of one fabric, held by its creator."""

    def __init__(self, config: Config, *, fresh: bool = False, listed: tuple[str, ...] = ()):
        """Create everything. `fresh` empties the state folder first: a demonstration starts from nothing but the ids.

        A life that a power loss ended is gone on with in its epoch; else a new epoch begins (procs/runtime/settled.py).
        `listed` are symbols that the venue's directory will name: each gets a row, configured or not.
        """
        self.config = config = with_trading_date(config, file_of("venues.toml"))
        self.state_folder = state_folder(config.name)
        if fresh:
            self._refuse_to_empty()
        self.config = config = number_instruments(config, self.state_folder, listed)
        runtime_folder(config.name).mkdir(parents=True, exist_ok=True)
        goes_on = None if fresh else epoch_to_go_on_with(self.state_folder, config)
        journalled_epoch = max(epochs_of(self.state_folder), default=0)
        self.epoch = create_fabric_epoch(config.name, encode(config), goes_on, journalled_epoch=journalled_epoch)
        self._kept: list[Segment] = []
        self.bytes = 0
        self.pages: list[InstancePage] = []
        try:
            self._open_state_folder(fresh)  # only now: a living fabric of that name was refused
            self._keep_configuration()
            self._create()
        except BaseException:
            self.destroy()
            raise

    def _refuse_to_empty(self) -> None:
        """A demonstration must never erase the journals, identifiers and halts of a fabric that was brought `up`."""
        if (self.state_folder / KEPT_MARK).exists():
            raise StateKept(
                where=str(self.state_folder),
                expected="no state, or that of an earlier demonstration",
                found="journals and latches of a fabric that was brought up",
                do="choose another --name, or move the folder away",
            )

    def _open_state_folder(self, fresh: bool) -> None:
        if fresh:
            for entry in self.state_folder.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
                elif entry.name not in (IDS_FILE, LOCK_FILE, HALT_FILE):
                    entry.unlink()
        else:
            (self.state_folder / KEPT_MARK).touch()

    def _keep_configuration(self) -> None:
        """Leave the configuration beside the journals of this life: later it says what their numbers were called."""
        folder = self.state_folder / "journal" / str(self.epoch)
        make_folder(folder)
        partial = folder / f"{CONFIGURATION}.partial"
        with open(partial, "wb") as file:
            file.write(encode(self.config))
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, folder / CONFIGURATION)
        sync_folder(folder)

    def _keep(self, *segments: Segment) -> Segment:
        for segment in segments:
            self._kept.append(segment)
            self.bytes += segment.size
        if self.bytes > self.config.host.shared_memory_bytes_max:
            raise OutOfSharedMemory(
                where=f"fabric {self.config.name}",
                expected=f"at most {self.config.host.shared_memory_bytes_max} bytes (shared_memory_bytes_max)",
                found=f"{self.bytes} bytes and more to come",
                do="make the rings and journals of topology.toml smaller, or raise the host's limit",
            )
        return segments[0]

    def _create(self) -> None:
        name, epoch, config = self.config.name, self.epoch, self.config
        self._keep(create_clock(name, epoch, FABRIC))
        for instance in config.topology.instances:
            self.pages.append(InstancePage(instance.name, self._keep(create_instance(name, epoch, instance.name))))
        self._create_control()
        limits = start_limits(config, self.state_folder, config.run.logic_start_ns or time.time_ns())
        self.kept_limits = limits.kept
        for ring in rings_of(config):
            self._keep(*create_ring(name, epoch, ring.name, ring.dtype, ring.capacity, ring.producer, ring.consumer))
        for table in tables_of(config).values():
            segment = self._keep(create_latest(name, epoch, table.name, table.dtype, table.rows, table.owner))
            if table.name == "instruments":
                _fill(segment, instrument_rows(config))
            elif table.name in ("limits", "standing"):
                _fill(segment, limits.rows if table.name == "limits" else limits.standing)
        for journal in journals_of(config).values():
            size = journal_bytes(journal.payload_bytes, journal.entries)
            segment = create_segment(
                name,
                epoch,
                journal.name,
                SEGMENT_KIND_JOURNAL,
                JOURNAL_ENTRY,
                journal.entries,
                journal.owner,
                total_bytes=size,
            )
            self._keep(segment)

    def _create_control(self) -> None:
        config = self.config
        scopes, writers = scope_names(config), control_writers(config)
        size = control_bytes(len(writers), len(scopes.sessions), len(scopes.strategies), len(scopes.instruments))
        segment = create_segment(
            config.name,
            self.epoch,
            "control",
            SEGMENT_KIND_CONTROL,
            CONTROL_WORD,
            (size - 512) // 8,
            FABRIC,
            total_bytes=size,
        )
        self._keep(segment)
        self.control = ControlWords(segment.bytes, writers, scopes)
        self._obey_halt_file(None)
        self.latched = control_restore(self.control, self.state_folder)

    def page(self, instance: str) -> InstancePage:
        """The page of one instance. Raises KeyError."""
        for page in self.pages:
            if page.name == instance:
                return page
        raise KeyError(instance)

    def arm(self) -> dict | None:
        """Leave the start state. Returns the latch entry that still holds the firm, if one does."""
        self._obey_halt_file(self.control)
        return control_arm(self.control, self.state_folder)

    def _obey_halt_file(self, words: ControlWords | None) -> None:
        """Latch what a file asks for: nothing is armed while it is there."""
        path = halt_file(self.state_folder, runtime_folder(self.config.name))
        if path is not None:
            operator_stop(words, self.state_folder, "firm", STATE_HALTED, file_reason(path), "fabric")

    def halt(self, scope: str, reason: str) -> None:
        """HALTED for a scope, latched on disk."""
        operator_stop(self.control, self.state_folder, scope, STATE_HALTED, reason, "supervisor")

    def destroy(self) -> None:
        """Remove every object. Caller: the creator, after every role has left."""
        folder = self.state_folder / "journal" / str(self.epoch)
        with contextlib.suppress(OSError):  # a full disk: then the next start goes on with this life
            settle(folder, self.config, [(page.name, page.segment) for page in self.pages])
        self.pages, self.control = [], None
        for segment in self._kept:
            segment.close()
        self._kept = []
        destroy(self.config.name, force=True)


def _fill(segment: Segment, rows: np.ndarray) -> None:
    """Write a latest table's first version of every row, before anybody reads it."""
    stride = 64 + 2 * rows.dtype.itemsize
    for position in range(len(rows)):
        base = LATEST_ROWS_OFFSET + position * stride
        segment.view(base + 64 + rows.dtype.itemsize, rows.dtype)[0] = rows[position]  # version 1 names copy 1
        segment.view(base, np.dtype("<i8"))[0] = 1
