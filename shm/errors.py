"""Typed exceptions of cold code. Hot code returns codes instead (shm/codes.py).

Severity is part of the type and says what the process should do, so that systemd and the supervisor need no table:
a `Fatal` exits with EXIT_FATAL, a start again cannot help and a person must look; a `Transient` exits with
EXIT_TRANSIENT, the same start may succeed a moment later. Every message says where, what was expected, what was found,
and what to do. Imports nothing but the standard library.
"""

EXIT_FATAL = 78  # EX_CONFIG of sysexits.h; `RestartPreventExitStatus=78` in the unit files
EXIT_TRANSIENT = 75  # EX_TEMPFAIL


class QuintetError(Exception):
    """Base of every exception that Quintet raises on purpose."""

    exit_code = EXIT_FATAL

    def __init__(self, *, where: str, expected: object, found: object, do: str):
        self.where, self.expected, self.found, self.do = where, expected, found, do
        super().__init__(f"{where}: expected {expected}, found {found}; {do}")

    def __reduce__(self):
        words = {"where": self.where, "expected": self.expected, "found": self.found, "do": self.do}
        return _again, (type(self), words)


def _again(kind, words):
    return kind(**words)


class Fatal(QuintetError):
    """Starting again cannot help: exit and wait for a person."""

    exit_code = EXIT_FATAL


class Transient(QuintetError):
    """The same start may succeed later: exit and let the supervisor try again."""

    exit_code = EXIT_TRANSIENT


# --- segments: what is in memory is not what this code was written for -----------------------------------------------


class SegmentRefused(Fatal):
    """A shared-memory object exists but must not be used. Base of the reasons below."""


class NotASegment(SegmentRefused):
    """The object does not start with SEGMENT_MAGIC."""


class HeaderVersionMismatch(SegmentRefused):
    """The header was written by another header layout."""


class KindMismatch(SegmentRefused):
    """The object is of another kind: a ring where a latest table was expected, and so on."""


class LayoutMismatch(SegmentRefused):
    """The record has another size or another fingerprint: writer and reader were built from different layouts."""


class CapacityMismatch(SegmentRefused):
    """The object has another capacity than the topology says, or one that is not a power of two where it must be."""


class SegmentTooSmall(SegmentRefused):
    """The object is shorter than its header says: truncated, or never allocated."""


class ForeignEpoch(SegmentRefused):
    """The object belongs to another life of the fabric."""


class ForeignOwner(SegmentRefused):
    """An instance wanted to write an object that the topology gives to another."""


class BadCapacity(Fatal):
    """A capacity that cannot work was asked for: not positive, or not a power of two."""


class BadName(Fatal):
    """A name that shared memory cannot carry: empty, too long, or with a character outside [a-z0-9_.-]."""


class SegmentExists(Fatal):
    """An object of that name is there already; creation never overwrites."""


class OutOfSharedMemory(Fatal):
    """The memory file system cannot hold the object."""


class PermissionRefused(Fatal):
    """The kernel refused to open the object: this user may not read, or may not write it."""


class WriterAlreadyAlive(Transient):
    """Another living process owns the object; one writer at a time."""


class NotReady(Transient):
    """The object exists, but its creator has not finished it within the deadline."""


class NoSuchSegment(Transient):
    """The object does not exist (yet)."""


# --- fabric ---------------------------------------------------------------------------------------------------------


class NoSuchFabric(Transient):
    """No roster of that name: nothing runs under it on this host."""


class FabricAlive(Fatal):
    """A living fabric of that name exists; two lives under one name are refused."""


class BlobTooLarge(Fatal):
    """The effective configuration does not fit in the roster."""


# --- durability ------------------------------------------------------------------------------------------------------


class JournalCorrupt(Fatal):
    """Something complete lies behind something broken, or memory and disk disagree. Files are kept, never cut."""


class JournalWriteFailed(Fatal):
    """A write or sync of the journal failed. Never tried again: the kernel may have dropped the data."""


class JournalGone(Fatal):
    """A reader asked for entries that are neither in memory nor on disk any more."""


class IdFileDamaged(Fatal):
    """The identifiers' high-water mark cannot be read; starting again from 1 could reuse one."""


class IdWriteFailed(Fatal):
    """A block of identifiers could not be reserved durably. Never tried again."""
