"""Attached: a fabric as those see it who neither created it nor run in it. No numba.

Under systemd no process owns the fabric: a one-shot creates it and ends. What `quintet up`'s supervisor does with the
objects that it holds, short commands do through this.
"""

from config.load import Config
from procs.runtime.control_names import CONTROL_WORD, control_writers, scope_names
from procs.runtime.fabric import InstancePage
from procs.runtime.paths import state_folder
from shm.control_words import ControlWords
from shm.records.instance import INSTANCE
from shm.records.segment_header import SEGMENT_KIND_CONTROL, SEGMENT_KIND_INSTANCE
from shm.segment import attach_segment


class AttachedFabric:
    """The control words and instance pages of one epoch of a fabric, mapped for writing."""

    def __init__(self, config: Config, epoch: int):
        self.config, self.epoch = config, epoch
        self.state_folder = state_folder(config.name)
        self._control = attach_segment(config.name, epoch, "control", SEGMENT_KIND_CONTROL, CONTROL_WORD, writable=True)
        self.control = ControlWords(self._control.bytes, control_writers(config), scope_names(config))

    def page(self, instance: str) -> InstancePage:
        """The page of one instance; the caller writes the supervisor's lines only."""
        name = f"instance.{instance}"
        return InstancePage(
            instance,
            attach_segment(self.config.name, self.epoch, name, SEGMENT_KIND_INSTANCE, INSTANCE, 1, writable=True),
        )
