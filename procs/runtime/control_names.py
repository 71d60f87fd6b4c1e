"""Control names: who writes the control object, and what its scopes are called, for one configuration."""

import numpy as np

from config.instruments import configured_end
from shm.control_words import ScopeNames

CONTROL_WORD = np.dtype([("word", "<i8")])  # what the control object is an array of


def control_writers(config) -> list[str]:
    """Writers of the control object in row order: operator, monitor, then every instance."""
    return ["operator", "monitor", *(instance.name for instance in config.topology.instances)]


def scope_names(config) -> ScopeNames:
    """Scopes in index order: firm, a session for each order_sender, strategies, instruments.

    Instruments end with the last configured one: an instrument without a word reads as HALTED.
    """
    topology = config.topology
    instruments = config.instruments
    return ScopeNames(
        [instance.name for instance in topology.of_role("order_sender")],
        [instance.name for instance in topology.of_role("strategy")],
        [instrument.symbol for instrument in instruments[: configured_end(instruments)]],
    )
