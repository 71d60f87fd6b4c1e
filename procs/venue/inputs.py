"""One input to the exchange: matched, written to the input log with the engine's answer.

Everything that changes a book goes through here and nowhere else, so the log is complete by construction.
"""

from procs.venue.input_log import (
    INPUT_CANCEL,
    INPUT_CROSS,
    INPUT_ENTER,
    INPUT_HIT,
    INPUT_PRINT,
    INPUT_REDUCE,
    INPUT_REPLACE,
    log_claim,
    log_commit,
)
from procs.venue.matching import cancel, cross, enter, hit, print_trade, reduce, replace
from shm.jit import hot


@hot
def _note(log, books, kind, ref, price, qty, result):
    """Write the common columns. Returns the row, or -1 when the log keeps no more."""
    at = log_claim(log)
    if at >= 0:
        row = log["rows"][at]
        row["kind"], row["ref"], row["now_ns"] = kind, ref, books["words"]["now_ns"]
        row["price"], row["qty"], row["result"] = price, qty, result
        row["owner"], row["instrument"], row["side"] = 0, 0, 0
        row["tif"], row["user_ref"] = 0, 0
    return at


@hot
def _note_where(log, at, instrument, side):
    if at >= 0:
        log["rows"][at]["instrument"] = instrument
        log["rows"][at]["side"] = side


@hot
def _note_who(log, at, owner, user_ref, tif):
    if at >= 0:
        log["rows"][at]["owner"] = owner
        log["rows"][at]["user_ref"] = user_ref
        log["rows"][at]["tif"] = tif
    log_commit(log)


@hot
def input_enter(books, log, instrument, side, price, qty, tif_owner, user_ref):
    """`matching.enter`; `tif_owner` is tif + 8 * owner, to stay within eight arguments."""
    tif = tif_owner & 7
    owner = tif_owner >> 3
    result = enter(books, instrument, side, price, qty, tif, owner, user_ref)
    at = _note(log, books, INPUT_ENTER, 0, price, qty, result)
    _note_where(log, at, instrument, side)
    _note_who(log, at, owner, user_ref, tif)
    return result


@hot
def input_cancel(books, log, ref):
    """`matching.cancel`."""
    result = cancel(books, ref)
    _note(log, books, INPUT_CANCEL, ref, 0, 0, result)
    log_commit(log)
    return result


@hot
def input_reduce(books, log, ref, qty):
    """`matching.reduce`."""
    result = reduce(books, ref, qty)
    _note(log, books, INPUT_REDUCE, ref, 0, qty, result)
    log_commit(log)
    return result


@hot
def input_replace(books, log, ref, price, qty, user_ref, tif):
    """`matching.replace`."""
    result = replace(books, ref, price, qty, user_ref, tif)
    at = _note(log, books, INPUT_REPLACE, ref, price, qty, result)
    _note_who(log, at, 0, user_ref, tif)
    return result


@hot
def input_hit(books, log, ref, qty, instrument, side, price):
    """`matching.hit`."""
    result = hit(books, ref, qty, instrument, side, price)
    _note_where(log, _note(log, books, INPUT_HIT, ref, price, qty, result), instrument, side)
    log_commit(log)
    return result


@hot
def input_cross(books, log, ref, qty, price):
    """`matching.cross`."""
    result = cross(books, ref, qty, price)
    _note(log, books, INPUT_CROSS, ref, price, qty, result)
    log_commit(log)
    return result


@hot
def input_print(books, log, instrument, side, price, qty):
    """`matching.print_trade`."""
    result = print_trade(books, instrument, side, price, qty)
    _note_where(log, _note(log, books, INPUT_PRINT, 0, price, qty, result), instrument, side)
    log_commit(log)
    return result
