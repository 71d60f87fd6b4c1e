"""Day file: the bytes of a Nasdaq ITCH 5.0 day, plain or gzip, as a stream; and its directory. Cold, no numba.

```
[size, 2 bytes, highest first][message of that size] ... again and again; a size of zero may end the session
```

Nasdaq publishes whole days so (BinaryFILE). They have ten gigabytes, so nothing here holds more than a piece. Whatever
is cut or garbled is refused with the byte at which it is.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from procs.wire.itch.sizes import ITCH_HEAD_BYTES, ITCH_SIZES
from shm.errors import Fatal

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 31  # zlib's word for a gzip member with its check
READ_BYTES = 1 << 18
HEAD_BYTES = 2  # of a frame
BOOK_KINDS = b"AFECXDUPQ"  # what moves a book, or trades: the day begins with the first of them
DO = "fetch the file again"


class DayRefused(Fatal):
    """The file is no ITCH 5.0 day, or it is cut or garbled."""


class Directory(NamedTuple):
    """What a day says before its first order: the stock locate of each symbol, and the time of that order."""

    locates: dict[str, int]
    first_ns: int  # nanoseconds since midnight; 0 when there is no order


class DayStream:
    """The bytes of one file from the beginning, decompressed. `where` names file and byte for an error."""

    def __init__(self, path: str | Path):
        """Raises DayRefused when there is no such file."""
        self.path = Path(path)
        try:
            self._file = open(self.path, "rb")
        except OSError as error:
            expected = "a readable ITCH 5.0 day file"
            raise DayRefused(where=str(path), expected=expected, found=error.strerror, do="check the path") from None
        self._inflate = None
        self._rest = b""  # read, not yet decompressed
        if self._file.read(2) == GZIP_MAGIC:
            self._inflate = zlib.decompressobj(GZIP_WINDOW)
        self._file.seek(0)

    def read(self, most: int) -> bytes:
        """The next bytes, at most `most`; none at the end. Raises DayRefused when the compression is damaged or cut."""
        if self._inflate is None:
            return self._file.read(most)
        while True:
            if self._inflate.eof:  # another member may follow
                self._rest = self._inflate.unused_data or self._rest
                if not self._rest:
                    self._rest = self._file.read(READ_BYTES)
                if not self._rest:
                    return b""
                self._inflate = zlib.decompressobj(GZIP_WINDOW)
            raw = self._rest or self._file.read(READ_BYTES)
            try:
                plain = self._inflate.decompress(raw, most)
            except zlib.error as error:
                raise self._damaged("sound gzip", error) from None
            self._rest = b"" if self._inflate.eof else self._inflate.unconsumed_tail
            if plain:
                return plain
            if not raw and not self._inflate.eof:
                raise self._damaged("the end of its gzip member", "the end of the file")

    def _damaged(self, expected: str, found: object) -> DayRefused:
        where = f"{self.path} compressed byte {self._file.tell() - len(self._rest)}"
        return DayRefused(where=where, expected=expected, found=found, do=DO)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def cut(path: Path, offset: int, found: int) -> DayRefused:
    """The refusal of a file that ends in the middle of a frame, `found` bytes behind byte `offset`."""
    return DayRefused(where=f"{path} byte {offset}", expected="a whole message", found=f"{found} bytes", do=DO)


def garbled(path: Path, offset: int, frame: bytes) -> DayRefused:
    """The refusal of a file whose bytes at `offset` are no frame."""
    size, letter = int.from_bytes(frame[:HEAD_BYTES], "big"), frame[HEAD_BYTES : HEAD_BYTES + 1]
    known = int(ITCH_SIZES[letter[0]]) if letter else 0
    expected = f"a message {letter.decode('latin1')!r} of {known} bytes" if known else "an ITCH 5.0 message"
    if known == size:
        expected = f"a message {letter.decode('latin1')!r} with numbers below 2^62"
    found = f"size {size}, type {letter.decode('latin1')!r}"
    return DayRefused(where=f"{path} byte {offset}", expected=expected, found=found, do=DO)


def frames(stream: DayStream) -> Iterator[bytes]:
    """Every message from the beginning, checked for type and size. Slow: for the head of a file."""
    held, offset = b"", 0
    while piece := stream.read(READ_BYTES):
        held += piece
        at = 0
        while len(held) - at > HEAD_BYTES:
            size = int.from_bytes(held[at : at + HEAD_BYTES], "big")
            if size == 0:
                return
            if ITCH_SIZES[held[at + HEAD_BYTES]] != size:
                raise garbled(stream.path, offset + at, held[at : at + HEAD_BYTES + 1])
            if len(held) - at < HEAD_BYTES + size:
                break
            yield held[at + HEAD_BYTES : at + HEAD_BYTES + size]
            at += HEAD_BYTES + size
        held, offset = held[at:], offset + at
    if held.strip(b"\0"):
        raise cut(stream.path, offset, len(held))


def is_day(path: str | Path) -> bool:
    """Whether this is for `read_directory` to judge: gzip, or a first frame whose size belongs to its type.

    A file that is not there is taken by its name.
    """
    path = Path(path)
    if not path.is_file():
        return path.suffix in (".itch", ".gz")
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES + 1)
    if head.startswith(GZIP_MAGIC):
        return True
    return len(head) > HEAD_BYTES and 0 < int.from_bytes(head[:HEAD_BYTES], "big") == ITCH_SIZES[head[HEAD_BYTES]]


def read_directory(path: str | Path) -> Directory:
    """What stands before the first order. Raises DayRefused. Cost: a microsecond a message, 20 ms for a market."""
    stream = DayStream(path)
    locates: dict[str, int] = {}
    symbols: dict[int, str] = {}
    first_ns = 0
    try:
        for message in frames(stream):
            if message[0] in BOOK_KINDS:
                first_ns = int.from_bytes(message[5:ITCH_HEAD_BYTES], "big")
                break
            if message[0] == ord("R"):
                locate = int.from_bytes(message[1:3], "big")
                symbol = message[11:19].decode("ascii", errors="replace").rstrip(" ")
                if locates.setdefault(symbol, locate) != locate or symbols.setdefault(locate, symbol) != symbol:
                    found = f"{symbol} with locate {locate} beside {locates[symbol]} and {symbols.get(locate)}"
                    expected = "one locate for each symbol"
                    raise DayRefused(where=f"{path} directory", expected=expected, found=found, do=DO)
    finally:
        stream.close()
    return Directory(locates, first_ns)
