"""Fused: run several instances of different roles in one process, stepped in turn by one compiled loop.

`python -m procs.runtime.fused --fabric NAME --instance A --instance B`: which instances share a process is the word
`process` in topology.toml; the supervisor starts this module for them.
"""

import argparse
import sys

from config.load import decode
from procs.runtime.agent import main as agent_main
from procs.runtime.prepare import load_role
from shm.roster import read_roster


def main() -> int:
    """Look up the roles of the named instances, then run them as one agent."""
    parser = argparse.ArgumentParser(description="Run several instances in one process (started by the supervisor).")
    parser.add_argument("--package", default="procs")
    parser.add_argument("--fabric", required=True)
    parser.add_argument("--instance", required=True, action="append")
    arguments = parser.parse_args()
    topology = decode(read_roster(arguments.fabric).blob).topology
    roles = [load_role(arguments.package, topology.instance(name).role) for name in arguments.instance]
    words = ["--fabric", arguments.fabric]
    for name in arguments.instance:
        words += ["--instance", name]
    return agent_main(*roles, argv=words)


if __name__ == "__main__":
    sys.exit(main())
