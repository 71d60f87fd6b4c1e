"""Live params: the parameters in force for one strategy and instrument, once somebody changed one while it ran.

Writer: `quintet params`, one at a time under the roster's lock. Reader: strategy (latest `params`, a row for each
strategy and instrument up to the last configured one, then a row for each strategy whose version says that something
changed). A row that was never written means: as the configuration says. Eight cache lines.

off  size  type    field       meaning
---  ----  ------  ----------  ----------------------------------------
  0     8  i8      layout      fingerprint of names and types of the words: the writer and the strategy agree on them
  8     8  i8      changed_ns  UTC, when it was written
 16    16  i8x2    reserved    zero
 32   480  i8x60   words       the strategy's own parameters, then those of every strategy; a float by its bits
"""

import numpy as np

LIVE_PARAMS_MAX = 60  # of one strategy, those of every strategy included

LIVE_PARAMS = np.dtype(
    [
        ("layout", "<i8"),
        ("changed_ns", "<i8"),
        ("reserved", "<i8", (2,)),
        ("words", "<i8", (LIVE_PARAMS_MAX,)),
    ]
)

assert LIVE_PARAMS.itemsize == 512
assert LIVE_PARAMS.fields["words"][1] == 32
