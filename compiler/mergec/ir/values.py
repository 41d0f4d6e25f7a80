"""Literals of the operator graph, exact, with one printed form."""

from fractions import Fraction
from json.encoder import encode_basestring_ascii

from mergec.ir.schedule import Schedule
from mergec.ir.selector import TensorSelector, print_selector

Value = Fraction | int | str | bool | None | Schedule | TensorSelector | tuple["Value", ...]


def print_value(value: Value) -> str:
    """The canonical text: `3/10`, `"word"`, `true`, `none`, `[1/4, 3/4]`."""
    # A test for a Fraction, which is an abstract number too, takes longest: so it comes last.
    if value is None:
        return "none"
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join([print_value(item) for item in value])}]"
    return str(value) if isinstance(value, Fraction | Schedule) else print_selector(value)


def is_scheduled(value: Value) -> bool:
    """Whether a value, or a part of it, differs from tensor to tensor."""
    if isinstance(value, tuple):
        return any(is_scheduled(item) for item in value)
    return isinstance(value, Schedule)


def print_decimal(value: Fraction) -> str:
    """A number as people write it: a decimal where that is exact and short, else a fraction."""
    scaled = value * 10**12
    if scaled.denominator != 1:
        return str(value)
    sign, digits = "-" * (scaled < 0), f"{abs(scaled.numerator):013d}"
    return f"{sign}{digits[:-12]}.{digits[-12:]}".rstrip("0").rstrip(".")
