"""Mass cancel: one message that ends all our orders, or all in one instrument.

It is only another way to send many cancels: it is taken where everything that it names is to end, for at least
MASS_CANCEL_MIN orders. Each order ends by its own Canceled; the response, a refusal, or no answer in time ends the mass
cancel, and whatever is then still due or halted is cancelled one by one.

Its number comes from the references of orders and must be greater than those on the wire before it, so it waits
for orders in the transmit frame to leave. Orders with a greater reference are not covered.
"""

from procs.order_sender.desk import PHASE_READY, me_of
from procs.order_sender.entry_journal import journal_mass_cancel
from procs.order_sender.transmit import has_transmit_room, put_mass_cancel
from shm.counters import SENDER_MASS_CANCELS
from shm.error_log import ERROR_SENDER_MASS_CANCEL
from shm.ids import take_id
from shm.instance import count, note_error, stamp
from shm.jit import hot

MASS_CANCEL_MIN = 4  # fewer are as quick one by one, in the same send
MASS_ANSWER_NS = 500_000_000  # latency time after which the response is not waited for
MASS_PAUSE_NS = 1_000_000_000  # between two: what one left open, the next would leave open too
USER_REF_MAX = (1 << 32) - 1


@hot
def is_covered(desk, row):
    """1 when the mass cancel under way names this order."""
    if desk["mass_ref"] == 0 or row["user_ref_num"] > desk["mass_ref"]:
        return 0
    if desk["mass_instrument"] < 0 or desk["mass_instrument"] == row["instrument_id"]:
        return 1
    return 0


@hot
def mass_cancel(desk, tx, ids, instrument_id, orders, now_ns):
    """Send one for `orders` orders, if that is allowed now. Returns 1, or 0: send them one by one."""
    if orders < MASS_CANCEL_MIN or desk["firm"] == 0 or desk["mass_ref"] != 0:
        return 0
    if desk["phase"] != PHASE_READY or desk["waiting_orders"] > 0 or has_transmit_room(desk) == 0:
        return 0
    at_ns = stamp(me_of(desk))
    if desk["mass_ref_last"] != 0 and at_ns - desk["mass_stamp_ns"] < MASS_PAUSE_NS:
        return 0
    user_ref_num = take_id(ids)
    if user_ref_num <= 0 or user_ref_num > USER_REF_MAX:
        return 0
    journal_mass_cancel(desk, user_ref_num, instrument_id, now_ns)
    if put_mass_cancel(desk, tx, user_ref_num, instrument_id) <= 0:
        return 0
    desk["mass_ref"] = user_ref_num
    desk["mass_ref_last"] = user_ref_num
    desk["mass_instrument"] = instrument_id
    desk["mass_stamp_ns"] = at_ns
    count(me_of(desk), SENDER_MASS_CANCELS, 1)
    return 1


@hot
def end_mass_cancel(desk):
    """The response came, or the connection is gone."""
    desk["mass_ref"] = 0


@hot
def refuse_mass_cancel(desk, reason):
    """The venue says no: there is none any more in this life of the process."""
    note_error(me_of(desk), ERROR_SENDER_MASS_CANCEL, desk["mass_ref_last"], reason)
    desk["mass_ref"] = 0
    desk["firm"] = 0


@hot
def watch_mass_cancel(desk):
    """Wait no longer for a response that does not come. Returns 1 when that happened."""
    if desk["mass_ref"] == 0 or stamp(me_of(desk)) - desk["mass_stamp_ns"] <= MASS_ANSWER_NS:
        return 0
    note_error(me_of(desk), ERROR_SENDER_MASS_CANCEL, desk["mass_ref"], 0)
    desk["mass_ref"] = 0
    return 1
