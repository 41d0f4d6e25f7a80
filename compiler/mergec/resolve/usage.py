"""Which arms fitted which tensors, and what numbers came to: for warnings and for the plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mergec.diagnostics import Diagnostic, Span
from mergec.frozen import frozen
from mergec.ir import NodeKey, Schedule
from mergec.ir.schedule import Choice


@frozen
class ResolvedSetting:
    """One number of the spec that differs from tensor to tensor, or one `match` of models.

    `param` is empty and `written` None for a `match` of models, whose values are numbers of arms.
    `values` has one entry for each tensor.
    """

    node: NodeKey
    param: str
    written: Schedule | None
    values: Mapping[str, Fraction]


@dataclass(slots=True)
class Usage:
    """Collects while tensors are resolved."""

    _numbers: dict[tuple[NodeKey, str, Schedule | None], dict[str, Fraction]] = field(
        default_factory=dict[tuple[NodeKey, str, Schedule | None], dict[str, Fraction]]
    )
    _first: dict[Choice | NodeKey, set[int]] = field(
        default_factory=dict[Choice | NodeKey, set[int]]
    )
    _any: dict[Choice | NodeKey, set[int]] = field(default_factory=dict[Choice | NodeKey, set[int]])

    def value(
        self, node: NodeKey, param: str, tensor: str, written: Schedule, value: Fraction
    ) -> None:
        """A parameter's value in one tensor."""
        self._numbers.setdefault((node, param, written), {})[tensor] = value

    def arm(self, node: NodeKey, tensor: str, number: int) -> None:
        """The arm of a `match` of models that one tensor takes."""
        self._numbers.setdefault((node, "", None), {})[tensor] = Fraction(number)

    def fits(self, choice: Choice | NodeKey, arms: Sequence[int]) -> None:
        """The arms that fit one tensor; the first of them decides."""
        self._first.setdefault(choice, set()).update(arms[:1])
        self._any.setdefault(choice, set()).update(arms)

    def settings(self) -> tuple[ResolvedSetting, ...]:
        """Everything so far that differs from tensor to tensor, in the order of the spec."""
        return tuple(ResolvedSetting(*key, dict(values)) for key, values in self._numbers.items())

    def warn(
        self,
        arms: Mapping[Choice | NodeKey, tuple[Span, ...]],
        report: Callable[[Diagnostic], None],
    ) -> None:
        """W202 for arms that fit no tensor, W203 for those that earlier arms shadow.

        `arms` tells where the arms of each choice stand. An `else` that is not needed is no slip.
        """
        for choice, fitting in self._any.items():
            for number, span in enumerate(arms.get(choice, ())):
                if span.text.lstrip().startswith("else") or number in self._first[choice]:
                    continue
                if number in fitting:
                    message = "this arm is shadowed: every tensor that fits it fits an earlier one"
                    hint = "put the narrower arm first, or remove this one"
                    report(Diagnostic("W203", message, span, help=(hint,)))
                else:
                    message = "no tensor fits this arm"
                    hint = "mend the selector, or remove the arm"
                    report(Diagnostic("W202", message, span, help=(hint,)))
