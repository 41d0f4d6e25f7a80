"""Rows of a child's vocabulary, on rationals: taken where there are any, and averaged."""

from fractions import Fraction

from mergec.verify.exact.meaning import Applied, Vector, columns, means


@means("take_rows")
def take_rows(at: Applied) -> Vector:
    """The first operand where the second is not 0, the third elsewhere."""
    return tuple(x if present else y for x, present, y in columns(at.operands))


@means("mean_rows")
def mean_rows(at: Applied) -> Vector:
    """The mean over operands whose mark, which stands behind each, is not 0."""
    found: list[Fraction] = []
    for column in columns(at.operands):
        marked = zip(column[::2], column[1::2], strict=True)
        there = [x for x, present in marked if present]
        found.append(sum(there, Fraction(0)) / max(len(there), 1))
    return tuple(found)
