"""The null position_keeper."""

import sys

from procs.runtime.agent import main
from tests.support.null.relay import null_role

ROLE = null_role("position_keeper")

if __name__ == "__main__":
    sys.exit(main(ROLE))
