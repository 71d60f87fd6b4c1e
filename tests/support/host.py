"""Host: the machines of tests give their cores away when idle, whatever the shipped word for shared cores.

`yield` keeps each core that hot threads share busy all day: right for a machine that has the host to itself. Beside
another worker's machine or compiler, in another scheduler group, it takes that one's turn and gives nothing for it.
`backoff` sleeps 50 us after 200 empty steps. The loops are otherwise the same; the shipped word trades in
tests/flow/test_machine.py.
"""

from pathlib import Path

from msgspec import structs

from config.load import PACKAGE, Config

SHIPPED, OURS = 'idle = "auto"', 'idle = "backoff"'


def host_folder(folder: Path) -> str:
    """A folder for QUINTET_CONFIG, made in `folder`, that has the dev host's file only."""
    text = (PACKAGE / "hosts" / "dev.toml").read_text()
    assert text.count(SHIPPED) == 1
    (folder / "config" / "hosts").mkdir(parents=True, exist_ok=True)
    (folder / "config" / "hosts" / "dev.toml").write_text(text.replace(SHIPPED, OURS))
    return str(folder / "config")


def on_our_host(config: Config) -> Config:
    """The same for a configuration that was loaded without that folder."""
    return structs.replace(config, host=structs.replace(config.host, idle="backoff"))
