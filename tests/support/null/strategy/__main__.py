"""The null strategy."""

import sys

from procs.runtime.agent import main
from tests.support.null.relay import null_role

ROLE = null_role("strategy")

if __name__ == "__main__":
    sys.exit(main(ROLE))
