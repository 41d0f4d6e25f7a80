"""Literals of the operator graph read back from their text: what `print_value` printed.

A pattern and a text are printed alike, so whoever reads says what is expected.
"""

import json
import re
from collections.abc import Sequence
from fractions import Fraction

from mergec.ir.schedule import (
    Amount,
    Atom,
    Choice,
    Inverse,
    Ramp,
    Schedule,
    scheduled,
)
from mergec.ir.selector import (
    AllOf,
    AnyOf,
    HasRole,
    InLayers,
    NameLike,
    NotThose,
    TensorSelector,
)
from mergec.ir.values import Value

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|1/(?=\()|(?P<number>\d+(?:/\d+)?)|(?P<word>[A-Za-z_]\w*)'
    r"|(?P<ref>%\d+)|(?P<mark>\.\.|=>|[()\[\]{};,=:.!&|*+-]))"
)
_WORDS: dict[str, Value] = {"true": True, "false": False, "none": None}
# Deeper than anything that is printed, and far from what an interpreter can recurse.
_DEEPEST = 200


class Tokens:
    """A cursor over the tokens of one line; ValueError, KeyError or IndexError for another text."""

    def __init__(self, line: str) -> None:
        self._tokens: list[str] = []
        self._depth = 0
        self.next = 0
        place, end = 0, len(line.rstrip())
        while place < end:
            found = _TOKEN.match(line, place)
            if found is None:
                raise ValueError(line[place:])
            self._tokens.append(found.group().strip())
            place = found.end()

    def peek(self, ahead: int = 0) -> str:
        """A token that comes."""
        return self._tokens[self.next + ahead]

    def take(self, expected: str | None = None) -> str:
        """The next token."""
        token = self.peek()
        if expected is not None and token != expected:
            raise ValueError(f"expected {expected}, found {token}")
        self.next += 1
        return token

    def took(self, token: str) -> bool:
        """Whether the next token is this one, which is then passed."""
        there = self.next < len(self._tokens) and self.peek() == token
        self.next += there
        return there

    def end(self) -> None:
        """Nothing may follow."""
        if self.next < len(self._tokens):
            raise ValueError(f"unexpected {self.peek()}")

    def value(self, *, selectors: bool = False) -> Value:
        """A value of a parameter; with `selectors` what stands in quotes is a pattern of names."""
        self._deeper(1)
        found = self._value(selectors=selectors)
        self._deeper(-1)
        return found

    def _value(self, *, selectors: bool) -> Value:
        if self.took("["):
            items: list[Value] = []
            while not self.took("]"):
                items.append(self.value(selectors=selectors))
                if self.peek() != "]":
                    self.take(",")
            return tuple(items)
        token = self.peek()
        if token in _WORDS:
            return _WORDS[self.take()]
        if selectors:
            return self.selector()
        return str(json.loads(self.take())) if token.startswith('"') else self.amount()

    def amount(self) -> Amount:
        """A number: a sum of products of numbers, ramps, choices and inverses."""
        self._deeper(1)
        total: Amount = Fraction(0)
        sign = -1 if self.took("-") else 1
        while True:
            total = total + Fraction(sign) * self._product()
            if not (self.next < len(self._tokens) and self.peek() in ("+", "-")):
                self._deeper(-1)
                return total
            sign = 1 if self.take() == "+" else -1

    def _product(self) -> Amount:
        found = self._factor()
        while self.took("*"):
            found = found * self._factor()
        return found

    def _factor(self) -> Amount:
        if self.peek()[0].isdigit():
            return Fraction(self.take())
        return scheduled(self._atom())

    def _atom(self) -> Atom:
        if self.took("ramp"):
            points: list[Fraction] = []
            self.take("(")
            while not self.took(")"):
                sign = -1 if self.took("-") else 1
                points.append(sign * Fraction(self.take()))
                self.took(",")
            return Ramp(tuple(points))
        if self.took("match"):
            return Choice(tuple(self._arms()))
        for mark in ("(", "1/", "("):
            self.take(mark)
        divisor = self.amount()
        self.take(")")
        self.take(")")
        if not isinstance(divisor, Schedule):
            raise ValueError("a number that does not differ has no inverse of its own")
        return Inverse(divisor)

    def _arms(self) -> Sequence[tuple[TensorSelector | None, Amount]]:
        self.take("{")
        arms: list[tuple[TensorSelector | None, Amount]] = []
        while not self.took("}"):
            selector = None if self.took("else") else self.selector()
            self.take("=>")
            arms.append((selector, self.amount()))
            self.took(",")
        return arms

    def selector(self) -> TensorSelector:
        """Which tensors: `|` joins what `&` has joined."""
        self._deeper(1)
        found = self._all_of()
        while self.took("|"):
            found = AnyOf(found, self._all_of())
        self._deeper(-1)
        return found

    def _all_of(self) -> TensorSelector:
        found = self._simple()
        while self.took("&"):
            found = AllOf(found, self._simple())
        return found

    def _simple(self) -> TensorSelector:
        inverted = 0
        while self.took("!"):
            inverted += 1
        found = self._plain()
        for _ in range(inverted):
            found = NotThose(found)
        return found

    def _plain(self) -> TensorSelector:
        if self.took("("):
            found = self.selector()
            self.take(")")
            return found
        token = self.take()
        if token.startswith('"'):
            return NameLike(str(json.loads(token, strict=False)))
        if token != "layers" or not self.took("("):
            if not token.isidentifier():
                raise ValueError(f"{token} is no selector")
            return HasRole(token)
        low = None if self.took("..") else int(self.take())
        if low is not None:
            self.take("..")
        high = None if self.peek() == ")" else int(self.take())
        self.take(")")
        return InLayers(low, high)

    def _deeper(self, step: int) -> None:
        self._depth += step
        if self._depth > _DEEPEST:
            raise ValueError("nested too deep")
