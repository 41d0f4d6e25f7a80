"""A method with its models and parameters, as a call of the dialect or of built-in operators."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, MergecError, fail
from mergec.frozen import frozen
from mergec.recipes.amounts import Amount, amount_text, constant, fixed, number_text
from mergec.recipes.fields import Reader
from mergec.recipes.groups import Group
from mergec.recipes.lookup import Lookup, numbered
from mergec.recipes.methods import Method, Parameter
from mergec.recipes.recipe import Input, Settings

# A longer number gets a line and a name of its own.
_INLINE = 30


@frozen
class Values:
    """The values of parameters for one slice, as text.

    `start` is the number of its first layer in the output; `ends` says that it has the last one.
    """

    lookup: Lookup
    group: Group
    shared: Sequence[Settings]
    start: int
    ends: bool
    bind: Callable[[str, str], str]
    operand: Callable[[Input], str]

    def one(self, parameter: Parameter) -> Amount | None:
        """A parameter that all inputs share."""
        amount = self.lookup.number(parameter, self.shared, "", self.group.span, ends=self.ends)
        self._check_numbers(amount, self.start)
        return amount

    def each(self, parameter: Parameter, inputs: Sequence[Input]) -> list[Amount] | None:
        """One value for each of some inputs; None if the recipe gives none of them."""
        found: list[Amount | None] = []
        for each in inputs:
            levels = (each.settings, *self.shared)
            what = f" for {quoted(each.model)}"
            amount = self.lookup.number(parameter, levels, what, each.span, ends=self.ends)
            self._check_numbers(amount, each.layers[0] if each.layers else 0)
            found.append(amount)
        if all(amount is None for amount in found):
            return None
        default = fixed(parameter.default if parameter.default is not None else 1)
        return [default if amount is None else amount for amount in found]

    def truth(self, parameter: Parameter) -> bool:
        """A truth value that all inputs share."""
        found = self.lookup.truth(parameter, self.shared)
        return bool(parameter.default) if found is None else found

    def text(self, amount: Amount, like: str) -> str:
        """A number of the spec, by name where it is long."""
        text = amount_text(amount, layers=self.group.layers, ends=self.ends)
        return self.bind(like, text) if len(text) > _INLINE else text

    def listed(self, amounts: Sequence[Amount], like: str, inputs: Sequence[Input]) -> str:
        """Values for each operand: one if they are the same, else a list."""
        if all(amount == amounts[0] for amount in amounts):
            return self.text(amounts[0], like)
        names = [self.operand(each).partition("[")[0] for each in inputs]
        texts = [
            self.text(amount, f"{like}_of_{name}")
            for amount, name in zip(amounts, names, strict=True)
        ]
        return f"[{', '.join(texts)}]"

    def _check_numbers(self, amount: Amount | None, first: int) -> None:
        """A filter that tells layers apart must mean the same where layers are renumbered."""
        filtered = numbered(amount or ())
        if filtered is not None and first != 0:
            message = f"the filter {quoted(filtered)} names layers, which the spec numbers anew"
            hint = "split the slice where the filter begins to fit, with values for each part"
            raise fail("E912", message, self.group.span, help=hint)


@frozen
class Written:
    """A call to be written."""

    method: Method
    values: Values
    reader: Reader
    paper: bool

    def parameter(self, name: str) -> Parameter:
        """A parameter that the method has."""
        found = self.method.parameter(name)
        assert found is not None
        return found


def write_call(call: Written) -> str:
    """The expression of one slice."""
    group = call.values.group
    if call.method.base == "required" and not group.others:
        assert group.base is not None
        message = f"`{call.method.name}` of a base alone is the base"
        call.reader.report(Diagnostic("W904", message, group.span, help=("list more models",)))
        return call.values.operand(group.base)
    special = _SPECIAL.get(call.method.name)
    if special is not None:
        return special(call)
    return _plain_call(call, group.inputs, _keywords(call))


def _plain_call(call: Written, inputs: Sequence[Input], keywords: Sequence[str]) -> str:
    operands = [call.values.operand(each) for each in inputs]
    return joined(f"mk.{call.method.name}", operands, keywords)


def joined(func: str, operands: Sequence[str], keywords: Sequence[str]) -> str:
    """A call."""
    settings = f"; {', '.join(keywords)}" if keywords else ""
    return f"{func}({', '.join(operands)}{settings})"


def _keywords(call: Written) -> list[str]:
    """The parameters that the recipe gives, by mergec's words."""
    texts: list[str] = []
    for parameter in call.method.parameters:
        if not parameter.word:
            continue
        if parameter.is_bool:
            texts += _flag(call, parameter)
        elif parameter.scope == "shared":
            amount = call.values.one(parameter)
            if amount is not None:
                texts.append(f"{parameter.word}={call.values.text(amount, parameter.word)}")
        else:
            texts += per_input(call, parameter)
    return texts


def per_input(call: Written, parameter: Parameter) -> list[str]:
    """A parameter of each input, or of each but the base, as a keyword."""
    group = call.values.group
    inputs = group.others if parameter.scope == "others" else group.inputs
    amounts = call.values.each(parameter, inputs)
    if amounts is None:
        return []
    if parameter.word == "density":
        amounts = [at_most_one(amount) for amount in amounts]
    return [f"{parameter.word}={call.values.listed(amounts, parameter.word, inputs)}"]


def at_most_one(amount: Amount) -> Amount:
    """The amount, at most 1: mergekit keeps all from a density of 1 on."""
    value = constant(amount)
    return fixed(1) if value is not None and value > 1 else amount


def _flag(call: Written, parameter: Parameter) -> list[str]:
    value = call.values.truth(parameter)
    if value == parameter.default:
        return []
    match parameter.word:
        case "agg":
            return [f'agg="{"wmean" if value else "sum"}"']
        case "rescale" if value and call.method.name.startswith("breadcrumbs"):
            raise not_rescaled(call)
        case "rescale":
            return [f'rescale="{"l1" if value else "none"}"']
        case "scope":
            return ["scope=row" if call.paper else 'scope="row"']
        case _:
            return [f"{parameter.word}={str(value).lower()}"]


def not_rescaled(call: Written) -> MergecError:
    """E912: a switch that mergec's operator lacks."""
    message = f"`{call.method.name}` does not rescale what it keeps here"
    hint = "leave `rescale` away, or use `ties` or `dare_ties`"
    return fail("E912", message, call.reader.places.get("rescale"), help=hint)


def _linear(call: Written) -> str:
    inputs = call.values.group.inputs
    normalize = call.values.truth(call.parameter("normalize"))
    keywords = _keywords(call)
    if normalize and len(inputs) == 1:
        return call.values.operand(inputs[0])
    text = _plain_call(call, inputs, keywords)
    weights = call.values.each(call.parameter("weight"), inputs) or []
    if normalize or _total(weights) == 1:
        return text
    return f'as_model({text}, why="the weights of the recipe need not sum to 1")'


def _total(amounts: Sequence[Amount]) -> Fraction | None:
    values = [constant(amount) for amount in amounts]
    return sum((it for it in values if it is not None), Fraction(0)) if None not in values else None


def _karcher(call: Written) -> str:
    inputs = call.values.group.inputs
    keywords = _keywords(call)
    if len(inputs) == 1:
        return call.values.operand(inputs[0])
    return _plain_call(call, inputs, keywords)


def _passthrough(call: Written) -> str:
    (each,) = call.values.group.inputs
    operand = call.values.operand(each)
    amounts = call.values.each(call.parameter("scale"), (each,))
    if amounts is None or constant(amounts[0]) == 1:
        return operand
    scale = call.values.text(amounts[0], "scale")
    why = "the recipe scales the weights of a copied model"
    text = f"{scale}*{operand}" if call.paper else f"mk.passthrough({operand}; scale={scale})"
    return f'as_model({text}, why="{why}")'


def _nuslerp(call: Written) -> str:
    row_wise = call.values.truth(call.parameter("nuslerp_row_wise"))
    flatten = call.values.truth(call.parameter("nuslerp_flatten"))
    keywords = per_input(call, call.parameter("weight"))
    span = call.values.group.span
    if flatten and row_wise:
        message = "`nuslerp_row_wise` changes nothing unless `nuslerp_flatten` is false"
        call.reader.report(Diagnostic("W902", message, span, help=("remove it",)))
    elif row_wise:
        message = "`nuslerp_row_wise` interpolates columns, and rows without it"
        note = "mergekit's documentation says the opposite"
        hint = 'for rows write `axis="in"` into the spec'
        call.reader.report(Diagnostic("W904", message, span, notes=(note,), help=(hint,)))
    if not flatten:
        axis = "out" if row_wise else "in"
        keywords.append(f"axis={axis}" if call.paper else f'axis="{axis}"')
    return _around_base(call, keywords)


def _multislerp(call: Written) -> str:
    group = call.values.group
    if call.values.one(call.parameter("eps")) is not None:
        message = "`eps` is not imported: it keeps mergekit from dividing by zero"
        found = Diagnostic("W905", message, group.span, help=("remove it",))
        call.reader.report(found)
    normalize = call.values.truth(call.parameter("normalize_weights"))
    keywords = per_input(call, call.parameter("weight"))
    if len(group.others) == 1:
        return call.values.operand(group.others[0])
    total = _total(call.values.each(call.parameter("weight"), group.others) or [])
    if normalize or total == 1:
        return _around_base(call, keywords)
    if total is None:
        message = "weights that are not normalised and differ from tensor to tensor"
        hint = "let them sum to 1, or set `normalize_weights: true`"
        raise fail("E912", message, group.span, help=hint)
    text = _around_base(call, keywords, f"{number_text(total)}*")
    if group.base is not None:
        return text
    return f'as_model({text}, why="the weights of the recipe do not sum to 1")'


def _around_base(call: Written, keywords: Sequence[str], factor: str = "") -> str:
    """A mean of task vectors, added to the base, or one of models if there is none."""
    group = call.values.group
    others = [call.values.operand(each) for each in group.others]
    if group.base is None:
        return factor + joined(f"mk.{call.method.name}", others, keywords)
    base = call.values.operand(group.base)
    deltas = [f"{other} - {base}" for other in others]
    return f"{base} + {factor}{joined(f'mk.{call.method.name}', deltas, keywords)}"


def tell_of_base(call: Written) -> None:
    """W902 for what a recipe says of its base and the method does not read."""
    base = call.values.group.base
    for name, setting in base.settings.items() if base is not None else ():
        parameter = call.method.parameter(name)
        if parameter is not None and parameter.scope == "others" and parameter.word:
            call.values.lookup.mark(setting)
            message = f"`{name}` of the base changes nothing in `{call.method.name}`"
            hint = "remove it; only the other models have one"
            call.reader.report(Diagnostic("W902", message, setting.key, help=(hint,)))


_SPECIAL: dict[str, Callable[[Written], str]] = {
    "linear": _linear,
    "karcher": _karcher,
    "passthrough": _passthrough,
    "nuslerp": _nuslerp,
    "multislerp": _multislerp,
}
