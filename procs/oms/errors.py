"""Typed exceptions of the record."""

from shm.errors import Fatal, QuintetError, Transient


class OtherRecord(Fatal):
    """The file is no record of this version."""


class RecordHeld(Transient):
    """Another living process writes the record; one writer at a time."""


class NoRecord(QuintetError):
    """No record was ever written for that fabric."""


class NoSuchOrder(QuintetError):
    """The record has no order by that identifier."""
