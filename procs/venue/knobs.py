"""Knobs: faults, flow and pauses of a running venue, turned from outside by a file. On the control thread; for tests.

Each knob is one int64 word that the hot thread reads at every datagram or turn; nothing depends on two of them at once.
"""

import os
from pathlib import Path

from procs.venue.settings import Settings, load_settings


def set_knobs(venue, settings: Settings) -> None:
    """Write what may change into the record of a venue: faults, flow, lost connections, and where a day pauses."""
    rows = venue["faults"]["rows"]
    for name in ("loss_ppm", "duplicate_ppm", "reorder_ppm"):
        rows[name] = getattr(settings, name)
    rows["off"] = settings.lines_off
    venue["flow"]["words"]["off"] = settings.flow_off
    venue["day"]["words"]["pause_at"] = settings.pause_at
    words = venue["exchange"]["desk"]["words"]
    words["cancel_on_disconnect"], words["refuse_orders"] = settings.cancel_on_disconnect, settings.refuse_orders


class Knobs:
    """Follows one file of settings; without it everything stays as it was at the start. `settings`: those in force."""

    def __init__(self, path: Path, venue):
        self.path, self.venue, self.seen = path, venue, None
        self.settings = load_settings()

    def turn(self) -> None:
        """Take over what the file says when it is another one than last time. Raises ConfigError."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return
        if (found.st_ino, found.st_mtime_ns) != self.seen:
            self.seen = (found.st_ino, found.st_mtime_ns)
            self.settings = load_settings(self.path.read_text(encoding="utf-8"))
            set_knobs(self.venue, self.settings)
