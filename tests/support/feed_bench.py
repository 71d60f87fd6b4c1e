"""A feed_handler on scratch memory with a clock that stands still: frames in by hand, everything it says in lists."""

import ctypes

import numpy as np

from procs.feed_handler.arbitration import LINE_RETRANSMISSION
from procs.feed_handler.book_check import check, contents
from procs.feed_handler.state import FRAMES_IN_MAX, NEW_LIFE, open_state
from procs.feed_handler.step import step
from procs.wire.moldudp64.header import check_mold_request, mold_count, mold_sequence
from shm.atomics import address_of
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.latest import latest_claim, latest_publish, latest_read
from shm.records.channel import CHANNEL
from shm.records.clock_page import CLOCK_PAGE, CLOCK_SOURCE_TSC
from shm.records.depth import DEPTH
from shm.records.instrument import INSTRUMENT
from shm.records.tick import TICK
from shm.records.top import TOP
from shm.ring import ring_advance, ring_peek, ring_release
from shm.scratch import scratch_block, scratch_me, scratch_ring, scratch_table

MS = 1_000_000
START_NS = 1_000 * MS


class FeedBench:
    """`universes`: a set of symbols for each ticks ring."""

    def __init__(
        self, symbols, universes, *, driven=False, capacity=4096, session="", window_ns=2 * MS, frames_max=256
    ):
        self.symbols = symbols
        self.clock = scratch_block(CLOCK_PAGE.itemsize).view(CLOCK_PAGE)
        self.clock[0]["source"] = CLOCK_SOURCE_TSC  # with a rate of zero: stamps are what `base_ns` says
        self.clock[0]["mode"] = 3 if driven else 1
        self.clock[0]["base_ns"] = self.now_ns = START_NS
        self.me = scratch_me(address_of(self.clock))
        pairs = [scratch_ring(TICK, capacity) for _ in universes]
        self.readers = [pair[1] for pair in pairs]
        listing = scratch_table(INSTRUMENT, len(symbols))
        for row, symbol in enumerate(symbols):
            record = np.zeros(1, INSTRUMENT)
            record["symbol"], record["instrument_id"] = symbol.encode(), row
            ctypes.memmove(int(latest_claim(listing[0], row)), address_of(record), INSTRUMENT.itemsize)
            latest_publish(listing[0], row)
        self.settings = {
            "me": self.me,
            "ticks": np.concatenate([pair[0] for pair in pairs]),
            "universes": universes,
            "tops": scratch_table(TOP, len(symbols)),
            "depth": scratch_table(DEPTH, len(symbols)),
            "listing": listing,
            "channels": scratch_table(CHANNEL, 1),
            "channel": 0,
            "silence_ns": 1000 * MS,
            "arbitration": {
                "arbitration_window_ns": window_ns,
                "requests_per_second": 100,
                "requests_burst": 10,
                "request_messages_max": 500,
                "session": session,
                "frames_max": frames_max,
                "window_messages": 8192,
            },
            "orders_max": 20_000,
            "levels_max": 10_000,
        }
        self._open()

    def _open(self):
        self.state, self.parts = open_state(**self.settings)
        self.state.feed[0]["fetch_orders_min"] = 0  # small books go the way of large ones

    def restart(self):
        """A new life on the same shared memory: only the private arrays are new."""
        self.settings["ticks"] = self.parts.ticks.copy()
        self._open()

    def wait(self, nanoseconds):
        """Logic and latency time pass, with steps in between that find nothing to do."""
        self.pause(nanoseconds)
        if self.state.feed[0]["stepped_stamp_ns"] != 0:
            self.state.feed[0]["stepped_stamp_ns"] = self.clock[0]["base_ns"]

    def pause(self, nanoseconds):
        """Logic and latency time pass while the process is stopped."""
        self.now_ns += nanoseconds
        self.clock[0]["base_ns"] += nanoseconds

    def put(self, line, raw):
        """Append one received datagram to the next batch."""
        k = int(self.state.port_in.count[0])
        assert k < FRAMES_IN_MAX
        self.state.port_in.frame_bytes[k, : len(raw)] = np.frombuffer(raw, np.uint8)
        frame = self.state.port_in.frames[k]
        frame["size"], frame["line"], frame["stamp_ns"] = len(raw), line, self.clock[0]["base_ns"]
        self.state.port_in.count[0] = k + 1

    def step(self, *frames):
        """Put (line, datagram) pairs into the batch and run one step. Returns its work."""
        for line, raw in frames:
            self.put(line, raw)
        if frames and self.state.feed[0]["state"] == NEW_LIFE:
            step(self.state, self.now_ns)  # the first step says stale and leaves the frames to the next
        return step(self.state, self.now_ns)

    def requests(self):
        """[(first, count)] of the retransmission request that waits to be sent; it is then sent."""
        if self.state.port_out.count[0] == 0:
            return []
        self.state.port_out.count[0] = 0
        assert self.state.port_out.frames[0]["line"] == LINE_RETRANSMISSION
        raw = self.state.port_out.frame_bytes[0]
        assert check_mold_request(raw, int(self.state.port_out.frames[0]["size"])) == 1
        return [(int(mold_sequence(raw)), int(mold_count(raw)))]

    def take(self, ring=0, most=1 << 30):
        """Ticks published since the last call, as a list of copied records; their slots are given back."""
        out = []
        end = self.readers[ring][0]
        while len(out) < most:
            address = ring_peek(end)
            if address == 0:
                break
            tick = np.zeros(1, TICK)
            ctypes.memmove(address_of(tick), int(address), TICK.itemsize)
            out.append(tick[0])
            ring_advance(end)
        ring_release(end)
        return out

    def read(self, table, dtype, row=0):
        """Newest record of a latest table."""
        record = np.zeros(1, dtype)
        latest_read(getattr(self.parts, table)[0], row, address_of(record))
        return record[0]

    def channel(self):
        """The channel's row."""
        return self.read("channels", CHANNEL)

    def counter(self, counter_id):
        """Value of a counter."""
        return ctypes.c_int64.from_address(int(self.me[0]["counters_addr"]) + counter_id * 8).value

    def assert_books_equal(self, oracle):
        """Books, tops and depth of every configured instrument equal the oracle's."""
        check(self.parts.book)
        for instrument in range(len(self.symbols)):
            for side in (SIDE_BUY, SIDE_SELL):
                expected = [
                    (price, lots, oracle.queue(instrument, side, price))
                    for price, lots, _ in oracle.levels(instrument, side)
                ]
                assert contents(self.parts.book, instrument, side) == expected, (instrument, side)
            top = self.read("tops", TOP, instrument)
            shown = tuple(int(top[f]) for f in ("bid_price_ticks", "bid_qty_lots", "ask_price_ticks", "ask_qty_lots"))
            assert shown == oracle.top(instrument), instrument
            if self.parts.instruments[instrument]["wanted"]:
                depth = self.read("depth", DEPTH, instrument)
                levels = oracle.levels(instrument, SIDE_BUY)[:5]
                assert [int(p) for p in depth["bid_price_ticks"] if p] == [price for price, _, _ in levels]
