"""Calls: `model(...)`, and operators with their operands, types and canonical order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label, Span
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.arithmetic import difference
from mergec.elaborate.parameters import Evaluate, Report, check_parameters, describe
from mergec.elaborate.values import POISON, Meaning, Poison, SourceDecl, Weights
from mergec.ir import MODEL, GraphBuilder, Value, ValueType, print_decimal
from mergec.ops import OPERATORS, MassRule, Operator
from mergec.syntax.nodes import Call, Expr, Text

Operand = tuple[Expr, Weights]


@dataclass(slots=True)
class Calls:
    """Turns calls into nodes. `sources` collects every `model(...)`."""

    builder: GraphBuilder
    evaluate: Evaluate
    report: Report
    sources: dict[str, SourceDecl] = field(default_factory=dict[str, SourceDecl])

    def call(self, call: Call, operands: Sequence[Expr], piped: bool) -> Meaning:
        """The meaning of a call; with `piped`, operand 0 came through `|>`."""
        if call.func == "model":
            return self._model(call, operands)
        operator = OPERATORS.get(call.func)
        if operator is None:
            hint = suggestion_help(call.func, [*OPERATORS, "model"], "operators")
            message = f"there is no operator `{call.func}`"
            self.report(Diagnostic("E202", message, call.func_span, help=(hint,)))
            for operand in operands:
                self.evaluate(operand)
            return POISON
        return self._operator(operator, call, operands, piped)

    def _model(self, call: Call, operands: Sequence[Expr]) -> Meaning:
        texts = {keyword.name: keyword.value for keyword in call.keywords}
        wrong = (
            len(operands) != 1
            or len(texts) != len(call.keywords)
            or not all(isinstance(item, Text) and item.value for item in (*operands, *texts.values()))
            or not texts.keys() <= {"id", "rev"}
        )
        if wrong:
            message = "`model` takes one reference and the texts `id` and `rev`"
            hint = 'write `model("./folder")` or `model("./folder", id="code")`'
            self.report(Diagnostic("E206", message, call.span, help=(hint,)))
            return POISON
        ref, ident, rev = operands[0], texts.get("id"), texts.get("rev")
        assert isinstance(ref, Text)
        label = ident.value if isinstance(ident, Text) else ref.value
        revision = rev.value if isinstance(rev, Text) else None
        return self._source(label, ref.value, revision, call.span)

    def _source(self, label: str, ref: str, rev: str | None, span: Span) -> Meaning:
        known = self.sources.get(label)
        if known is not None and (known.ref, known.rev) != (ref, rev):
            message = f"two sources have the label `{label}`"
            first = Label(known.span, "the other source")
            hint = 'give one another `id`, as in `model("./code", id="code-2")`'
            note = "masks and the order of operands depend on labels, so each must be unique"
            self.report(Diagnostic("E215", message, span, labels=(first,), notes=(note,), help=(hint,)))
            return POISON
        params: dict[str, Value] = {"label": label, "ref": ref, "rev": rev}
        key = self.builder.add("source", params=params, type=MODEL)
        self.sources.setdefault(label, SourceDecl(label, ref, rev, key, span))
        return Weights(key, Fraction(1), label, points=frozenset({key}))

    def _operator(
        self, operator: Operator, call: Call, operands: Sequence[Expr], piped: bool
    ) -> Meaning:
        found = [(written, self._weights(operator, written)) for written in operands]
        low, high = operator.operands
        has_base = (
            operator.mass is MassRule.CONSENSUS
            and bool(found)
            and isinstance(found[0][1], Weights)
            and found[0][1].mass == 1
        )
        count = len(found) - has_base
        params = check_parameters(operator, call, count, self.evaluate, self.report)
        if not low <= count or (high is not None and count > high):
            self._wrong_count(operator, call, len(found))
            return POISON
        if isinstance(params, Poison) or any(isinstance(value, Poison) for _, value in found):
            return POISON
        sound = [(written, value) for written, value in found if isinstance(value, Weights)]
        if has_base and piped:
            return self._refuse_pipe(operator, call, operands)
        typed = self._typed(operator, call, sound, has_base)
        if isinstance(typed, Poison):
            return POISON
        return self._node(operator, typed, params, has_base)

    def _weights(self, operator: Operator, written: Expr) -> Weights | Poison:
        """An operand's value, which must be a model or a delta."""
        value = self.evaluate(written)
        if isinstance(value, Poison):
            return POISON
        if not isinstance(value, Weights):
            message = f"`{operator.name}` needs weights here, and this is {describe(value)}"
            hint = "give parameters by name after the operands, as in `t=0.5`"
            self.report(Diagnostic("E302", message, written.span, help=(hint,)))
            return POISON
        if value.mass not in (0, 1):
            self.report(mass_error(written.span, value.mass, f"an operand of `{operator.name}`"))
            return POISON
        return value

    def _wrong_count(self, operator: Operator, call: Call, count: int) -> None:
        low, high = operator.operands
        base = "a base and " if operator.mass is MassRule.CONSENSUS else ""
        wanted = f"exactly {low}" if low == high else f"at least {low}"
        message = f"`{operator.name}` takes {base}{wanted} operand{'s' * (low != 1)}, not {count}"
        hint = f"its signature is `{operator.signature()}`"
        self.report(Diagnostic("E209", message, call.span, help=(hint,)))

    def _refuse_pipe(self, operator: Operator, call: Call, operands: Sequence[Expr]) -> Poison:
        left = operands[0].span.text
        message = f"`|>` would make `{left}` the base of `{operator.name}`"
        names = ", ".join(written.span.text for written in operands)
        hint = f"write `{operator.name}({names})`, with the base first"
        label = "would be the base"
        self.report(Diagnostic("E303", message, operands[0].span, label, help=(hint,)))
        return POISON

    def _typed(
        self, operator: Operator, call: Call, operands: list[Operand], has_base: bool
    ) -> list[Weights] | Poison:
        """The operands as the mass rule wants them: a model after a base becomes its delta."""
        if operator.mass is MassRule.SAME:
            return self._of_one_mass(operator, operands)
        if operator.mass is MassRule.DELTA or not has_base:
            return self._deltas(operator, operands)
        base = operands[0][1]
        deltas: list[Weights] = []
        sound = True
        for written, value in operands[1:]:
            if value.mass == 1:
                value = difference(self.builder, value, base)
            elif value.base != base.key:
                sound = self._foreign(operator, written, operands[0][0])
            deltas.append(value)
        return [base, *deltas] if sound else POISON

    def _of_one_mass(self, operator: Operator, operands: list[Operand]) -> list[Weights] | Poison:
        first_written, first = operands[0]
        for written, value in operands[1:]:
            if value.mass != first.mass:
                words = {1: "a model", 0: "a delta"}
                message = f"`{operator.name}` mixes models and deltas"
                label = Label(first_written.span, f"this is {words[int(first.mass)]}")
                hint = "subtract the base from every model, or from none"
                this = f"this is {words[int(value.mass)]}"
                self.report(
                    Diagnostic("E306", message, written.span, this, labels=(label,), help=(hint,))
                )
                return POISON
        return [value for _, value in operands]

    def _deltas(self, operator: Operator, operands: list[Operand]) -> list[Weights] | Poison:
        sound = True
        for written, value in operands:
            if value.mass == 1:
                message = f"`{operator.name}` needs a delta, and `{written.span.text}` is a model"
                hint = f"subtract the base: `{written.span.text} - base`"
                self.report(Diagnostic("E302", message, written.span, "a model", help=(hint,)))
                sound = False
            elif value.base != operands[0][1].base:
                sound = self._foreign(operator, written, operands[0][0])
        return [value for _, value in operands] if sound else POISON

    def _foreign(self, operator: Operator, written: Expr, other: Expr) -> bool:
        message = f"`{written.span.text}` is a delta of another base"
        hint = f"take all deltas of `{operator.name}` against one base"
        label = Label(other.span, "what it meets")
        self.report(Diagnostic("E304", message, written.span, labels=(label,), help=(hint,)))
        return False

    def _node(
        self, operator: Operator, operands: list[Weights], params: dict[str, Value], has_base: bool
    ) -> Weights:
        first = operands[0]
        draws = max(value.draws for value in operands)
        mass = operator.result_mass(params, [value.mass for value in operands])
        bases = {value.base for value in operands}
        if operator.order_free:
            operands, params = self._canonical(operator, operands, params, has_base)
        if operator.masked:
            role = f"{operator.name}#{draws}" if draws else operator.name
            stream = params.get("stream")
            role = f"{role}/{stream}" if stream else role
            params = {**params, "label": self._label(first), "role": role}
        key = self.builder.add(
            operator.name,
            [value.key for value in operands],
            params,
            type=ValueType(mass),
            revision=operator.revision,
        )
        base = next(iter(bases)) if mass == 0 and len(bases) == 1 else None
        points = first.points | {key} if has_base else frozenset({key})
        return Weights(key, mass, first.donor, base, points, draws + operator.masked)

    def _canonical(
        self, operator: Operator, operands: list[Weights], params: dict[str, Value], has_base: bool
    ) -> tuple[list[Weights], dict[str, Value]]:
        """Operands after the base by label, then by key; per-operand parameters move along."""
        fixed, free = operands[:has_base], operands[has_base:]
        order = sorted(range(len(free)), key=lambda i: (self._label(free[i]), free[i].key))
        moved = {
            name: tuple(value[i] for i in order)
            if isinstance(value, tuple) and _is_per_operand(operator, name)
            else value
            for name, value in params.items()
        }
        return [*fixed, *(free[i] for i in order)], moved

    def _label(self, value: Weights) -> str:
        """The label of a value: its leaves' labels without its base's, joined by U+001F."""
        labels = self.builder.labels(value.key)
        if value.base is not None:
            labels -= self.builder.labels(value.base)
        return "\x1f".join(sorted(labels))


def _is_per_operand(operator: Operator, name: str) -> bool:
    parameter = operator.parameter(name)
    return parameter is not None and parameter.per_operand


def mass_error(span: Span, mass: Fraction, where: str, hints: Sequence[str] = ()) -> Diagnostic:
    """E301 for an expression whose coefficients sum to neither 1 nor 0."""
    shown = print_decimal(mass)
    return Diagnostic(
        "E301",
        f"these weights sum to {shown}, not 1",
        span,
        f"mass {shown}",
        notes=(f"{where} must be a model (mass 1) or a delta (mass 0)",),
        help=tuple(hints) or ("for an average, write `linear(...)` of the models",),
    )
