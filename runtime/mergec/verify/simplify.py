"""Make a counterexample readable: fewer elements, and numbers that one can read.

Hypothesis shrinks shapes, choices and seeds, but tensors come from a seed and stay as odd as they
were drawn. Here the choices that led to a violation are tried again with simpler tensors, as long
as the law is still violated.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from mergec.verify.law_case import Drawn, Draws
from mergec.verify.law_tensors import Floats, rounded
from mergec.verify.law_violation import LawViolation

_T = TypeVar("_T")
_ATTEMPTS = 300


class Recorder:
    """Passes choices on and remembers them."""

    def __init__(self, data: Draws) -> None:
        self._data = data
        self.choices: list[Any] = []

    def draw(self, strategy: st.SearchStrategy[_T]) -> _T:
        """What the other draws."""
        value = self._data.draw(strategy)
        self.choices.append(value)
        return value


class Replay:
    """Makes given choices again; IndexError if more are asked for."""

    def __init__(self, choices: Sequence[Any]) -> None:
        self._rest = list(choices)

    def draw(self, strategy: st.SearchStrategy[_T]) -> _T:
        """The next of the given choices, whatever the strategy."""
        value: _T = self._rest.pop(0)
        return value


def simplified(violation: LawViolation, attempt: Callable[[Draws], None]) -> LawViolation:
    """The same violation, or one of the same law with simpler tensors.

    `attempt` tries the law with given choices and raises LawViolation for a counterexample.
    """
    best, left = violation, _ATTEMPTS
    improved = True
    while improved:
        improved = False
        for choices in _simpler(best.draws):
            left -= 1
            if left < 0:
                return best
            found = _violation(choices, attempt)
            if found is not None and (found.error is None) == (best.error is None):
                best, improved = found, True
                break
    return best


def _violation(choices: tuple[Any, ...], attempt: Callable[[Draws], None]) -> LawViolation | None:
    try:
        attempt(Replay(choices))
    except LawViolation as violation:
        violation.draws = choices
        return violation
    # With other choices than were drawn, any other way to end means nothing.
    except Exception:
        return None
    return None


def _simpler(choices: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for i, choice in enumerate(choices):
        if isinstance(choice, Drawn):
            for drawn in _simpler_tensors(choice):
                yield (*choices[:i], drawn, *choices[i + 1 :])


def _simpler_tensors(drawn: Drawn) -> Iterator[Drawn]:
    def such(arrays: Sequence[Floats]) -> Drawn:
        return Drawn(drawn.dtype, tuple(arrays), drawn.least)

    first = drawn.arrays[0] if drawn.arrays else np.zeros(0)
    if first.ndim > 1:
        yield such([x.reshape(-1) for x in drawn.arrays])
    for axis, length in enumerate(first.shape):
        if first.size - first.size // max(length, 1) >= drawn.least:
            for i in range(length):
                yield such([np.delete(x, i, axis) for x in drawn.arrays])
    for number, x in enumerate(drawn.arrays):
        for place in np.ndindex(x.shape):
            for value in _simpler_numbers(float(x[place]), drawn):
                changed = x.copy()
                changed[place] = value
                yield such([*drawn.arrays[:number], changed, *drawn.arrays[number + 1 :]])


def _simpler_numbers(x: float, drawn: Drawn) -> Iterator[float]:
    """Numbers that say the same with less, simplest first: each is simpler than `x`."""
    tried = (0.0, 1.0, -1.0, float(np.trunc(x)), round(x * 4) / 4, round(x, 1))
    for value in tried:
        held = float(rounded([value], drawn.dtype)[0])
        if _digits(held) < _digits(x):
            yield held


def _digits(x: float) -> tuple[int, float, bool]:
    """How much there is to read: the sign of a zero and the size of a number count too."""
    return len(repr(abs(x))), abs(x), bool(np.signbit(x))
