"""One turn of the exchange: members first, then requests, then the world (flow, history or a day), then what leaves."""

from procs.venue.day import play_day
from procs.venue.flow import play_flow
from procs.venue.input_log import PAUSE_BELOW, log_room
from procs.venue.ledger import ledger_publish
from procs.venue.market_data import STREAM, send_market_data, tell_close, tell_open
from procs.venue.order_entry import serve_orders
from procs.venue.playback import DONE, logic_time, look_at_feed, play_history
from procs.venue.quiet import is_disk_behind
from procs.venue.retransmission import send_replies, take_request
from procs.venue.sessions import receive_bytes, tend_connections
from procs.venue.store import STREAMS, store_room
from shm.codes import STATE_ACTIVE
from shm.control import control_state
from shm.counters import VENUE_DATAGRAMS, VENUE_MALFORMED, VENUE_MESSAGES, VENUE_REQUESTS
from shm.instance import count, gauge, stamp
from shm.jit import hot

ROOM_MIN = 500_000  # bytes of the store: one input that sweeps a whole book, told to the world


@hot
def step(state, now_ns):
    """Returns the work count: messages, orders, events, datagrams and bytes handled."""
    venue = state.venue[0]
    exchange = venue["exchange"]
    desk, store, tape = exchange["desk"], exchange["store"], exchange["tape"]
    real_ns = stamp(state.me[0])
    held = _outstanding(venue)
    now_ns = logic_time(venue["playback"], now_ns, real_ns, held)
    exchange["books"]["words"]["now_ns"] = now_ns
    if venue["opened"] == 0:
        venue["opened"] = 1
        if venue["day"]["words"]["on"] == 0:  # a day that is played opens and closes itself
            tell_open(tape, store, now_ns)
    work = receive_bytes(desk, state.me[0], state.orders_in, state.orders_out)
    serve_orders(exchange, state.orders_out)
    work += _take_requests(venue, state.requests_in)
    if _has_room(venue):
        active = control_state(state.control[0], -1, -1, -1) == STATE_ACTIVE
        work += play_flow(exchange, venue["flow"], now_ns)
        work += play_history(exchange, venue["playback"], now_ns, active, held)
        work += play_day(exchange, venue["playback"], venue["day"], now_ns, active, held)
    work += send_market_data(tape, store, venue["faults"], state.lines_out, now_ns, real_ns)
    work += send_replies(venue["requests"], tape, store, state.lines_out)
    work += tend_connections(desk, store, state.orders_in, state.orders_out, real_ns)
    return work + _publish(exchange)


@hot
def close_session(state, now_ns):
    """End of the day: the closing messages, and what is left to send. Returns the datagrams."""
    venue = state.venue[0]
    exchange = venue["exchange"]
    if venue["day"]["words"]["on"] and venue["playback"]["words"]["phase"] == DONE:
        exchange["tape"]["words"]["closed"] = 1
    else:
        tell_close(exchange["tape"], exchange["store"], now_ns)
    return end_session(state, now_ns)


@hot
def end_session(state, now_ns):
    """Send what is left, or the end of session when nothing is. Returns the datagrams."""
    venue = state.venue[0]
    tape, store = venue["exchange"]["tape"], venue["exchange"]["store"]
    tape["words"]["sent_now_ns"] = 0
    return send_market_data(tape, store, venue["faults"], state.lines_out, now_ns, stamp(state.me[0]))


@hot
def _outstanding(venue):
    """1 while history must wait, which only happens when time is ours to drive.

    Either feed_handler has not published everything that somebody may act on, or the disk is behind what roles did.
    """
    words = venue["playback"]["words"]
    look_at_feed(venue["playback"])
    if words["driven"] == 0:
        return 0
    if words["next_seq"] <= venue["exchange"]["tape"]["words"]["told_seq"]:
        return 1
    return is_disk_behind(venue["playback"]["quiet"])


@hot
def _take_requests(venue, port):
    exchange = venue["exchange"]
    requests, tape, store = venue["requests"], exchange["tape"], exchange["store"]
    frames = port.count[0]
    for row in range(frames):
        size = port.frames[row]["size"]
        answer = take_request(requests, tape, store, port.frame_bytes[row], size, port.peers[row])
        if answer < 0:
            count(exchange["me"], VENUE_MALFORMED, 1)
        else:
            count(exchange["me"], VENUE_REQUESTS, answer)
    port.count[0] = 0
    return frames


@hot
def _has_room(venue):
    """1 while every stream and the input log can take what the next inputs cause; else the world waits."""
    exchange = venue["exchange"]
    store = exchange["store"]
    if log_room(exchange["log"]) < PAUSE_BELOW:
        return 0
    for stream in range(STREAMS):
        if store_room(store, stream) < ROOM_MIN:
            return 0
    return 1


@hot
def _publish(exchange):
    """The ledger's changed rows, and the counters. Returns the rows."""
    gauge(exchange["me"], VENUE_MESSAGES, exchange["store"]["words"][STREAM]["count"])
    gauge(exchange["me"], VENUE_DATAGRAMS, exchange["tape"]["words"]["datagrams"])
    return ledger_publish(exchange["ledger"])
