"""The models of one slice as a method sees them: the base apart, and as many as it takes."""

from collections.abc import Sequence

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Label, MergecError, Span, fail
from mergec.frozen import frozen
from mergec.recipes.methods import Method
from mergec.recipes.recipe import Input, Recipe, Reference, Slice


@frozen
class Group:
    """The inputs of a slice. `base` is None where the method takes none, or looks at none."""

    base: Input | None
    others: tuple[Input, ...]
    span: Span

    @property
    def inputs(self) -> tuple[Input, ...]:
        """All, the base first."""
        return self.others if self.base is None else (self.base, *self.others)

    @property
    def layers(self) -> int | None:
        """How many layers it has; None for all layers of a model."""
        lo, hi = self.inputs[0].layers or (0, 0)
        return hi - lo if hi else None


def group_of(part: Slice, recipe: Recipe, method: Method) -> Group:
    """The models of a slice; E911 for a number or an arrangement that the method does not take."""
    inputs = [*part.inputs]
    named = part.base or recipe.base
    whole = all(each.layers is None for each in inputs)
    if recipe.base is not None and whole and all(each.model != recipe.base for each in inputs):
        inputs.append(Input(recipe.base, None, {}, recipe.base.span))
    _check_repeated(inputs)
    _check_lengths(inputs, part.span)
    base = next((each for each in inputs if named is not None and each.model == named), None)
    if method.base != "ignored":
        _check_base(method, named, base, part.span)
    others = tuple(each for each in inputs if each is not base)
    _check_count(method, len(inputs), len(others), part.span)
    if method.base == "ignored":  # it counts as any other; first, it gives its config
        others, base = (*(() if base is None else (base,)), *others), None
    return Group(base, others, part.span)


def _check_repeated(inputs: Sequence[Input]) -> None:
    seen: dict[Reference, Input] = {}
    for each in inputs:
        first = seen.setdefault(each.model, each)
        if first is not each:
            labels = (Label(first.span, "listed first here"),)
            message = f"{quoted(each.model)} is listed twice"
            hint = "list it once, with the sum of the weights"
            raise fail("E911", message, each.span, labels=labels, help=hint)


def _check_lengths(inputs: Sequence[Input], span: Span) -> None:
    lengths = [hi - lo for lo, hi in (each.layers or (0, 0) for each in inputs)]
    if len({*lengths}) > 1:
        shown = ", ".join(map(str, lengths))
        message = f"the models of a slice have as many layers each, and not {shown}"
        raise fail("E911", message, span, help="mend the `layer_range` of one of them")


def _check_base(method: Method, named: Reference | None, base: Input | None, span: Span) -> None:
    if named is None and method.base == "required":
        hint = "add `base_model:` to the recipe"
        raise fail("E911", f"`{method.name}` needs a base", span, help=hint)
    if named is not None and base is None:
        message = f"the base {quoted(named)} is not among the models of this slice"
        raise fail("E911", message, span, help="list it among the `sources`")


def _check_count(method: Method, count: int, others: int, span: Span) -> None:
    least, most = method.others
    if count < method.least or (method.most is not None and count > method.most):
        bound = _bound(method.least, method.most)
        raise _many(method, f"{bound} in all", count, span)
    if others < least or (most is not None and others > most):
        raise _many(method, f"{_bound(least, most)} besides the base", others, span)


def _bound(least: int, most: int | None) -> str:
    if least == most:
        return f"{least} model{'s' * (least != 1)}"
    if most is None:
        return f"at least {least} model{'s' * (least != 1)}"
    return f"at most {most} model{'s' * (most != 1)}"


def _many(method: Method, takes: str, count: int, span: Span) -> MergecError:
    note = "a base that is not listed counts among the models"
    message = f"`{method.name}` takes {takes}, and here are {count}"
    return fail("E911", message, span, notes=(note,), help="add or remove models")
