"""Typed configuration: structs with units in their names, read from TOML, refused with file, key, expected, found."""
