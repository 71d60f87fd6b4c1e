"""Write the module that joins one strategy's `quote` to the strategy step.

A compiled function that is passed as an argument misses the disk cache at every start; a module that imports it by name
hits. The sources' digest is part of the text, so an edited strategy is another module and is compiled anew.
"""

from procs.strategy.load import load_strategy

TEXT = '''"""Generated: the strategy step of {name}, sources {sources}."""

from procs.strategy.act import act
from procs.strategy.load import load_strategy
from procs.strategy.look import look
from procs.strategy.step import gather, settle
from shm.atomics import record_at
from shm.jit import hot, hot_user

STRATEGY = load_strategy({module!r})
PARAMS = STRATEGY.params_dtype
STATE = STRATEGY.state_dtype
PARAMS_BYTES = PARAMS.itemsize
STATE_BYTES = STATE.itemsize
quote = hot_user(STRATEGY.quote)


@hot
def step(state, now_ns):
    """One duty cycle: rejects, reports, ticks; then one decision for each instrument whose inputs changed."""
    work = gather(state, now_ns)
    desk = state.desk[0]
    for k in range(desk["ready_count"]):
        row = state.dirty[k]
        if look(state, row, now_ns):
            params = record_at(desk["params_addr"] + row * PARAMS_BYTES, PARAMS)
            private = record_at(desk["model_addr"] + row * STATE_BYTES, STATE)
            quote(state.views[row], params, private, state.outs[row])
        act(state, row, now_ns)
    settle(state)
    return work
'''


def generate_strategy_module(module: str) -> str:
    """Source of a module that defines `step` for strategy `module`, a name in procs/strategy or a path."""
    strategy = load_strategy(module)
    named = str(strategy.path) if module.endswith(".py") else module
    return TEXT.format(name=strategy.name, sources=strategy.sources, module=named)


def generate(config, instance: str) -> str:
    """The step module of strategy instance `instance`, for `Role.generate`."""
    return generate_strategy_module(config.strategies[instance].module)
