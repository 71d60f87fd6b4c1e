"""InstanceEnd: a hot thread's private view of its own instance object and of the clock.

Lives in private memory; every role's state has it as `me`, an array of one. Writer and reader: that role. One line.

off  size  type   field            meaning
---  ----  -----  ---------------  ----------------------------------------
  0     8  i8     page_addr        address of the INSTANCE page
  8     8  i8     counters_addr    address of counter 0
 16     8  i8     errors_addr      address of error row 0
 24     8  i8     histograms_addr  address of histogram 0
 32     8  i8     clock_addr       address of the CLOCK_PAGE
 40    24  i8x3   reserved         zero
"""

import numpy as np

INSTANCE_END = np.dtype(
    [
        ("page_addr", "<i8"),
        ("counters_addr", "<i8"),
        ("errors_addr", "<i8"),
        ("histograms_addr", "<i8"),
        ("clock_addr", "<i8"),
        ("reserved", "<i8", (3,)),
    ]
)

assert INSTANCE_END.itemsize == 64
assert INSTANCE_END.fields["reserved"][1] == 40
