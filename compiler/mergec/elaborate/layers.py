"""Slices of layers and stacks of them."""

from dataclasses import replace

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.adapted import report_part_of_adapter
from mergec.elaborate.evaluating import Operands
from mergec.elaborate.mass import mass_error, settled
from mergec.elaborate.parameters import Evaluate, keywords_by_name
from mergec.elaborate.selectors import read_range
from mergec.elaborate.values import ANY_BASE, POISON, Meaning, Poison, Weights, gathered
from mergec.elaborate.wording import describe
from mergec.elaborate.workspace import Workspace
from mergec.frozen import frozen
from mergec.ir import NodeKey, ValueType
from mergec.syntax.nodes import Call, Expr, Slice


@frozen
class Layering:
    """Evaluates `a[0..24]` and `a ++ b`."""

    work: Workspace
    evaluate: Evaluate

    def slice(self, written: Slice, value: Meaning) -> Meaning:
        """Some of the layers of a value, renumbered from 0; what is outside the layers stays."""
        bounds = read_range(written.range, self.evaluate, self.work.report)
        if bounds is None or isinstance(value, Poison):
            return POISON
        weights = self._weights(written.value, value, "a layer range")
        if weights is None:
            return POISON
        low, high = bounds
        key = self.work.builder.add(
            "slice", [weights.key], {"lo": low, "hi": high}, type=ValueType(weights.mass)
        )
        base = self._sliced(weights, low, high)
        return replace(weights, key=key, base=base, points=frozenset({key}), rearranged=True)

    def stack(self, parts: Operands, *, untie: bool) -> Meaning:
        """The layers of all parts, one after the other."""
        values: list[Weights] = []
        sound = True
        for expr, value in parts:
            weights = None if isinstance(value, Poison) else self._weights(expr, value, "`++`")
            if weights is None:
                sound = False
            else:
                values.append(weights)
        if not sound:
            return POISON
        first = values[0]
        for (expr, _), value in zip(parts, values, strict=True):
            if value.mass != first.mass:
                message = "`++` stacks models on models, or deltas on deltas"
                labels = (Label(parts[0][0].span, f"this is {describe(first)}"),)
                hint = "subtract the base from every part, or from none"
                label = f"this is {describe(value)}"
                self.work.report(
                    Diagnostic("E306", message, expr.span, label, labels, help=(hint,))
                )
                return POISON
        key = self.work.builder.add(
            "stack",
            [value.key for value in values],
            {"untie": untie},
            type=ValueType(first.mass),
        )
        return Weights(
            key,
            first.mass,
            first.donor,
            None,
            frozenset({key}),
            max(value.draws for value in values),
            gathered(None, *(value.masks for value in values)),
            rearranged=True,
        )

    def stack_call(self, call: Call, operands: Operands) -> Meaning:
        """`stack(a, b; untie=true)`: `a ++ b`, with a head of its own where it was tied."""
        given = keywords_by_name("stack", ["untie"], call.keywords, self.work.report)
        untie: Meaning = False
        if "untie" in given.sound:
            keyword = given.sound["untie"]
            untie = self.evaluate(keyword.value)
            if not isinstance(untie, bool | Poison):
                message, hint = "`untie` needs a bool", "write `untie=true` or `untie=false`"
                label = f"this is {describe(untie)}"
                self.work.report(
                    Diagnostic("E206", message, keyword.value.span, label, help=(hint,))
                )
                untie = POISON
        if not operands:
            message = "`stack` takes at least 1 operand, not 0"
            hint = "list the parts, as in `stack(a[0..24], b[8..32])`"
            self.work.report(Diagnostic("E209", message, call.span, help=(hint,)))
        if not given.complete or not isinstance(untie, bool) or not operands:
            return POISON
        return self.stack(operands, untie=untie)

    def _sliced(self, delta: Weights, low: int | None, high: int | None) -> NodeKey | None:
        """The base of a delta's slice: the same slice of its base."""
        if delta.base is None:
            return None
        return self.work.builder.add(
            "slice", [delta.base], {"lo": low, "hi": high}, type=self.work.builder[delta.base].type
        )

    def _weights(self, expr: Expr, value: Meaning, what: str) -> Weights | None:
        if not isinstance(value, Weights):
            message = f"{what} needs a model or a delta, and this is {describe(value)}"
            hint = "write it after a model, as in `base[0..24]`"
            if what == "`++`":
                hint = "stack the layers of models, as in `a[0..24] ++ b[8..32]`"
            self.work.report(Diagnostic("E305", message, expr.span, help=(hint,)))
            return None
        if value.base == ANY_BASE:
            report_part_of_adapter(what, expr, self.work.report)
            return None
        sound = settled(self.work.builder, value)
        if sound is None:
            self.work.report(mass_error(expr, value.mass))
        return sound
