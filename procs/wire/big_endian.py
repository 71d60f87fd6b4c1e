"""Big-endian integers in byte arrays, and text of fixed width as one integer.

Nothing is checked here: a codec checks its whole range once, then reads. A 64-bit value is an int64; one that would
need the top bit reads as negative, which every codec refuses where a number is meant.

Compiled, each access is one unaligned load or store and a byte swap. With the JIT off or `NUMBA_BOUNDSCHECK=1` the
functions go byte by byte, so that an index outside the array is caught.
"""

from llvmlite import ir
from numba.core import config as numba_config
from numba.core import types
from numba.np import arrayobj

from shm.jit import JIT_OFF, hot, intrinsic_or

BYTEWISE = JIT_OFF or bool(numba_config.BOUNDSCHECK)


@hot
def bytes_to_int(buf, offset, size):
    """The integer of `size` bytes, 1..8, highest first; eight bytes are signed."""
    value = int(buf[offset])
    if size == 8:
        value = (value ^ 128) - 128
    for i in range(1, size):
        value = (value << 8) | int(buf[offset + i])
    return value


@hot
def int_to_bytes(buf, offset, size, value):
    """Write the low `size` bytes of `value`, highest first."""
    for i in range(size):
        buf[offset + i] = (value >> ((size - 1 - i) * 8)) & 255


def _pointer(context, builder, array_type, array, offset, bits):
    view = arrayobj.make_array(array_type)(context, builder, array)
    return builder.bitcast(builder.gep(view.data, [offset]), ir.IntType(bits).as_pointer())


def _is_bytes(array_type):
    return isinstance(array_type, types.Array) and array_type.dtype == types.uint8 and array_type.layout in "CA"


def _reader(bits):
    def read(typing_context, buf, offset):
        if not _is_bytes(buf):
            return None

        def codegen(context, builder, signature, args):
            word = builder.load(_pointer(context, builder, signature.args[0], args[0], args[1], bits), align=1)
            word = builder.bswap(word)
            return word if bits == 64 else builder.zext(word, ir.IntType(64))

        return types.int64(buf, types.int64), codegen

    return read


def _writer(bits):
    def write(typing_context, buf, offset, value):
        if not _is_bytes(buf):
            return None

        def codegen(context, builder, signature, args):
            word = args[2] if bits == 64 else builder.trunc(args[2], ir.IntType(bits))
            pointer = _pointer(context, builder, signature.args[0], args[0], args[1], bits)
            builder.store(builder.bswap(word), pointer, align=1)
            return context.get_dummy_value()

        return types.void(buf, types.int64, types.int64), codegen

    return write


@hot
def read_u16_bytewise(buf, offset):
    """Two bytes."""
    return bytes_to_int(buf, offset, 2)


@hot
def read_u32_bytewise(buf, offset):
    """Four bytes."""
    return bytes_to_int(buf, offset, 4)


@hot
def read_u48_bytewise(buf, offset):
    """Six bytes."""
    return bytes_to_int(buf, offset, 6)


@hot
def read_u64_bytewise(buf, offset):
    """Eight bytes, signed."""
    return bytes_to_int(buf, offset, 8)


@hot
def write_u16_bytewise(buf, offset, value):
    """Two bytes."""
    int_to_bytes(buf, offset, 2, value)


@hot
def write_u32_bytewise(buf, offset, value):
    """Four bytes."""
    int_to_bytes(buf, offset, 4, value)


@hot
def write_u48_bytewise(buf, offset, value):
    """Six bytes."""
    int_to_bytes(buf, offset, 6, value)


@hot
def write_u64_bytewise(buf, offset, value):
    """Eight bytes."""
    int_to_bytes(buf, offset, 8, value)


if BYTEWISE:
    read_u16, read_u32 = read_u16_bytewise, read_u32_bytewise
    read_u48, read_u64 = read_u48_bytewise, read_u64_bytewise
    write_u16, write_u32 = write_u16_bytewise, write_u32_bytewise
    write_u48, write_u64 = write_u48_bytewise, write_u64_bytewise
else:
    read_u16 = intrinsic_or(read_u16_bytewise)(_reader(16))
    read_u32 = intrinsic_or(read_u32_bytewise)(_reader(32))
    read_u64 = intrinsic_or(read_u64_bytewise)(_reader(64))
    write_u16 = intrinsic_or(write_u16_bytewise)(_writer(16))
    write_u32 = intrinsic_or(write_u32_bytewise)(_writer(32))
    write_u64 = intrinsic_or(write_u64_bytewise)(_writer(64))

    @hot
    def read_u48(buf, offset):
        """Six bytes, as two loads."""
        return (read_u16(buf, offset) << 32) | read_u32(buf, offset + 2)

    @hot
    def write_u48(buf, offset, value):
        """Six bytes, as two stores."""
        write_u16(buf, offset, value >> 32)
        write_u32(buf, offset + 2, value)


@hot
def has_room(buf, offset, size):
    """Whether `size` bytes at `offset` lie inside the array."""
    return offset >= 0 and size >= 0 and offset <= buf.size - size


@hot
def fits_u32(value):
    """Whether a value can stand in four bytes."""
    return value >= 0 and value <= 0xFFFFFFFF


def text_word(text: str, *, size: int = 8) -> int:
    """ASCII text, padded with spaces to `size` (at most 8) bytes, as the integer that `bytes_to_int` gives. Cold."""
    raw = text.encode("ascii").ljust(size)
    if len(raw) != size:
        raise ValueError(f"text_word: expected at most {size} ASCII characters, found {text!r}")
    return int.from_bytes(raw, "big", signed=size == 8)


def word_text(word: int, *, size: int = 8) -> str:
    """The text of a word, without its padding; bytes outside ASCII become `?`. Cold."""
    raw = (int(word) & ((1 << (8 * size)) - 1)).to_bytes(size, "big")
    return raw.decode("ascii", errors="replace").replace("\ufffd", "?").rstrip(" \0")
