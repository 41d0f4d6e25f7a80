"""`frozen` makes what `dataclass(frozen=True, slots=True)` makes."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest

from mergec.frozen import frozen


@frozen
class Step:
    """Has a field of each kind."""

    name: str
    size: int = 2
    parts: list[int] = field(default_factory=list[int])
    span: tuple[int, int] = field(default=(0, 0), compare=False, repr=False)
    label: str = field(init=False, compare=False)
    seen: dict[str, int] = field(init=False, default_factory=dict[str, int], compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", f"{self.name}:{self.size}")


@frozen
class Longer(Step):
    """Adds a field to another."""

    more: tuple[str, ...] = ()


@frozen
class Empty:
    """Has none."""


@frozen
class Own:
    """Has methods of its own."""

    value: int

    def __repr__(self) -> str:
        return "own"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own)

    def __hash__(self) -> int:
        return 7


MAKERS: list[Callable[[type], Any]] = [frozen, dataclass(frozen=True, slots=True)]


def test_what_is_not_given_has_its_default() -> None:
    step = Step("a")
    assert (step.size, step.parts, step.span, step.label, step.seen) == (2, [], (0, 0), "a:2", {})
    assert step.parts is not Step("a").parts


def test_what_is_compared_is_equal_and_hashed() -> None:
    assert Step("a", 1, [3], (1, 2)) == Step("a", 1, [3], (4, 5))
    assert Step("a") != Step("b")
    assert Step("a") != Longer("a")
    assert Longer("a", more=("x",)) != Longer("a")
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    with pytest.raises(TypeError, match="unhashable"):
        hash(Step("a"))


@pytest.mark.parametrize("maker", MAKERS)
def test_it_prints_compares_and_hashes_as_a_dataclass(maker: Callable[[type], Any]) -> None:
    class Point:
        """Two numbers."""

        x: int
        y: float = 0.5

    Point.__qualname__ = "Point"
    made = maker(Point)
    assert repr(made(1)) == "Point(x=1, y=0.5)"
    assert hash(made(1)) == hash((1, 0.5))
    assert made(1) == made(x=1, y=0.5) != made(2)
    assert made.__match_args__ == ("x", "y")
    assert made.__slots__ == ("x", "y")
    assert [each.name for each in fields(made)] == ["x", "y"]
    assert replace(made(1), x=3) == made(3)
    for wrong in ((), (1, 2, 3)):
        with pytest.raises(TypeError):
            made(*wrong)


@pytest.mark.parametrize("maker", MAKERS)
def test_nothing_can_be_changed(maker: Callable[[type], Any]) -> None:
    class Point:
        """One number."""

        x: int

    point = maker(Point)(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    with pytest.raises((FrozenInstanceError, TypeError)):  # TypeError is a dataclass's own defect
        point.other = 2
    assert point.x == 1


def test_methods_of_its_own_stay() -> None:
    assert (repr(Own(1)), Own(1) == Own(2), hash(Own(1))) == ("own", True, 7)


def test_it_is_copied_and_pickled() -> None:
    step = Longer("a", 4, [1], more=("x",))
    for other in (copy.copy(step), copy.deepcopy(step), pickle.loads(pickle.dumps(step))):
        assert other == step
        assert other.label == "a:4"


def test_fields_by_name_alone_are_refused() -> None:
    with pytest.raises(TypeError, match="no fields by name alone: x"):

        @frozen
        class Point:  # pyright: ignore[reportUnusedClass]
            """Would be silently different."""

            x: int = field(kw_only=True)
