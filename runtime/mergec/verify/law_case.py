"""One example of a law: operands drawn, specs written and evaluated, results compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from hypothesis import assume, note
from hypothesis import strategies as st

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.ir import Value
from mergec.ops import Law, MassRule, Operator
from mergec.ops.tree_sum import LEAF
from mergec.verify.evaluate import evaluate
from mergec.verify.law_tensors import Elements, Floats, arrays, loaded, stored

_T = TypeVar("_T")

FLOATS = (Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64)
# What an operator refuses, an overflow or opposite directions, is no counterexample.
_REFUSALS = {"E806", "E808"}
_OPEN: Mapping[str, tuple[Fraction, ...]] = {
    "density": tuple(Fraction(i, 12) for i in (1, 3, 4, 6, 11, 12)),
    "t": tuple(Fraction(i, 8) for i in range(9)),
    "by": (Fraction(-3, 2), Fraction(1, 3), Fraction(2)),
}


class LawViolation(AssertionError):
    """A counterexample: what was claimed of which spec."""


@dataclass(frozen=True, slots=True)
class Written:
    """An expression as a spec writes it; `delta` tells a delta from a model."""

    text: str
    delta: bool


BASE = Written("base", delta=False)


@dataclass(frozen=True, slots=True)
class Sources:
    """The tensor of each source, by label, in float64; `dtype` is how they are stored."""

    dtype: Dtype
    tensors: Mapping[str, Floats]

    def scaled(self, factor: float) -> "Sources":
        """All tensors times a power of two."""
        return Sources(self.dtype, {label: x * factor for label, x in self.tensors.items()})

    def relabelled(self, order: Sequence[str]) -> "Sources":
        """The first of `order` gets the tensor of the first label in alphabetical order, etc."""
        moved = {new: self.tensors[old] for old, new in zip(sorted(order), order, strict=True)}
        return Sources(self.dtype, {**self.tensors, **moved})


@dataclass(frozen=True, slots=True)
class Case:
    """What a law's interpreter works with.

    `law.params` hold; a required parameter they leave open is drawn, so the law is claimed for all
    its values.
    """

    operator: Operator
    law: Law
    backend: Backend
    data: st.DataObject

    def draw(self, strategy: st.SearchStrategy[_T]) -> _T:
        """A value that Hypothesis chooses and shrinks."""
        return self.data.draw(strategy)

    def params(self, **others: Value) -> dict[str, Value]:
        """The law's parameters and `others`, which win, with open required ones drawn."""
        chosen: dict[str, Value] = {**self.law.params, **others}
        for parameter in self.operator.parameters:
            if parameter.required and parameter.name not in chosen:
                chosen[parameter.name] = self.draw(st.sampled_from(_OPEN[parameter.name]))
        return chosen

    def sources(
        self,
        labels: Sequence[str],
        elements: Elements,
        dtypes: Sequence[Dtype] = FLOATS,
        *,
        least: int = 0,
    ) -> Sources:
        """One tensor for each label, of one dtype and length."""
        dtype = self.draw(st.sampled_from(dtypes))
        found = self.draw(arrays(elements, dtype, len(labels), least=least))
        return Sources(dtype, dict(zip(labels, found, strict=True)))

    def operands(self, labels: Sequence[str], *, sign: str = "") -> list[Written]:
        """Expressions for the operator's operands: deltas of `base` where it takes deltas."""
        if self.operator.mass is MassRule.SAME:
            return models(labels)
        return [Written(f"{sign}({label} - base)", delta=True) for label in labels]

    def call(self, operands: Sequence[Written], params: Mapping[str, Value]) -> Written:
        """The operator's call, which by every mass rule is of its first operand's type."""
        settings = ", ".join(f"{name}={spelled(value)}" for name, value in params.items())
        inside = ", ".join(operand.text for operand in operands)
        text = f"{self.operator.name}({inside}{'; ' if settings else ''}{settings})"
        return Written(text, operands[0].delta)

    def run(self, expression: Written, sources: Sources, *, block: int = LEAF) -> Floats:
        """The exported tensor in its storage dtype: that of the sources."""
        text = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in sources.tensors)
        kind = "delta " if expression.delta else ""
        text += f'result = {expression.text}\nexport {kind}result as "result"\n'
        note(f"{expression.text}\n  {sources}")
        files = {label: {"w": stored(x, sources.dtype)} for label, x in sources.tensors.items()}
        try:
            found = evaluate(text, files, self.backend, block=block)["w"]
        except MergecError as error:
            assume({diagnostic.code for diagnostic in error.diagnostics} - _REFUSALS)
            raise
        return loaded(found)

    def require(self, holds: object, claim: str) -> None:
        """Raise LawViolation, naming the law and the operator, unless `holds`."""
        if not holds:
            name = f"{self.operator.name}: {self.law.name}"
            raise LawViolation(f"{name}({dict(self.law.params)}) does not hold: {claim}")

    def require_same(self, found: Floats, expected: Floats, claim: str) -> None:
        """Bit for bit, or within the law's relative tolerance if it states one."""
        if self.law.tolerance:
            near = np.allclose(found, expected, rtol=self.law.tolerance, atol=0.0)
            self.require(near, f"{claim}: {found} is not near {expected}")
        else:
            same = found.tobytes() == expected.tobytes()
            self.require(same, f"{claim}: {found} is not {expected}")


def models(labels: Sequence[str]) -> list[Written]:
    """The sources themselves."""
    return [Written(label, delta=False) for label in labels]


def spelled(value: Value) -> str:
    """A literal as a spec writes it; a rational as a quotient."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(spelled(item) for item in value)}]"
    return str(value)
