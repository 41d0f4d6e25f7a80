"""Numbers of a spec that differ from tensor to tensor, as filters and gradients of a recipe."""

from fractions import Fraction

from mergec.frozen import frozen
from mergec.ir import Amount, Schedule
from mergec.ir.schedule import Choice, Ramp
from mergec.ir.selector import AnyOf, InLayers, NameLike, TensorSelector, print_selector
from mergec.ir.values import print_decimal
from mergec.recipes.amounts import Piece
from mergec.recipes.written_recipe import plain


class NotSayable(Exception):
    """No filter or gradient means what a number does, for the reason that is the message."""


@frozen
class Run:
    """A number by layers: points over the layers, and what holds before and after them."""

    inside: tuple[Fraction, ...]
    before: Fraction
    after: Fraction


Ends = tuple[bool, bool]
"""Whether tensors before the layers, and behind them, are computed with a number."""


def amount_setting(number: Amount, layers: int | None, ends: Ends) -> str:
    """The YAML of a parameter; NotSayable where a recipe cannot say it.

    `layers` is how many layers of the models it runs over, None if over all.
    """
    pieces = _pieces(number, layers)
    for words, _ in pieces:
        if layers is not None and words and any(char.isdigit() for char in words):
            raise NotSayable(f"`*{words}*` may name a layer, which has another number there")
    texts = [(words, _text(words, run, layers, ends)) for words, run in pieces]
    if texts[0][0] is None:
        return texts[0][1]
    rules = [
        f"{{value: {text}}}" if words is None else f"{{filter: {plain(words)}, value: {text}}}"
        for words, text in texts
    ]
    return f"[{', '.join(rules)}]"


def number_text(value: Fraction) -> str:
    """A number as YAML 1.1 reads it: a decimal, in short or as the nearest in float64."""
    exact = print_decimal(value)
    if "/" not in exact:
        return exact
    text = repr(float(value))
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}{e}{exponent}"


def _pieces(number: Amount, layers: int | None) -> list[tuple[str | None, Run]]:
    if isinstance(number, Fraction):
        return [(None, Run((number,), number, number))]
    atom, factor, offset = _linear(number)
    if isinstance(atom, Ramp):
        points = [factor * point + offset for point in atom.points]
        inside = points[:1] if layers == 1 else points
        return [(None, Run(tuple(inside), points[0], points[-1]))]
    arms = [(selector, value * factor + offset) for selector, value in atom.arms]
    first, *others = arms
    if first[0] in (InLayers(None, None), InLayers(0, None)) and len(others) == 1:
        inner, outer = _run(first[1], layers), _run(others[0][1], layers)
        if others[0][0] is None:
            return [(None, Run(inner.inside, outer.before, outer.after))]
    return [
        (words, _run(value, layers)) for selector, value in arms for words in _filters(selector)
    ]


def _linear(number: Schedule) -> tuple[Ramp | Choice, Fraction, Fraction]:
    """The one ramp or choice that a number is a multiple of, but for what is added."""
    parts = {atoms: factor for atoms, factor in number.terms if atoms}
    offset = dict(number.terms).get((), Fraction(0))
    ((atoms, factor), *others) = parts.items()
    atom = atoms[0]
    if others or len(atoms) > 1 or not isinstance(atom, Ramp | Choice):
        raise NotSayable("it is made of several ramps and matches")
    return atom, factor, offset


def _run(number: Amount, layers: int | None) -> Run:
    pieces = _pieces(number, layers)
    if len(pieces) != 1 or pieces[0][0] is not None:
        raise NotSayable("a match stands in an arm of another")
    return pieces[0][1]


def _filters(selector: TensorSelector | None) -> list[str | None]:
    """The parts of names that a selector asks for, one of which must be there."""
    match selector:
        case None:
            return [None]
        case NameLike(pattern):
            words = pattern[1:-1]
            if len(pattern) > 2 and pattern == f"*{words}*" and not {*words} & {*"*?"}:
                return [words]
        case AnyOf(left, right):
            return [*_filters(left), *_filters(right)]
        case _:
            pass
    shown = print_selector(selector)
    raise NotSayable(f"a filter is a part of a tensor's name, which `{shown}` is not")


def _text(words: str | None, run: Run, layers: int | None, ends: Ends) -> str:
    inside, around = run.inside, zip((run.before, run.after), ends, strict=True)
    outside = {value for value, is_there in around if is_there}
    if Piece(words, inside).stays_inside:
        outside.clear()
    if len({*inside} | outside) == 1:
        return number_text(inside[0])
    if layers == 1 and len(outside) == 1 and len(inside) == 1:
        inside = (*outside, *inside)  # the first value is for what is no layer
    if outside - {inside[0]} or len(inside) < 2:
        raise NotSayable("embeddings, final norm and head have the first value of a gradient")
    return f"[{', '.join(map(number_text, inside))}]"
