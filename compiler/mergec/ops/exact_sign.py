"""The sign of a sum of arrays, exactly: a rounded sum loses it just where terms nearly cancel.

Only signs are asked for, so few terms need little: the rounded sum of two numbers has the exact
sign because subnormals are kept, and three need one rounding error. Longer sums are kept as
expansions without error.

Source: J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997, theorems 7 and 10.
"""

from collections.abc import Sequence

from mergec.ops.namespace import Array, ArrayNamespace


def with_sign_of_sum(xp: ArrayNamespace, terms: Sequence[Array]) -> Array:
    """An array whose elements have the signs (or are zero) of the exact sums of the terms.

    terms: at least one, all float32 or all float64. Up to three may overflow and still have the
    right sign; more must not.
    """
    if len(terms) == 1:
        return terms[0]
    if len(terms) == 2:
        return terms[0] + terms[1]
    if len(terms) == 3:
        return _three_terms(xp, *terms)
    return _leading_component(xp, _expansion(terms))


def _three_terms(xp: ArrayNamespace, a: Array, b: Array, c: Array) -> Array:
    """The rounded sum of c and a + b, unless that is zero: then the rounding error of a + b.

    Let a + b = s + e with s rounded to p bits, u the unit in its last place, so |e| <= u/2.
    If c is a multiple of u, so is s + c: it is zero or outweighs e. If not, then |c| <= (2^p - 1) *
    u/2, and |s| is 2^(p-1) u or at least a unit more. In the second case |s + c| >= 3u/2. In the
    first |s + c| >= u/2, and an e of opposite sign is at most u/4, for below a power of two the
    units are halves.
    """
    total, error = _two_sum(a, b)
    total += c
    return xp.where(total == 0, error, total)


def _expansion(terms: Sequence[Array]) -> list[Array]:
    """The exact sum as non-overlapping components of rising magnitude, zeros interspersed."""
    parts: list[Array] = []
    for term in terms:
        grown: list[Array] = []
        top = term
        for part in parts:
            top, error = _two_sum(top, part)
            grown.append(error)
        parts = [*grown, top]
    return parts


def _leading_component(xp: ArrayNamespace, parts: Sequence[Array]) -> Array:
    """The largest nonzero component, whose sign is that of the sum."""
    *lower, leading = parts
    for part in reversed(lower):
        leading = xp.where(leading == 0, part, leading)
    return leading


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Their sum rounded, and the rounding error, both exact whatever the magnitudes."""
    total = a + b
    of_b = total - a
    error = total - of_b
    error = a - error
    of_b = b - of_b
    error += of_b
    return total, error
