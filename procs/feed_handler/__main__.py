"""Wire feed_handler: attach, say stale, open the sockets on the control thread."""

import sys

from procs.feed_handler.sockets import FeedSockets
from procs.feed_handler.state import FeedState, open_state
from procs.feed_handler.step import step
from procs.feed_handler.warm_up import warm_up as warm_up_with
from procs.runtime.agent import main
from procs.runtime.role import Role
from shm.clock import now_ns

_parts: dict[int, tuple] = {}  # by address of the FEED_ROW: what hot rows point to must live as long as the process
_symbols: dict[int, str] = {}
_sockets: dict[int, FeedSockets] = {}


def _key(state: FeedState) -> int:
    return int(state.feed.ctypes.data)


def _channel(wiring):
    return wiring.config.venues[wiring.index].channel


def open_(wiring) -> FeedState:
    """Attach rings and tables and allocate everything; no socket is opened."""
    config, channel = wiring.config, _channel(wiring)
    state, parts = open_state(
        me=wiring.me(),
        ticks=wiring.rings_out("ticks"),
        universes=[set(config.strategies[name].universe) for name in wiring.peers_out("ticks")],
        tops=wiring.table("tops"),
        depth=wiring.table("depth"),
        listing=wiring.table("instruments"),
        channels=wiring.table("channels"),
        channel=wiring.index,
        market_code=channel.market_code,
        silence_ns=channel.silence_ms * 1_000_000,
        arbitration={
            "arbitration_window_ns": channel.arbitration_window_us * 1000,
            "requests_per_second": channel.requests_per_second,
            "requests_burst": channel.requests_burst,
            "request_messages_max": channel.request_messages_max,
            "session": channel.session,
        },
        orders_max=config.host.book_orders_max,
        levels_max=config.host.book_levels_max,
    )
    _parts[_key(state)] = parts
    _symbols[_key(state)] = config.instruments[0].symbol
    return state


def recover(wiring, state: FeedState) -> None:
    """The first step of a new life: without a datagram it says stale, on the channel's row and on every ring.

    Nothing else is carried over: the books are rebuilt from message 1, which the first datagram heard makes us ask for.
    """
    step(state, now_ns(wiring.clock_addr))


def tend(wiring, state: FeedState) -> None:
    """Open the sockets that are still missing."""
    sockets = _sockets.setdefault(_key(state), FeedSockets())
    sockets.open_missing(state.port_in, _channel(wiring))


def warm_up(state: FeedState) -> None:
    """Run the step through its branches on scratch memory."""
    warm_up_with(state, _symbols[_key(state)])


def close(wiring, state: FeedState) -> None:
    """Leave the groups."""
    _sockets.pop(_key(state), FeedSockets()).close()


ROLE = Role(
    name="feed_handler",
    step="procs.feed_handler.step:step",
    poll_in="procs.feed_handler.poll:poll_in",
    poll_out="procs.net.udp_kernel:poll_out",
    sent_again="procs.net.udp_kernel:sent_again",
    open_=open_,
    recover=recover,
    tend=tend,
    warm_up=warm_up,
    close=close,
    histograms=(),
)

if __name__ == "__main__":
    sys.exit(main(ROLE))
