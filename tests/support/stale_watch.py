"""StaleWatch: the intervals in which a market-data channel was stale, by looking at its row all the time."""

import threading
import time

from shm.codes import CHANNEL_FRESH
from shm.inspect import FabricView, latest_row
from shm.records.channel import CHANNEL
from shm.records.segment_header import SEGMENT_KIND_LATEST

LOOK_SECONDS = 0.0002


class StaleWatch(threading.Thread):
    """Collects {stale_stamp_ns: fresh_stamp_ns} of channel 0 until `leave`; short intervals between two looks escape."""

    def __init__(self, fabric: str):
        super().__init__(name="stale watch", daemon=True)
        self.view = FabricView(fabric)
        self.intervals: dict[int, int] = {}
        self.stop = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            table = self.view.segment("channels", SEGMENT_KIND_LATEST, CHANNEL)
            while not self.stop.is_set():
                version, row = latest_row(table, CHANNEL, 0)
                stale, fresh = int(row["stale_stamp_ns"]), int(row["fresh_stamp_ns"])
                if version > 0 and row["state"] == CHANNEL_FRESH and 0 < stale < fresh:
                    self.intervals[stale] = fresh
                time.sleep(LOOK_SECONDS)
        except BaseException as error:
            self.error = error

    def leave(self) -> None:
        """Stop looking and detach."""
        self.stop.set()
        self.join()
        self.view.close()
        if self.error is not None:
            raise self.error
