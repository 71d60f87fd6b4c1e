"""The null risk_gate."""

import sys

from procs.runtime.agent import main
from tests.support.null.relay import null_role

ROLE = null_role("risk_gate")

if __name__ == "__main__":
    sys.exit(main(ROLE))
