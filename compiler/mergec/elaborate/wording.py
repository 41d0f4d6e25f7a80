"""How messages name values and quote the expressions of a spec."""

from decimal import Context
from fractions import Fraction

from mergec.diagnostics import Span
from mergec.elaborate.print_number import number_expr
from mergec.elaborate.values import Bytes, Literal, Meaning, Rest, Weights
from mergec.ir import Amount, Schedule, print_decimal
from mergec.syntax.nodes import Binary, Expr, Negate, Pipe
from mergec.syntax.one_line import one_line

# What is longer is no help in a sentence.
_LONGEST_QUOTE = 60
_LONGEST_NUMBER = 24


def describe(value: Literal | Meaning) -> str:
    """What a value is, such as `the number 0.5` or `weights`."""
    if isinstance(value, bool):
        return f"the bool `{str(value).lower()}`"
    if isinstance(value, Fraction | Schedule):
        return f"the number {shown(value)}"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, Bytes):
        return "a size"
    if isinstance(value, Rest):
        return "a list of operands"
    if isinstance(value, Weights):
        if value.mass == 0:
            return "a delta"
        return "a model" if value.mass == 1 else f"weights of mass {shown(value.mass)}"
    raise AssertionError("a poisoned value is never described")


def shown(value: Amount) -> str:
    """A number in a sentence: as written where that is short, else rounded to six digits.

    One that differs from tensor to tensor is shown as in a spec, cut if it is long.

    >>> shown(Fraction(3, 10)), shown(Fraction(10) ** 40)
    ('0.3', 'about 1e+40')
    """
    if isinstance(value, Schedule):
        return shortened(one_line(number_expr(value)))
    exact = print_decimal(value)
    if len(exact) <= _LONGEST_NUMBER:
        return exact
    context = Context(prec=6)
    rounded = context.divide(
        context.create_decimal(value.numerator), context.create_decimal(value.denominator)
    )
    return f"about {rounded.normalize(context):g}"


def quoted(span: Span) -> str:
    """The text of an expression on one line, cut in the middle if it is long; no backticks."""
    return shortened(" ".join(span.text.split()))


def shortened(text: str) -> str:
    """`text`, cut in the middle if it is too long for a sentence."""
    if len(text) <= _LONGEST_QUOTE:
        return text
    half = _LONGEST_QUOTE // 2 - 2
    return f"{text[:half]} ... {text[-half:]}"


def pasted(expr: Expr) -> str | None:
    """The text of an expression for use inside another one, bracketed where it needs that.

    None if it is too long, or holds a comment, to be shown whole.
    """
    text = " ".join(expr.span.text.split())
    if len(text) > _LONGEST_QUOTE or "#" in text:
        return None
    bare = isinstance(expr, Binary | Pipe | Negate)
    return f"({text})" if bare else text
