"""Operators as declared data: signature, parameters, mass rule, lowering, laws, page."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from mergec.frozen import frozen
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


@frozen
class Parameter:
    """One keyword parameter. Numbers are exact; `lo` and `hi` bound them (`lo_open`: lo excluded).

    A `per_operand` parameter also takes a list with one value for each operand after the base.
    One that `names_operand` is the number, from 1, of an operand after the base, and one that
    `counts_operands` a number of them, or one more than there are.
    `words` are the values of a `word` parameter. A `sources` parameter takes a list of models, one
    for each operand, which hold a statistic of it (`Statistic`).
    """

    name: str
    kind: Literal["number", "int", "text", "bool", "word", "sources"]
    default: "Value | _Required"
    doc: str
    lo: Fraction | None = None
    hi: Fraction | None = None
    lo_open: bool = False
    per_operand: bool = False
    names_operand: bool = False
    counts_operands: bool = False
    words: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return isinstance(self.default, _Required)

    @property
    def silent(self) -> bool:
        """Whether a call that does not give it has no trace of it: a word without default."""
        return self.kind == "word" and self.default is None


DENSITY = Parameter(
    "density",
    "number",
    REQUIRED,
    "share of each task vector that is kept",
    lo=Fraction(0),
    hi=Fraction(1),
    lo_open=True,
)


DIALECT = Parameter(
    "dialect",
    "word",
    None,
    "whose edge cases it has, if not its own",
    words=("mergekit",),
)
"""Of an operator whose page says what it changes there."""


Shape = tuple[int, ...]


@frozen
class Statistic:
    """What an operator is told of each operand by a tensor of the same name in another source.

    `importance`: numbers ≥ 0, one for each element. `gram`: a symmetric positive semi-definite
    matrix [in, in] for a matrix [out, in]. `needed` says that every tensor must have one.
    """

    kind: Literal["importance", "gram"]
    name: str
    needed: bool

    def shape(self, tensor: Shape) -> Shape:
        """That of the statistic of a tensor whose shape suits the operator."""
        return tensor if self.kind == "importance" else tensor[-1:] * 2


SCOPE = Parameter(
    "scope",
    "word",
    "tensor",
    "what is one vector: each tensor, or all tensors of the value",
    words=("tensor", "global"),
)


@frozen
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
Suits = Callable[[Shape], bool]
Leads = Callable[[Mapping[str, Value]], bool]
Spans = Callable[[Mapping[str, Value]], bool]
Derive = Callable[[Mapping[str, Value]], Mapping[str, Value]]
ResultMass = Callable[[Mapping[str, Value], Sequence[Fraction]], Amount]


def _no_objection(_: Mapping[str, Value]) -> None:
    return None


def _suits_any(_: Shape) -> bool:
    return True


def _not_led(_: Mapping[str, Value]) -> bool:
    return False


def _by_scope(params: Mapping[str, Value]) -> bool:
    return params.get("scope") == "global"


def _derive_nothing(_: Mapping[str, Value]) -> Mapping[str, Value]:
    return {}


def _mass_of_first(_: Mapping[str, Value], masses: Sequence[Fraction]) -> Fraction:
    return masses[0]


@frozen
class Operator:
    """What one operator means.

    `lower` builds the stages below it from operands already in canonical order; it is None for an
    operator that is itself a stage. `check` looks at all parameters together; `result_mass` gives
    the result's mass from the operands' (by default the first's). An `order_free` operator's
    operands are put in canonical order, all but the first where it `leads` by its parameters; one
    with a `role` draws a random mask, keyed among others by that role, and gets its `label` and
    `role` as parameters. `derive` gives parameters of its own that follow from the written ones and
    may differ from tensor to tensor where those do not. `page` is the module's text.

    An operator with a `statistic` is a stage, whose last operands are one statistic for each of
    the others. `suits` tells by its shape whether a tensor is one for the operator; for any other,
    and for one without a statistic unless it is needed, the node that `fallback` builds stands
    instead. `most` gives the largest number of operands that a tensor of some shape has room for.
    A consensus operator that `needs_base` does not take deltas alone, and one `of_models` none.
    One that `aligns` gets the `axes` of a tensor that carry units and the number of its `component`
    (`mergec.resolve.alignments`); a tensor without is the first operand's.
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
    role: str = ""
    derive: Derive = _derive_nothing
    is_global: Spans = _by_scope
    leads: Leads = _not_led
    statistic: Statistic | None = None
    suits: Suits = _suits_any
    fallback: Lower | None = None
    most: Callable[[Shape], int] | None = None
    needs_base: bool = False
    of_models: bool = False
    aligns: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """The parameter called `name`, if the operator has it."""
        return next((p for p in self.parameters if p.name == name), None)

    @property
    def masked(self) -> bool:
        """Whether it draws a random mask."""
        return bool(self.role)

    @property
    def takes(self) -> str:
        """What operands it takes and what it returns."""
        if self.of_models:
            return "models, and returns a model"
        return "a base and models or deltas: returns a model" if self.needs_base else self.mass

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
        settings = ", ".join(_setting(each) for each in self.parameters if not each.silent)
        return f"{self.name}({', '.join(names)}; {settings})"


def _setting(parameter: Parameter) -> str:
    if parameter.kind == "sources":
        return f"{parameter.name}=[...]"
    if parameter.required:
        return parameter.name
    return f"{parameter.name}={_show(parameter.default)}"


def _show(value: "Value | _Required") -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        return print_decimal(value)
    return "none" if value is None else str(value)


def some_weight(params: Mapping[str, Value]) -> Objection | None:
    """The check of an average whose weights are at least 0: one must be above."""
    if any(numbers(params["weights"], 1)):
        return None
    return Objection(
        "E211",
        "weights",
        "these `weights` are all 0",
        "write a weight above 0 for the operands that count",
    )


def numbers(value: Value, count: int) -> tuple[Fraction, ...]:
    """A per-operand parameter as one number an operand: a single number stands for all."""
    if isinstance(value, tuple):
        return tuple(number(item) for item in value)
    return (number(value),) * count


def barrier_params(params: Mapping[str, Value], part: int | Fraction = 0) -> dict[str, Value]:
    """What a global operator's lowering adds to the parameters of its global stage number `part`.

    They say whose statistics the stage has: those of the written node `barrier`, of whose tensors
    this one is, where its name is another than the output's, the `member`. A part that is a
    fraction is a whole number all the same, one in which programs that are shared may differ.
    """
    given = {name: params[name] for name in ("barrier", "member") if name in params}
    return {**given, "part": part}


def number(value: Value) -> Fraction:
    """A parameter that the checker has found to be a number."""
    if isinstance(value, bool) or not isinstance(value, Fraction | int):
        raise TypeError(f"{value!r} is not a number")
    return Fraction(value)
