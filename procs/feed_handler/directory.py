"""Directory: which of our instruments a stock locate means. Hot.

Locates are the day's own, told in directory messages by symbol. Symbols are looked up in a sorted table, so the eight
thousand messages that open a day cost thirteen steps each.
"""

import numpy as np

from procs.feed_handler.rows import WORD
from procs.feed_handler.state import INSTRUMENT_BYTES, INSTRUMENT_ROW, LOCATES, SYMBOL_BYTES, SYMBOL_ROW, UNKNOWN
from procs.feed_handler.tables import publish_listing
from shm.atomics import record_at
from shm.error_log import ERROR_FEED_LOCATE
from shm.instance import note_error
from shm.jit import hot
from shm.records.instance_end import INSTANCE_END


@hot
def instrument_row(feed, instrument_id):
    """The INSTRUMENT_ROW of an instrument."""
    return record_at(feed["instruments_addr"] + instrument_id * INSTRUMENT_BYTES, INSTRUMENT_ROW)


@hot
def instrument_of(feed, locate):
    """Our instrument of a stock locate, or UNKNOWN: of no interest, or its book is lost."""
    return record_at(feed["locates_addr"] + (locate & (LOCATES - 1)) * 8, WORD)["word"]


@hot
def _instrument_named(feed, symbol):
    low = 0
    high = feed["symbols"]
    while low < high:
        middle = (low + high) >> 1
        row = record_at(feed["symbols_addr"] + middle * SYMBOL_BYTES, SYMBOL_ROW)
        if row["symbol"] == symbol:
            return row["instrument_id"]
        if row["symbol"] < symbol:
            low = middle + 1
        else:
            high = middle
    return np.int64(UNKNOWN)


@hot
def learn_locate(feed, event):
    """A directory message: the locate of one of our instruments."""
    locate = event["locate"]
    instrument_id = _instrument_named(feed, event["symbol"])
    if instrument_id == UNKNOWN:
        return
    row = instrument_row(feed, instrument_id)
    holder = instrument_of(feed, locate)
    if (row["locate"] != 0 and row["locate"] != locate) or (holder != UNKNOWN and holder != instrument_id):
        note_error(record_at(feed["me_addr"], INSTANCE_END), ERROR_FEED_LOCATE, instrument_id, locate)
        return
    if row["locate"] == 0:
        row["locate"] = locate
        record_at(feed["locates_addr"] + locate * 8, WORD)["word"] = instrument_id
    publish_listing(feed, instrument_id)


@hot
def forget_locate(feed, instrument_id):
    """No message of the instrument concerns us any more, for the rest of this life."""
    locate = instrument_row(feed, instrument_id)["locate"]
    record_at(feed["locates_addr"] + locate * 8, WORD)["word"] = UNKNOWN
