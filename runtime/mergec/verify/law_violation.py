"""A counterexample: what was evaluated on which tensors, and what came out."""

from collections.abc import Mapping, Sequence
from typing import Any

from mergec.catalog import Dtype
from mergec.frozen import frozen
from mergec.verify.law_tensors import Floats


@frozen
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

    def replaced(self, tensors: Mapping[str, Floats]) -> "Sources":
        """Other tensors for these labels."""
        return Sources(self.dtype, {**self.tensors, **tensors})


@frozen
class Evaluation:
    """A spec that was evaluated: its text, its one expression, and the sources."""

    text: str
    expression: str
    sources: Sources


class LawViolation(AssertionError):
    """A counterexample: what was claimed, of which evaluations, and what was found instead.

    `claim` is the message without the values. `error` is what was raised instead of a result: that
    breaks any law, also one that must not hold. `draws` are the choices that lead here, in order.
    """

    def __init__(
        self,
        message: str,
        *,
        claim: str = "",
        evaluations: Sequence[Evaluation] = (),
        found: Floats | None = None,
        expected: Floats | None = None,
        error: Exception | None = None,
    ) -> None:
        super().__init__(message)
        self.claim = claim or message
        self.evaluations = tuple(evaluations)
        self.found = found
        self.expected = expected
        self.error = error
        self.draws: tuple[Any, ...] = ()
