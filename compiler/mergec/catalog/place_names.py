"""Where tensor names belong by the patterns of one family."""

import re
from collections.abc import Iterator
from functools import lru_cache

from mergec.catalog.architecture import Side, TensorPlace
from mergec.catalog.family import Family
from mergec.frozen import frozen

# No network has ten thousand layers, and no stack may; longer digits are part of a word.
MAX_DIGITS = 4
_NUMBER = re.compile(rf"(?<![^.])(?:0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})(?![^.])")

# Outside the layers, what these parts name comes after them, whatever its role.
_LAST_PARTS = frozenset({"score", "classifier", "pooler", "lm_head", "output"})


@frozen
class Placing:
    """The rules of `family`, where names under one of `rivals` are in no main stack.

    Rivals are heads that the family's patterns fit as well as the main stack's, such as a second
    tower of the same build.
    """

    family: Family
    rivals: frozenset[str] = frozenset()

    def __call__(self, name: str) -> TensorPlace:
        """The place of one tensor. Cost: one pass over the name, once a shape has been seen."""
        facts = _facts(self.family, shape_of(name))
        if facts.at is not None:
            parts = name.split(".")
            head = ".".join([*parts[: facts.at], ""])
            if head not in self.rivals:
                tail = ".".join(["", *parts[facts.at + 1 :]])
                return TensorPlace(facts.roles, int(parts[facts.at]), "in", head, tail)
        return TensorPlace(facts.roles, layer=None, side=facts.side, head=name, tail="")


def shape_of(name: str) -> str:
    """The name with `#` for each number among its dotted parts."""
    return _NUMBER.sub("#", name.replace("#", "_"))


def is_number(part: str) -> bool:
    """Whether a dotted part is a number as torch writes it: `0`, `17`, and not `007`."""
    if not 0 < len(part) <= MAX_DIGITS or not (part.isascii() and part.isdigit()):
        return False
    return part == "0" or part[0] != "0"


@frozen
class _Facts:
    """What all names of one shape have in common; `side` holds for those in no main stack."""

    roles: frozenset[str]
    at: int | None
    side: Side


# A checkpoint has hundreds of thousands of names at most, and some dozens of shapes.
@lru_cache(maxsize=4096)
def _facts(family: Family, shape: str) -> _Facts:
    roles = frozenset(_roles(family, shape))
    at = None if family.outside.fit(shape) else _layer_part(family, shape.split("."))
    return _Facts(roles, at, _side(family, shape, roles))


def _roles(family: Family, shape: str) -> Iterator[str]:
    yield from (role for role, patterns in family.roles.items() if patterns.fit(shape))
    last = shape.rpartition(".")[2]
    if last == "bias" or last.endswith("_bias"):
        yield "bias"


def _layer_part(family: Family, parts: list[str]) -> int | None:
    """Which part is the layer's number: the first behind a stack's words."""
    numbers = [at for at, part in enumerate(parts) if part == "#"]
    for words in family.stacks:
        for at in numbers:
            if at >= len(words) and tuple(parts[at - len(words) : at]) == words:
                return at
    return None


def _side(family: Family, shape: str, roles: frozenset[str]) -> Side:
    if family.after.fit(shape):
        return "after"
    if family.before.fit(shape) or roles & {"embed", "vision"}:
        return "before"
    # A numbered norm belongs to a tower beside the main stack, which feeds it; a number in front of
    # all names is a prefix.
    first, *parts = shape.split(".")
    if "head" in roles or ("norm" in roles and "#" not in parts):
        return "after"
    return "before" if _LAST_PARTS.isdisjoint((first, *parts)) else "after"
