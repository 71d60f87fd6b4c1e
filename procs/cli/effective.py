"""Effective: the configuration that a fabric was created with, from its roster."""

from msgspec import MsgspecError

from config.load import Config, decode
from shm.errors import Fatal
from shm.roster import Roster


class OtherVersion(Fatal):
    """A fabric that another version of Quintet created."""


def effective_config(roster: Roster) -> Config:
    """What is in force in that fabric. Raises OtherVersion."""
    try:
        return decode(roster.blob)
    except MsgspecError as error:
        raise OtherVersion(
            where=f"fabric {roster.name}",
            expected="the configuration of this version of Quintet",
            found=str(error),
            do="use the version that started it, or take it down and start it anew",
        ) from None
