"""What stages and the executor ask of a block, answered together by one kernel."""

from abc import ABC, abstractmethod
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.lazy.array import F32, Lazy
from mergec.backends.lazy.kernel import DIGITS, Call

Array = NDArray[Any]


class Answerer(Protocol):
    """Answers requests of its thread."""

    def answer(self) -> None:
        """All requests that are open."""
        ...

    def contents(self, room: Any) -> Any:
        """What was put there."""
        ...


class Request(ABC):
    """Something to be made of `x`; dropped from here once it is there."""

    def __init__(self, answerer: Answerer, x: Lazy) -> None:
        self.answerer = answerer
        self.x: Lazy | None = x

    @abstractmethod
    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """Ask `call` for it, as its request of that number."""

    def wait(self) -> None:
        """Return when it is there."""
        if self.x is not None:
            self.answerer.answer()


@final
class Total(Request):
    """How many elements `what` (a root that counts) finds; a number as soon as it is looked at."""

    def __init__(self, answerer: Answerer, x: Lazy, what: str, room: Any) -> None:
        super().__init__(answerer, x)
        self._what = what
        self._room = room

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """With everything else."""
        call.root(self._what, [x], [self._room])

    def __int__(self) -> int:
        self.wait()
        return int(self.answerer.contents(self._room)[0])


class Sums(Request):
    """The sums of a block's leaves."""

    @property
    @abstractmethod
    def found(self) -> Array:
        """All of them."""


@final
class Leaf:
    """One of the sums, a number as soon as it is looked at."""

    __slots__ = ("number", "sums")

    def __init__(self, sums: Sums, number: int) -> None:
        self.sums = sums
        self.number = number

    def __float__(self) -> float:
        return float(self.sums.found[self.number])


class Counts(Request):
    """A histogram; those of further blocks are counted into it by `+=`."""

    def __init__(self, answerer: Answerer, x: Lazy, shift: int, prefix: int) -> None:
        super().__init__(answerer, x)
        self.shift, self.prefix = shift, prefix
        self.top = shift == (16 if x.kind == F32 else 48)
        self._last: Counts | None = None

    @property
    @abstractmethod
    def array(self) -> Array:
        """The counts of all digits, once all that was added is there."""

    @abstractmethod
    def share(self, other: "Counts") -> bool:
        """Let `other`, which is open, be counted into this one, if it can be."""

    @abstractmethod
    def absorb(self, counts: Array) -> None:
        """Add what is counted already."""

    def __iadd__(self, other: "Counts | Array") -> "Counts":
        if isinstance(other, Counts) and other.x is not None and self.share(other):
            self._last = other
        else:
            self.wait_for_all()
            self.absorb(np.asarray(other))
        return self

    def __add__(self, other: "Counts | Array") -> Array:
        total: Array = self.array + np.asarray(other)
        return total

    def __len__(self) -> int:
        return DIGITS

    def __getitem__(self, place: Any) -> Any:
        return self.array[place]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.array, dtype=dtype, copy=copy)

    def nonzero(self) -> tuple[Array, ...]:
        """Which digits occur."""
        return self.array.nonzero()

    def wait_for_all(self) -> None:
        """Return when all that was added is there; what is asked last is not answered before."""
        self.wait()
        if self._last is not None:
            self._last.wait()
