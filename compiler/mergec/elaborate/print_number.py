"""Numbers and selectors as expressions of the language: exact, and as people write them."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

from mergec.diagnostics import SourceText, Span
from mergec.ir import Amount, Schedule, TensorSelector
from mergec.ir.schedule import Atom, Choice, Inverse, Ramp, scheduled
from mergec.ir.selector import AllOf, AnyOf, HasRole, InLayers, NameLike, NotThose
from mergec.syntax.literals import number_problem, number_text
from mergec.syntax.nodes import (
    Arm,
    Binary,
    Both,
    Call,
    Either,
    Expr,
    Glob,
    Layers,
    Match,
    Negate,
    Number,
    Range,
    Role,
    Selector,
    Without,
)

NOWHERE: Final = Span(SourceText("", ""), 0, 0)
"""The place of what nobody wrote."""

# Decimals of more places read worse than a fraction, unless they are shorter.
_PLACES = 12
# A literal has at most 40 digits, and is below 1.8e308.
_CHUNK, _POWER = 30, 300
# A chain of operators is as deep as it is long, and a spec may be 200 levels deep.
_LONGEST_CHAIN = 50


def number_expr(value: Amount) -> Expr:
    """A number, with everything it is made of in one expression."""
    return schedule_expr(value, number_expr) if isinstance(value, Schedule) else rational(value)


def rational(value: Fraction) -> Expr:
    """An exact number: a decimal where that is short, else a fraction."""
    decimal = _decimal(abs(value))
    if decimal is not None:
        return Negate(decimal, NOWHERE) if value < 0 else decimal
    numerator = _whole(abs(value.numerator))
    if value < 0:
        numerator = Negate(numerator, NOWHERE)
    if value.denominator == 1:
        return numerator
    return Binary("/", numerator, _whole(value.denominator), NOWHERE)


def schedule_expr(value: Schedule, number: Callable[[Amount], Expr]) -> Expr:
    """A number that differs from tensor to tensor; `number` prints those inside it."""
    lone = _lone_atom(value)
    if lone is not None:
        return _atom(lone, number)
    terms: list[tuple[str, Expr]] = []
    for atoms, coefficient in value.terms:
        factors = [number(scheduled(atom)) for atom in atoms]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, rational(abs(coefficient)))
        if coefficient < 0 and not terms:
            factors[0] = Negate(factors[0], NOWHERE)
        terms.append(("-" if coefficient < 0 else "+", _product(factors)))
    sums = [_sum(terms[i : i + _LONGEST_CHAIN]) for i in range(0, len(terms), _LONGEST_CHAIN)]
    return _sum([("+", each) for each in sums])


def selector_tree(selector: TensorSelector) -> Selector:
    """A selector as it is written."""
    match selector:
        case HasRole():
            return Role(selector.role, NOWHERE)
        case InLayers():
            return Layers(range_tree(selector.lo, selector.hi), NOWHERE)
        case NameLike():
            return Glob(selector.pattern, NOWHERE)
        case NotThose():
            return Without(selector_tree(selector.inner), NOWHERE)
        case AllOf():
            return Both(selector_tree(selector.left), selector_tree(selector.right), NOWHERE)
        case AnyOf():
            return Either(selector_tree(selector.left), selector_tree(selector.right), NOWHERE)


def range_tree(lo: int | None, hi: int | None) -> Range:
    """A layer range as it is written."""
    low, high = (None if bound is None else rational(Fraction(bound)) for bound in (lo, hi))
    return Range(low, high, NOWHERE)


def _lone_atom(value: Schedule) -> Atom | None:
    atoms = value.terms[0][0]
    return atoms[0] if atoms and value == scheduled(atoms[0]) else None


def _atom(atom: Atom, number: Callable[[Amount], Expr]) -> Expr:
    match atom:
        case Ramp():
            return Call("ramp", tuple(map(rational, atom.points)), (), NOWHERE, NOWHERE)
        case Choice():
            arms = [
                Arm(None if which is None else selector_tree(which), number(value), NOWHERE)
                for which, value in atom.arms
            ]
            return Match(tuple(arms), NOWHERE)
        case Inverse():
            return Binary("/", Number(Fraction(1), NOWHERE), number(atom.of), NOWHERE)


def _decimal(value: Fraction) -> Number | None:
    try:
        text = number_text(value)
    except ValueError:  # it has no finite decimal form
        return None
    short = (value * 10**_PLACES).denominator == 1 or len(text) <= len(str(value))
    return Number(value, NOWHERE) if short and number_problem(text) is None else None


def _whole(value: int) -> Expr:
    """A whole number; one that no literal can hold is a sum of its digits, taken in groups."""
    if number_problem(number_text(Fraction(value))) is None:
        return Number(Fraction(value), NOWHERE)
    terms: list[tuple[str, Expr]] = []
    exponent = 0
    while value:
        value, digits = divmod(value, 10**_CHUNK)
        if digits:
            powers = [_POWER] * (exponent // _POWER) + [exponent % _POWER]
            factors = [digits, *(10**power for power in powers if power)]
            numbers = [Number(Fraction(factor), NOWHERE) for factor in factors]
            terms.insert(0, ("+", _product(numbers)))
        exponent += _CHUNK
    return _sum(terms)


def _sum(terms: Sequence[tuple[str, Expr]]) -> Expr:
    """Terms added up, each with its sign; that of the first is part of it."""
    total = terms[0][1]
    for sign, term in terms[1:]:
        total = Binary(sign, total, term, NOWHERE)
    return total


def _product(factors: Sequence[Expr]) -> Expr:
    if len(factors) > _LONGEST_CHAIN:
        head, tail = factors[:_LONGEST_CHAIN], factors[_LONGEST_CHAIN:]
        return Binary("*", _product(head), _product(tail), NOWHERE)
    total = factors[0]
    for factor in factors[1:]:
        total = Binary("*", total, factor, NOWHERE)
    return total
