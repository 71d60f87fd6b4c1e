"""Memory by address: atomic words, fences, record views, copies, the cycle counter and CRC32C.

The only file that states memory ordering. Assumes x86-64 Linux (aligned 8-byte accesses are single instructions, total
store order); the compiler is held back by LLVM's atomic loads and stores, so the same source is correct wherever LLVM
implements them. An address is an int64; 0 is never valid. All index arithmetic is int64 (numba turns int64 with uint64
into float64).

Every intrinsic has a plain-Python twin that serves when the JIT is off; `tests/shm/test_atomics.py` keeps them equal.
"""

import ctypes
import time

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from shm.jit import intrinsic_or

I64 = ir.IntType(64)
I32 = ir.IntType(32)
MASK64 = (1 << 64) - 1


def _pointer(builder, address, bits=64):
    return builder.inttoptr(address, ir.IntType(bits).as_pointer())


def _signed(value):
    value &= MASK64
    return value - (1 << 64) if value >> 63 else value


# --- words ---------------------------------------------------------------------------------------------------------


def _load_twin(address):
    return ctypes.c_int64.from_address(int(address)).value


def _store_twin(address, value):
    ctypes.c_int64.from_address(int(address)).value = int(value)


@intrinsic_or(_load_twin)
def load_acquire(typing_context, address):
    """Return the int64 word at `address`; later reads and writes stay after it. Pairs with `store_release`."""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(_pointer(builder, args[0]), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic_or(_store_twin)
def store_release(typing_context, address, value):
    """Store the int64 `value` at `address`; earlier reads and writes stay before it. Pairs with `load_acquire`."""

    def codegen(context, builder, signature, args):
        builder.store_atomic(args[1], _pointer(builder, args[0]), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic_or(_load_twin)
def load_relaxed(typing_context, address):
    """Return the int64 word at `address`, one access, no ordering. Never hoisted out of a loop."""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(_pointer(builder, args[0]), "monotonic", 8)

    return types.int64(types.int64), codegen


@intrinsic_or(_store_twin)
def store_relaxed(typing_context, address, value):
    """Store the int64 `value` at `address`, one access, no ordering."""

    def codegen(context, builder, signature, args):
        builder.store_atomic(args[1], _pointer(builder, args[0]), "monotonic", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


def _nothing_twin():
    return None


@intrinsic_or(_nothing_twin)
def fence_acquire(typing_context):
    """Reads before it stay before the reads and writes after it (second look at a version word)."""

    def codegen(context, builder, signature, args):
        builder.fence("acquire")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic_or(_nothing_twin)
def fence_release(typing_context):
    """Reads and writes before it stay before the writes after it (version word, then the next copy)."""

    def codegen(context, builder, signature, args):
        builder.fence("release")
        return context.get_dummy_value()

    return types.void(), codegen


# --- views and copies ------------------------------------------------------------------------------------------------


def _record_twin(address, dtype):
    return np.frombuffer((ctypes.c_char * dtype.itemsize).from_address(int(address)), dtype)[0]


@intrinsic_or(_record_twin)
def record_at(typing_context, address, dtype):
    """View the memory at `address` as one record of `dtype` (a module-level dtype). No copy, no cost, no check."""
    record = dtype.dtype

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(record))

    return record(types.int64, dtype), codegen


def _copy_twin(target, source, size):
    ctypes.memmove(int(target), int(source), int(size))


@intrinsic_or(_copy_twin)
def copy_bytes(typing_context, target, source, size):
    """Copy `size` bytes between addresses that do not overlap. Plain accesses: ordering is the caller's."""

    def codegen(context, builder, signature, args):
        byte = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(builder, builder.inttoptr(args[0], byte), builder.inttoptr(args[1], byte), args[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


def address_of(array: np.ndarray) -> int:
    """Address of the first byte of a C-contiguous array, for cold code that wires hot state. Keep the array alive."""
    if not array.flags["C_CONTIGUOUS"]:
        raise ValueError("address_of: expected a C-contiguous array, found strides " + str(array.strides))
    return int(array.ctypes.data)


def record_view(address: int, dtype: np.dtype) -> np.void:
    """View the memory at `address` as one record of `dtype`, for cold code and tests, with the JIT on and off."""
    return _record_twin(address, dtype)


def _prefetch_twin(address):
    return None


@intrinsic_or(_prefetch_twin)
def prefetch(typing_context, address):
    """Ask for the cache line of `address` before it is needed. A hint: any address is allowed, nothing is changed."""

    def codegen(context, builder, signature, args):
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), (byte, I32, I32, I32))
        function = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        flags = (ir.Constant(I32, 1), ir.Constant(I32, 3), ir.Constant(I32, 1))  # for a write, into all levels, data
        builder.call(function, (builder.inttoptr(args[0], byte), *flags))
        return context.get_dummy_value()

    return types.void(types.int64), codegen


# --- machine ---------------------------------------------------------------------------------------------------------


@intrinsic_or(time.perf_counter_ns)
def cycles(typing_context):
    """The processor's time-stamp counter. Its twin counts nanoseconds: calibrate in the mode that you run."""

    def codegen(context, builder, signature, args):
        function = builder.module.declare_intrinsic("llvm.readcyclecounter", (), ir.FunctionType(I64, ()))
        return builder.call(function, ())

    return types.int64(), codegen


@intrinsic_or(time.monotonic_ns)
def monotonic_ns(typing_context):
    """CLOCK_MONOTONIC in nanoseconds through the vDSO, 19-25 ns."""

    def codegen(context, builder, signature, args):
        pair = builder.alloca(ir.ArrayType(I64, 2))
        kind = ir.FunctionType(I32, (I32, I64.as_pointer()))
        function = cgutils.get_or_insert_function(builder.module, kind, "clock_gettime")
        words = builder.bitcast(pair, I64.as_pointer())
        builder.call(function, (ir.Constant(I32, 1), words))
        seconds = builder.load(words)
        nanoseconds = builder.load(builder.gep(words, (ir.Constant(I32, 1),)))
        return builder.add(builder.mul(seconds, ir.Constant(I64, 1_000_000_000)), nanoseconds)

    return types.int64(), codegen


def _mul_shift32_twin(value, factor):
    return _signed((int(value) * int(factor)) >> 32)


@intrinsic_or(_mul_shift32_twin)
def mul_shift32(typing_context, value, factor):
    """`(value * factor) >> 32` through a 128-bit product: no overflow for any int64 pair whose result fits."""

    def codegen(context, builder, signature, args):
        wide = ir.IntType(128)
        product = builder.mul(builder.sext(args[0], wide), builder.sext(args[1], wide))
        return builder.trunc(builder.ashr(product, ir.Constant(wide, 32)), I64)

    return types.int64(types.int64, types.int64), codegen


def _leading_zeros_twin(value):
    return 64 - (int(value) & MASK64).bit_length()


@intrinsic_or(_leading_zeros_twin)
def leading_zeros(typing_context, value):
    """Leading zero bits of an int64 taken as 64 unsigned bits; 64 for zero."""

    def codegen(context, builder, signature, args):
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), codegen


def _pause_twin():
    time.sleep(0)


@intrinsic_or(_pause_twin)
def cpu_pause(typing_context):
    """One PAUSE: tells the core that this is a spin. Its twin gives the core away."""

    def codegen(context, builder, signature, args):
        function = builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), ir.FunctionType(ir.VoidType(), ()))
        builder.call(function, ())
        return context.get_dummy_value()

    return types.void(), codegen


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _crc_table()


def _crc32c_word_twin(crc, word):
    crc = int(crc)
    for byte in (int(word) & MASK64).to_bytes(8, "little"):
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


@intrinsic_or(_crc32c_word_twin)
def crc32c_word(typing_context, crc, word):
    """Fold eight bytes into a raw (not inverted) CRC32C; SSE4.2 `crc32`. Both int64; the result is 0..2^32-1."""

    def codegen(context, builder, signature, args):
        function = builder.module.declare_intrinsic("llvm.x86.sse42.crc32.64.64", (), ir.FunctionType(I64, (I64, I64)))
        return builder.call(function, args)

    return types.int64(types.int64, types.int64), codegen
