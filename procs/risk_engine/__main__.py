"""Wire risk_engine: Greeks, exposures and value at risk of what is held, published; thresholds that act.

Everything heavy is imported when the role is opened: by then the process is nice and off the hot cores.
"""

import sys

from procs.runtime.cold import main
from procs.runtime.role import ColdRole

REST_SECONDS = 0.02


def open_(wiring):
    """The worker of one process."""
    from procs.risk_engine.worker import Worker

    return Worker(wiring)


ROLE = ColdRole(
    name="risk_engine",
    open_=open_,
    rest_seconds=REST_SECONDS,
    compiled="procs.risk_engine.warm_up:warm_up",
)

if __name__ == "__main__":
    sys.exit(main(ROLE))
