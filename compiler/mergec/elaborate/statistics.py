"""Statistics of operands, given as other sources: `fisher(a, b; fishers=[fa, fb])`."""

from mergec.diagnostics import Diagnostic, Label, Span
from mergec.elaborate.parameters import Evaluate, Report
from mergec.elaborate.values import POISON, Meaning, Poison, Weights
from mergec.elaborate.wording import describe, pasted, quoted
from mergec.frozen import frozen
from mergec.ir import GraphBuilder
from mergec.ops import Operator, Parameter
from mergec.syntax.nodes import Call, Expr, ListLiteral

# A statistic is read as it is stored: what is computed first is no longer a statistic of anything.
_AS_STORED = frozenset({"source", "select", "rename", "slice", "stack", "match"})


@frozen
class Statistics:
    """Reads the list of statistics in calls of `operator`."""

    builder: GraphBuilder
    operator: Operator
    evaluate: Evaluate
    report: Report

    def given(self, call: Call, operands: int | None) -> list[Weights] | Poison:
        """One value for each of `operands` (None: unknown), in their order; none if none are taken.

        POISON after reporting E206 or E212; one that is missing is reported with the parameters.
        """
        parameter = next((p for p in self.operator.parameters if p.kind == "sources"), None)
        if parameter is None:
            return []
        keyword = next((k for k in call.keywords if k.name == parameter.name), None)
        if keyword is None:
            return POISON
        if not isinstance(keyword.value, ListLiteral):
            value = self.evaluate(keyword.value)
            if not isinstance(value, Poison):
                self._refuse(parameter, call, keyword.value.span, f"this is {describe(value)}")
            return POISON
        items = keyword.value.items
        values = [self._one(parameter, call, item, self.evaluate(item)) for item in items]
        if operands is None:
            return POISON
        if len(values) != operands:
            self._wrong_length(parameter, call, len(values), operands, keyword.value.span)
            return POISON
        sound = [value for value in values if isinstance(value, Weights)]
        return sound if len(sound) == len(values) else POISON

    def _one(
        self, parameter: Parameter, call: Call, written: Expr, value: Meaning
    ) -> Weights | Poison:
        if isinstance(value, Poison):
            return POISON
        if not isinstance(value, Weights):
            self._refuse(parameter, call, written.span, f"this is {describe(value)}")
            return POISON
        waiting, seen = [value.key], {value.key}
        while waiting:
            node = self.builder[waiting.pop()]
            if node.op not in _AS_STORED:
                self._refuse(parameter, call, written.span, "this is computed")
                return POISON
            fresh = set(node.operands) - seen
            seen |= fresh
            waiting += fresh
        return value

    def _refuse(self, parameter: Parameter, call: Call, at: Span, found: str) -> None:
        message = f"`{parameter.name}` needs a list of sources, each as it is stored"
        notes = (f"`{parameter.name}`: {parameter.doc}",)
        names = ", ".join(f'model("./{parameter.name}-{n}")' for n in (1, 2))
        hint = f"name the files of the statistics, as in `{parameter.name}=[{names}]`"
        self.report(Diagnostic("E206", message, at, found, notes=notes, help=(hint,)))

    def _wrong_length(
        self, parameter: Parameter, call: Call, values: int, operands: int, at: Span
    ) -> None:
        given = "1 source" if values == 1 else f"{values} sources"
        wanted = "1 operand" if operands == 1 else f"{operands} operands"
        message = f"`{parameter.name}` has {given} for {wanted}"
        labels = tuple(
            Label(each.span, f"needs the statistic of `{quoted(each.span)}`")
            for each in call.operands[values:]
            if pasted(each) is not None
        )
        hint = "write one source for each operand, in the order of the operands"
        self.report(Diagnostic("E212", message, at, "", labels, help=(hint,)))
