"""The genuine ITCH slice in datagrams: it starts in mid-day, so most of its orders are unknown, and nothing may break."""

from procs.feed_handler.arbitration import LINE_A
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.counters import FEED_BOOK_ERRORS, FEED_MALFORMED, FEED_MESSAGES, FEED_UNKNOWN_TYPE
from tests.oracles.book import OracleBooks
from tests.support.data import shared_data
from tests.support.feed_bench import FeedBench
from tests.support.itch_flow import datagram, message

SIDES = {ord("B"): SIDE_BUY, ord("S"): SIDE_SELL}


def slice_messages():
    raw, out, at = shared_data("itch50", "20191230_open_1000.itch").read_bytes(), [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 2], "big")
        out.append(raw[at + 2 : at + 2 + size])
        at += 2 + size
    return out


def number(raw, at, size):
    return int.from_bytes(raw[at : at + size], "big")


def apply_to_oracle(books, instrument, raw):
    kind, ref = chr(raw[0]), number(raw, 11, 8)
    if kind in "AF":
        return books.add(instrument, ref, SIDES[raw[19]], number(raw, 20, 4), number(raw, 32, 4))
    if kind in "ECX":
        return books.reduce(instrument, ref, number(raw, 19, 4))
    if kind == "D":
        return books.delete(instrument, ref)
    if kind == "U":
        return books.replace(instrument, ref, number(raw, 19, 8), number(raw, 27, 4), number(raw, 31, 4))
    return "ok"


def test_the_genuine_slice_leads_to_the_oracle_s_books_and_errors():
    messages = slice_messages()
    symbols = {number(raw, 1, 2): raw[24:32].decode().strip() for raw in messages if raw[0] in b"AF"}
    locates = sorted(symbols)
    bench = FeedBench([symbols[locate] for locate in locates], [set()])
    directory = [message("R", locate=locate, symbol=symbols[locate]) for locate in locates]
    seq = 1
    for raw in directory:
        bench.step((LINE_A, datagram(seq, [raw])))
        seq += 1
    books = OracleBooks(len(locates))
    answers = [
        apply_to_oracle(books, locates.index(number(raw, 1, 2)), raw)
        for raw in messages
        if number(raw, 1, 2) in symbols
    ]
    for at in range(0, len(messages), 20):
        bench.step((LINE_A, datagram(seq, messages[at : at + 20])))
        seq += len(messages[at : at + 20])
    assert bench.counter(FEED_MESSAGES) == len(messages) + len(directory)
    assert bench.counter(FEED_BOOK_ERRORS) == sum(answer != "ok" for answer in answers) > 0
    assert bench.counter(FEED_MALFORMED) == bench.counter(FEED_UNKNOWN_TYPE) == 0
    bench.assert_books_equal(books)
