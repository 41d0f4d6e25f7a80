"""What an expression stands for: numbers, text, models, deltas."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from mergec.diagnostics import Diagnostic
from mergec.elaborate.arithmetic import combine, negate
from mergec.elaborate.calls import Calls
from mergec.elaborate.choices import Choices
from mergec.elaborate.evaluating import Operands
from mergec.elaborate.layers import Layering
from mergec.elaborate.macros import expand, refuse_recursion
from mergec.elaborate.scope import Scope
from mergec.elaborate.spread import spread
from mergec.elaborate.values import POISON, Bytes, Meaning, Poison, Rest, Weights
from mergec.elaborate.views import Views
from mergec.elaborate.workspace import CALL_LEVELS, Workspace
from mergec.ir import Schedule
from mergec.plugin.registry import find_operator
from mergec.syntax.nodes import (
    Binary,
    Bool,
    Call,
    Compare,
    Expr,
    ListLiteral,
    Logic,
    Match,
    Name,
    Negate,
    Not,
    Number,
    Pipe,
    Renaming,
    Selection,
    Size,
    Slice,
    Spread,
    Text,
)


@dataclass(slots=True)
class Evaluator:
    """Evaluates expressions in a scope; a macro's body in that of the macro.

    `contract` says that names are used by a contract, which decides nothing about exports.
    """

    work: Workspace
    scope: Scope
    contract: bool = False

    def meaning(self, expr: Expr) -> Meaning:
        """What `expr` stands for; POISON once an error in it is reported."""
        with self.work.deeper(expr.span, CALL_LEVELS if isinstance(expr, Call | Pipe) else 1):
            return self._spine(expr)

    @contextmanager
    def within(self, scope: Scope) -> Generator[None]:
        """Evaluate in another scope for a while."""
        outer, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = outer

    def _spine(self, expr: Expr) -> Meaning:
        # Chains of `+` and `|>` nest to the left and may be long, so that spine is a loop.
        spine: list[Binary | Pipe] = []
        while isinstance(expr, Pipe) or (isinstance(expr, Binary) and expr.op != "++"):
            spine.append(expr)
            expr = expr.left
        value = self._leaf(expr)
        for step in reversed(spine):
            if isinstance(step, Binary):
                right = self.meaning(step.right)
                value = combine(self.work.builder, step, value, right, self.work.report)
            else:
                value = self._call(step.call, [(step.left, value)], piped=True)
            self._remember(value, step)
        return value

    def _leaf(self, expr: Expr) -> Meaning:
        value: Meaning
        match expr:
            case Name():
                value = self._name(expr)
            case Number() | Text() | Bool():
                value = expr.value
            case Size():
                value = Bytes(expr.bytes)
            case ListLiteral():
                value = self._list(expr)
            case Negate():
                operand = self.meaning(expr.operand)
                value = negate(self.work.builder, expr, operand, self.work.report)
            case Call():
                value = self._call(expr, [], piped=False)
            case Slice():
                value = Layering(self.work, self.meaning).slice(expr, self.meaning(expr.value))
            case Binary():
                value = self._stack(expr)
            case Match():
                value = Choices(self.work, self.meaning).match(expr)
            case _:
                value = self._misplaced(expr)
        self._remember(value, expr)
        return value

    def _stack(self, expr: Expr) -> Meaning:
        parts: list[Expr] = []
        while isinstance(expr, Binary) and expr.op == "++":
            parts.insert(0, expr.right)
            expr = expr.left
        parts.insert(0, expr)
        values = [(part, self.meaning(part)) for part in parts]
        return Layering(self.work, self.meaning).stack(values, untie=False)

    def _call(self, call: Call, before: Operands, *, piped: bool) -> Meaning:
        macro = self.scope.macro(call.func)
        if (
            call.func in ("model", "adapter") and macro is None
        ):  # its reference is text, and no name's value
            return self.work.sources.declare(
                call, [*(expr for expr, _ in before), *call.operands], self.scope.module.folder
            )
        operands = [*before, *self._operands(call.operands)]
        if macro is not None:
            self.scope.use(call.func, contract=self.contract)
            return expand(self, macro, call, operands)
        if call.func == self.scope.defining and not find_operator(call.func):
            return refuse_recursion(self, call)
        views, layering = Views(self.work), Layering(self.work, self.meaning)
        match call.func:
            case "select":
                return views.select(call, operands, Choices(self.work, self.meaning))
            case "rename":
                return views.rename(call, operands)
            case "as_model":
                return views.as_model(call, operands)
            case "stack":
                return layering.stack_call(call, operands)
            case "ramp":
                return Choices(self.work, self.meaning).ramp(call, operands)
            case _:
                calls = Calls(self.work, self.meaning, self.scope)
                return calls.call(call, operands, piped=piped)

    def _operands(self, written: Sequence[Expr]) -> Operands:
        found: Operands = []
        for expr in written:
            if isinstance(expr, Spread):
                found += spread(self, expr)
            elif isinstance(expr, Selection | Renaming):
                found.append((expr, POISON))  # read as it is by `select` and `rename`
            else:
                found.append((expr, self.meaning(expr)))
        return found

    def _name(self, name: Name) -> Meaning:
        self.scope.use(name.id, contract=self.contract)
        value = self.scope.value(name.id)
        if value is None:
            uses = self.scope.module.unknown.setdefault(name.id, [])
            if all(use is not name for use in uses):  # as it is each time that a macro is expanded
                uses.append(name)
            return POISON
        if isinstance(value, Rest):
            message = f"`{name.id}` stands for several operands"
            hint = f"spread it among the operands of a call, as in `linear(*{name.id})`"
            self.work.report(Diagnostic("E113", message, name.span, help=(hint,)))
            return POISON
        return value

    def _list(self, written: ListLiteral) -> Meaning:
        items = [self.meaning(item) for item in written.items]
        literals = tuple(
            i for i in items if isinstance(i, Fraction | Schedule | str | bool | Bytes | tuple)
        )
        if len(literals) == len(items):
            return literals
        if not any(isinstance(item, Poison) for item in items):
            message = "a list holds numbers or texts, not weights"
            hint = "give weights as operands, as in `linear(a, b)`"
            self.work.report(Diagnostic("E305", message, written.span, help=(hint,)))
        return POISON

    def _misplaced(self, expr: Expr) -> Poison:
        if isinstance(expr, Compare | Logic | Not):
            message = "a condition stands where a value is needed"
            hint = f'write it as a contract: `require {" ".join(expr.span.text.split())}, "why"`'
            self.work.report(Diagnostic("E309", message, expr.span, help=(hint,)))
        else:
            message = "`*` spreads operands in a call, and stands here by itself"
            hint = "write it last among the operands of a call, as in `linear(*rest)`"
            self.work.report(Diagnostic("E113", message, expr.span, help=(hint,)))
        return POISON

    def _remember(self, value: Meaning, expr: Expr) -> None:
        if isinstance(value, Weights):
            self.work.nodes.setdefault(value.key, expr.span)
