"""Size of every ITCH 5.0 message, type letter included, so that messages nobody decodes are skipped by size.

size  type  message
----  ----  -----------------------------------------------------
  12  S     system event
  39  R     stock directory
  25  H     stock trading action
  20  Y     Reg SHO restriction
  26  L     market participant position
  35  V     market-wide circuit breaker levels
  12  W     market-wide circuit breaker status
  28  K     quoting period update
  35  J     limit-up limit-down auction collar
  21  h     operational halt
  36  A     add order
  40  F     add order with attribution
  31  E     order executed
  36  C     order executed with price
  23  X     order cancel (partial)
  19  D     order delete
  35  U     order replace
  44  P     trade outside the displayed book
  40  Q     cross trade
  19  B     broken trade
  50  I     net order imbalance indicator
  20  N     retail price improvement indicator
  48  O     direct listing with capital raise price discovery
"""

import numpy as np

SIZE_OF = {
    "S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21, "A": 36, "F": 40,
    "E": 31, "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19, "I": 50, "N": 20, "O": 48,
}  # fmt: skip

ITCH_SIZES = np.zeros(256, np.int64)  # by letter; 0: outside the specification
for _letter, _size in SIZE_OF.items():
    ITCH_SIZES[ord(_letter)] = _size

ITCH_HEAD_BYTES = 11  # type, locate, tracking, venue_ns: the same in every message
ITCH_BYTES_MAX = 50
