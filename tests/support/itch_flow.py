"""A generated ITCH session: random but possible messages as bytes, beside the oracle books that they lead to."""

import random

import numpy as np

from procs.wire.big_endian import text_word
from procs.wire.itch.encode import encode_itch
from procs.wire.itch.event import ITCH_EVENT
from procs.wire.moldudp64.header import MOLD_END_OF_SESSION, session_words, write_mold_header
from shm.codes import SIDE_BUY, SIDE_SELL, TRADING_OPEN
from tests.oracles.book import OracleBooks

SESSION = "TEST000001"
HEADER = np.zeros(20, np.uint8)


def message(kind: str, **fields) -> bytes:
    """One encoded ITCH message."""
    event = np.zeros(1, ITCH_EVENT)
    event[0]["kind"] = ord(kind)
    for name, value in fields.items():
        event[0][name] = text_word(value) if name == "symbol" else value
    buf = np.zeros(64, np.uint8)
    size = encode_itch(buf, 0, event[0])
    assert size > 0, (kind, fields, size)
    return buf[:size].tobytes()


def datagram(seq: int, messages: list[bytes], session: str = SESSION, count: int | None = None) -> bytes:
    """One MoldUDP64 datagram; no messages make a heartbeat."""
    write_mold_header(HEADER, *session_words(session), seq, len(messages) if count is None else count)
    return HEADER.tobytes() + b"".join(len(one).to_bytes(2, "big") + one for one in messages)


def end_of_session(seq: int, session: str = SESSION) -> bytes:
    """The datagram that ends the session; `seq` is the number that would have come next."""
    return datagram(seq, [], session, MOLD_END_OF_SESSION)


class ItchFlow:
    """`messages[k]` is message k + 1. Books of `symbols`, and orders of another symbol that nobody configured."""

    def __init__(self, seed: int, symbols: list[str]):
        self.rng = random.Random(seed)
        self.symbols = symbols
        self.books = OracleBooks(len(symbols) + 1)
        self.messages: list[bytes] = []
        self.live: list[int] = []
        self.next_ref = 1000
        self.venue_ns = 34_200_000_000_000

    def say(self, kind: str, **fields) -> None:
        self.venue_ns += self.rng.randrange(1, 100_000)
        self.messages.append(message(kind, venue_ns=self.venue_ns, **fields))

    def open_day(self) -> "ItchFlow":
        self.say("S", event_code=ord("O"))
        for locate, symbol in enumerate([*self.symbols, "OTHER"], 1):
            self.say("R", locate=locate, symbol=symbol, qty_lots=100)
            self.say("H", locate=locate, symbol=symbol, trading_state=TRADING_OPEN)
        self.say("S", event_code=ord("Q"))
        return self

    def trade(self, events: int) -> "ItchFlow":
        for _ in range(events):
            self._event()
        return self

    def add(self, instrument: int, side: int, qty: int, price: int) -> int:
        ref = self.next_ref
        self.next_ref += 1
        assert self.books.add(instrument, ref, side, qty, price) == "ok"
        self.live.append(ref)
        symbol = self.symbols[instrument] if instrument < len(self.symbols) else "OTHER"
        kind = self.rng.choice("AAAF")
        self.say(kind, locate=instrument + 1, order_ref=ref, side=side, qty_lots=qty, symbol=symbol, price_ticks=price)
        return ref

    def _event(self) -> None:
        rng = self.rng
        kind = rng.choices("AEXDUCP", (40, 10, 8, 22, 12, 4, 4))[0] if len(self.live) > 20 else "A"
        if kind == "A":
            side = rng.choice((SIDE_BUY, SIDE_SELL))
            away = 100 * rng.randrange(1, 30)
            price = 1_000_000 - away if side == SIDE_BUY else 1_000_000 + away
            self.add(rng.randrange(len(self.symbols) + 1), side, 100 * rng.randrange(1, 9), price)
            return
        ref = rng.choice(self.live)
        instrument, side, price = self.books.where[ref]
        left = self.books.sides[instrument, side][price][ref]
        head = {"locate": instrument + 1, "order_ref": ref}
        if kind == "D":
            self.books.delete(instrument, ref)
            self.say("D", **head)
        elif kind == "U":
            new_ref, self.next_ref = self.next_ref, self.next_ref + 1
            moved = price + 100 * rng.randrange(-2, 3)
            self.books.replace(instrument, ref, new_ref, left + 100, moved)
            self.live.append(new_ref)
            self.say("U", **head, new_order_ref=new_ref, qty_lots=left + 100, price_ticks=moved)
        elif kind == "P":
            symbol = self.symbols[instrument] if instrument < len(self.symbols) else "OTHER"
            fields = {"side": side, "qty_lots": 100, "symbol": symbol, "price_ticks": price, "match_number": 7}
            self.say("P", locate=instrument + 1, **fields)
        else:
            qty = left if rng.random() < 0.4 else rng.randrange(1, left + 1)
            self.books.reduce(instrument, ref, qty)
            if kind == "E":
                self.say("E", **head, qty_lots=qty, match_number=9)
            elif kind == "C":
                self.say("C", **head, qty_lots=qty, match_number=9, printable=ord("Y"), price_ticks=price)
            else:
                self.say("X", **head, qty_lots=qty)
        if ref not in self.books.where:
            self.live.remove(ref)

    def split(self, first: int = 1, last: int | None = None, most: int = 12, seed: int = 0) -> list[bytes]:
        """Messages first..last in datagrams of 1 to `most` messages."""
        rng = random.Random(seed)
        last = len(self.messages) if last is None else last
        out = []
        while first <= last:
            count = min(rng.randrange(1, most + 1), last + 1 - first)
            out.append(datagram(first, self.messages[first - 1 : first - 1 + count]))
            first += count
        return out
