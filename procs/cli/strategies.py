"""Strategies as the command line sees them: their files loaded and their parameters checked before anything starts."""

from msgspec import structs

from config.load import Config
from config.strategies import StrategyConfig
from procs.strategy.load import load_strategy
from procs.strategy.params import QUOTING, params_of


def check_strategies(config: Config) -> None:
    """Load each strategy's module and check its parameters for every instrument. Raises StrategyRefused."""
    for name, chosen in config.strategies.items():
        table = load_strategy(chosen.module).params
        for instrument in config.instruments:
            params_of(f"strategy.toml: {name}, {instrument.symbol}", table, chosen.params_of(instrument.symbol))


def with_module(chosen: StrategyConfig, module: str) -> StrategyConfig:
    """`chosen` with another module: parameters that it does not know are dropped, the others stay. StrategyRefused."""
    if module == chosen.module:
        return chosen
    known = {*QUOTING, *load_strategy(module).params}

    def kept(values: dict) -> dict:
        return {name: value for name, value in values.items() if name in known}

    overrides = {symbol: kept(values) for symbol, values in chosen.overrides.items()}
    return structs.replace(chosen, module=module, params=kept(chosen.params), overrides=overrides)
