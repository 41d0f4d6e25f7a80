"""`require`: a condition over facts and statistics, typed and turned into data."""

from fractions import Fraction

from mergec.catalog.dtypes import SIGNIFICAND_BITS
from mergec.catalog.licence_ids import licence_keys, near_licence, unknown_licence
from mergec.catalog.quoted import quoted as quoted_text
from mergec.diagnostics import Diagnostic
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.evaluating import Evaluating
from mergec.elaborate.facts import FACTS, FactDecl, Kind
from mergec.elaborate.mass import mass_error, settled
from mergec.elaborate.values import Contract, Poison, Weights
from mergec.elaborate.wording import describe, quoted
from mergec.frozen import frozen
from mergec.ir import Condition, Fact, NodeKey, Operation
from mergec.syntax.nodes import (
    Binary,
    Bool,
    Call,
    Compare,
    Expr,
    ListLiteral,
    Logic,
    Name,
    Negate,
    Not,
    Number,
    Pipe,
    Require,
    Text,
)

_DTYPES = frozenset(dtype.word for dtype in SIGNIFICAND_BITS)
_KINDS = {"number": "a number", "text": "a text", "bool": "a condition", "tokenizer": "a tokenizer"}
_Typed = tuple[Condition, Kind]


@frozen
class Conditions:
    """Reads conditions; expressions inside facts go to the evaluator."""

    evaluator: Evaluating

    def contract(self, statement: Require) -> Contract | None:
        """The contract; None after reporting what is wrong with it."""
        typed = self._typed(statement.condition)
        if typed is None:
            return None
        condition, kind = typed
        if kind != "bool":
            message = f"a contract is a condition, and this is {_KINDS[kind]}"
            hint = f"compare it, as in `require {quoted(statement.condition.span)} == ...`"
            if kind == "number":
                hint = f"compare it, as in `require {quoted(statement.condition.span)} < 1`"
            self._report("E309", message, statement.condition, hint)
            return None
        text = " ".join(statement.condition.span.text.split())
        return Contract(condition, text, statement.why.value, statement.span)

    def _typed(self, expr: Expr) -> _Typed | None:
        with self.evaluator.work.deeper(expr.span):
            match expr:
                case Logic():
                    return self._logic(expr)
                case Not():
                    return self._not(expr)
                case Compare():
                    return self._compare(expr)
                case Binary():
                    return self._arithmetic(expr)
                case Negate():
                    return self._negate(expr)
                case Call() if expr.func in FACTS and not self.evaluator.scope.macro(expr.func):
                    return self._fact(FACTS[expr.func], expr, expr.operands)
                case Pipe() if expr.call.func in FACTS:
                    operands = (expr.left, *expr.call.operands)
                    return self._fact(FACTS[expr.call.func], expr.call, operands)
                case _:
                    return self._value(expr)

    def _logic(self, expr: Logic) -> _Typed | None:
        left, right = self._bool(expr.left, expr.op), self._bool(expr.right, expr.op)
        if left is None or right is None:
            return None
        return Operation(expr.op, (left, right)), "bool"

    def _not(self, expr: Not) -> _Typed | None:
        operand = self._bool(expr.operand, "not")
        return None if operand is None else (Operation("not", (operand,)), "bool")

    def _bool(self, expr: Expr, op: str) -> Condition | None:
        typed = self._typed(expr)
        if typed is None or typed[1] == "bool":
            return None if typed is None else typed[0]
        message = f"`{op}` combines conditions, and this is {_KINDS[typed[1]]}"
        self._report("E309", message, expr, "compare it with something, as in `... < 1`")
        return None

    def _compare(self, expr: Compare) -> _Typed | None:
        if expr.op == "in":
            return self._member(expr)
        left, right = self._typed(expr.left), self._typed(expr.right)
        if left is None or right is None:
            return None
        if left[1] != right[1]:
            message = f"`{expr.op}` compares {_KINDS[left[1]]} with {_KINDS[right[1]]}"
            self._report("E309", message, expr, "compare things of one kind")
            return None
        if expr.op not in ("==", "!=") and left[1] != "number":
            message = f"`{expr.op}` compares numbers, and this is {_KINDS[left[1]]}"
            self._report("E309", message, expr.left, "write `==` or `!=`")
            return None
        sides = self._licences((left[0], right[0]), (expr.left, expr.right))
        return None if sides is None else (Operation(expr.op, sides), "bool")

    def _member(self, expr: Compare) -> _Typed | None:
        """`x in [a, b]`: whether `x`, or each of what it joins, is one of the list."""
        if not isinstance(expr.right, ListLiteral):
            hint = f'write a list, as in `{quoted(expr.left.span)} in ["mit", "apache-2.0"]`'
            self._report("E309", "`in` looks into a list, and this is none", expr.right, hint)
            return None
        written = (expr.left, *expr.right.items)
        typed = [self._typed(each) for each in written]
        sound = [each for each in typed if each is not None]
        if len(sound) < len(typed):
            return None
        kind = sound[0][1]
        for each, (_, found) in zip(written, sound, strict=True):
            if found != kind or kind not in ("text", "number"):
                message = f"`in` looks for {_KINDS[kind]} in a list, and this is {_KINDS[found]}"
                self._report("E309", message, each, "compare texts with texts, or numbers")
                return None
        operands = self._licences(tuple(condition for condition, _ in sound), written)
        return None if operands is None else (Operation("in", operands), "bool")

    def _licences(
        self, operands: tuple[Condition, ...], written: tuple[Expr, ...]
    ) -> tuple[Condition, ...] | None:
        """Where a licence is compared, the texts as licences are called; E513 for other words."""
        if not any(isinstance(each, Fact) and each.kind == "license" for each in operands):
            return operands
        for text, expr in zip(operands, written, strict=True):
            unknown = unknown_licence(text) if isinstance(text, str) else None
            if unknown is not None:
                near = near_licence(unknown)
                message = f"{quoted_text(unknown)} is no licence that the hub or SPDX knows"
                hint = "write an identifier as model cards have it, such as `apache-2.0`"
                self._report("E513", message, expr, f'write `"{near}"`' if near else hint)
                return None
        return tuple(licence_keys(each) if isinstance(each, str) else each for each in operands)

    def _arithmetic(self, expr: Binary) -> _Typed | None:
        left, right = self._typed(expr.left), self._typed(expr.right)
        if left is None or right is None:
            return None
        if (left[1], right[1]) != ("number", "number") or expr.op == "++":
            message = f"`{expr.op}` cannot combine {_KINDS[left[1]]} and {_KINDS[right[1]]}"
            hint = "combine numbers, as in `norm(a) + norm(b)`"
            if "bool" in (left[1], right[1]):
                hint = "combine conditions by `and` and `or`"
            self._report("E305", message, expr, hint)
            return None
        if isinstance(left[0], Fraction) and isinstance(right[0], Fraction):
            return self._value(expr)
        return Operation(expr.op, (left[0], right[0])), "number"

    def _negate(self, expr: Negate) -> _Typed | None:
        operand = self._typed(expr.operand)
        if operand is None:
            return None
        if operand[1] != "number":
            message = f"`-` needs a number, and this is {_KINDS[operand[1]]}"
            self._report("E305", message, expr, "to say the opposite write `not`")
            return None
        return Operation("negate", (operand[0],)), "number"

    def _fact(self, fact: FactDecl, call: Call, operands: tuple[Expr, ...]) -> _Typed | None:
        for keyword in call.keywords:
            message = f"`{fact.name}` has no parameter `{keyword.name}`"
            hint = f"write `{fact.name}(...)` with its operands alone"
            found = Diagnostic("E204", message, keyword.name_span, help=(hint,))
            self.evaluator.work.report(found)
        keys = [self._weights(fact, operand) for operand in operands]
        low, high = fact.operands
        if len(keys) < low or (high is not None and len(keys) > high):
            wanted = f"{'exactly' if low == high else 'at least'} {low}"
            message = f"`{fact.name}` takes {wanted} operand{'s' * (low != 1)}, not {len(keys)}"
            example = ", ".join("ab"[:low])
            self._report("E209", message, call, f"write `{fact.name}({example})`: the {fact.doc}")
            return None
        sound = tuple(key for key in keys if key is not None)
        if call.keywords or len(sound) < len(keys):
            return None
        return Fact(fact.name, sound), fact.kind

    def _weights(self, fact: FactDecl, expr: Expr) -> NodeKey | None:
        value = self.evaluator.meaning(expr)
        if isinstance(value, Poison):
            return None
        if not isinstance(value, Weights):
            message = f"`{fact.name}` is asked of a model or a delta, and this is {describe(value)}"
            self._report("E302", message, expr, f"write `{fact.name}(base)`")
            return None
        sound = settled(self.evaluator.work.builder, value)
        if sound is None:
            self.evaluator.work.report(mass_error(expr, value.mass))
            return None
        return sound.key

    def _value(self, expr: Expr) -> _Typed | None:
        """A literal, a parameter, or arithmetic on them."""
        if (
            isinstance(expr, Name)
            and expr.id in _DTYPES
            and self.evaluator.scope.value(expr.id) is None
        ):
            return expr.id, "text"
        value = self.evaluator.meaning(expr)
        if isinstance(value, Poison):
            return None
        if isinstance(value, bool):
            return value, "bool"
        if isinstance(value, Fraction):
            return value, "number"
        if isinstance(value, str):
            return value, "text"
        message = f"a contract compares facts and numbers, and this is {describe(value)}"
        hint = "ask something of it, as in `norm(child - base) < 10`"
        if not isinstance(expr, Name | Number | Text | Bool):
            hint = suggestion_help(quoted(expr.span), list(FACTS), "facts")
        self._report("E309", message, expr, hint)
        return None

    def _report(self, code: str, message: str, expr: Expr, hint: str) -> None:
        self.evaluator.work.report(Diagnostic(code, message, expr.span, help=(hint,)))
