"""Limit rows: the gate's copies of `limits`: when a newer row is taken over, and when an override ends by itself.

A row is taken over when somebody looks at it and its version is not the one seen last: before each decision the three
rows of the intent, in idle steps all rows in turns. Every changed word is in the journal before the row decides; while
the journal has no room the row is not taken and the scope trades nothing new. An override names the row of `standing`
that follows it: the gate goes over to that row by itself, whoever else is alive, and never back.
"""

from procs.risk_gate.checks import limits_row_is_set
from procs.risk_gate.flow import rewind
from procs.risk_gate.rows import ACCOUNT_BYTES, LIMITS_OFFSET, account_at, word_at
from procs.risk_gate.state import book_of, table_at
from shm.atomics import copy_bytes, record_at
from shm.codes import REJECT_NO_LIMITS
from shm.instance import stamp
from shm.jit import hot
from shm.journal import JOURNAL_LIMITS, journal_claim, journal_commit
from shm.latest import latest_read, latest_version
from shm.records.instance_end import INSTANCE_END
from shm.records.journal_end import JOURNAL_END
from shm.records.limit_change import LIMIT_CHANGE, LIMIT_EXPIRED, LIMIT_TAKEN
from shm.records.limits import LIMIT_NONE, LIMITS

LIMITS_BYTES = LIMITS.itemsize
WORDS = LIMITS.fields["reserved"][1] // 8
VERSION_WORD = LIMITS.fields["version"][1] // 8
STANDING_WORD = LIMITS.fields["standing_row"][1] // 8  # like the version no limit: a change is not told of these two
CHANGE_BYTES = LIMIT_CHANGE.itemsize


@hot
def _copy_addr(gate, row):
    return book_of(gate)["accounts_addr"] + row * ACCOUNT_BYTES + LIMITS_OFFSET


@hot
def _write_change(gate, row, word, cause, now_ns):
    """Journal one word in which the row just read differs from the copy. Returns 1, or 0 when there is no room."""
    journal = record_at(gate["journal_addr"], JOURNAL_END)
    address = journal_claim(journal)
    if address == 0:
        return 0
    copy, taken = record_at(_copy_addr(gate, row), LIMITS), record_at(gate["taken_addr"], LIMITS)
    change = record_at(address, LIMIT_CHANGE)
    change["before"] = word_at(_copy_addr(gate, row), word)["value"]
    change["after"] = word_at(gate["taken_addr"], word)["value"]
    change["version_before"] = copy["version"]
    change["version"] = taken["version"]
    change["expires_ns"] = taken["expires_ns"]
    change["now_ns"] = now_ns
    change["row"] = row
    change["field"] = word
    change["cause"] = cause
    change["reserved0"] = 0
    change["reserved"] = 0
    journal_commit(journal, JOURNAL_LIMITS, CHANGE_BYTES, stamp(record_at(gate["me_addr"], INSTANCE_END)), now_ns)
    return 1


@hot
def _is_watched(account):
    """1 when a row of limits has any limit of Greeks, loss or drawdown, or an age that P&L may not pass."""
    least = min(account["delta_micro_max"], account["gamma_micro_max"], account["vega_micro_max"])
    least = min(least, account["loss_micro_max"], account["drawdown_micro_max"], account["risk_age_ns_max"])
    return 1 if least < LIMIT_NONE else 0


@hot
def _take(gate, row, cause, now_ns):
    """Journal what is different in the row just read, then decide by it. Returns 1, or 0 when the journal has no room.

    A row that was never taken has nothing to differ from: the first is what the fabric was created with.
    """
    account = account_at(book_of(gate), row)
    if account["limits_seen"] != 0:
        for word in range(WORDS):
            if word == VERSION_WORD or word == STANDING_WORD:
                continue
            if word_at(_copy_addr(gate, row), word)["value"] == word_at(gate["taken_addr"], word)["value"]:
                continue
            if _write_change(gate, row, word, cause, now_ns) == 0:
                return 0
    copy_bytes(_copy_addr(gate, row), gate["taken_addr"], LIMITS_BYTES)
    account["limits_code"] = limits_row_is_set(account)
    account["watched"] = _is_watched(account)
    if account["expires_ns"] > 0:
        gate["limits_expire_ns"] = min(gate["limits_expire_ns"], account["expires_ns"])
    rewind(account)
    return 1


@hot
def _read_standing(gate, row, standing_row):
    """Read what follows the override of `row`. Returns 1, or 0 when that row is not there or another's."""
    if latest_read(table_at(gate["standing_addr"]), standing_row, gate["taken_addr"]) <= 0:
        return 0
    taken = record_at(gate["taken_addr"], LIMITS)
    return 1 if taken["standing_row"] == row and taken["expires_ns"] == 0 else 0


@hot
def take_limits(gate, row, now_ns):
    """Take the newest version of row `row` over. Returns PASS, or REJECT_NO_LIMITS when the scope may not trade."""
    account = account_at(book_of(gate), row)
    account["limits_code"] = REJECT_NO_LIMITS
    version = latest_read(table_at(gate["limits_addr"]), row, gate["taken_addr"])
    if version <= 0:
        return REJECT_NO_LIMITS
    taken = record_at(gate["taken_addr"], LIMITS)
    cause = LIMIT_TAKEN
    if 0 < taken["expires_ns"] <= now_ns:  # it ended before anybody looked
        cause = LIMIT_EXPIRED
        if _read_standing(gate, row, taken["standing_row"]) == 0:
            return REJECT_NO_LIMITS
    if _take(gate, row, cause, now_ns) == 1:  # else again at the next look
        account["limits_seen"] = version
    return account["limits_code"]


@hot
def limits_of(gate, row, now_ns):
    """PASS when the copy of limits row `row` is the newest and every limit in it is set; else REJECT_NO_LIMITS."""
    account = account_at(book_of(gate), row)
    version = latest_version(table_at(gate["limits_addr"]), row)
    if version != account["limits_seen"] or version == 0:
        return take_limits(gate, row, now_ns)
    return account["limits_code"]


@hot
def _end_override(gate, row, now_ns):
    """Go over to the standing row. Where that cannot be, the scope trades nothing."""
    account = account_at(book_of(gate), row)
    account["limits_code"] = REJECT_NO_LIMITS
    if _read_standing(gate, row, account["standing_row"]) == 1:
        _take(gate, row, LIMIT_EXPIRED, now_ns)


@hot
def end_overrides(gate, now_ns):
    """End every override whose time has come, and find when the next ends. Cost: a look at each row, once an expiry."""
    book = book_of(gate)
    next_ns = LIMIT_NONE
    for row in range(book["instruments"] + book["strategies"] + 1):
        account = account_at(book, row)
        if account["expires_ns"] > 0:
            if account["expires_ns"] <= now_ns:
                _end_override(gate, row, now_ns)
            if account["expires_ns"] > 0:
                next_ns = min(next_ns, account["expires_ns"])
    gate["limits_expire_ns"] = next_ns
