"""Views of a value: other tensor names, fewer tensors, another type."""

from dataclasses import replace
from fractions import Fraction

from mergec.diagnostics import Diagnostic
from mergec.elaborate.adapted import report_part_of_adapter
from mergec.elaborate.choices import Choices
from mergec.elaborate.evaluating import Operands
from mergec.elaborate.mass import mass_error, settled
from mergec.elaborate.parameters import keywords_by_name
from mergec.elaborate.values import ANY_BASE, POISON, Meaning, Poison, Weights
from mergec.elaborate.wording import describe
from mergec.elaborate.workspace import Workspace
from mergec.frozen import frozen
from mergec.ir import MODEL, Value, ValueType
from mergec.syntax.nodes import Call, Expr, Renaming, Selection, Text


@frozen
class Views:
    """Evaluates `select`, `rename` and `as_model`."""

    work: Workspace

    def select(self, call: Call, operands: Operands, choices: Choices) -> Meaning:
        """The tensors of a value that a selector selects."""
        selections = [expr for expr, _ in operands if isinstance(expr, Selection)]
        selector = choices.selection(selections[0]) if selections else None
        values = [pair for pair in operands if not isinstance(pair[0], Selection)]
        value = self._single(call, values)
        if value is None or selector is None:
            return POISON
        return self._view("select", value, {"selector": selector})

    def rename(self, call: Call, operands: Operands) -> Meaning:
        """A value under other tensor names, by the first rule that fits each."""
        rules: list[Value] = []
        sound = True
        for expr, _ in operands:
            if isinstance(expr, Renaming):
                sound = self._pattern(expr.old) and self._pattern(expr.new) and sound
                if sound and expr.old.value.count("*") != expr.new.value.count("*"):
                    message = f"`{expr.span.text}` has `*` on one side only"
                    hint = "write `*` on both sides for what stays, or on none"
                    self.work.report(Diagnostic("E410", message, expr.span, help=(hint,)))
                    sound = False
                rules.append((expr.old.value, expr.new.value))
        values = [pair for pair in operands if not isinstance(pair[0], Renaming)]
        value = self._single(call, values)
        if value is None or not sound:
            return POISON
        return self._view("rename", value, {"rules": tuple(rules)})

    def as_model(self, call: Call, operands: Operands) -> Meaning:
        """Any weights as a model, for a reason that the plan shows."""
        given = keywords_by_name("as_model", ["why"], call.keywords, self.work.report)
        why = given.sound.get("why")
        text = why.value if why is not None else None
        if given.complete and (not isinstance(text, Text) or not text.value.strip()):
            message = "`as_model` needs a reason"
            hint = 'say why, as in `as_model(x, why="the recipe says so")`'
            at = why.value.span if why is not None else call.func_span
            self.work.report(Diagnostic("E205", message, at, help=(hint,)))
        value = self._weights(call, operands)
        if value is None or not isinstance(text, Text) or not given.complete:
            return POISON
        params = {"why": text.value}
        key = self.work.builder.add("as_model", [value.key], params, type=MODEL)
        return replace(value, key=key, mass=Fraction(1), base=None, points=frozenset({key}))

    def _view(self, op: str, value: Weights, params: dict[str, Value]) -> Weights:
        key = self.work.builder.add(op, [value.key], params, type=ValueType(value.mass))
        base = value.base
        if base is not None:
            base = self.work.builder.add(op, [base], params, type=self.work.builder[base].type)
        return replace(value, key=key, base=base, points=frozenset({key}), rearranged=True)

    def _single(self, call: Call, operands: Operands) -> Weights | None:
        value = self._weights(call, operands)
        if value is None:
            return None
        sound = settled(self.work.builder, value)
        if sound is None:
            self.work.report(mass_error(operands[0][0], value.mass))
        return sound

    def _weights(self, call: Call, operands: Operands) -> Weights | None:
        if len(operands) != 1:
            message = f"`{call.func}` takes exactly 1 value, not {len(operands)}"
            hint = {
                "select": "write `select(x, attn & !bias)`",
                "rename": 'write `rename(x, "old.*" => "new.*")`',
            }.get(call.func, 'write `as_model(x, why="...")`')
            self.work.report(Diagnostic("E209", message, call.span, help=(hint,)))
            return None
        expr, value = operands[0]
        if isinstance(value, Weights):
            if value.base != ANY_BASE or call.func == "as_model":
                return value
            report_part_of_adapter(f"`{call.func}`", expr, self.work.report)
        elif not isinstance(value, Poison):
            self._refuse(call, expr, value)
        return None

    def _refuse(self, call: Call, expr: Expr, value: Meaning) -> None:
        message = f"`{call.func}` needs a model or a delta, and this is {describe(value)}"
        hint = f"give it weights, as in `{call.func}(base, ...)`"
        self.work.report(Diagnostic("E305", message, expr.span, help=(hint,)))

    def _pattern(self, text: Text) -> bool:
        if text.value and text.value.count("*") < 2 and "?" not in text.value:
            return True
        message = f"`{text.span.text}` is no pattern of a renaming"
        hint = 'write one name, or a name with one `*` for the part that stays, as in `"model.*"`'
        self.work.report(Diagnostic("E410", message, text.span, help=(hint,)))
        return False
