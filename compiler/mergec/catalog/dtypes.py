"""The storage dtypes of the safetensors format and what mergec can do with each."""

from enum import StrEnum


class Dtype(StrEnum):
    """A storage dtype, spelled as in a safetensors header.

    The order is the format's own, by rising alignment, and decides the order of tensors in a file.
    """

    BOOL = "BOOL"
    F4 = "F4"
    F6_E2M3 = "F6_E2M3"
    F6_E3M2 = "F6_E3M2"
    U8 = "U8"
    I8 = "I8"
    F8_E5M2 = "F8_E5M2"
    F8_E4M3 = "F8_E4M3"
    F8_E8M0 = "F8_E8M0"
    F8_E4M3FNUZ = "F8_E4M3FNUZ"
    F8_E5M2FNUZ = "F8_E5M2FNUZ"
    I16 = "I16"
    U16 = "U16"
    F16 = "F16"
    BF16 = "BF16"
    I32 = "I32"
    U32 = "U32"
    F32 = "F32"
    C64 = "C64"
    F64 = "F64"
    I64 = "I64"
    U64 = "U64"

    # As members compare: the enum's own is written in Python, and dtypes are looked up for each
    # tensor of each source.
    __hash__ = str.__hash__

    @property
    def bits(self) -> int:
        """Bits per element."""
        return _BITS[self]

    @property
    def rank(self) -> int:
        """Place in the format's order, rising with alignment."""
        return _RANKS[self]

    @property
    def is_float(self) -> bool:
        """Whether mergec computes with it: bf16, f16, f32, f64."""
        return self in SIGNIFICAND_BITS

    @property
    def is_integer(self) -> bool:
        """Integer or boolean: copied, never merged."""
        return self in _INTEGERS

    @property
    def word(self) -> str:
        """The spelling in specs, plans and messages: `bf16`, `f32`, `i64`."""
        return _WORDS[self]


_RANKS = {dtype: rank for rank, dtype in enumerate(Dtype)}
_WORDS = {dtype: dtype.value.lower() for dtype in Dtype}
_INTEGERS = frozenset(dtype for dtype in Dtype if dtype.value[0] in "UI" or dtype is Dtype.BOOL)
_BITS = {
    **{dtype: 64 for dtype in (Dtype.C64, Dtype.F64, Dtype.I64, Dtype.U64)},
    **{dtype: 32 for dtype in (Dtype.I32, Dtype.U32, Dtype.F32)},
    **{dtype: 16 for dtype in (Dtype.I16, Dtype.U16, Dtype.F16, Dtype.BF16)},
    **{dtype: 6 for dtype in (Dtype.F6_E2M3, Dtype.F6_E3M2)},
    Dtype.F4: 4,
}
_BITS.update({dtype: 8 for dtype in Dtype if dtype not in _BITS})

# Precision of each dtype mergec computes with, the hidden bit included.
SIGNIFICAND_BITS = {Dtype.BF16: 8, Dtype.F16: 11, Dtype.F32: 24, Dtype.F64: 53}
