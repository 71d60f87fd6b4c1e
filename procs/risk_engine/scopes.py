"""Scopes: whose risk is added up. Row numbers of the latest table `risk`: the firm, the desks, then the underlyings."""

from typing import NamedTuple

import numpy as np

from procs.runtime.desks import desk_names
from shm.codes import RISK_SCOPE_FIRM, RISK_SCOPE_STRATEGY, RISK_SCOPE_UNDERLYING


class Scope(NamedTuple):
    """One row of `risk`. `labels`: scopes of the control object that stand for it; none for the house."""

    row: int
    kind: int
    number: int
    name: str
    labels: tuple[str, ...]


def scopes_of(config, rows: np.ndarray, roots: np.ndarray) -> list[Scope]:
    """The firm, every desk, every underlying of the configured instruments `rows`, whose underlying is `roots`."""
    desks = desk_names(config)
    found = [Scope(0, RISK_SCOPE_FIRM, 0, "firm", ("firm",))]
    for number, name in enumerate(desks):
        labels = (f"strategy:{name}",) if number < len(desks) - 1 else ()
        found.append(Scope(1 + number, RISK_SCOPE_STRATEGY, number, name, labels))
    for root in sorted(set(roots.tolist())):
        members = tuple(f"instrument:{config.instruments[row].symbol}" for row in rows[roots == root])
        name = config.instruments[root].symbol
        found.append(Scope(1 + len(desks) + root, RISK_SCOPE_UNDERLYING, root, name, members))
    return found
