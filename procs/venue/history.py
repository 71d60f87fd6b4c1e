"""History: a Databento market-by-order file, read once and turned into plays that the matching engine understands.

How the file tells of a trade (Databento's normalisation of CME MDP 3.0): a record T names the aggressor, its side,
price and size; the records F behind it name the resting orders and how much of each traded; neither changes the book.
The change follows as C (gone) or M (smaller) of the same orders, in the same event: records up to one with F_LAST.

    T B 4800.50 1, F A 4800.50 1 order 7, C A 4800.50 1 order 7   ->   PLAY_HIT order 7, buy aggressor, 1 lot

Each F of a resting order becomes a PLAY_HIT, and a C or M that only repeats what the fills did becomes nothing. Also:
- an F with the aggressor's own side is the aggressor's own record (an order in the book that was moved to cross): the
  C or M that follows tells what became of it;
- an F for more than is displayed (an iceberg) is split: the displayed part hits, the rest is a PLAY_PRINT, and the M
  that shows the next slice is a new order; what a T trades beyond its Fs is a PLAY_PRINT too;
- a T without side is an auction: each F reduces its order at the auction's price (PLAY_CROSS), members are not asked;
- before the auction the book may be crossed: PLAY_OPEN stands behind the first trade then, else at the beginning;
- snapshot records (F_SNAPSHOT) and everything until LEAD_NS before the opening build the first book.

Each play carries what was left of its order before and after it, so that playing can see, count and clip a divergence
that members caused. Prices turn from 1e-9 to price ticks of 1e-4 here.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from shm.codes import SIDE_BUY, SIDE_SELL
from shm.errors import Fatal

PLAY_ADD = 1
PLAY_REDUCE = 2
PLAY_DELETE = 3
PLAY_REPLACE = 4
PLAY_HIT = 5
PLAY_PRINT = 6
PLAY_CROSS = 7
PLAY_OPEN = 8

PLAY = np.dtype(
    [
        ("time_ns", "<i8"),  # when the exchange matched it, UTC
        ("price", "<i8"),
        ("qty", "<i8"),
        ("before", "<i8"),  # what history had left of the order
        ("after", "<i8"),
        ("order", "<i4"),  # dense number of the order, from 0
        ("kind", "u1"),  # PLAY_*
        ("side", "u1"),  # of the order; of the aggressor in HIT and PRINT
        ("last", "u1"),  # 1 on the last play of an event: they become visible together
        ("reserved", "u1"),
    ]
)
RECORDS_MAX = 20_000_000  # 48 bytes each in memory: 1 GB, a busy day; about 4 s to read per million
LEAD_NS = 5_000_000_000
NANO_PER_TICK = 100_000
FLAG_LAST, FLAG_SNAPSHOT = 0x80, 0x20


class HistoryRefused(Fatal):
    """The file cannot be played."""


class History(NamedTuple):
    """The plays of one instrument; the first `first` of them build the first book, without any time passing."""

    plays: np.ndarray
    first: int
    orders: int
    symbol: str
    opens_later: bool

    @property
    def start_ns(self) -> int:
        """Time at which playing begins."""
        return int(self.plays["time_ns"][self.first]) if self.first < len(self.plays) else 0


def _decoder(path: Path):
    try:
        import databento_dbn
    except ImportError:
        raise HistoryRefused(
            where=str(path),
            expected="the package databento-dbn",
            found="none",
            do="install the extra: pip install 'quintet[history]'",
        ) from None
    zstd = path.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    kind = databento_dbn.Compression.ZSTD if zstd else databento_dbn.Compression.NONE
    return databento_dbn.DBNDecoder(compression=kind), databento_dbn.MBOMsg


def read_records(path: str | Path) -> tuple[str, list[tuple]]:
    """(symbol, rows) of the file: action, side, price, size, flags, order id, time. Raises HistoryRefused."""
    path = Path(path)
    if not path.is_file():
        expected = "a .dbn or .dbn.zst file"
        raise HistoryRefused(where=str(path), expected=expected, found="nothing there", do="check the path")
    decoder, kind = _decoder(path)
    try:
        decoder.write(path.read_bytes())
        decoded = decoder.decode()
    except Exception as error:
        raise HistoryRefused(where=str(path), expected="Databento DBN", found=error, do="check the file") from error
    symbols = list(getattr(decoded[0], "symbols", [])) if decoded else []
    instruments = {record.instrument_id for record in decoded if type(record) is kind}
    if len(symbols) != 1 or len(instruments) != 1:
        found = f"{len(symbols)} symbols, {len(instruments)} instruments with records"
        raise HistoryRefused(where=str(path), expected="mbo records of one symbol", found=found, do="split the file")
    rows = [
        (str(r.action), str(r.side), r.price, r.size, int(r.flags), r.order_id, r.ts_event)
        for r in decoded
        if type(r) is kind
    ]
    if len(rows) > RECORDS_MAX:
        expected = f"at most {RECORDS_MAX} records"
        raise HistoryRefused(where=str(path), expected=expected, found=len(rows), do="split the file")
    return symbols[0], rows


class _Book:
    """History's own book while it is read: what each order has left, and the plays so far."""

    def __init__(self):
        self.orders: dict[int, list] = {}  # order id -> [side, price, qty after the fills seen]
        self.shown: dict[int, int] = {}  # order id -> qty as C and M know it; differs while fills wait for them
        self.numbers: dict[int, int] = {}
        self.plays: list[tuple] = []

    def play(self, at_ns, kind, side, price, qty, order_id=None, before=0, after=0):
        number = -1 if order_id is None else self.numbers.setdefault(order_id, len(self.numbers))
        self.plays.append((at_ns, price, qty, before, after, number, kind, side, 0, 0))

    def fill(self, at_ns, trade_side, price, qty, order_id):
        """One F of a resting order. Returns the lots that the book showed."""
        order = self.orders.get(order_id)
        if order is None:
            return 0
        seen = min(qty, order[2])
        if seen == 0:
            return 0
        kind = PLAY_CROSS if trade_side == 0 else PLAY_HIT
        self.play(at_ns, kind, trade_side, price, seen, order_id, order[2], order[2] - seen)
        order[2] -= seen
        return seen

    def become(self, at_ns, order_id, side, price, qty):
        """An order is now `qty` lots at `price`: whatever play leads there from what the fills left of it."""
        order = self.orders.get(order_id)
        left = order[2] if order else 0
        if left == 0 and qty > 0:
            self.play(at_ns, PLAY_ADD, side, price, qty, order_id, 0, qty)
        elif left > 0 and qty == 0:
            self.play(at_ns, PLAY_DELETE, order[0], order[1], left, order_id, left, 0)
        elif left > 0 and order[1] == price and qty < left:
            self.play(at_ns, PLAY_REDUCE, side, price, left - qty, order_id, left, qty)
        elif left > 0 and (order[1] != price or qty > left):
            self.play(at_ns, PLAY_REPLACE, side, price, qty, order_id, left, qty)
        if qty > 0:
            self.orders[order_id] = [side, price, qty]
            self.shown[order_id] = qty
        else:
            self.orders.pop(order_id, None)
            self.shown.pop(order_id, None)

    def crossed(self):
        bids = [order[1] for order in self.orders.values() if order[0] == SIDE_BUY and order[2]]
        asks = [order[1] for order in self.orders.values() if order[0] == SIDE_SELL and order[2]]
        return bool(bids and asks) and max(bids) >= min(asks)


def _apply_event(book: _Book, records: list[tuple]) -> None:
    """One event of the exchange, record by record; what a trade has left when it ends traded out of sight."""
    trade = [0, 0, 0, 0]  # time, side (0: auction), price, lots not yet accounted for
    for action, letter, price, size, _, order_id, at_ns in records:
        side = {"B": SIDE_BUY, "A": SIDE_SELL}.get(letter, 0)
        ticks = price // NANO_PER_TICK
        if action == "F":
            if side == 0 or side != trade[1]:
                _apply_fill(book, trade, ticks, size, order_id)
            continue
        _end_trade(book, trade)
        trade = [0, 0, 0, 0]
        if action == "T":
            trade = [at_ns, side, ticks, size if side else 0]
        elif action == "A" or action == "M":
            book.become(at_ns, order_id, side, ticks, size)
        elif action == "C" and order_id in book.orders:
            order = book.orders[order_id]
            book.become(at_ns, order_id, order[0], order[1], max(0, book.shown[order_id] - size))
        elif action == "R":
            for held, order in list(book.orders.items()):
                book.become(at_ns, held, order[0], order[1], 0)
    _end_trade(book, trade)


def _apply_fill(book: _Book, trade: list, ticks: int, size: int, order_id: int) -> None:
    seen = book.fill(trade[0], trade[1], ticks, size, order_id)
    if trade[1]:
        trade[3] = max(0, trade[3] - size)
        if size > seen:
            book.play(trade[0], PLAY_PRINT, trade[1], ticks, size - seen)


def _end_trade(book: _Book, trade: list) -> None:
    if trade[3] > 0:
        book.play(trade[0], PLAY_PRINT, trade[1], trade[2], trade[3])


def _events(rows: list[tuple]):
    """Records grouped into events of the exchange; snapshot records stand alone."""
    event = []
    for row in rows:
        event.append(row)
        if row[4] & (FLAG_LAST | FLAG_SNAPSHOT):
            yield event
            event = []
    if event:
        yield event


def plan(symbol: str, rows: list[tuple]) -> History:
    """Turn the records of one instrument into plays. Cost: about 4 microseconds a record."""
    book = _Book()
    opening_ns = snapshot_plays = 0
    traded = opens_later = False
    for event in _events(rows):
        begun = len(book.plays)
        first_trade = not traded and any(row[0] == "T" for row in event)
        if first_trade:
            traded, opening_ns, opens_later = True, event[0][6], book.crossed()
        _apply_event(book, event)
        if first_trade and opens_later:
            book.play(event[0][6], PLAY_OPEN, 0, 0, 0)
        if len(book.plays) > begun:
            book.plays[-1] = (*book.plays[-1][:8], 1, 0)
        if event[0][4] & FLAG_SNAPSHOT:
            snapshot_plays = len(book.plays)
    plays = np.array(book.plays, PLAY)
    first = snapshot_plays
    if opens_later:
        first = max(first, int(np.searchsorted(plays["time_ns"][first:], opening_ns - LEAD_NS)) + first)
    return History(plays, first, len(book.numbers), symbol, opens_later)


def load_history(path: str | Path) -> History:
    """Read and plan a file. Raises HistoryRefused."""
    return plan(*read_records(path))


def history_start(path: str | Path) -> tuple[str, int]:
    """(symbol, time at which playing begins, UTC ns) of a file. Raises HistoryRefused."""
    history = load_history(path)
    return history.symbol, history.start_ns
