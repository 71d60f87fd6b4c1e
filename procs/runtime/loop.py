"""The loop: a small module generated for the instances of one process, which imports their parts by name.

A compiled function that is passed as an argument misses the cache at each start; a module that imports it by name hits.
So every layout and backend is the same step with another import. The text is written once under the cache folder, named
by its own digest, and never rewritten: numba keys its cache by path and modification time.
"""

import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from shm.code_cache import generated_folder

HEAD = '''"""Generated: the loop of {names}, idling by `{idle}`."""

from procs.runtime.idle import idle_{idle} as idle
from procs.runtime.pace import begin_step, end_step
from shm.atomics import load_acquire
from shm.clock import now_ns
from shm.codes import EXIT_STOP
from shm.jit import hot
'''


RECORDED_HEAD = """from shm.atomics import record_at
from shm.jit import hot
from shm.recording import keep_sent, keep_stamps, keep_step, note_offer, recording_due, take_inputs
from shm.records.instance_end import INSTANCE_END
"""
RECORDED_ME = """        recorder = recorder_{row}[0]
        me = record_at(recorder["me_addr"], INSTANCE_END)
"""
RECORDED_STEP = """        if work != 0 or recording_due(recorder, begun_ns) != 0:
            logic_ns = now_ns(me["clock_addr"])
            take_inputs(recorder, logic_ns, begun_ns, work)
            work += step_{row}(state_{row}, logic_ns)
            keep_stamps(recorder)
"""
RECORDED_OUT = """            note_offer(recorder)
            sent = poll_out_{row}(state_{row})
            keep_sent(recorder, sent)
            work += sent
"""
RECORDED_END = """            keep_step(recorder, work)
"""


def write_module(text: str) -> Path:
    """Store generated source under the cache folder once; the same text always gives the same path."""
    folder = generated_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"quintet_{hashlib.sha256(text.encode()).hexdigest()[:16]}.py"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    return path


def import_module(path: Path) -> ModuleType:
    """Import a generated file under its own name."""
    if path.stem in sys.modules:
        return sys.modules[path.stem]
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # generated modules import each other by name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _import_line(target: str, alias: str) -> str:
    module, function = target.split(":")
    return f"from {module} import {function} as {alias}\n"


def loop_text(parts: list[tuple[str, str, str, str]], idle: str, recorded: tuple[int, ...] = ()) -> str:
    """Source of the loop for `parts`: (instance, step, poll_in, poll_out) each, targets as `module:function`.

    The rows in `recorded` are recorded: behind all states the loop takes the RECORDER[1] of each of them.
    """
    text = HEAD.format(names=", ".join(part[0] for part in parts), idle=idle)
    text = text.replace("from shm.jit import hot\n", RECORDED_HEAD) if recorded else text
    for row, (_, step, poll_in, poll_out) in enumerate(parts):
        text += _import_line(step, f"step_{row}")
        text += _import_line(poll_in, f"poll_in_{row}") if poll_in else ""
        text += _import_line(poll_out, f"poll_out_{row}") if poll_out else ""
    states = ", ".join([f"state_{row}" for row in range(len(parts))] + [f"recorder_{row}" for row in recorded])
    text += f'''

@hot
def loop(stop_addr, budget_ns, {states}):
    """Step until the stop word is set or an instance asks to leave; returns EXIT_*."""
    idle_steps = 0
    while load_acquire(stop_addr) == 0:
        total = 0
'''
    for row, (_, _, poll_in, poll_out) in enumerate(parts):
        state = f"state_{row}"
        text += f"        me = {state}.me[0]\n"
        text += RECORDED_ME.format(row=row) if row in recorded else ""
        text += "        begun_ns = begin_step(me)\n"
        text += f"        work = poll_in_{row}({state})\n" if poll_in else "        work = 0\n"
        if row in recorded:
            text += RECORDED_STEP.format(row=row) + (RECORDED_OUT.format(row=row) if poll_out else "") + RECORDED_END
        else:
            text += f'        work += step_{row}({state}, now_ns(me["clock_addr"]))\n'
            text += f"        work += poll_out_{row}({state})\n" if poll_out else ""
        text += "        end_step(me, begun_ns, work, budget_ns)\n"
        text += f"        if {state}.exit_request[0] != 0:\n            return {state}.exit_request[0]\n"
        text += "        total += work\n"
    text += """        if total == 0:
            idle_steps += 1
            idle(idle_steps)
        else:
            idle_steps = 0
    return EXIT_STOP
"""
    return text


def step_target(role, config, instance: str) -> str:
    """`module:function` of an instance's step; for a role with `generate` its module is written first."""
    if role.generate is None:
        return role.step
    path = write_module(role.generate(config, instance))
    import_module(path)
    return f"{path.stem}:step"


def recorded_rows(roles: list, config) -> tuple[int, ...]:
    """Which of one process's instances are recorded in this run."""
    return tuple(row for row, role in enumerate(roles) if config.run.record and role.recorded)


def loop_path(roles: list, config, instances: list[str], idle: str) -> Path:
    """The generated module of one process's instances, written if it was not there."""
    parts = [
        (instance, step_target(role, config, instance), role.poll_in, role.poll_out)
        for role, instance in zip(roles, instances, strict=True)
    ]
    return write_module(loop_text(parts, idle, recorded_rows(roles, config)))


def load_loop(roles: list, config, instances: list[str], idle: str):
    """The compiled loop function (not yet specialised) of one process's instances."""
    return import_module(loop_path(roles, config, instances, idle)).loop
