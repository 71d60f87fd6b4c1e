"""Looking at memory by address from tests, with the JIT on or off."""

import ctypes

import numpy as np


def read_word(address: int) -> int:
    """The int64 at `address`."""
    return ctypes.c_int64.from_address(int(address)).value


def peek_record(address: int, dtype: np.dtype) -> np.void:
    """A live view of the record at `address`."""
    return np.frombuffer((ctypes.c_char * dtype.itemsize).from_address(int(address)), dtype)[0]
