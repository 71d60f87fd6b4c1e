"""Wire: the bytes of an order as they left, from what was journalled before. No numba.

order_sender encodes an order from the very record that it journals, with letters that never change, so the journal has
the bytes in another form. A test compares these with what the venue received.
"""

from procs.wire.ouch.plain import write_inbound
from procs.wire.soupbintcp.plain import UNSEQUENCED, packet

LETTERS = {"display": "Y", "capacity": "P", "sweep": "N", "cross_type": "N", "cl_ord_id": ""}
SIDES = {"buy": "B", "sell": "S"}
LETTER_SHORT = "T"
SHORT_TAG = bytes((0, 3, 2, 27)) + LETTER_SHORT.encode()  # appendage of a replace: three bytes, tag 27, the mark
TIME_IN_FORCE = {"day": "0", "ioc": "3"}


def wire_bytes(kind: str, entry: dict) -> bytes:
    """The SoupBinTCP packet of an order of `kind` (new, replace).

    `entry`: user_ref_num, orig_user_ref_num, side, short (whether it is marked so), qty_lots, price_ticks, tif,
    symbol, as they were journalled.
    """
    fields = {name: entry[name] for name in ("user_ref_num", "orig_user_ref_num", "qty_lots", "price_ticks", "symbol")}
    fields |= {"side_letter": LETTER_SHORT if entry["short"] else SIDES[entry["side"]]}
    fields |= {"time_in_force": TIME_IN_FORCE[entry["tif"]], **LETTERS}
    message = write_inbound("U" if kind == "replace" else "O", **fields)
    if kind == "replace" and entry["short"]:
        message = message[:-2] + SHORT_TAG
    return packet(UNSEQUENCED, message)
