"""Calls of operators: operands, parameters and types checked, operands in canonical order."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from mergec.diagnostics import Diagnostic
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.masks import warn_of_equal_masks
from mergec.elaborate.mass import mass_error
from mergec.elaborate.operands import Typing
from mergec.elaborate.parameters import Evaluate, Report, check_parameters
from mergec.elaborate.sources import Sources
from mergec.elaborate.values import POISON, Mask, Meaning, Poison, Weights
from mergec.elaborate.wording import describe, pasted, quoted
from mergec.ir import GraphBuilder, Value, ValueType
from mergec.ops import OPERATORS, MassRule, Operator, number
from mergec.syntax.nodes import Call, Expr, Name


@dataclass(frozen=True, slots=True)
class Calls:
    """Turns calls into nodes."""

    builder: GraphBuilder
    evaluate: Evaluate
    report: Report
    sources: Sources

    def call(self, call: Call, operands: Sequence[Expr], *, piped: bool) -> Meaning:
        """The meaning of a call; with `piped`, operand 0 came through `|>`."""
        if call.func == "model":
            return self.sources.declare(call, operands)
        operator = OPERATORS.get(call.func)
        if operator is not None:
            return self._operator(operator, call, operands, piped)
        hint = suggestion_help(call.func, [*OPERATORS, "model"], "operators")
        message = f"there is no operator `{call.func}`"
        self.report(Diagnostic("E202", message, call.func_span, help=(hint,)))
        for operand in operands:
            self.evaluate(operand)
        for keyword in call.keywords:
            if not isinstance(keyword.value, Name):  # which may be a word of that operator
                self.evaluate(keyword.value)
        return POISON

    def _operator(
        self, operator: Operator, call: Call, operands: Sequence[Expr], piped: bool
    ) -> Meaning:
        values = [(written, self.evaluate(written)) for written in operands]
        misplaced = any(not isinstance(value, Weights | Poison) for _, value in values)
        found = [(written, self._weights(operator, written, value)) for written, value in values]
        takes_base = operator.mass is MassRule.CONSENSUS
        first = found[0][1] if found else None
        has_base = takes_base and isinstance(first, Weights) and first.mass == 1
        unknown = misplaced or (takes_base and isinstance(first, Poison))
        count = None if unknown else len(found) - has_base
        if count is not None and not _fits(operator, count):
            self._wrong_count(operator, call, count, has_base=has_base)
            count = None
        params = check_parameters(
            operator, call, count, self.evaluate, self.report, misplaced=misplaced
        )
        sound = [(written, value) for written, value in found if isinstance(value, Weights)]
        if count is None or len(sound) < len(found):
            return POISON
        if has_base and piped:
            return self._refuse_pipe(operator, call, operands)
        typed = Typing(self.builder, operator, self.report).operands(sound, has_base=has_base)
        if typed is None or isinstance(params, Poison):
            return POISON
        warn_of_equal_masks(sound, self.report)
        return self._node(operator, typed, params, has_base)

    def _weights(self, operator: Operator, written: Expr, value: Meaning) -> Weights | Poison:
        """An operand's value, which must be a model or a delta."""
        if isinstance(value, Poison):
            return POISON
        if not isinstance(value, Weights):
            message = f"`{operator.name}` takes models and deltas, and this is {describe(value)}"
            names = [parameter.name for parameter in operator.parameters]
            text = pasted(written) or "..."
            hint = f"give a parameter by its name, as in `{names[0]}={text}`"
            self.report(Diagnostic("E302", message, written.span, help=(hint,)))
            return POISON
        if value.mass not in (0, 1):
            self.report(mass_error(written, value.mass))
            return POISON
        return value

    def _wrong_count(self, operator: Operator, call: Call, count: int, *, has_base: bool) -> None:
        low, high = operator.operands
        wanted = f"{'exactly' if low == high else 'at least'} {low} operand{'s' * (low != 1)}"
        after = " after its base" if has_base else ""
        message = f"`{operator.name}` takes {wanted}{after}, not {count}"
        hint = f"its signature is `{operator.signature()}`"
        self.report(Diagnostic("E209", message, call.span, help=(hint,)))

    def _refuse_pipe(self, operator: Operator, call: Call, operands: Sequence[Expr]) -> Poison:
        left = operands[0].span
        message = f"`|>` would make `{quoted(left)}` the base of `{operator.name}`"
        settings = ", ".join(keyword.span.text for keyword in call.keywords)
        names = ", ".join(
            written.span.text for written in (operands[1], operands[0], *operands[2:])
        )
        inside = " ".join((f"{names}; {settings}" if settings else names).split())
        hint = f"write `{operator.name}({inside})`, with the base first"
        self.report(Diagnostic("E303", message, left, "would be the base", help=(hint,)))
        return POISON

    def _node(
        self,
        operator: Operator,
        operands: list[Weights],
        params: dict[str, Value],
        has_base: bool,
    ) -> Weights:
        first = operands[0]
        mass = operator.result_mass(params, [value.mass for value in operands])
        bases = {value.base for value in operands}
        draws = max(value.draws for value in operands)
        if operator.order_free:
            operands, params = self._canonical(operator, operands, params, has_base)
        if operator.masked:
            params = {**params, **self._mask(operator, first, params, draws)}
        key = self.builder.add(
            operator.name,
            [value.key for value in operands],
            params,
            type=ValueType(mass),
            revision=operator.revision,
        )
        base = next(iter(bases)) if mass == 0 and len(bases) == 1 else None
        points = first.points | {key} if has_base else frozenset({key})
        masks = frozenset(mask for value in operands for mask in value.masks)
        if operator.masked:
            seed, role, label = (str(params[name]) for name in ("seed", "role", "label"))
            masks |= {Mask(key, (seed, role, label))}
        return Weights(key, mass, first.donor, base, points, draws + operator.masked, masks)

    def _canonical(
        self, operator: Operator, operands: list[Weights], params: dict[str, Value], has_base: bool
    ) -> tuple[list[Weights], dict[str, Value]]:
        """Operands after the base by label, then by key; per-operand parameters move along."""
        fixed, free = operands[:has_base], operands[has_base:]
        lists = {
            name: value
            for name, value in params.items()
            if isinstance(value, tuple) and _is_per_operand(operator, name)
        }

        def rank(i: int) -> tuple[str, str, list[Fraction]]:
            # An operand given twice is told apart by its parameters alone.
            return self._label(free[i]), free[i].key, [number(v[i]) for v in lists.values()]

        order = sorted(range(len(free)), key=rank)
        moved = {name: tuple(value[i] for i in order) for name, value in lists.items()}
        return [*fixed, *(free[i] for i in order)], {**params, **moved}

    def _mask(
        self, operator: Operator, masked: Weights, params: dict[str, Value], draws: int
    ) -> dict[str, Value]:
        """The label and role that key a random mask."""
        role = f"{operator.name}#{draws}" if draws else operator.name
        stream = params.get("stream")
        return {"label": self._label(masked), "role": f"{role}/{stream}" if stream else role}

    def _label(self, value: Weights) -> str:
        """The label of a value: its leaves' labels without its base's, joined by U+001F."""
        labels = self.builder.labels(value.key)
        if value.base is not None:
            labels -= self.builder.labels(value.base)
        return "\x1f".join(sorted(labels))


def _fits(operator: Operator, count: int) -> bool:
    low, high = operator.operands
    return low <= count and (high is None or count <= high)


def _is_per_operand(operator: Operator, name: str) -> bool:
    parameter = operator.parameter(name)
    return parameter is not None and parameter.per_operand
