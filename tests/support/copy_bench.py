"""A drop copy without a network or a clock: messages as bytes from what our record says, handed over turn by turn."""

import struct

from procs.wire.ouch.plain import OUTBOUND

KINDS = {
    "accepted": "A",
    "replaced": "U",
    "executed": "E",
    "canceled": "C",
    "rejected": "J",
    "broken": "B",
    "corrected": "F",
}
DEFAULTS = {"time_in_force": "0", "display": "Y", "capacity": "P", "sweep": "N", "cross_type": "N", "order_state": "L"}


def outbound(kind: str, **fields) -> bytes:
    """One message of the venue; a field that is not given is 0, or blank."""
    made = kind.encode()
    for field in OUTBOUND[kind].split():
        name, code = field.split(":")
        value = fields.get(name, DEFAULTS.get(name, 0))
        if code[-1] in "cs":
            width = int(code[:-1] or 1)
            value = (value if isinstance(value, str) else "").encode().ljust(width)
        made += struct.pack(">" + code, value)
    return made


def copy_of(connection, epoch: int) -> list[tuple[int, bytes]]:
    """What a venue would have copied of the events in a record: (entry of our journal, message), in order."""
    query = (
        "SELECT e.*, o.side, i.symbol, x.liquidity, p.user_ref_num AS original FROM order_events e"
        " JOIN orders o ON o.epoch = e.epoch AND o.order_id = e.order_id"
        " JOIN instruments i ON i.epoch = e.epoch AND i.instrument_id = o.instrument_id"
        " LEFT JOIN executions x ON x.epoch = e.epoch AND x.instance = e.instance AND x.seq = e.seq"
        " LEFT JOIN orders p ON p.epoch = e.epoch AND p.order_id = o.parent_order_id"
        " WHERE e.epoch = ? AND e.report_seq != 0 ORDER BY e.seq"
    )
    connection.row_factory = None
    cursor = connection.execute(query, (epoch,))
    names = [column[0] for column in cursor.description]
    found = []
    for values in cursor.fetchall():
        row = dict(zip(names, values, strict=True))
        given = {name: row[name] for name in ("user_ref_num", "qty_lots", "price_ticks", "match_number", "venue_ns")}
        given |= {"symbol": row["symbol"], "side_letter": "B" if row["side"] == "buy" else "S"}
        given |= {"orig_user_ref_num": row["original"] or 0, "reason": row["reason"] or 85}
        given["liquidity_flag"] = "A" if row["liquidity"] == "added" else "R"
        found.append((row["seq"], outbound(KINDS[row["kind"]], **given)))
    return found


class Clock:
    """Stands in for the module `time`."""

    def __init__(self):
        self.now_ns = 1_000_000_000_000

    def monotonic_ns(self) -> int:
        return self.now_ns

    def time_ns(self) -> int:
        return 1_703_462_400_000_000_000 + self.now_ns


class FakeSession:
    """Stands in for a CopySession: the test puts messages in `coming`, and says when all was taken."""

    def __init__(self, clock: Clock, next_seq: int = 1):
        self.clock, self.next_seq, self.venue_session = clock, next_seq, "SESSION001"
        self.logged_in_ns = self.heard_ns = self.drained_ns = clock.now_ns
        self.refused = ""
        self.coming: list[bytes] = []

    def poll(self) -> list[bytes]:
        taken, self.coming = self.coming, []
        self.next_seq += len(taken)
        self.heard_ns = self.clock.now_ns
        return taken

    def close(self) -> None:
        pass
