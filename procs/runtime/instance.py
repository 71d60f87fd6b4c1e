"""Instance: run one process of a fabric by its name, looking its roles up in the fabric's own configuration.

`python -m procs.runtime.instance --fabric NAME --instance NAME` is what `quintet@NAME.service` starts. NAME is an
instance, or the `process` word of instances that are fused into one process.
"""

import argparse
import importlib
import sys

from config.load import Config, decode
from config.topology import Instance
from shm.errors import Fatal, QuintetError
from shm.roster import read_roster


class NoSuchProcess(Fatal):
    """A name that is no process of the fabric's topology."""


def instances_of(config: Config, name: str) -> tuple[Instance, ...]:
    """The instances that run in process `name`. Raises NoSuchProcess."""
    processes = config.topology.processes()
    if name in processes:
        return processes[name]
    for process, instances in processes.items():
        if name in (instance.name for instance in instances):
            raise NoSuchProcess(
                where=f"fabric {config.name}",
                expected=f"{name} in a process of its own",
                found=f"it is fused into process {process}",
                do=f"start {process} instead: systemctl enable quintet@{process}.service",
            )
    raise NoSuchProcess(
        where=f"fabric {config.name}",
        expected=f"one of its processes: {', '.join(processes)}",
        found=repr(name),
        do="name one of these, or add the instance to topology.toml and create the fabric again",
    )


def main(argv: list[str] | None = None) -> int:
    """Look the roles up, then run them as one agent."""
    parser = argparse.ArgumentParser(description="Run one process of a fabric (started by systemd).")
    parser.add_argument("--package", default="procs", help="package that holds the role packages")
    parser.add_argument("--fabric", required=True, help="name of the fabric")
    parser.add_argument("--instance", required=True, help="instance, or process word of fused ones")
    arguments = parser.parse_args(argv)
    try:
        instances = instances_of(decode(read_roster(arguments.fabric).blob), arguments.instance)
    except QuintetError as error:
        print(f"{arguments.instance}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    if instances[0].cold:
        from procs.runtime.cold import main as cold_main

        role = importlib.import_module(f"{arguments.package}.{instances[0].role}.__main__").ROLE
        return cold_main(role, ["--fabric", arguments.fabric, "--instance", instances[0].name])
    from procs.runtime.agent import main as agent_main  # numba: only once it is known that there is something to run
    from procs.runtime.prepare import load_role

    words = ["--fabric", arguments.fabric]
    for instance in instances:
        words += ["--instance", instance.name]
    return agent_main(*(load_role(arguments.package, instance.role) for instance in instances), argv=words)


if __name__ == "__main__":
    sys.exit(main())
