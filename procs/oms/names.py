"""Names: what the numbers of an epoch's records are called, from the configuration that the epoch was created with."""

import msgspec

from config.load import Config, decode
from procs.runtime.desks import desk_names
from procs.runtime.journals import CONFIGURATION
from procs.runtime.paths import state_folder
from shm.errors import NoSuchFabric, NotReady
from shm.roster import read_roster


def configuration_of(name: str, epoch: int) -> Config | None:
    """Configuration of one life of fabric `name`: beside its journals, else the living roster's; None when unknown."""
    try:
        blob = (state_folder(name) / "journal" / str(epoch) / CONFIGURATION).read_bytes()
    except FileNotFoundError:
        try:
            roster = read_roster(name)
        except (NoSuchFabric, NotReady):
            return None
        if roster.epoch != epoch:
            return None
        blob = roster.blob
    try:
        return decode(blob)
    except msgspec.MsgspecError:  # another version's: numbers are shown in place of names
        return None


def rows_of(config: Config, epoch: int) -> dict[str, list[tuple]]:
    """Rows of `epochs`, `strategies` and `instruments` for one epoch."""
    return {
        "epochs": [(epoch, config.profile)],
        "strategies": [(epoch, row, name) for row, name in enumerate(desk_names(config))],
        "instruments": [
            (epoch, row, held.symbol, held.currency, held.price_tick_micro, held.multiplier)
            for row, held in enumerate(config.instruments)
        ],
    }
