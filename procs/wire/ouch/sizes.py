"""Fixed part of every OUCH 5.0 message, type letter included, appendage and its length excluded.

client to venue
size  type  message
----  ----  -----------------------------------------------------
  45  O     enter order
  38  U     replace order
   9  X     cancel order
  10  M     modify order
  17  C     mass cancel
   9  D     disable order entry
   9  E     enable order entry
   1  Q     account query

venue to client
size  type  message
----  ----  -----------------------------------------------------
  10  S     system event
  62  A     order accepted
  66  U     order replaced
  18  C     order canceled
  32  D     AIQ canceled (31 before it named the strategy)
  34  E     order executed
  36  B     broken trade
  49  F     trade correction
  29  J     rejected
  13  P     cancel pending
  13  I     cancel reject
  30  T     order priority update
  18  M     order modified
  14  R     order restated
  25  X     mass cancel response
  17  G     disable order entry response
  17  K     enable order entry response
  13  Q     account query response
"""

import numpy as np

FIXED_OF_INBOUND = {"O": 45, "U": 38, "X": 9, "M": 10, "C": 17, "D": 9, "E": 9, "Q": 1}
FIXED_OF_OUTBOUND = {
    "S": 10, "A": 62, "U": 66, "C": 18, "D": 32, "E": 34, "B": 36, "F": 49, "J": 29, "P": 13, "I": 13, "T": 30,
    "M": 18, "R": 14, "X": 25, "G": 17, "K": 17, "Q": 13,
}  # fmt: skip

OUCH_INBOUND_FIXED = np.zeros(256, np.int64)  # by letter; 0: outside the specification
for _letter, _fixed in FIXED_OF_INBOUND.items():
    OUCH_INBOUND_FIXED[ord(_letter)] = _fixed

OUCH_OUTBOUND_FIXED = np.zeros(256, np.int64)
for _letter, _fixed in FIXED_OF_OUTBOUND.items():
    OUCH_OUTBOUND_FIXED[ord(_letter)] = _fixed

OUCH_BYTES_MAX = 68  # the longest message encoded here without TagValues: order replaced
