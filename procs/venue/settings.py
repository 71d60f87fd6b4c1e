"""Settings of the simulated venue that only tests and experiments need: faults, and what it does with members.

They come as one JSON object in the environment variable QUINTET_VENUE, because they describe the world outside and not
the system under test. Faults and flow can be changed while the venue runs: the same object in the file `CHANGED` of the
runtime folder takes the place of what was said before (knobs.py). An unknown key or a wrong type is refused.
"""

import os
from typing import Literal

import msgspec
from msgspec import Struct

from config.errors import ConfigError

VARIABLE = "QUINTET_VENUE"
CHANGED = "venue-settings.json"


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """Faults in parts per million of datagrams, one number per line (A, B); everything is off by default."""

    fault_seed: int = 1
    loss_ppm: tuple[int, int] = (0, 0)
    duplicate_ppm: tuple[int, int] = (0, 0)
    reorder_ppm: tuple[int, int] = (0, 0)
    lines_off: tuple[bool, bool] = (False, False)
    flow_off: bool = False  # nobody but members trades
    pause_at: int = 0  # a day that is played stops behind its message of that number; 0: never
    cancel_on_disconnect: bool = False
    refuse_orders: bool = False  # every new order is refused, and a replace cancels what it would have replaced
    order_entry_port: int = 0  # listen there instead: something else stands at the configured port, and connects here
    copy_fault: Literal["", "drop", "price", "quantity", "duplicate", "delay"] = ""  # of executions in the drop copy
    copy_faults: int = 0  # so many executions in all, since the start, are copied with a fault
    copy_delay_ms: int = 2000
    copy_silent: bool = False  # the drop copy says nothing, not even a heartbeat
    input_log: bool = False  # write every input to `venue-input.log` in the runtime folder


def load_settings(text: str | None = None) -> Settings:
    """Settings from `text`, by default from the environment. Raises ConfigError."""
    text = os.environ.get(VARIABLE, "") if text is None else text
    if not text:
        return Settings()
    try:
        return msgspec.json.decode(text, type=Settings)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ConfigError("(environment)", VARIABLE, "a JSON object of the documented settings", str(error)) from None
