"""Spoiling in place, for sessions: lies about lengths and splices besides what `spoil` does to one message."""

from shm.jit import hot
from tests.support.spoil import draw


@hot
def spoil_at(random, buf, size, size_max):
    """Change `buf[:size]` one to three times. Returns its new size, 1 to `size_max`."""
    for _ in range(1 + draw(random, 3)):
        what = draw(random, 6)
        at = draw(random, size)
        if what == 0:
            buf[at] = int(buf[at]) ^ (1 << draw(random, 8))
        elif what == 1:
            buf[at] = draw(random, 256)
        elif what == 2:
            size = max(1, at)
        elif what == 3 and size < size_max:
            buf[size] = draw(random, 256)
            size += 1
        elif what == 4 and at + 2 <= size:  # a length that lies
            buf[at] = draw(random, 2) * 255
            buf[at + 1] = draw(random, 256)
        elif what == 5:  # a piece of the message in another place
            source = draw(random, size)
            for i in range(min(8, size - max(at, source))):
                buf[at + i] = buf[source + i]
    return size
