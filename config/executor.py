"""Executor: the strategy instance that trades for the firm, made from the rest of a configuration.

`executor = true` in topology.toml adds it: a process of its own that mostly sleeps (`backoff`), with the five rings of
a strategy. `strategy.toml` and `limits.toml` may say more of it under its name; what they leave out is made here: every
instrument, and limits as wide as all other desks together, because it works off what they hold.
"""

from msgspec import structs

from config.limits import StrategyLimits
from config.strategies import StrategyConfig
from config.topology import Instance, Ring

EXECUTOR = "strategy.executor"
MODULE = "executor"
LIMITS_ADDED = ("long_lots_max", "short_lots_max", "gross_micro_max", "net_micro_max", "open_micro_max")
LIMITS_LEFT_OUT = (
    *("same_window_ms", "same_orders_max", "executions_max", "fill_window_ms", "fill_lots_max", "fill_delta_micro_max"),
    *("fill_vega_micro_max", "fill_reset_ms", "loss_micro_max", "drawdown_micro_max"),
)
RING_CAPACITIES = {"ticks": 4096, "intents": 256, "rejects": 256, "reports": 1024}
HEADROOM = 64


def with_executor(config):
    """`config` with an executor; unchanged where it has one."""
    topology = config.topology
    if any(config.strategies[held.name].executes_for_firm for held in topology.of_role("strategy")):
        return config
    strategies, limits = dict(config.strategies), dict(config.limits.strategies)
    strategies.setdefault(EXECUTOR, _strategy(config))
    limits.setdefault(EXECUTOR, _limits(config))
    return structs.replace(
        config,
        topology=structs.replace(topology, instances=_instances(topology), rings=(*topology.rings, *_rings(topology))),
        strategies=strategies,
        limits=structs.replace(config.limits, strategies=limits),
    )


def _instances(topology) -> tuple[Instance, ...]:
    """The executor stands behind the other strategies: their numbers stay as they are."""
    last = max(row for row, held in enumerate(topology.instances) if held.role == "strategy")
    executor = Instance(name=EXECUTOR, role="strategy", idle="backoff")
    return (*topology.instances[: last + 1], executor, *topology.instances[last + 1 :])


def _rings(topology) -> list[Ring]:
    gate = topology.of_role("risk_gate")[0].name
    ends = [("ticks", held.name, EXECUTOR) for held in topology.of_role("feed_handler")]
    ends += [("intents", EXECUTOR, gate), ("rejects", gate, EXECUTOR)]
    ends += [("reports", held.name, EXECUTOR) for held in topology.of_role("order_sender")]
    return [
        Ring(
            name=".".join(words),
            capacity=RING_CAPACITIES[words[0]],
            headroom=HEADROOM if words[0] == "intents" else 0,
            resume="newest" if words[0] == "ticks" else "continue",
        )
        for words in ends
    ]


def _strategy(config) -> StrategyConfig:
    universe = tuple(held.symbol for held in config.instruments if held.configured)
    return StrategyConfig(module=MODULE, universe=universe, executes_for_firm=True)


def _limits(config) -> StrategyLimits:
    """Those of the first strategy; money and lots are the sum of all, and its own fills and P&L stop nothing.

    It holds the opposite of what others do, long for their short. The firm's limits bind it as everybody.
    """
    held = [config.limits.strategies[instance.name] for instance in config.topology.of_role("strategy")]
    summed = {name: _sum(getattr(one, name) for one in held) for name in LIMITS_ADDED}
    summed["long_lots_max"] = summed["short_lots_max"] = max(summed["long_lots_max"], summed["short_lots_max"])
    return structs.replace(held[0], **summed, **dict.fromkeys(LIMITS_LEFT_OUT, "none"))


def _sum(values) -> int | str:
    values = list(values)
    return "none" if "none" in values else sum(values)
