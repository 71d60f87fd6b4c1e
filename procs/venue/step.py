"""One turn of the exchange: members first, then requests, then the world (flow or history), then what leaves."""

from procs.venue.flow import play_flow
from procs.venue.input_log import PAUSE_BELOW, log_room
from procs.venue.ledger import ledger_publish
from procs.venue.market_data import STREAM, send_market_data, tell_close, tell_open
from procs.venue.order_entry import serve_orders
from procs.venue.playback import logic_time, play_history, published
from procs.venue.retransmission import send_replies, take_request
from procs.venue.sessions import receive_bytes, tend_connections
from procs.venue.store import CHUNKS_MAX, STREAMS, store_room
from shm.codes import STATE_ACTIVE
from shm.control import control_state
from shm.counters import VENUE_DATAGRAMS, VENUE_MALFORMED, VENUE_MESSAGES, VENUE_REQUESTS
from shm.error_log import ERROR_VENUE_STORE_FULL
from shm.instance import count, gauge, note_error, stamp
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
        tell_open(tape, store, now_ns)
    work = receive_bytes(desk, state.me[0], state.orders_in, state.orders_out)
    serve_orders(exchange, state.orders_out)
    work += _take_requests(venue, state.requests_in)
    if _has_room(venue):
        active = control_state(state.control[0], -1, -1, -1) == STATE_ACTIVE
        work += play_flow(exchange, venue["flow"], now_ns)
        work += play_history(exchange, venue["playback"], now_ns, active, held)
    work += send_market_data(tape, store, venue["faults"], state.lines_out, now_ns, real_ns)
    work += send_replies(venue["requests"], tape, store, state.lines_out)
    work += tend_connections(desk, store, state.orders_in, state.orders_out, real_ns)
    return work + _publish(exchange)


@hot
def close_session(state, now_ns):
    """End of the day: the closing messages, and what is left to send. Returns the datagrams."""
    exchange = state.venue[0]["exchange"]
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
    """1 while feed_handler has not published everything that was told so far; asked only when time is ours to drive."""
    if venue["playback"]["words"]["driven"] == 0:
        return 0
    next_seq = venue["exchange"]["tape"]["cursor"]["next_seq"]
    if next_seq <= venue["exchange"]["store"]["words"][STREAM]["count"]:
        return 1
    return 1 - published(venue["playback"], next_seq)


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
            words = store["words"][stream]
            if words["ready"] >= CHUNKS_MAX and venue["starved"] == 0:
                venue["starved"] = 1
                note_error(exchange["me"], ERROR_VENUE_STORE_FULL, stream, words["count"])
            return 0
    return 1


@hot
def _publish(exchange):
    """The ledger's changed rows, and the counters. Returns the rows."""
    gauge(exchange["me"], VENUE_MESSAGES, exchange["store"]["words"][STREAM]["count"])
    gauge(exchange["me"], VENUE_DATAGRAMS, exchange["tape"]["words"]["datagrams"])
    return ledger_publish(exchange["ledger"])
