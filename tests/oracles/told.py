"""Oracle of a reader: what somebody who reads nothing but reports believes about each order."""

from shm.codes import (
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CANCELED,
    REPORT_CORRECTED,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    REPORT_REJECTED,
    REPORT_REPLACED,
)


class ToldOrder:
    """One order; `traded` is the sum of its executions as they stand, by match number."""

    def __init__(self):
        self.open, self.leaves, self.closed_times = True, None, 0
        self.trades: dict[int, int] = {}

    @property
    def traded(self) -> int:
        return sum(self.trades.values())

    def apply(self, report):
        kind = report["kind"]
        if kind in (REPORT_EXECUTED, REPORT_CORRECTED):
            self.trades[report["match_number"]] = report["qty_lots"]
        elif kind == REPORT_BROKEN:
            assert self.trades.pop(report["match_number"]) == report["qty_lots"]
        was_open = self.open
        self.leaves = report["leaves_lots"]
        assert self.leaves >= 0
        self.open = self.leaves > 0
        if kind in (REPORT_REJECTED, REPORT_NEVER_ARRIVED, REPORT_EXPIRED):
            assert not self.open
        if kind in (REPORT_ACCEPTED, REPORT_REPLACED, REPORT_CANCELED):
            assert was_open, f"{report} tells of a closed order"
        self.closed_times += was_open and not self.open


def believe(reports) -> dict[int, ToldOrder]:
    """{order id: ToldOrder} from the reports alone; REPLACED closes the order that it names."""
    orders = {}
    for report in reports:
        order = orders.setdefault(report["order_id"], ToldOrder())
        order.apply(report)
        if report["kind"] == REPORT_REPLACED:
            old = orders.setdefault(report["old_order_id"], ToldOrder())
            old.closed_times += old.open
            old.open, old.leaves = False, 0
    return orders
