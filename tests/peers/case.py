"""What is known of a peer's operator, as data: tests assert it, and `docs/peers.md` shows it.

Sources are called `base`, `a`, `b` and `c`. Expressions are mergec's; where `base` is no operand of
the peer's function, it is zero here, so that `a - base` is the task vector `a`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

VERSIONS: Mapping[str, str] = MappingProxyType({"mergekit": "0.1.5", "sd-mecha": "1.1.8"})

Row = tuple[float, ...]
Matrix = tuple[Row, ...]
Numbers = Row | Matrix | tuple[Matrix, ...]
# Or the class of a peer's exception, or a code of ours.
Result = Numbers | str
Tensors = Mapping[str, Numbers]
Draw = Literal["normal", "coarse"]
Factor = Literal["none", "density", "own", "l1"]

SHAPES = ((16, 25), (40,), (3, 4, 5))


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a peer, the sources it is given, and its settings.

    function: a merge method of mergekit, or a function of it by module and name; a method of
    sd-mecha. base: which of the operands mergekit is told to be the base. dtype: one of torch.
    """

    peer: str
    function: str
    operands: tuple[str, ...]
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    base: str = ""
    dtype: str = "float32"

    def __str__(self) -> str:
        settings = [f"{name}={value!r}" for name, value in self.settings.items()]
        return f"{self.function}({', '.join([*self.operands, *settings])})"


@dataclass(frozen=True, slots=True)
class Agreement:
    """On random tensors both give the same, to 1e-5 of the largest entry.

    draws: `normal`, or `coarse`, where zeros and sums of zero are everywhere.
    """

    operator: str
    call: Call
    ours: str
    note: str = ""
    draws: tuple[Draw, ...] = ("normal",)
    shapes: tuple[tuple[int, ...], ...] = SHAPES


@dataclass(frozen=True, slots=True)
class Sampled:
    """Both drop entries of `a` at random: as often, and with the same factor on the others.

    epsilon: how far the probabilities of the least and the largest entry of a row are from the
    density. factor: nothing, 1/density, 1/probability, or what restores the sum of magnitudes.
    """

    operator: str
    call: Call
    ours: str
    density: float
    factor: Factor
    epsilon: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """On the named tensors each side gives its own result.

    switch: an expression of ours that gives theirs; empty where there is none.
    """

    operator: str
    call: Call
    what: str
    tensors: Tensors
    theirs: Result
    ours: str
    result: Result
    switch: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """A difference that no single result shows; the test of its name asserts it."""

    name: str
    operator: str
    peer: str
    function: str
    what: str
    theirs: str
    ours: str
    switch: str = ""


Case = Agreement | Sampled | Difference | Study


def mergekit(
    function: str, operands: str, *, base: str = "", dtype: str = "float32", **settings: object
) -> Call:
    """A call of mergekit; `lambda_` stands for `lambda`, which no name in Python can be."""
    named = {name.removesuffix("_"): value for name, value in settings.items()}
    return Call("mergekit", function, tuple(operands.split()), named, base, dtype)


def sd_mecha(function: str, operands: str, **settings: object) -> Call:
    """A call of sd-mecha."""
    return Call("sd-mecha", function, tuple(operands.split()), settings)
