"""What a file of a family of operators offers to the writer of expressions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.strategies.expressions import Writer

Kind = Literal["exact", "smooth", "stated", "any"]
Statistic = Literal["importance", "gram"]

EVERY: tuple[Kind, ...] = ("exact", "smooth", "stated", "any")
ROUNDED: tuple[Kind, ...] = ("smooth", "stated", "any")
STATED: tuple[Kind, ...] = ("stated", "any")
ANY: tuple[Kind, ...] = ("any",)


@dataclass(frozen=True, slots=True)
class Expr:
    """An expression and its twin, which says the same in another order.

    `exact` if dyadic tensors are never rounded in it; `anchored` if it is a delta of `base` itself,
    and not of some view of it; `loose` if functions of a library are called for it, whose last bits
    differ from backend to backend.
    """

    text: str
    twin: str
    exact: bool
    anchored: bool = True
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """An operator, how a call of it is written, and where it may stand.

    `write` gets the writer, whether a model is asked for, and how deep its operands may be.
    `kinds` are the kinds of specs that it keeps to.
    """

    name: str
    write: "Callable[[Writer, bool, int], Expr]"
    kinds: tuple[Kind, ...]
    models: bool = True
    deltas: bool = True
