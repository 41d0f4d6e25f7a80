"""Operators as declared data: signature, parameters, mass rule, lowering, laws, page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from mergec.ir import Amount, GraphBuilder, NodeKey, Value, print_decimal
from mergec.ops.law import Law


class MassRule(StrEnum):
    """What operands an operator takes and what it returns (`docs/language.md`, types)."""

    SAME = "operands of one mass, which is the result's"
    DELTA = "a delta, and returns a delta"
    CONSENSUS = "a base and models or deltas: returns a model; or deltas alone: returns a delta"


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword parameter. Numbers are exact; `lo` and `hi` bound them (`lo_open`: lo excluded).

    A `per_operand` parameter also takes a list with one value for each operand after the base.
    `words` are the values of a `word` parameter.
    """

    name: str
    kind: Literal["number", "int", "text", "bool", "word"]
    default: "Value | _Required"
    doc: str
    lo: Fraction | None = None
    hi: Fraction | None = None
    lo_open: bool = False
    per_operand: bool = False
    words: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return isinstance(self.default, _Required)


DENSITY = Parameter(
    "density",
    "number",
    REQUIRED,
    "share of each task vector that is kept",
    lo=Fraction(0),
    hi=Fraction(1),
    lo_open=True,
)


@dataclass(frozen=True, slots=True)
class Objection:
    """What an operator finds wrong with parameters that are each legal: a diagnostic's parts.

    `parameter` is the one to underline.
    """

    code: str
    parameter: str
    message: str
    help: str


Lower = Callable[[GraphBuilder, Sequence[NodeKey], Mapping[str, Value]], NodeKey]
Check = Callable[[Mapping[str, Value]], Objection | None]
ResultMass = Callable[[Mapping[str, Value], Sequence[Fraction]], Amount]


def _no_objection(_: Mapping[str, Value]) -> None:
    return None


def _mass_of_first(_: Mapping[str, Value], masses: Sequence[Fraction]) -> Fraction:
    return masses[0]


@dataclass(frozen=True, slots=True)
class Operator:
    """What one operator means.

    `lower` builds the stages below it from operands already in canonical order; it is None for an
    operator that is itself a stage. `check` looks at all parameters together; `result_mass` gives
    the result's mass from the operands' (by default the first's). An `order_free` operator's
    operands are put in canonical order; a `masked` one draws a random mask, and gets its `label`
    and `role` as parameters. `page` is the module's text.
    """

    name: str
    revision: int
    mass: MassRule
    operands: tuple[int, int | None]
    parameters: tuple[Parameter, ...]
    laws: tuple[Law, ...]
    page: str
    lower: Lower | None = None
    check: Check = _no_objection
    result_mass: ResultMass = _mass_of_first
    order_free: bool = False
    masked: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """The parameter called `name`, if the operator has it."""
        return next((p for p in self.parameters if p.name == name), None)

    @property
    def summary(self) -> str:
        """The first line of the page."""
        return self.page.strip().splitlines()[0]

    def signature(self) -> str:
        """The signature as `mergec explain` prints it: `dare(x; density, seed=0, ...)`."""
        low, high = self.operands
        base = ["base"] if self.mass is MassRule.CONSENSUS else []
        names = [*base, *(["x"] if high == 1 else [f"x{i + 1}" for i in range(max(low, 1))])]
        if high is None:
            names.append("...")
        settings = [
            p.name if p.required else f"{p.name}={_show(p.default)}" for p in self.parameters
        ]
        return f"{self.name}({', '.join(names)}; {', '.join(settings)})"


def _show(value: "Value | _Required") -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        return print_decimal(value)
    return "none" if value is None else str(value)


def numbers(value: Value, count: int) -> tuple[Fraction, ...]:
    """A per-operand parameter as one number an operand: a single number stands for all."""
    if isinstance(value, tuple):
        return tuple(number(item) for item in value)
    return (number(value),) * count


def number(value: Value) -> Fraction:
    """A parameter that the checker has found to be a number."""
    if isinstance(value, bool) or not isinstance(value, Fraction | int):
        raise TypeError(f"{value!r} is not a number")
    return Fraction(value)
