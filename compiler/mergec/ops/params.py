"""Typed reading of a stage's exact parameters.

They were checked when the spec was compiled, so a value of the wrong kind here is a bug of ours and
raises TypeError. An absent parameter has the default that the stage gives.
"""

from fractions import Fraction

from mergec.ops.stage import Params


def rational(params: Params, name: str) -> Fraction:
    """A required rational; an integer counts as one."""
    value = params[name]
    if isinstance(value, bool) or not isinstance(value, Fraction | int):
        raise TypeError(f"{name} is {value!r} and not a rational")
    return Fraction(value)


def rationals(params: Params, name: str) -> tuple[Fraction, ...]:
    """A required tuple of rationals, one for each operand."""
    value = params[name]
    if not isinstance(value, tuple):
        raise TypeError(f"{name} is {value!r} and not a tuple of rationals")
    return tuple(rational({name: item}, name) for item in value)


def integer(params: Params, name: str) -> int:
    """A required integer."""
    value = params[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is {value!r} and not an integer")
    return value


def word(params: Params, name: str, default: str) -> str:
    """A text parameter, such as the choice of a rule."""
    value = params.get(name, default)
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r} and not a word")
    return value


def in_dialect(params: Params) -> bool:
    """Whether the edge cases are those of another tool."""
    return params.get("dialect") is not None


def flag(params: Params, name: str) -> bool:
    """A required truth value."""
    value = params[name]
    if not isinstance(value, bool):
        raise TypeError(f"{name} is {value!r} and not true or false")
    return value
