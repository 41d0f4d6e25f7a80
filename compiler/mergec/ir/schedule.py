"""Numbers that differ from tensor to tensor: polynomials over ramps and choices.

The mass of an expression is such a number too. Two schedules that are equal for every tensor
because the polynomials are, such as `ramp(0, 1) + (1 - ramp(0, 1))` and 1, are equal here; so a
mass that is always 1 is known to be 1 before any tensor is looked at.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import islice
from math import prod

from mergec.frozen import frozen
from mergec.ir.selector import Position, TensorSelector, print_selector, selects


@frozen
class Ramp:
    """Piecewise linear over the layers: two points or more, evenly spaced.

    The first point holds at the first layer and before the layers, the last at the last layer and
    after them.
    """

    points: tuple[Fraction, ...]


@frozen
class Choice:
    """A number for each tensor: that of the first arm that fits; a selector None fits all."""

    arms: "tuple[tuple[TensorSelector | None, Amount], ...]"


@frozen
class Inverse:
    """1 divided by a schedule."""

    of: "Schedule"


Atom = Ramp | Choice | Inverse


@frozen
class Schedule:
    """A sum of products of atoms: `terms` are (atoms, coefficient), sorted, no coefficient zero.

    Never constant: arithmetic gives a Fraction where no atom is left.
    """

    terms: tuple[tuple[tuple[Atom, ...], Fraction], ...]

    def __add__(self, other: "Amount") -> "Amount":
        total = dict(self.terms)
        for atoms, coefficient in _terms(other):
            total[atoms] = total.get(atoms, Fraction(0)) + coefficient
        return _number(total)

    __radd__ = __add__

    def __neg__(self) -> "Schedule":
        return Schedule(tuple((atoms, -coefficient) for atoms, coefficient in self.terms))

    def __sub__(self, other: "Amount") -> "Amount":
        return self + -other

    def __rsub__(self, other: "Amount") -> "Amount":
        return -self + other

    def __mul__(self, other: "Amount") -> "Amount":
        total: dict[tuple[Atom, ...], Fraction] = {}
        for left, a in self.terms:
            for right, b in _terms(other):
                atoms = tuple(sorted((*left, *right), key=print_atom))
                total[atoms] = total.get(atoms, Fraction(0)) + a * b
        return _number(total)

    __rmul__ = __mul__

    def __truediv__(self, other: "Amount") -> "Amount":
        return self * (inverse(other) if isinstance(other, Schedule) else 1 / other)

    def __rtruediv__(self, other: Fraction) -> "Amount":
        return inverse(self) * other

    def __str__(self) -> str:
        return print_number(self)


Amount = Fraction | Schedule

# Names make it easy to double a schedule with every line.
_MAX_ATOMS = 512
_MAX_LEVELS = 32


class UncoveredError(Exception):
    """No arm of a choice fits the tensor."""

    def __init__(self, choice: Choice) -> None:
        super().__init__(print_atom(choice))
        self.choice = choice


def scheduled(atom: Atom) -> Schedule:
    """An atom as a number."""
    return Schedule((((atom,), Fraction(1)),))


def inverse(number: Schedule) -> Schedule:
    """1 / `number`; zero is found where the schedule is evaluated."""
    return scheduled(Inverse(number))


def value_at(number: Amount, at: Position) -> Fraction:
    """What a number is for one tensor.

    Raises UncoveredError where no arm fits, ZeroDivisionError for a division by zero.
    """
    if isinstance(number, Fraction):
        return number
    total = Fraction(0)
    for atoms, coefficient in number.terms:
        term = coefficient
        for atom in atoms:
            term *= _atom_at(atom, at)
        total += term
    return total


def ramp_at(points: tuple[Fraction, ...], at: Position) -> Fraction:
    """The value of a ramp for one tensor."""
    layer = at.place.layer
    if layer is None:
        return points[-1] if at.place.side == "after" else points[0]
    if at.layers < 2:
        return points[0]
    steps = Fraction(layer * (len(points) - 1), at.layers - 1)
    left = min(int(steps), len(points) - 2)
    return points[left] + (points[left + 1] - points[left]) * (steps - left)


def atoms_of(number: Amount) -> Iterator[Atom]:
    """Every atom of a number, those inside choices and divisors included."""
    if isinstance(number, Fraction):
        return
    for atoms, _ in number.terms:
        for atom in atoms:
            yield atom
            if isinstance(atom, Choice):
                for _, value in atom.arms:
                    yield from atoms_of(value)
            elif isinstance(atom, Inverse):
                yield from atoms_of(atom.of)


def is_too_large(number: Amount) -> bool:
    """Whether a number holds so many ramps and choices that nobody wrote them one by one.

    Asked of every schedule that is made of others, it bounds their depth too.
    """
    if _levels(number) > _MAX_LEVELS:
        return True
    return len(list(islice(atoms_of(number), _MAX_ATOMS + 1))) > _MAX_ATOMS


def first_value(number: Amount) -> Fraction | None:
    """The value where every ramp begins and every first arm fits; None if that divides by zero."""
    if isinstance(number, Fraction):
        return number
    total = Fraction(0)
    for atoms, coefficient in number.terms:
        parts = [_first_of(atom) for atom in atoms]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        total += coefficient * prod(known)
    return total


def print_number(number: Amount) -> str:
    """As in a spec, except that rationals are fractions: `1 - 1/2*ramp(0, 1)`."""
    if isinstance(number, Fraction):
        return str(number)
    text = ""
    for atoms, coefficient in number.terms:
        sign = " - " if coefficient < 0 else " + "
        factors = [print_atom(atom) for atom in atoms]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, str(abs(coefficient)))
        text += sign + "*".join(factors)
    first = text.removeprefix(" + ")
    return f"-{first[3:]}" if first.startswith(" - ") else first


def print_atom(atom: Atom) -> str:
    """As in a spec."""
    match atom:
        case Ramp():
            return f"ramp({', '.join(map(str, atom.points))})"
        case Choice():
            arms = (
                f"{'else' if selector is None else print_selector(selector)} => "
                f"{print_number(value)}"
                for selector, value in atom.arms
            )
            return f"match {{ {', '.join(arms)} }}"
        case Inverse():
            return f"(1/({print_number(atom.of)}))"


def _terms(number: Amount) -> tuple[tuple[tuple[Atom, ...], Fraction], ...]:
    return (((), number),) if isinstance(number, Fraction) else number.terms


def _number(total: Mapping[tuple[Atom, ...], Fraction]) -> Amount:
    kept = {atoms: coefficient for atoms, coefficient in total.items() if coefficient}
    if not any(kept):
        return kept.get((), Fraction(0))

    def text(atoms: tuple[Atom, ...]) -> list[str]:
        return [print_atom(atom) for atom in atoms]

    return Schedule(tuple((atoms, kept[atoms]) for atoms in sorted(kept, key=text)))


def _atom_at(atom: Atom, at: Position) -> Fraction:
    match atom:
        case Ramp():
            return ramp_at(atom.points, at)
        case Inverse():
            return 1 / value_at(atom.of, at)
        case Choice():
            for selector, value in atom.arms:
                if selector is None or selects(selector, at):
                    return value_at(value, at)
            raise UncoveredError(atom)


def _first_of(atom: Atom) -> Fraction | None:
    match atom:
        case Ramp():
            return atom.points[0]
        case Choice():
            return first_value(atom.arms[0][1])
        case Inverse():
            divisor = first_value(atom.of)
            return 1 / divisor if divisor else None


def _levels(number: Amount) -> int:
    """How deep choices and divisors are nested."""
    if isinstance(number, Fraction):
        return 0
    inner = [0]
    for atoms, _ in number.terms:
        for atom in atoms:
            if isinstance(atom, Choice):
                inner += [_levels(value) for _, value in atom.arms]
            elif isinstance(atom, Inverse):
                inner.append(_levels(atom.of))
    return 1 + max(inner)
