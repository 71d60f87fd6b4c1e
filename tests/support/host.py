"""Host: under `-n` the machines of tests give their cores away when idle, whatever the shipped word for shared cores.

`yield` keeps each core that hot threads share busy all day: right for machines that have the host to themselves. Beside
another worker's compiler, or a machine in another scheduler group, it takes that one's turns and gives nothing for them.
`backoff` sleeps 50 us after 200 empty steps; with the kernel free to let that be 0.4 ms, six idle roles take a fifth of a
core instead of two. The loops are otherwise the same. The shipped word is kept where its loops are compiled for the one
purpose anyway: by the machines that are recorded.
"""

import ctypes
import os
from pathlib import Path

from msgspec import structs

from config.load import PACKAGE, Config

VARIABLE = "QUINTET_TESTS_SHARE_CORES"
SHIPPED, OURS = 'idle = "auto"', 'idle = "backoff"'
PR_SET_TIMERSLACK, SLACK_NS = 29, 400_000


def share_cores() -> None:
    """From now on, in this process and whatever it starts."""
    os.environ[VARIABLE] = "1"


def is_shared() -> bool:
    """Whether others work beside the machines of this run."""
    return VARIABLE in os.environ


def sleep_longer() -> None:
    """Let the kernel gather the timers of this thread and of all that it starts."""
    if is_shared():
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0)


def host_folder(folder: Path) -> str:
    """A folder for QUINTET_CONFIG, made in `folder`, with the file of the dev host only; "" on a host of our own."""
    if not is_shared():
        return ""
    text = (PACKAGE / "hosts" / "dev.toml").read_text()
    assert text.count(SHIPPED) == 1
    (folder / "config" / "hosts").mkdir(parents=True, exist_ok=True)
    (folder / "config" / "hosts" / "dev.toml").write_text(text.replace(SHIPPED, OURS))
    return str(folder / "config")


def on_our_host(config: Config) -> Config:
    """The same for a configuration that was loaded without that folder."""
    return structs.replace(config, host=structs.replace(config.host, idle="backoff")) if is_shared() else config
