"""Placement: which core each instance's hot thread takes, and how it idles there."""

from typing import NamedTuple

from config.errors import ConfigError


class Place(NamedTuple):
    """`core` is a core number; `shared` says that another instance is on it too; `idle` is a word of runtime/idle.

    A cold instance has no hot thread: its core is -1, and it idles by `backoff`.
    """

    core: int
    shared: bool
    idle: str


def place(config, host_file: str = "hosts") -> dict[str, Place]:
    """Core and idle word of every instance, given the cores of `config.cores` (sorted).

    Named cores come from the host file or the topology and must exist. The others get what is left, in the order of the
    topology; the first available core is left to housekeeping when there is one for each instance and one more. On
    fewer cores than instances neighbours share, so that a hop is a yield to the next in line and seldom waits for
    another core's turn; whoever shares a core yields. Raises ConfigError.
    """
    available = list(config.cores)
    wanted = {}
    hot = [instance for instance in config.topology.instances if not instance.cold]
    for instance in hot:
        core = config.host.cores.get(instance.name, instance.core)
        if core >= 0 and core not in available:
            raise ConfigError(host_file, f"cores.{instance.name}", f"one of the cores {available}", str(core))
        wanted[instance.name] = core
    for name in config.host.cores:
        if name not in wanted:
            raise ConfigError(host_file, f"cores.{name}", "an instance of topology.toml that is not cold", repr(name))
    free = [core for core in available if core not in wanted.values()]
    loose = [name for name, core in wanted.items() if core < 0]
    if len(free) > len(loose):
        free = free[1:]
    free = free or available
    cores_used = min(len(free), len(loose))
    for position, name in enumerate(loose):
        wanted[name] = free[position * cores_used // len(loose)]
    counts = {core: list(wanted.values()).count(core) for core in wanted.values()}
    places = {instance.name: Place(-1, True, "backoff") for instance in config.topology.instances if instance.cold}
    for instance in hot:
        core = wanted[instance.name]
        shared = counts[core] > 1 or len(available) == 1
        if shared and config.host.core_sharing == "refuse":
            raise ConfigError(host_file, f"cores.{instance.name}", "a core of its own", f"core {core}, shared")
        word = instance.idle or config.host.idle
        if word == "auto":
            word = "yield" if shared else "spin"
        places[instance.name] = Place(core, shared, "yield" if shared and word == "spin" else word)
    return places
