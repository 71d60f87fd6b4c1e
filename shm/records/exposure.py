"""Exposure: what risk_gate counts against the limits of one scope, as it stood a moment ago. For eyes only.

Writer: risk_gate, a row in an idle step, in turns. Readers: cold roles (latest `exposure`, rows as of `limits`). Three
cache lines. Money is in micro-units of the firm's currency.

off  size  type   field               meaning
---  ----  -----  ------------------  ----------------------------------------
  0     8  i8     open_orders         open orders, in flight included
  8     8  i8     open_buy_micro      their value, buys
 16     8  i8     open_sell_micro     their value, sells
 24     8  i8     gross_micro         worst case, sizes added
 32     8  i8     net_long_micro      worst case if all buys trade and no sell
 40     8  i8     net_short_micro     worst case if all sells trade and no buy
 48     8  i8     position_lots       position (instruments)
 56     8  i8     open_buy_lots       lots open (instruments)
 64     8  i8     open_sell_lots      lots open (instruments)
 72     8  i8     orders_in_window    new orders and replaces in the rate window (strategies, firm)
 80     8  i8     messages_in_window  messages in the rate window (strategies, firm)
 88     8  i8     cancels_in_window   cancels and reduces in the rate window (strategies, firm)
 96     8  i8     burst_lots          lots entered in the burst window
104     8  i8     burst_micro         value entered in the burst window
112     8  i8     messages            messages of this life
120     8  i8     executions          executions of this life
128     8  i8     limits_version      version of the row of limits that decides
136     8  i8     limits_seen         version of the table's row that was taken last
144     8  i8     now_ns              logic time of this row
152     8  i8     rejects_in_window   orders refused by the venue in the window of venue rejects (strategies, firm)
160    32  i8x4   reserved            zero
"""

import numpy as np

EXPOSURE = np.dtype(
    [
        ("open_orders", "<i8"),
        ("open_buy_micro", "<i8"),
        ("open_sell_micro", "<i8"),
        ("gross_micro", "<i8"),
        ("net_long_micro", "<i8"),
        ("net_short_micro", "<i8"),
        ("position_lots", "<i8"),
        ("open_buy_lots", "<i8"),
        ("open_sell_lots", "<i8"),
        ("orders_in_window", "<i8"),
        ("messages_in_window", "<i8"),
        ("cancels_in_window", "<i8"),
        ("burst_lots", "<i8"),
        ("burst_micro", "<i8"),
        ("messages", "<i8"),
        ("executions", "<i8"),
        ("limits_version", "<i8"),
        ("limits_seen", "<i8"),
        ("now_ns", "<i8"),
        ("rejects_in_window", "<i8"),
        ("reserved", "<i8", (4,)),
    ]
)

assert EXPOSURE.itemsize == 192
assert EXPOSURE.fields["reserved"][1] == 160
