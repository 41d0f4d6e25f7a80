"""`match` and `ramp`: what differs from tensor to tensor."""

from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.evaluating import Operands
from mergec.elaborate.mass import mass_error, settled
from mergec.elaborate.parameters import Evaluate
from mergec.elaborate.selectors import read_selector
from mergec.elaborate.values import (
    POISON,
    Meaning,
    Poison,
    Weights,
    common_base,
    donor_of,
    gathered,
)
from mergec.elaborate.wording import describe
from mergec.elaborate.workspace import Workspace
from mergec.frozen import frozen
from mergec.ir import Amount, Schedule, TensorSelector, ValueType
from mergec.ir.schedule import Choice, Ramp, is_too_large, scheduled
from mergec.syntax.nodes import Arm, Call, Match, Selection

_Arms = list[tuple[Arm, TensorSelector | None, Meaning]]


@frozen
class Choices:
    """Evaluates what chooses by tensor."""

    work: Workspace
    evaluate: Evaluate

    def match(self, written: Match) -> Meaning:
        """A number for each tensor, or a model or delta made of the arms'."""
        arms: _Arms = []
        sound = True
        for arm in written.arms:
            selector = None
            if arm.selector is not None:
                selector = read_selector(arm.selector, self.evaluate, self.work.report)
                sound = sound and selector is not None
            value = self.evaluate(arm.value)
            sound = sound and not isinstance(value, Poison)
            arms.append((arm, selector, value))
        if not sound:
            return POISON
        if all(isinstance(value, Fraction | Schedule) for _, _, value in arms):
            return self._number(written, arms)
        if all(isinstance(value, Weights) for _, _, value in arms):
            return self._weights(written, arms)
        return self._mixed(arms)

    def ramp(self, call: Call, operands: Operands) -> Meaning:
        """Piecewise linear over the layers; one point, or equal ones, are that number."""
        points: list[Fraction] = []
        sound = not call.keywords
        for keyword in call.keywords:
            message = f"`ramp` has no parameter `{keyword.name}`"
            hint = "list the values from the first layer to the last, as in `ramp(0, 0.5, 1)`"
            self.work.report(Diagnostic("E204", message, keyword.name_span, help=(hint,)))
        for expr, value in operands:
            if isinstance(value, Fraction):
                points.append(value)
                continue
            sound = False
            if not isinstance(value, Poison):
                message = f"`ramp` takes numbers, and this is {describe(value)}"
                hint = "list the values from the first layer to the last, as in `ramp(0, 0.5, 1)`"
                self.work.report(Diagnostic("E206", message, expr.span, help=(hint,)))
        if sound and len(points) < 2:
            message = f"`ramp` takes at least 2 numbers, not {len(points)}"
            hint = "list the values from the first layer to the last, as in `ramp(0, 0.5, 1)`"
            self.work.report(Diagnostic("E209", message, call.span, help=(hint,)))
            sound = False
        if not sound:
            return POISON
        return points[0] if len(set(points)) == 1 else scheduled(Ramp(tuple(points)))

    def selection(self, written: Selection) -> TensorSelector | None:
        """The selector of a `select`; None after reporting."""
        return read_selector(written.selector, self.evaluate, self.work.report)

    def _number(self, written: Match, arms: _Arms) -> Amount | Poison:
        numbers: list[tuple[TensorSelector | None, Amount]] = []
        for _, selector, value in arms:
            assert isinstance(value, Fraction | Schedule)
            numbers.append((selector, value))
        if len({value for _, value in numbers}) == 1 and numbers[-1][0] is None:
            return numbers[0][1]
        choice = Choice(tuple(numbers))
        result = scheduled(choice)
        if is_too_large(result):
            message = "this `match` combines too many ramps and choices"
            hint = "write one `match` with the values that you mean"
            self.work.report(Diagnostic("E104", message, written.span, help=(hint,)))
            return POISON
        self.work.arms.setdefault(choice, tuple(arm.span for arm, _, _ in arms))
        return result

    def _weights(self, written: Match, arms: _Arms) -> Weights | Poison:
        values: list[Weights] = []
        for arm, _, value in arms:
            assert isinstance(value, Weights)
            sound = settled(self.work.builder, value)
            if sound is None:
                self.work.report(mass_error(arm.value, value.mass))
                return POISON
            values.append(sound)
            if sound.mass != values[0].mass:
                message = "the arms of a `match` are all models or all deltas"
                other = Label(arms[0][0].value.span, f"this is {describe(values[0])}")
                hint = "subtract the base from every model, or from none"
                label = f"this is {describe(sound)}"
                self.work.report(
                    Diagnostic("E306", message, arm.value.span, label, (other,), help=(hint,))
                )
                return POISON
        first = values[0]
        key = self.work.builder.add(
            "match",
            [value.key for value in values],
            {"selectors": tuple(selector for _, selector, _ in arms)},
            type=ValueType(first.mass),
        )
        self.work.arms.setdefault(key, tuple(arm.span for arm, _, _ in arms))
        return Weights(
            key,
            first.mass,
            donor_of(values),
            common_base(value.base for value in values) if first.mass == 0 else None,
            gathered(key, *(value.points for value in values)),
            max(value.draws for value in values),
            gathered(None, *(value.masks for value in values)),
            rearranged=True,
        )

    def _mixed(self, arms: _Arms) -> Poison:
        """E305, at the first arm that is no weights or number, or unlike the first arm."""
        first = arms[0]
        kinds = Weights if isinstance(first[2], Weights) else Fraction | Schedule
        odd = next((arm for arm in arms if not isinstance(arm[2], kinds)), first)
        label = f"this is {describe(odd[2])}"
        other = Label(first[0].value.span, f"this is {describe(first[2])}")
        message = "the arms of a `match` are all numbers, all models or all deltas"
        hint = "write arms of one kind, as in `match { attn => 0.3, else => 0.5 }`"
        labels = () if odd is first else (other,)
        found = Diagnostic("E305", message, odd[0].value.span, label, labels, help=(hint,))
        self.work.report(found)
        return POISON
