"""Session, hot side: taking a connection over, keeping it alive, giving it up, and what that means for open orders.

The control thread connects and logs in (login.py), then offers the descriptor through the hand-over words. The hot
thread takes it when the orders of the last connection are swept. Liveness is real latency time, never logic time.

word              written by       meaning
----------------  ---------------  ----------------------------------------------------------------
H_OFFER           control, last    number of the connection offered
H_FD              control          its descriptor; -1 on the replay wire
H_VENUE_SEQ       control          sequence number of the last message before the stream goes on
H_LEFTOVER        control          bytes in `leftover` that came behind the login's answer
H_HALT            control          1 asks for HALTED on the session; the hot thread sets it back to 0
H_TAKEN           hot              number of the connection taken
H_LOST            hot, last        number of the connection that was given up; nothing touches its descriptor again
H_REASON          hot              LOST_*
H_APPLIED         hot              last applied sequence number: the next login asks for the one after it
H_OPEN            hot              open orders at that moment
"""

from procs.order_sender.desk import (
    PHASE_DOWN,
    PHASE_READY,
    PHASE_REPLAYING,
    SWEEP_EVIDENCE,
    SWEEP_LOST,
    SWEEP_NONE,
    control_of,
    draft_of,
    journal_of,
    me_of,
    row_of,
)
from procs.order_sender.draft import draft_for
from procs.order_sender.external import cancel_external
from procs.order_sender.life_cycle import ORDER_STATE_CLOSED, ORDER_STATE_UNKNOWN, is_unanswered
from procs.order_sender.mass_cancel import end_mass_cancel
from procs.order_sender.orders import ask_again
from procs.order_sender.reports import journal_room, post_draft
from procs.order_sender.transmit import bytes_waiting, put_heartbeat, put_query, reset_transmit
from shm.atomics import copy_bytes, load_acquire, record_at, store_release
from shm.codes import (
    REPORT_NEVER_ARRIVED,
    REPORT_UNKNOWN,
    STATE_ACTIVE,
    STATE_CANCEL_ONLY,
    STATE_HALTED,
)
from shm.control import control_own_state, control_session_scope, control_set
from shm.counters import SENDER_BYTES_WAITING, SENDER_SESSIONS
from shm.error_log import ERROR_SENDER_NO_EVIDENCE, ERROR_SENDER_SESSION_LOST
from shm.failpoint import failpoint
from shm.failpoints import (
    FP_QUERY_ENCODED,
    FP_SESSION_BEFORE_JOURNAL,
    FP_SESSION_JOURNALLED,
    FP_SWEEP_EVIDENCE,
    FP_SWEEP_LOST,
)
from shm.instance import count, gauge, note_error, stamp
from shm.jit import hot
from shm.journal import JOURNAL_SESSION, journal_claim, journal_commit
from shm.records.session_entry import SESSION_ENTRY, SESSION_LOGGED_IN, SESSION_LOST

H_OFFER, H_FD, H_VENUE_SEQ, H_LEFTOVER, H_HALT = 0, 1, 2, 3, 4
H_TAKEN, H_LOST, H_REASON, H_APPLIED, H_OPEN = 8, 9, 10, 11, 12
H_WORDS = 16
VENUE_SESSION_BYTES = 10  # letters on the wire
VENUE_SESSION_WIDTH = 16  # bytes in the journal, zero behind the letters
VENUE_SESSION_AT = SESSION_ENTRY.fields["venue_session"][1]
ENTRY_BYTES = SESSION_ENTRY.itemsize

LOST_CLOSED = 1  # the other side closed, or the connection failed
LOST_SILENT = 2  # nothing heard for silence_ns
LOST_UNSENT = 3  # the socket refused bytes for longer than unsent_ns
LOST_MALFORMED = 4  # bytes that no codec accepts
LOST_ENDED = 5  # the venue said end of session
LOST_OVERRUN = 6  # the receive buffer was full: the journal did not keep up
LOST_SLEPT = 7  # this process did not run for silence_ns: the venue may have given us up

SWEEP_BATCH = 512  # slots looked at in one cycle


@hot
def word(desk, at):
    """A hand-over word. Ordering: acquire; pairs with the release of the thread that writes it."""
    return load_acquire(desk["hand_over_addr"] + at * 8)


@hot
def say(desk, at, value):
    """Store a hand-over word with release."""
    store_release(desk["hand_over_addr"] + at * 8, value)


@hot
def want_session_state(desk, wanted):
    """Say CANCEL_ONLY or ACTIVE for our session, but never over a HALTED that nobody acknowledged."""
    control = control_of(desk)
    scope = control_session_scope(control, desk["session_id"])
    if control_own_state(control, scope) != STATE_HALTED:
        control_set(control, scope, wanted)


@hot
def journal_session(desk, kind, detail, venue_seq, now_ns):
    """Journal one session event. Returns 1, or 0 with no journal room."""
    failpoint(FP_SESSION_BEFORE_JOURNAL)
    payload_addr = journal_claim(journal_of(desk))
    if payload_addr == 0:
        return 0
    entry = record_at(payload_addr, SESSION_ENTRY)
    entry["venue_seq"] = venue_seq
    entry["detail"] = detail
    entry["connection"] = desk["connection"]
    entry["kind"] = kind
    entry["session_id"] = desk["session_id"]
    entry["reserved"][0] = 0
    entry["reserved"][1] = 0
    copy_bytes(payload_addr + VENUE_SESSION_AT, desk["venue_session_addr"], VENUE_SESSION_WIDTH)
    journal_commit(journal_of(desk), JOURNAL_SESSION, ENTRY_BYTES, stamp(me_of(desk)), now_ns)
    failpoint(FP_SESSION_JOURNALLED)
    return 1


@hot
def take_over(desk, tx, now_ns):
    """Take an offered connection and ask where the venue stands. Returns 1 when one was taken."""
    if word(desk, H_HALT) != 0:
        control = control_of(desk)
        control_set(control, control_session_scope(control, desk["session_id"]), STATE_HALTED)
        say(desk, H_HALT, 0)
    if desk["phase"] != PHASE_DOWN or desk["sweep"] != SWEEP_NONE or journal_room(desk, 1) == 0:
        return 0
    offer = word(desk, H_OFFER)
    if offer == word(desk, H_TAKEN):
        return 0
    desk["connection"] = offer
    desk["phase"] = PHASE_REPLAYING
    desk["venue_seq"] = word(desk, H_VENUE_SEQ)
    desk["heard_stamp_ns"] = stamp(me_of(desk))
    desk["spoke_stamp_ns"] = desk["heard_stamp_ns"]
    desk["received_to"] = word(desk, H_LEFTOVER)
    copy_bytes(desk["received_addr"], desk["leftover_addr"], desk["received_to"])
    journal_session(desk, SESSION_LOGGED_IN, 0, desk["venue_seq"], now_ns)
    reset_transmit(desk)
    put_query(desk, tx)
    failpoint(FP_QUERY_ENCODED)
    fd = word(desk, H_FD)
    store_release(desk["fd_in_addr"], fd)
    store_release(desk["fd_out_addr"], fd)
    say(desk, H_TAKEN, offer)
    return 1


@hot
def give_up(desk, reason, now_ns):
    """Leave the connection: unanswered entries become unknown, cancels on the way must be sent again."""
    if desk["phase"] == PHASE_DOWN:
        return
    store_release(desk["fd_in_addr"], -1)
    store_release(desk["fd_out_addr"], -1)
    desk["phase"] = PHASE_DOWN
    desk["received_to"] = 0
    reset_transmit(desk)
    end_mass_cancel(desk)
    want_session_state(desk, STATE_CANCEL_ONLY)
    if reason != LOST_ENDED:
        note_error(me_of(desk), ERROR_SENDER_SESSION_LOST, reason, desk["connection"])
    journal_session(desk, SESSION_LOST, reason, desk["venue_seq"], now_ns)
    start_sweep(desk, SWEEP_LOST)
    say(desk, H_REASON, reason)
    say(desk, H_APPLIED, desk["venue_seq"])
    say(desk, H_OPEN, desk["orders_open"])
    say(desk, H_LOST, desk["connection"])


@hot
def notice_sleep(desk, now_ns):
    """Give the session up after a pause of this process as long as the venue's silence may be. Returns 1 when it did.

    Who was stopped and wakes late knows nothing of what happened meanwhile: what waits here is not sent, and nothing
    new until a fresh login brought the evidence. Shorter pauses are for the expiry of orders and of waiting bytes.
    Caller: the first thing of the cycle, before anything is read. Cost: one stamp.
    """
    at_ns = stamp(me_of(desk))
    slept_ns = at_ns - desk["awake_stamp_ns"]
    desk["awake_stamp_ns"] = at_ns
    if slept_ns <= desk["silence_ns"] or desk["phase"] == PHASE_DOWN:
        return 0
    give_up(desk, LOST_SLEPT, now_ns)
    return 1


@hot
def keep_alive(desk, tx, now_ns):
    """Heartbeat after our own silence; give the session up after the venue's, or when the socket refuses too long."""
    if desk["phase"] == PHASE_DOWN:
        return 0
    at_ns = stamp(me_of(desk))
    waiting = bytes_waiting(desk)
    gauge(me_of(desk), SENDER_BYTES_WAITING, waiting)
    if waiting > 0:
        if desk["refused_stamp_ns"] > 0 and at_ns - desk["refused_stamp_ns"] > desk["unsent_ns"]:
            give_up(desk, LOST_UNSENT, now_ns)
            return 1
    elif at_ns - desk["spoke_stamp_ns"] >= desk["heartbeat_ns"]:
        put_heartbeat(desk, tx)
    if at_ns - desk["heard_stamp_ns"] > desk["silence_ns"]:
        give_up(desk, LOST_SILENT, now_ns)
        return 1
    return 0


# --- sweeps over all orders, a part each cycle -----------------------------------------------------------------------


@hot
def start_sweep(desk, sweep):
    """Begin a sweep from slot 0; one in progress is replaced."""
    desk["sweep"] = sweep
    desk["sweep_slot"] = 0


@hot
def _lost_kind(desk, slot, row):
    """The connection is gone: an unanswered entry is unknown, once; what was asked for is due again.

    Returns the REPORT_* to post, or 0.
    """
    if row["state"] == 0 or row["state"] == ORDER_STATE_CLOSED:
        return 0
    ask_again(desk, slot)
    return REPORT_UNKNOWN if is_unanswered(row["state"]) == 1 else 0


@hot
def _evidence_kind(desk, row):
    """All answers up to the query's are applied. What the venue never numbered never arrived, and never will.

    An entry that it numbered and did not answer contradicts the protocol and stays unknown. Returns REPORT_* or 0.
    """
    if row["state"] != ORDER_STATE_UNKNOWN:
        return 0
    if row["user_ref_num"] >= desk["next_ref_num"]:
        return REPORT_NEVER_ARRIVED
    note_error(me_of(desk), ERROR_SENDER_NO_EVIDENCE, row["order_id"], row["user_ref_num"])
    return 0


@hot
def sweep_orders(desk, now_ns):
    """Go on with the sweep in progress while the journal has room. Returns 1 when there was one."""
    if desk["sweep"] == SWEEP_NONE:
        return 0
    last = min(desk["sweep_slot"] + SWEEP_BATCH, desk["slots"])
    while desk["sweep_slot"] < last and journal_room(desk, 2) == 1 and desk["orphan"] < 0:
        slot = desk["sweep_slot"]
        desk["sweep_slot"] += 1
        row = row_of(desk, slot)
        if desk["sweep"] == SWEEP_LOST:
            kind = _lost_kind(desk, slot, row)
        else:
            kind = _evidence_kind(desk, row)
            cancel_external(desk, slot, now_ns)  # the replay is over: it still stands
        if kind != 0:
            draft_for(desk, slot, kind, now_ns)
            if kind == REPORT_NEVER_ARRIVED:
                draft_of(desk)["leaves_lots"] = 0
            post_draft(desk, now_ns)
    failpoint(FP_SWEEP_LOST if desk["sweep"] == SWEEP_LOST else FP_SWEEP_EVIDENCE)
    if desk["sweep_slot"] >= desk["slots"]:
        if desk["sweep"] == SWEEP_EVIDENCE:
            desk["phase"] = PHASE_READY
            count(me_of(desk), SENDER_SESSIONS, 1)
            want_session_state(desk, STATE_ACTIVE)
        desk["sweep"] = SWEEP_NONE
    return 1
