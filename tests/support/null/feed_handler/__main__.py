"""The null feed_handler."""

import sys

from procs.runtime.agent import main
from tests.support.null.relay import null_role

ROLE = null_role("feed_handler")

if __name__ == "__main__":
    sys.exit(main(ROLE))
