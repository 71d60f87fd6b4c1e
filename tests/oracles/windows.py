"""Windows oracle: what was sent, as plain lists of times, counted anew for every question."""

from dataclasses import dataclass, field


@dataclass
class Sent:
    """One scope. A message is noted with the latest reading of the clock so far: noted time never falls."""

    orders: list[tuple[int, int]] = field(default_factory=list)  # (noted time, lots)
    cancels: list[int] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    readings: list[int] = field(default_factory=list)  # what the clock said when each order passed

    def note(self, now, lots=0):
        """A message of `lots` > 0 is an order; else a cancel or a reduce."""
        self.messages.append(max([now, *self.messages[-1:]]))
        if lots:
            self.readings.append(now)
            self.orders.append((max([now, *(at for at, _ in self.orders[-1:])]), lots))
        else:
            self.cancels.append(max([now, *self.cancels[-1:]]))

    def orders_inside(self, now, window):
        return len(_since(self.orders, now - window, lambda order: order[0]))

    def lots_inside(self, now, window):
        return sum(lots for _, lots in _since(self.orders, now - window, lambda order: order[0]))

    def messages_inside(self, now, window):
        return len(_since(self.messages, now - window, lambda at: at))

    def cancels_inside(self, now, window):
        return len(_since(self.cancels, now - window, lambda at: at))


def _since(entries, edge, time_of):
    """The last entries, those later than `edge`; their times never fall."""
    found = []
    for entry in reversed(entries):
        if time_of(entry) <= edge:
            break
        found.append(entry)
    return found


def most_in_a_window(times, window):
    """The greatest number of `times` in any window (t - window, t], whatever t and whatever their order."""
    ordered = sorted(times)
    most = start = 0
    for end, at in enumerate(ordered):
        while ordered[start] <= at - window:
            start += 1
        most = max(most, end - start + 1)
    return most
