"""Which settings of a recipe a parameter has: that of a source, its slice, its module, the recipe.

What is never asked for is told in the end, and so is what a method does not read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, MergecError, Span, fail, nearest, suggestion_help
from mergec.recipes.amounts import Amount, Piece, number_text
from mergec.recipes.fields import Reader
from mergec.recipes.methods import ANY_PARAMETER, Method, Parameter
from mergec.recipes.recipe import Recipe, Rule, Setting, Settings
from mergec.recipes.scalars import bool_of, number_of

# Read by the one method that has them, and no keyword of a call.
_READ = ("normalize_weights", "eps")
# In a tensor's name the number of a layer stands between two dots, which a filter may cut off.
_WHOLE_NUMBER = re.compile(r"(?:^|\.)[0-9]+(?:\.|$)")


@dataclass(slots=True)
class Lookup:
    """Reads the parameters of one recipe, and remembers which rules decided anything."""

    reader: Reader
    method: Method
    method_span: Span
    _used: set[int] = field(default_factory=set[int])

    def number(
        self, parameter: Parameter, levels: Sequence[Settings], what: str, span: Span, *, ends: bool
    ) -> Amount | None:
        """Its values; None if no level has any, and it need not have one. E909 if it must.

        `ends` says that final norm and head are computed with them too.
        """
        found: Amount = ()
        for rule in self._rules(parameter, levels):
            values = (number_of(each, parameter.name, self.reader.report) for each in rule.values)
            piece = Piece(rule.filter, tuple(values))
            if ends and piece.splits_ends:
                self._tell_first(rule, piece)
            found = (*found, piece)
        if parameter.required and not found:
            raise _missing(parameter, self.method, what, span)
        if not found:
            return None
        if found[-1].filter is not None and parameter.default is not None:
            found = (*found, Piece(None, (Fraction(parameter.default),)))
        return found

    def truth(self, parameter: Parameter, levels: Sequence[Settings]) -> bool | None:
        """Its value, which is the same for every tensor; E912 if the recipe says otherwise."""
        rules = self._rules(parameter, levels)
        if not rules:
            return None
        values = {
            bool_of(value, parameter.name, self.reader.report)
            for rule in rules
            for value in rule.values
        }
        if rules[-1].filter is not None:
            values.add(bool(parameter.default))
        if len(values) > 1:
            message = f"`{parameter.name}` differs from tensor to tensor"
            hint = "import the recipe once with each value, and join both with `match`"
            raise fail("E912", message, rules[0].span, help=hint)
        return values.pop()

    def mark(self, setting: Setting) -> None:
        """Count a setting as told of."""
        self._used.update(rule.span.start for rule in setting.rules)

    def _rules(self, parameter: Parameter, levels: Sequence[Settings]) -> list[Rule]:
        """The rules that may decide, in their order, up to the first that fits all tensors."""
        found: list[Rule] = []
        for settings in levels:
            if parameter.name not in settings:
                continue
            for rule in settings[parameter.name].rules:
                if rule.filter is not None and ("*" in rule.filter or "?" in rule.filter):
                    continue
                self._used.add(rule.span.start)
                self.reader.places.setdefault(parameter.word, rule.span)
                found.append(rule)
                if rule.filter is None:
                    return found
        return found

    def _tell_first(self, rule: Rule, piece: Piece) -> None:
        """W904 for a gradient whose first value the head has, where its end is another."""
        message = "embeddings, final norm and head have the first value of a gradient"
        first, last = (number_text(piece.points[at]) for at in (0, -1))
        label = f"there it is {first}, and {last} in the last layer"
        hint = "where that is not meant, write `ramp(...)` alone in the spec"
        found = Diagnostic("W904", message, rule.span, label, help=(hint,))
        self.reader.report(found)

    def tell_unknown(self, recipe: Recipe) -> None:
        """E907, or W901, for what is no parameter of any method."""
        for settings, _ in _all_settings(recipe):
            for name, setting in settings.items():
                if name not in ANY_PARAMETER:
                    self._unknown(name, setting.key)

    def tell_untrimmed(self, recipe: Recipe) -> None:
        """W904 for a sparse method whose density is given nowhere."""
        density = self.method.parameter("density")
        if density is None or not density.word:
            return
        if not any("density" in settings for settings, _ in _all_settings(recipe)):
            message = f"without `density`, `{self.method.name}` keeps every entry"
            note = "mergekit's default is 1"
            hint = "write `density=0.2` into the spec to keep the largest fifth, for instance"
            found = Diagnostic("W904", message, self.method_span, notes=(note,), help=(hint,))
            self.reader.report(found)

    def tell_unused(self, recipe: Recipe) -> None:
        """W902 and W907 for parameters that decided nothing."""
        for settings, of_input in _all_settings(recipe):
            for name, setting in settings.items():
                parameter = self.method.parameter(name)
                if name not in ANY_PARAMETER:
                    continue
                if parameter is None or not (parameter.word or name in _READ):
                    self._tell_inert(name, setting.key)
                elif of_input and parameter.scope == "shared":
                    self._tell_shared(name, setting.key)
                else:
                    self._tell_dead(setting.rules)

    def _unknown(self, name: str, key: Span) -> None:
        message = f"{quoted(name)} is no parameter of any method"
        known = [each.name for each in self.method.parameters]
        near = nearest(name, known) or nearest(name, ANY_PARAMETER)
        note = "mergekit ignores it without a word"
        if self.reader.lenient:
            hint = f"`{near}` may have been meant" if near else "remove it"
            self.reader.report(Diagnostic("W901", message, key, notes=(note,), help=(hint,)))
            return
        what = f"parameters of `{self.method.name}`"
        hints = (
            f"did you mean `{near}`?" if near else suggestion_help(name, known, what),
            "or have it ignored, as mergekit does, with `--lenient`",
        )
        self.reader.report(Diagnostic("E907", message, key, notes=(note,), help=hints))

    def _tell_inert(self, name: str, key: Span) -> None:
        known = ", ".join(f"`{each.name}`" for each in self.method.parameters if each.word)
        message = f"`{name}` changes nothing in `{self.method.name}`"
        hint = f"it reads {known}" if known else "it has no parameters; remove this one"
        self.reader.report(Diagnostic("W902", message, key, help=(hint,)))

    def _tell_shared(self, name: str, key: Span) -> None:
        message = f"`{name}` is one value for all models, and is not read here"
        hint = "move it to the `parameters:` of the slice or of the recipe"
        self.reader.report(Diagnostic("W902", message, key, help=(hint,)))

    def _tell_dead(self, rules: Sequence[Rule]) -> None:
        for rule in rules:
            if rule.span.start in self._used:
                continue
            if rule.filter is not None and ("*" in rule.filter or "?" in rule.filter):
                message = f"the filter {quoted(rule.filter)} fits no tensor: it is no pattern"
                hint = "write a part of the tensor's name, as it stands there"
            else:
                message = "this value is never asked for: another one fits first"
                hint = "remove it, or put it before the one that fits all"
            self.reader.report(Diagnostic("W907", message, rule.span, help=(hint,)))


def numbered(amount: Amount) -> str | None:
    """A filter that may tell layers apart by their number, if there is one."""
    held = (piece.filter for piece in amount if piece.filter is not None)
    return next((each for each in held if _WHOLE_NUMBER.search(each)), None)


def _all_settings(recipe: Recipe) -> Iterator[tuple[Settings, bool]]:
    """All settings, and whether they are those of one input."""
    for module in recipe.modules:
        for part in module.slices:
            for each in part.inputs:
                yield each.settings, True
            yield part.settings, False
        yield module.settings, False
    yield recipe.settings, False


def _missing(parameter: Parameter, method: Method, what: str, span: Span) -> MergecError:
    message = f"`{method.name}` needs `{parameter.name}`{what}"
    hint = f"write `{parameter.name}:` into its `parameters:`, or into those of the recipe"
    return fail("E909", message, span, help=hint)
