"""Record to: what `--record DIR` of `demo` and `up` means for a configuration."""

from pathlib import Path

from msgspec import structs

from config.errors import ConfigError
from config.load import Config


def record_folder(text: str) -> Path:
    """The folder, absolute because roles need not share ours. Raises ConfigError when recordings are in it already."""
    folder = Path(text).expanduser().resolve()
    if folder.is_dir() and any(folder.glob("*/*.recording")):
        raise ConfigError("(command line)", "--record", "a folder without a recording", str(folder))
    return folder


def with_record(config: Config, text: str | None) -> Config:
    """`config` with every hot role recorded into that folder; as it is without one."""
    if not text:
        return config
    return structs.replace(config, run=structs.replace(config.run, record=str(record_folder(text))))
