"""The operands of a call as its mass rule wants them, or what is wrong with them."""

from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate.arithmetic import difference
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import ANY_BASE, Weights
from mergec.elaborate.wording import describe, pasted, quoted
from mergec.frozen import frozen
from mergec.ir import GraphBuilder
from mergec.ops import MassRule, Operator
from mergec.syntax.nodes import Expr

Operand = tuple[Expr, Weights]


@frozen
class Typing:
    """Types the operands of one call of `operator`."""

    builder: GraphBuilder
    operator: Operator
    report: Report

    def operands(self, written: list[Operand], *, has_base: bool) -> list[Weights] | None:
        """A model after a base becomes its delta; None after reporting E302, E304 or E306."""
        if self.operator.mass is MassRule.DELTA:
            sound = self._are_deltas(written)
        elif self.operator.of_models:
            sound = self._are_models(written)
        elif self.operator.needs_base and not has_base:
            self._miss_base(written[0])
            sound = False
        elif self.operator.mass is MassRule.SAME or not has_base:
            sound = self._of_one_kind(written) and self._of_one_base(written)
        else:
            return self._after_base(written)
        return [value for _, value in written] if sound else None

    def _miss_base(self, first: Operand) -> None:
        name, text = self.operator.name, quoted(first[0].span)
        message = f"`{name}` needs a base first, and `{text}` is a delta"
        hint = f"give the model that the deltas are of, as in `{name}(base, ...)`"
        self.report(Diagnostic("E302", message, first[0].span, "a delta", help=(hint,)))

    def _after_base(self, written: list[Operand]) -> list[Weights] | None:
        base_text, base = quoted(written[0][0].span), written[0][1]
        deltas: list[Weights] = []
        sound = True
        for expr, value in written[1:]:
            if value.mass == 1:
                deltas.append(difference(self.builder, value, base))
            elif value.base in (base.key, ANY_BASE):
                deltas.append(value)
            else:
                hint = f"give the model itself, and `{self.operator.name}` subtracts `{base_text}`"
                self._foreign(expr, value, Label(written[0][0].span, "the base here"), hint)
                sound = False
        return [base, *deltas] if sound else None

    def _are_deltas(self, written: list[Operand]) -> bool:
        models = [expr for expr, value in written if value.mass == 1]
        for expr in models:
            message = f"`{self.operator.name}` needs a delta, and `{quoted(expr.span)}` is a model"
            hint = f"subtract its base: `({pasted(expr) or 'model'} - base)`"
            self.report(Diagnostic("E302", message, expr.span, "a model", help=(hint,)))
        return not models

    def _are_models(self, written: list[Operand]) -> bool:
        deltas = [expr for expr, value in written if value.mass != 1]
        for expr in deltas:
            message = f"`{self.operator.name}` needs a model, and `{quoted(expr.span)}` is a delta"
            hint = f"give the model itself, as in `{self.operator.name}(a, b)`"
            self.report(Diagnostic("E302", message, expr.span, "a delta", help=(hint,)))
        return not deltas

    def _of_one_kind(self, written: list[Operand]) -> bool:
        first, kind = written[0][0], written[0][1]
        for expr, value in written[1:]:
            if value.mass == kind.mass:
                continue
            message = f"`{self.operator.name}` mixes models and deltas"
            label = Label(first.span, f"this is {describe(kind)}")
            hint = "subtract the base from every model, or from none"
            if self.operator.mass is MassRule.CONSENSUS:
                hint = "put the base first, or subtract it from every model"
            self.report(
                Diagnostic(
                    "E306", message, expr.span, f"this is {describe(value)}", (label,), help=(hint,)
                )
            )
            return False
        return True

    def _of_one_base(self, written: list[Operand]) -> bool:
        """Deltas that vote together must be relative to one point."""
        if self.operator.mass is not MassRule.CONSENSUS:
            return True
        decided = [(expr, value) for expr, value in written if value.base != ANY_BASE]
        if not decided:
            return True
        first, base = decided[0][0], decided[0][1].base
        sound = True
        for expr, value in decided[1:]:
            if value.base != base:
                hint = "make all deltas relative to one base, as in `code - base`"
                self._foreign(expr, value, Label(first.span, "other than this one's"), hint)
                sound = False
        return sound

    def _foreign(self, expr: Expr, value: Weights, other: Label, hint: str) -> None:
        kind = "another base" if value.base is not None else "no single base"
        message = f"`{quoted(expr.span)}` is a delta of {kind}"
        note = "entries of deltas can be compared only if they are relative to the same weights"
        self.report(
            Diagnostic("E304", message, expr.span, "", (other,), notes=(note,), help=(hint,))
        )
