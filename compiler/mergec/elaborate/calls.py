"""Calls of operators: operands, parameters and types checked, operands in canonical order."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.diagnostics import Diagnostic, Label
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.evaluating import Operands
from mergec.elaborate.facts import FACTS
from mergec.elaborate.masks import warn_of_equal_masks
from mergec.elaborate.mass import mass_error, settled
from mergec.elaborate.odd_calls import warn_of_call
from mergec.elaborate.operands import Typing
from mergec.elaborate.parameters import Evaluate, check_parameters
from mergec.elaborate.scope import Scope
from mergec.elaborate.statistics import Statistics
from mergec.elaborate.values import (
    ANY_BASE,
    POISON,
    Mask,
    Meaning,
    Poison,
    Weights,
    common_base,
    donor_of,
    gathered,
)
from mergec.elaborate.wording import describe, pasted, quoted
from mergec.elaborate.workspace import Workspace
from mergec.frozen import frozen
from mergec.ir import STATISTICS, Schedule, Value, ValueType
from mergec.ops import OPERATORS, MassRule, Operator, number
from mergec.plugin.registry import find_operator
from mergec.syntax.nodes import Call, Def, Expr, Name

BUILT_IN = ("model", "adapter", "stack", "select", "rename", "ramp", "as_model")
"""What can be called beside operators and macros."""

_ASKED = {"number": " > 0", "text": ' == "mit"', "bool": "", "tokenizer": " == tokenizer(base)"}

FIRST = "first"
"""The parameter of an order-free node that says which operand was written first."""


@frozen
class Calls:
    """Turns calls into nodes."""

    work: Workspace
    evaluate: Evaluate
    scope: Scope

    def call(self, call: Call, operands: Operands, *, piped: bool) -> Meaning:
        """The meaning of a call; with `piped`, operand 0 came through `|>`."""
        operator = find_operator(call.func)
        if operator is not None:
            return self._operator(operator, call, operands, piped)
        if call.func in FACTS:
            message = f"`{call.func}` is known only once sources or weights were looked at"
            example = f"{quoted(call.span)}{_ASKED[FACTS[call.func].kind]}"
            hint = f'it is for contracts, as in `require {example}, "why"`'
            self.work.report(Diagnostic("E310", message, call.func_span, help=(hint,)))
        elif call.func.partition(".")[0] not in self.scope.module.failed:
            self._unknown(call)
        for keyword in call.keywords:
            if not isinstance(keyword.value, Name):  # which may be a word of that operator
                self.evaluate(keyword.value)
        return POISON

    def _unknown(self, call: Call) -> None:
        """E202, and what is called so elsewhere."""
        prefix, dot, inner = call.func.partition(".")
        message = f"there is no operator `{call.func}`"
        labels: tuple[Label, ...] = ()
        statements = self.scope.module.spec.statements
        below = next((s for s in statements if isinstance(s, Def) and s.name == call.func), None)
        if below is not None:
            message = f"the macro `{call.func}` is not defined above this line"
            labels = (Label(below.name_span, "defined here"),)
            hint = f"move the line of `{call.func}` up; a macro is defined before it is called"
        elif dot and prefix in self.scope.module.modules:
            message = f"the spec `{prefix}` has no macro `{inner}`"
            offered = [each for each in self.scope.macro_names() if each.startswith(f"{prefix}.")]
            hint = suggestion_help(call.func, offered, f"macros of `{prefix}`")
        elif dot:
            message = f"no spec is used as `{prefix}`"
            path = "std:classic" if prefix == "std" else f"./{prefix}.merge"
            hint = f'write `use "{path}" as {prefix}` above'
        else:
            known = [*self.scope.macro_names(), *OPERATORS, *BUILT_IN]
            hint = suggestion_help(call.func, known, "operators")
        self.work.report(Diagnostic("E202", message, call.func_span, "", labels, (), (hint,)))

    def _operator(self, operator: Operator, call: Call, operands: Operands, piped: bool) -> Meaning:
        misplaced = any(not isinstance(value, Weights | Poison) for _, value in operands)
        found = [(written, self._weights(operator, written, value)) for written, value in operands]
        takes_base = operator.mass is MassRule.CONSENSUS
        first = found[0][1] if found else None
        has_base = takes_base and isinstance(first, Weights) and first.mass == 1
        unknown = misplaced or (takes_base and isinstance(first, Poison))
        count = None if unknown else len(found) - has_base
        if count is not None and not _fits(operator, count):
            self._wrong_count(operator, call, count, has_base=has_base)
            count = None
        self._check_seed(operator, call)
        params = check_parameters(
            operator,
            call,
            count,
            self.evaluate,
            self.work.report,
            is_bound=lambda name: self.scope.value(name) is not None,
            misplaced=misplaced,
        )
        reading = Statistics(self.work.builder, operator, self.evaluate, self.work.report)
        statistics = reading.given(call, count)
        sound = [(written, value) for written, value in found if isinstance(value, Weights)]
        if count is None or len(sound) < len(found):
            return POISON
        if has_base and piped:
            return self._refuse_pipe(operator, call, [written for written, _ in operands])
        typing = Typing(self.work.builder, operator, self.work.report)
        typed = typing.operands(sound, has_base=has_base)
        if typed is None or isinstance(params, Poison) or isinstance(statistics, Poison):
            return POISON
        warn_of_equal_masks(sound, self.work.report)
        warn_of_call(operator, call, sound, params, self.work.report)
        value = self._node(operator, typed, statistics, params, has_base)
        for keyword in call.keywords:
            self.work.parameters.setdefault((value.key, keyword.name), keyword.value.span)
        return value

    def _check_seed(self, operator: Operator, call: Call) -> None:
        """In a spec that others use, a seed comes from a macro's parameter."""
        seed = next((keyword for keyword in call.keywords if keyword.name == "seed"), None)
        if seed is None or self.scope.module.root or operator.parameter("seed") is None:
            return
        if isinstance(seed.value, Name) and seed.value.id in self.scope.local:
            return
        message = "a spec that others use sets a seed"
        hint = "make it a parameter of a macro: `def f(x, seed=0) = dare(x, ..., seed=seed)`"
        self.work.report(Diagnostic("E223", message, seed.span, help=(hint,)))

    def _weights(self, operator: Operator, written: Expr, value: Meaning) -> Weights | Poison:
        """An operand's value, which must be a model or a delta."""
        if isinstance(value, Poison):
            return POISON
        if not isinstance(value, Weights):
            message = f"`{operator.name}` takes models and deltas, and this is {describe(value)}"
            names = [parameter.name for parameter in operator.parameters]
            text = pasted(written) or "..."
            hint = f"give a parameter by its name, as in `{names[0]}={text}`"
            self.work.report(Diagnostic("E302", message, written.span, help=(hint,)))
            return POISON
        sound = settled(self.work.builder, value)
        if sound is None:
            self.work.report(mass_error(written, value.mass))
            return POISON
        return sound

    def _wrong_count(self, operator: Operator, call: Call, count: int, *, has_base: bool) -> None:
        low, high = operator.operands
        wanted = f"{'exactly' if low == high else 'at least'} {low} operand{'s' * (low != 1)}"
        after = " after its base" if has_base else ""
        message = f"`{operator.name}` takes {wanted}{after}, not {count}"
        hint = f"its signature is `{operator.signature()}`"
        self.work.report(Diagnostic("E209", message, call.span, help=(hint,)))

    def _refuse_pipe(self, operator: Operator, call: Call, operands: Sequence[Expr]) -> Poison:
        left = operands[0].span
        message = f"`|>` would make `{quoted(left)}` the base of `{operator.name}`"
        settings = ", ".join(keyword.span.text for keyword in call.keywords)
        names = ", ".join(
            written.span.text for written in (operands[1], operands[0], *operands[2:])
        )
        inside = " ".join((f"{names}; {settings}" if settings else names).split())
        hint = f"write `{operator.name}({inside})`, with the base first"
        self.work.report(Diagnostic("E303", message, left, "would be the base", help=(hint,)))
        return POISON

    def _node(
        self,
        operator: Operator,
        operands: list[Weights],
        statistics: list[Weights],
        params: dict[str, Value],
        has_base: bool,
    ) -> Weights:
        first, donor = operands[0], donor_of(operands)
        masses = [Fraction(1) if value.mass == 1 else Fraction(0) for value in operands]
        mass = operator.result_mass(params, masses)
        base = common_base(value.base for value in operands) if mass == 0 else None
        draws = max(value.draws for value in operands)
        if operator.order_free:
            order = self._canonical(operator, operands, statistics, params, has_base)
            operands = [*operands[:has_base], *(operands[i + has_base] for i in order)]
            statistics = [statistics[i] for i in order if statistics]
            params = {**params, **_moved(operator, params, order)}
            # Which operand gives the tensor names, where that is not the first.
            place = next(i for i, value in enumerate(operands) if value.key == first.key)
            if place and (operands[0].donor != first.donor or operands[0].rearranged):
                params = {**params, FIRST: place}
        if operator.masked:
            params = {**params, **self._mask(operator, first, params, draws)}
        params = {**params, **operator.derive(params)}
        if statistics:
            params = {**params, STATISTICS: len(statistics)}
        key = self.work.builder.add(
            operator.name,
            [value.key for value in (*operands, *statistics)],
            params,
            type=ValueType(mass),
            revision=operator.revision,
        )
        points = gathered(key, first.points) if has_base else frozenset({key})
        mask = None
        if operator.masked:
            seed, role, label = (str(params[name]) for name in ("seed", "role", "label"))
            mask = Mask(key, (seed, role, label))
        masks = gathered(mask, *(value.masks for value in operands))
        rearranged = any(value.rearranged for value in operands)
        return Weights(key, mass, donor, base, points, draws + operator.masked, masks, rearranged)

    def _canonical(
        self,
        operator: Operator,
        operands: list[Weights],
        statistics: list[Weights],
        params: dict[str, Value],
        has_base: bool,
    ) -> list[int]:
        """The order of the operands after the base, numbered as written: by label, then by key."""
        free = operands[has_base:]
        lists = _per_operand(operator, params).values()

        def rank(i: int) -> tuple[str, str, list[tuple[Fraction, str]], str]:
            # An operand given twice is told apart by its parameters and its statistic alone.
            settings = [_ordered(value[i]) for value in lists]
            statistic = statistics[i].key if statistics else ""
            return self._label(free[i]), free[i].key, settings, statistic

        leading = int(operator.leads(params))
        return [*range(leading), *sorted(range(leading, len(free)), key=rank)]

    def _mask(
        self, operator: Operator, masked: Weights, params: dict[str, Value], draws: int
    ) -> dict[str, Value]:
        """The label and role that key a random mask."""
        role = f"{operator.role}#{draws}" if draws else operator.role
        stream = params.get("stream")
        return {"label": self._label(masked), "role": f"{role}/{stream}" if stream else role}

    def _label(self, value: Weights) -> str:
        """The label of a value: its leaves' labels without its base's, joined by U+001F."""
        base = None if value.base == ANY_BASE else value.base
        return "\x1f".join(sorted(self.work.labels.of(value.key, without=base)))


def _fits(operator: Operator, count: int) -> bool:
    low, high = operator.operands
    return low <= count and (high is None or count <= high)


def _per_operand(
    operator: Operator, params: Mapping[str, Value]
) -> Mapping[str, tuple[Value, ...]]:
    """The parameters that have one value for each operand."""
    known = {parameter.name for parameter in operator.parameters if parameter.per_operand}
    return {n: value for n, value in params.items() if n in known and isinstance(value, tuple)}


def _moved(
    operator: Operator, params: Mapping[str, Value], order: Sequence[int]
) -> dict[str, Value]:
    """Those parameters for operands in this order."""
    lists = _per_operand(operator, params)
    return {name: tuple(value[i] for i in order) for name, value in lists.items()}


def _ordered(value: Value) -> tuple[Fraction, str]:
    """Numbers by size; those that differ from tensor to tensor after them, by their text."""
    return (Fraction(0), str(value)) if isinstance(value, Schedule) else (number(value), "")
