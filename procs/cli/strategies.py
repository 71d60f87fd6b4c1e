"""Strategies as the command line sees them: their files loaded and their parameters checked before anything starts."""

from msgspec import structs

from config.load import Config
from config.strategies import StrategyConfig
from procs.strategy.load import load_strategy
from procs.strategy.params import QUOTING, Param, checked_value, layout_of, params_of


def check_strategies(config: Config) -> None:
    """Load each strategy's module and check its parameters for every instrument. Raises StrategyRefused."""
    for name in config.strategies:
        for symbol in (instrument.symbol for instrument in config.instruments):
            params_in_force(config, name, symbol)


def params_in_force(config: Config, name: str, symbol: str) -> dict[str, int | float]:
    """Every parameter of strategy instance `name` for `symbol` as configured, in the order of the words of the table
    `params`: the strategy's own, then those of every strategy. Raises StrategyRefused."""
    chosen = config.strategies[name]
    strategy = load_strategy(chosen.module)
    where = f"strategy.toml: {name}, {symbol}"
    own, quoting = params_of(where, strategy.params, chosen.params_of(symbol), strategy.quoting)
    return {**own, **quoting}


def param_table(config: Config, name: str) -> tuple[dict[str, Param], int]:
    """(declarations of every parameter of strategy instance `name` in the order of the words, layout fingerprint)."""
    strategy = load_strategy(config.strategies[name].module)
    return {**strategy.params, **strategy.quoting}, layout_of(strategy.params)


def param_value(where: str, name: str, param: Param, text: str) -> int | float:
    """The value that `text` means for a parameter. Raises StrategyRefused for another type or out of bounds."""
    for read in (int, float):
        try:
            return checked_value(where, name, param, read(text), "give another value")
        except ValueError:
            continue
    return checked_value(where, name, param, text, "give another value")


def with_module(chosen: StrategyConfig, module: str) -> StrategyConfig:
    """`chosen` with another module: parameters that it does not know are dropped, the others stay. StrategyRefused."""
    if module == chosen.module:
        return chosen
    known = {*QUOTING, *load_strategy(module).params}

    def kept(values: dict) -> dict:
        return {name: value for name, value in values.items() if name in known}

    overrides = {symbol: kept(values) for symbol, values in chosen.overrides.items()}
    return structs.replace(chosen, module=module, params=kept(chosen.params), overrides=overrides)
