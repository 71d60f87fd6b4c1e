"""Host: what one machine grants Quintet, and what it refuses to run without."""

from typing import Literal

from msgspec import Struct


class Host(Struct, forbid_unknown_fields=True, frozen=True):
    """The file `hosts/<profile>.toml`.

    `memory_lock` and `realtime`: "try" goes on with a warning, "require" refuses to start. `cores` pins an instance to
    a core by name; instances that it does not name share what is left. `instruments_max` bounds the rows that tables
    keep for symbols which a directory named but nobody configured; those that a fabric needs have rows in any case.
    """

    cores: dict[str, int]
    idle: Literal["auto", "spin", "yield", "backoff"]
    memory_lock: Literal["off", "try", "require"]
    realtime: Literal["off", "try", "require"]
    realtime_priority: int
    core_sharing: Literal["allow", "refuse"]
    arming: Literal["automatic", "manual"]
    shared_memory_bytes_max: int
    book_orders_max: int
    instruments_max: int
    book_levels_max: int
    step_budget_us: int
