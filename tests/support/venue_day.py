"""A venue on scratch memory that plays a day file, and the feed_handler's row of `channels` that it waits for."""

import ctypes
import struct
from pathlib import Path

import numpy as np
from msgspec import structs

from config.load import Run, load
from procs.venue.day_blocks import DayReader
from procs.venue.day_file import read_directory
from shm.atomics import address_of
from shm.codes import CHANNEL_FRESH
from shm.counters import VENUE_HISTORY_DONE
from shm.latest import latest_claim, latest_publish
from shm.records.channel import CHANNEL
from tests.support.venue import Rig, messages_of


def write_messages(path: Path, messages: list[bytes]) -> Path:
    """A day file of these messages."""
    path.write_bytes(b"".join(struct.pack(">H", len(message)) + message for message in messages))
    return path


class DayRig:
    """`channels`: the table of a feed_handler that takes what `turn` returns; without one all is published at once."""

    def __init__(self, path: Path, *, config=None, driven=True, settings=None, channels=None):
        self.config = structs.replace(config or load("quintet", "dev"), run=Run(replay=str(path), speed=0))
        self.rig = Rig(config=self.config, settings=settings, history=read_directory(path), driven=driven)
        self.day = self.rig.venue["day"]
        self.reader = DayReader(path, self.day["blocks"])
        self.channels = channels
        if channels is not None:
            self.rig.venue["playback"]["channels"] = channels[0]
        self.heard = 0

    def hear(self) -> None:
        """feed_handler's row: everything that arrived is published."""
        self.heard = max(messages_of(self.rig.datagrams[0][-64:]), default=self.heard)
        row = np.zeros(1, CHANNEL)
        row["state"], row["next_seq"] = CHANNEL_FRESH, self.heard + 1
        ctypes.memmove(int(latest_claim(self.rig.channels[0], 0)), address_of(row), CHANNEL.itemsize)
        latest_publish(self.rig.channels[0], 0)

    def pause_at(self, message: int) -> None:
        """Play no further than this message of the day; 0: to its end."""
        self.day["words"]["pause_at"] = message

    def turn(self, turns: int = 1) -> list[bytes]:
        """One cycle, or more. With a feed_handler: the datagrams of line A, which are then forgotten."""
        for _ in range(turns):
            self.reader.fill()
            self.rig.turn(1000)
            if self.channels is None:
                self.hear()
        if self.channels is None:
            return []
        datagrams = [raw.tobytes() for raw in self.rig.datagrams[0]]
        self.rig.datagrams = [[], []]
        return datagrams

    def run(self, turns: int = 4000) -> None:
        """Until the day is done."""
        for _ in range(turns):
            self.turn()
            if self.rig.counter(VENUE_HISTORY_DONE):
                self.turn(3)
                return
        raise AssertionError(f"not done: {self.day['words']}, phase {self.phase}")

    @property
    def phase(self) -> int:
        return int(self.rig.venue["playback"]["words"]["phase"])

    def sent(self) -> list[bytes]:
        """Every message in order, one to a number."""
        held = messages_of(self.rig.datagrams[0])
        assert sorted(held) == list(range(1, len(held) + 1))
        return [held[number] for number in range(1, len(held) + 1)]
