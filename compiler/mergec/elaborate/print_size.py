"""Sizes as a spec writes them."""

from fractions import Fraction

from mergec.elaborate.print_number import NOWHERE
from mergec.syntax.literals import UNITS, number_text
from mergec.syntax.nodes import Size


def size_expr(count: int) -> Size:
    """`5GB` for 5·10⁹: the shortest of the ways to write so many bytes."""
    sizes = [Size(Fraction(count, step), unit, NOWHERE) for unit, step in UNITS.items()]
    return min(sizes, key=_length)


def _length(size: Size) -> tuple[bool, int]:
    # The count of a size has no exponent.
    text = number_text(size.count) + size.unit
    return "e" in text, len(text)
