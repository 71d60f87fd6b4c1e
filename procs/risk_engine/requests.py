"""Requests: how a threshold has a position traded away: the executor is asked, which trades through the gate."""


def open_requests(wiring):
    """What asks the executor of this fabric; None when the topology has none."""
    return None
