"""Names: what the numbers of an epoch's records are called, from the configuration that the epoch was created with."""

import msgspec

from config.load import Config, decode
from procs.runtime.desks import desk_names
from procs.runtime.paths import state_folder
from procs.runtime.settled import CONFIGURATION
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


class Symbols:
    """Symbols of one epoch's instruments, as the record has them; "" for one that it does not name."""

    def __init__(self, store, epoch: int):
        self._store, self._epoch, self._known = store, epoch, {}

    def get(self, instrument_id: int) -> str:
        """The symbol of an instrument_id."""
        if instrument_id >= 0 and instrument_id not in self._known:
            query = "SELECT symbol FROM instruments WHERE epoch = ? AND instrument_id = ?"
            found = self._store.connection.execute(query, (self._epoch, instrument_id)).fetchone()
            if found is not None:
                self._known[instrument_id] = found[0]
        return self._known.get(instrument_id, "")
