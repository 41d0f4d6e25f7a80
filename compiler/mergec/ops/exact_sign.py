"""The sign of a sum of arrays, exactly: a rounded sum loses it just where terms nearly cancel.

Only signs are asked for, so few terms need little: the rounded sum of two numbers has the exact
sign because subnormals are kept. Longer sums are kept as expansions without error.

Source: J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997, theorems 7 and 10.
"""

from collections.abc import Sequence

from mergec.ops.namespace import Array, ArrayNamespace

# A third term of at most this many significant bits needs no expansion, see `_three_terms`.
SHORT_TERM_BITS = 51


def with_sign_of_sum(xp: ArrayNamespace, terms: Sequence[Array], *, short: bool) -> Array:
    """An array whose elements have the signs (or are zero) of the exact sums of the terms.

    terms: at least one, float64, or any dtype if at most two. short: whether the last term has at
    most SHORT_TERM_BITS significant bits.
    """
    if len(terms) == 1:
        return terms[0]
    if len(terms) == 2:
        return terms[0] + terms[1]
    if len(terms) == 3 and short:
        return _three_terms(xp, *terms)
    return _leading_component(xp, _expansion(terms))


def _three_terms(xp: ArrayNamespace, a: Array, b: Array, c: Array) -> Array:
    """Let a + b = s + e with s rounded, and u the unit in the last place of s, so |e| <= u/2.

    If c is a multiple of u then so is s + c: it is zero or outweighs e. If not, a short c is below
    2^51 u while |s| >= 2^52 u. So fl(s + c) has the sign, unless it is zero and e decides.
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
