"""One example of a law: operands drawn, specs written and evaluated, results compared."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Protocol, TypeVar

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.frozen import frozen
from mergec.ir import Value
from mergec.ops import Law, MassRule, Operator, Parameter
from mergec.ops.law import spelled
from mergec.ops.tree_sum import LEAF
from mergec.verify.evaluate import evaluate, exports_a_delta
from mergec.verify.law_tensors import (
    Elements,
    Floats,
    Shape,
    arrays,
    directional,
    loaded,
    related,
    rounded,
    shapes,
    stored,
)
from mergec.verify.law_violation import Evaluation, LawViolation, Sources

__all__ = ["BASE", "FLOATS", "Case", "Draws", "LawViolation", "Sources", "Written", "models"]

_T = TypeVar("_T")

FLOATS = (Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64)
# What an operator refuses, an overflow or data that has no result, is no counterexample.
_REFUSALS = {"E806", "E808", "E817"}
_OPEN: Mapping[str, tuple[Fraction, ...]] = {
    "density": tuple(Fraction(i, 12) for i in (1, 3, 4, 6, 11, 12)),
    "t": tuple(Fraction(i, 8) for i in range(9)),
    "by": (Fraction(-3, 2), Fraction(1, 3), Fraction(2)),
}
_NUMBERS = tuple(Fraction(n, 12) for n in (4, 3, 6, 9, 12, 0, 18, 24, 36, -6, -12))


class Draws(Protocol):
    """Who makes the choices of an example: Hypothesis, or a list of earlier choices."""

    def draw(self, strategy: st.SearchStrategy[_T]) -> _T:
        """A value of the strategy."""
        ...


@frozen
class Drawn:
    """The tensors of one draw, one shape for all; fewer than `least` elements would be no draw."""

    dtype: Dtype
    arrays: tuple[Floats, ...]
    least: int


@frozen
class Written:
    """An expression as a spec writes it; `delta` tells a delta from a model."""

    text: str
    delta: bool


BASE = Written("base", delta=False)


@frozen
class Case:
    """What a law's interpreter works with.

    `law.params` hold; a required parameter they leave open is drawn, so the law is claimed for all
    its values. `evaluations` are those that were made.
    """

    operator: Operator
    law: Law
    backend: Backend
    data: Draws
    evaluations: list[Evaluation] = field(default_factory=list[Evaluation])

    def draw(self, strategy: st.SearchStrategy[_T]) -> _T:
        """A value that Hypothesis chooses and shrinks."""
        return self.data.draw(strategy)

    def params(self, **others: Value) -> dict[str, Value]:
        """The law's parameters and `others`, which win, with open required ones drawn."""
        chosen: dict[str, Value] = {**self.law.params, **others}
        for parameter in self.operator.parameters:
            if parameter.required and parameter.name not in chosen:
                chosen[parameter.name] = self.draw(st.sampled_from(_values(parameter)))
        return chosen

    def sources(
        self,
        labels: Sequence[str],
        elements: Elements,
        dtypes: Sequence[Dtype] = FLOATS,
        *,
        least: int = 0,
        shape: st.SearchStrategy[Shape] | None = None,
    ) -> Sources:
        """One tensor for each label, of one dtype and shape: by default any, of `least` elements.

        Of `related` and `directional` tensors it is the differences from `base` that have to do
        with each other, where there is a base. No subnormals for a backend that flushes them.
        """
        dtype = self.draw(st.sampled_from(dtypes))
        made = arrays(
            elements,
            dtype,
            len(labels),
            shape=shapes(least) if shape is None else shape,
            subnormals=bool(getattr(self.backend, "subnormals", True)),
        )
        drawn = self.draw(made.map(lambda found: Drawn(dtype, tuple(found), least)))
        tensors = dict(zip(labels, drawn.arrays, strict=True))
        if elements in (related, directional) and "base" in tensors:
            base = tensors["base"]
            moved = {k: rounded(x + base, dtype) for k, x in tensors.items() if k != "base"}
            tensors.update(moved)
        return Sources(dtype, tensors)

    def operands(self, labels: Sequence[str], *, sign: str = "") -> list[Written]:
        """Expressions for the operator's operands: deltas of `base` where it takes deltas."""
        if self.operator.mass is MassRule.SAME:
            return models(labels)
        return [Written(f"{sign}({label} - base)", delta=True) for label in labels]

    def call(self, operands: Sequence[Written], params: Mapping[str, Value]) -> Written:
        """The operator's call, which by every mass rule is of its first operand's type."""
        settings = ", ".join(f"{name}={self._literal(name, params[name])}" for name in params)
        inside = ", ".join(operand.text for operand in operands)
        text = f"{self.operator.name}({inside}{'; ' if settings else ''}{settings})"
        return Written(text, operands[0].delta)

    def written(self, text: str, labels: Sequence[str]) -> Written:
        """An expression over these sources; its type is found out."""
        try:
            return Written(text, exports_a_delta(f"{_head(labels)}result = {text}\n"))
        except MergecError as error:
            raise self._refused(text, error) from error

    def spec(self, expression: Written, sources: Sources) -> str:
        """The text of a spec that exports the expression, and nothing else."""
        kind = "delta " if expression.delta else ""
        return f"{_head([*sources.tensors])}result = {expression.text}\nexport {kind}result\n"

    def run(self, expression: Written, sources: Sources, *, block: int = LEAF) -> Floats:
        """The exported tensor in its storage dtype: that of the sources."""
        text = self.spec(expression, sources)
        self.evaluations.append(Evaluation(text, expression.text, sources))
        files = {label: {"w": stored(x, sources.dtype)} for label, x in sources.tensors.items()}
        try:
            found = evaluate(text, files, self.backend, block=block)["w"]
        except MergecError as error:
            assume({diagnostic.code for diagnostic in error.diagnostics} - _REFUSALS)
            raise self._refused(expression.text, error) from error
        return loaded(found)

    def require(
        self,
        holds: object,
        claim: str,
        *,
        found: Floats | None = None,
        expected: Floats | None = None,
        short: str = "",
    ) -> None:
        """Raise LawViolation, naming the law and the operator, unless `holds`.

        `short` is the claim without `found` and `expected`, for a report that shows them.
        """
        if not holds:
            name = f"{self.operator.name}: {self.law.name}"
            raise LawViolation(
                f"{name}({dict(self.law.params)}) does not hold: {claim}",
                claim=short or claim,
                evaluations=self.evaluations,
                found=found,
                expected=expected,
            )

    def require_same(self, found: Floats, expected: Floats, claim: str) -> None:
        """Bit for bit, or within the law's tolerance times the largest magnitude expected."""
        if self.law.tolerance:
            allowed = self.law.tolerance * float(np.max(np.abs(expected), initial=0.0))
            near = bool(np.all(np.abs(found - expected) <= allowed))
            what = f"{claim}: {found} is not near {expected}"
            self.require(near, what, found=found, expected=expected, short=claim)
        else:
            same = found.tobytes() == expected.tobytes()
            what = f"{claim}: {found} is not {expected}"
            self.require(same, what, found=found, expected=expected, short=claim)

    def _refused(self, text: str, error: MergecError) -> LawViolation:
        said = "; ".join(f"{found.code}: {found.message}" for found in error.diagnostics)
        message = f"`{text}` has no result, but {said}"
        return LawViolation(message, evaluations=self.evaluations, error=error)

    def _literal(self, name: str, value: Value) -> str:
        parameter = self.operator.parameter(name)
        quoted = parameter is not None and parameter.kind == "text"
        return f'"{value}"' if quoted else spelled(value)


def models(labels: Sequence[str]) -> list[Written]:
    """The sources themselves."""
    return [Written(label, delta=False) for label in labels]


def _head(labels: Sequence[str]) -> str:
    return "".join(f'{label} = model("./{label}", id="{label}")\n' for label in labels)


def _values(parameter: Parameter) -> Sequence[Value]:
    """Legal values of a parameter."""
    if parameter.name in _OPEN:
        return _OPEN[parameter.name]
    if parameter.words:
        return parameter.words
    if parameter.kind == "bool":
        return (False, True)
    if parameter.kind == "text":
        return ("x",)
    legal = [n for n in _NUMBERS if _within(parameter, n)]
    return [int(n) for n in legal if n.denominator == 1] if parameter.kind == "int" else legal


def _within(parameter: Parameter, value: Fraction) -> bool:
    low, high = parameter.lo, parameter.hi
    if low is not None and (value < low or (parameter.lo_open and value == low)):
        return False
    return high is None or value <= high
