"""The mass rule's error: weights that are neither a model nor a delta, and how to mend them."""

from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction

from mergec.diagnostics import Diagnostic
from mergec.elaborate.values import Weights, gathered
from mergec.elaborate.wording import pasted, shown
from mergec.ir import Amount, GraphBuilder, Schedule, ValueType
from mergec.ir.schedule import first_value
from mergec.syntax.nodes import Binary, Expr, Name, Number


def settled(builder: GraphBuilder, value: Weights) -> Weights | None:
    """`value` as a model or a delta; None if it is neither.

    A mass that differs from tensor to tensor is taken to be what it is where every ramp begins and
    every first arm fits, and a node `checked` says that each tensor must prove it.
    """
    if not isinstance(value.mass, Schedule):
        return value if value.mass in (0, 1) else None
    first = first_value(value.mass)
    mass = Fraction(0) if first == 0 else Fraction(1)
    key = builder.add("checked", [value.key], type=ValueType(mass))
    return replace(value, key=key, mass=mass, points=gathered(key, value.points))


def mass_error(expr: Expr, mass: Amount, names: Collection[str] = ()) -> Diagnostic:
    """E301 for `expr`, whose coefficients sum to neither 1 nor 0; `names` are those in scope."""
    found = shown(mass)
    help = _of_names(expr, names) or _of_part(expr) or _divided(expr, mass)
    return Diagnostic(
        "E301", f"these weights sum to {found}, not 1", expr.span, f"mass {found}", help=help
    )


def _of_names(expr: Expr, names: Collection[str]) -> tuple[str, ...]:
    """For a plain sum of models: the average, and the sum of their skills."""
    added: list[str] = []
    while isinstance(expr, Binary) and expr.op == "+" and isinstance(expr.right, Name):
        added.insert(0, expr.right.id)
        expr = expr.left
    if not isinstance(expr, Name) or not added:
        return ()
    added.insert(0, expr.id)
    average = f"for an average, write `linear({', '.join(added)})`"
    if "base" in added[1:] or ("base" not in names and "base" not in added):
        return (average,)
    deltas = " + ".join(f"({name} - base)" for name in added if name != "base")
    skills = "both skills" if len(added) == 2 else "all skills"
    skills = "the skill" if len(added) == 2 and "base" in added else skills
    return (average, f"to add {skills} to a base, write `base + {deltas}`")


def _of_part(expr: Expr) -> tuple[str, ...]:
    """For `base + 0.5*code`: the same with the task vector of the second."""
    match expr:
        case Binary(
            op="+",
            left=Name(id=base),
            right=Binary(op="*", left=Number() as part, right=Name(id=other)),
        ) if base != other:
            written = f"{base} + {part.span.text}*({other} - {base})"
            return (f"to add a part of what sets `{other}` apart, write `{written}`",)
        case _:
            return ()


def _divided(expr: Expr, mass: Amount) -> tuple[str, ...]:
    text, total = pasted(expr), shown(mass)
    if text is None or len(total) > 24 or isinstance(mass, Schedule):
        return ("divide the whole expression by that sum",)
    total = f"({total})" if "/" in total or mass < 0 else total
    return (f"to keep the proportions, write `{text} / {total}`",)
