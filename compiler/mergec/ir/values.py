"""Literals of the operator graph, exact, with one printed form."""

import json
from fractions import Fraction

Value = Fraction | int | str | bool | None | tuple["Value", ...]


def print_value(value: Value) -> str:
    """The canonical text: `3/10`, `"word"`, `true`, `none`, `[1/4, 3/4]`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction | int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    return f"[{', '.join(print_value(item) for item in value)}]"


def print_decimal(value: Fraction) -> str:
    """A number as people write it: a decimal where that is exact and short, else a fraction."""
    scaled = value * 10**12
    if scaled.denominator != 1:
        return str(value)
    sign, digits = "-" * (scaled < 0), f"{abs(scaled.numerator):013d}"
    return f"{sign}{digits[:-12]}.{digits[-12:]}".rstrip("0").rstrip(".")
