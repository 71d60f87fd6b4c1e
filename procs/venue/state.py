"""State of the venue: one record of its own, and the four ports to its world. Everything is allocated here."""

from typing import NamedTuple

import numpy as np

from config.fees import fees_by_row
from procs.net.port import FramePort, open_port
from procs.venue.book import INSTRUMENTS_MAX, prepare_books
from procs.venue.day import DAY, DAY_ORDERS_MAX, prepare_day
from procs.venue.day_file import Directory
from procs.venue.desk import CONNECTIONS_MAX, prepare_desk
from procs.venue.exchange import EXCHANGE
from procs.venue.faults import FAULTS, LINES, prepare_faults
from procs.venue.flow import FLOW, prepare_flow
from procs.venue.history import History
from procs.venue.input_log import prepare_log
from procs.venue.knobs import set_knobs
from procs.venue.ledger import RULE, prepare_ledger
from procs.venue.market_data import prepare_tape
from procs.venue.playback import PLAYBACK, prepare_playback
from procs.venue.retransmission import LINE_REPLIES, REQUESTS
from procs.venue.settings import Settings
from procs.venue.store import prepare_store
from shm.codes import TRADING_OPEN, TRADING_QUOTE_ONLY
from shm.errors import Fatal

REQUEST_ROWS = 16
DATAGRAM_ROWS = 64  # eight datagrams with every fault on both lines, and the answers to requests

assert LINE_REPLIES == LINES

VENUE = np.dtype(
    [
        ("opened", "<i8"),
        ("exchange", EXCHANGE),
        ("flow", FLOW),
        ("playback", PLAYBACK),
        ("day", DAY),
        ("requests", REQUESTS),
        ("faults", FAULTS),
    ]
)


class State(NamedTuple):
    """Ports: `requests_in` retransmission requests; `lines_out` line A, line B, answers; `orders_*` connections."""

    me: np.ndarray
    exit_request: np.ndarray
    control: np.ndarray
    venue: np.ndarray
    requests_in: FramePort
    lines_out: FramePort
    orders_in: FramePort
    orders_out: FramePort


class TooManyInstruments(Fatal):
    """More instruments are configured than this venue has seats for."""


def seats_of(config) -> list[int]:
    """The instrument_id of every instrument that can be traded here; its place here is the venue's own number."""
    seats = [row for row, instrument in enumerate(config.instruments) if instrument.configured]
    if len(seats) > INSTRUMENTS_MAX:
        raise TooManyInstruments(
            where="instruments.toml",
            expected=f"at most {INSTRUMENTS_MAX} instruments beside a simulated venue",
            found=len(seats),
            do="configure those that are traded; a day that is played brings the others itself",
        )
    return seats


def make_rules(config) -> np.ndarray:
    """Trading rules of every seat, from the configuration, and the first venue's fees of the trading date."""
    seats, fees_of = seats_of(config), fees_by_row(config)[0]
    rules = np.zeros(len(seats), RULE)
    for row, seat in enumerate(seats):
        instrument, fees = config.instruments[seat], fees_of[seat]
        rules[row]["unit_micro"] = instrument.multiplier * instrument.price_tick_micro
        for liquidity in ("added", "removed"):
            rules[row][f"fee_{liquidity}"] = getattr(fees, f"{liquidity}_micro_per_lot")
            rules[row][f"fee_{liquidity}_e8"] = getattr(fees, f"{liquidity}_e8_of_notional")
            rules[row][f"fee_{liquidity}_least"] = getattr(fees, f"{liquidity}_fill_min_micro")
        rules[row]["tick"], rules[row]["lot"] = instrument.quote_tick_ticks, instrument.lot_lots
        rules[row]["price_max"] = instrument.price_ticks_max
    return rules


def flow_instruments(config) -> list[int]:
    """Seats with generated flow: what the strategies trade. None when history is played."""
    if config.run.replay:
        return []
    wanted = {symbol for strategy in config.strategies.values() for symbol in strategy.universe}
    return [seat for seat, row in enumerate(seats_of(config)) if config.instruments[row].symbol in wanted]


def new_state(
    config,
    settings: Settings,
    history: History | Directory | None,
    session: str,
    *,
    me,
    control,
    ledger,
    channels,
    pages,
    journals,
):
    """Everything that the venue needs, in private memory but for the shared things that the caller attached.

    `history` is a planned one, or the directory of a day that a DayReader will bring.
    """
    rows = seats_of(config)
    symbols = [config.instruments[row].symbol for row in rows]
    directory, history = (history, None) if isinstance(history, Directory) else (None, history)
    trading = [TRADING_OPEN] * len(symbols)
    played = symbols.index(history.symbol) if history else -1
    if history and history.opens_later:
        trading[played] = TRADING_QUOTE_ONLY
    rules = make_rules(config)
    venue = np.zeros(1, VENUE)
    exchange = venue[0]["exchange"]
    exchange["me"] = me[0]
    prepare_books(exchange["books"], len(symbols))
    prepare_log(exchange["log"])
    prepare_ledger(exchange["ledger"], rules, ledger, rows)
    prepare_store(exchange["store"])
    prepare_tape(exchange["tape"], session, symbols, trading)
    accounts = [(held.session.username, held.session.password, held.session.firm) for held in config.venues]
    prepare_desk(exchange["desk"], session, accounts, settings.cancel_on_disconnect)
    run = config.run
    prepare_flow(venue[0]["flow"], flow_instruments(config), rules, run.seed, run.events_per_second)
    day_orders = DAY_ORDERS_MAX if directory else 0
    prepare_playback(venue[0]["playback"], history, played, channels, pages, journals, day_orders)
    prepare_day(venue[0]["day"], exchange["tape"], directory, symbols)
    prepare_faults(venue[0]["faults"], settings.fault_seed)
    set_knobs(venue[0], settings)
    return State(
        me=me,
        exit_request=np.zeros(1, np.int64),
        control=control,
        venue=venue,
        requests_in=open_port(rows=REQUEST_ROWS, lines=1),
        lines_out=open_port(rows=DATAGRAM_ROWS, lines=LINES + 1),
        orders_in=open_port(rows=CONNECTIONS_MAX, lines=CONNECTIONS_MAX),
        orders_out=open_port(rows=CONNECTIONS_MAX, lines=CONNECTIONS_MAX),
    )
