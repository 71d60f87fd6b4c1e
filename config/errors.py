"""What is wrong with a configuration, said so that the reader can mend it without opening the source."""


class ConfigError(Exception):
    """One mistake: `file`, `key` (dotted path), what was `expected`, what was `found`."""

    def __init__(self, file, key: str, expected: str, found: str):
        self.file, self.key, self.expected, self.found = str(file), key, expected, found
        super().__init__(f"{self.file}: {key}: expected {expected}, found {found}")
