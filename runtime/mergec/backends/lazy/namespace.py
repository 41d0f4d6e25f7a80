"""The array namespace over arrays that are not computed yet."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from threading import local
from typing import Any, final

from mergec.backends.lazy.array import F64, I32, I64, Lazy, derived, given, number
from mergec.backends.lazy.eager import Eager, Elements
from mergec.backends.lazy.interpret import interpret
from mergec.backends.lazy.kernel import Call
from mergec.backends.lazy.requests import Counts, Leaf, Request, Sums, Total
from mergec.ops.threefry import Key, signed
from mergec.ops.tree_sum import LEAF

Matrix = Any
Room = Any
"""What an engine writes into, or is given for what it makes."""


# Beyond these a kernel takes compilers seconds: nodes in it, and results of it. A merge of eight
# models has a few hundred nodes.
_MOST_NODES = 800
_MOST_TOGETHER = 24
# What is noted and not computed yet, of which a kernel may be a part.
_MOST_NOTED = 8000


@final
class _Thread(local):
    """What one thread has open."""

    def __init__(self) -> None:
        self.open: list[Request] = []
        self.lent: list[Lazy] = []
        self.noted = 0


class LazyNamespace(ABC):
    """`mergec.ops.namespace.ArrayNamespace` over lazy arrays; any thread may use it."""

    def __init__(self, eager: Eager) -> None:
        self.eager = eager
        self._thread = _Thread()

    @abstractmethod
    def run(self, call: Call) -> None:
        """Compute what `call` asks for; it has one element at least."""

    @abstractmethod
    def room(self, n: int, kind: str) -> Room:
        """Room for `n` elements of `kind`, or for a total."""

    @abstractmethod
    def contents(self, room: Room) -> Elements:
        """What was put there."""

    @abstractmethod
    def counts(self, x: Lazy, shift: int, prefix: int) -> Counts:
        """A request."""

    @abstractmethod
    def sums(self, x: Lazy) -> Sums:
        """A request."""

    @abstractmethod
    def row_ranks(self, x: Lazy, row: int) -> Lazy:
        """By a stable sort of the patterns."""

    def force(self, x: Lazy) -> Elements:
        """The elements of `x`, computed now."""
        elements = self.room(x.n, x.kind)
        self._run_now("array", x, elements)
        return self.contents(elements)

    def ask(self, request: Request) -> None:
        """Have it answered with the next others."""
        self._thread.open.append(request)

    def lend(self, x: Lazy) -> None:
        """Take the bytes of `x` away in `finish`."""
        self._thread.lent.append(x)

    def finish(self) -> None:
        """Answer all open requests of this thread; what is left then of its blocks is of no use."""
        self.answer()
        lent, self._thread.lent = self._thread.lent, []
        for x in lent:
            if x.op == "stored":
                x.data = None

    def grows_large(self) -> bool:
        """Whether this thread has noted more than a kernel should have."""
        self._thread.noted += 1
        return self._thread.noted > _MOST_NOTED

    def compute(self, x: Lazy) -> None:
        """By the eager library."""
        interpret(x)

    def answer(self) -> None:
        """Answer all open requests of this thread, those of one length by one kernel or a few."""
        requests, self._thread.open = self._thread.open, []
        for n in dict.fromkeys(len(r.x) for r in requests if r.x is not None):
            same = [r for r in requests if r.x is not None and len(r.x) == n]
            for first in range(0, len(same), _MOST_TOGETHER):
                self._answer(n, same[first : first + _MOST_TOGETHER])
        self._thread.noted = 0

    def _answer(self, n: int, requests: Sequence[Request]) -> None:
        call = self._described(n, requests)
        if len(call.nodes) > _MOST_NODES:
            for request in requests:
                if request.x is not None:
                    interpret(request.x)
            call = self._described(n, requests)
        for request in requests:
            request.x = None
        self._run(call)

    def _described(self, n: int, requests: Sequence[Request]) -> Call:
        call = Call(n)
        for place, request in enumerate(requests):
            assert request.x is not None
            request.add_to(call, request.x, place)
        return call

    def total(self, what: str, x: Lazy) -> int:
        """How many elements `what` (a root that counts) finds, now."""
        found = self.room(1, I64)
        self._run_now(what, x, found)
        return int(self.contents(found)[0])

    def ask_total(self, what: str, x: Lazy) -> Total:
        """The same, as soon as it is looked at."""
        total = Total(self, x, what, self.room(1, I64))
        self.ask(total)
        return total

    def untrapped(self) -> AbstractContextManager[None]:
        """As the eager library has it."""
        return self.eager.xp.untrapped()

    def where(self, mask: Lazy, x: Lazy | float, y: Lazy | float) -> Lazy:
        """By selection."""
        like = x if isinstance(x, Lazy) else y
        assert isinstance(like, Lazy)
        arrays = [each for each in (mask, x, y) if isinstance(each, Lazy)]
        if all(each.op == "array" for each in arrays):
            one, other = (each.view if isinstance(each, Lazy) else each for each in (x, y))
            return given(self, self.eager.xp.where(mask.view, one, other))
        chosen = [each if isinstance(each, Lazy) else number(each, like.kind) for each in (x, y)]
        return derived("where", like.kind, mask, *chosen)

    def abs(self, x: Lazy) -> Lazy:
        """Magnitudes."""
        return self._made("abs", x.kind, x)

    def sign(self, x: Lazy, like: Lazy) -> Lazy:
        """By two comparisons."""
        return derived("sign", like.kind, x)

    def widen(self, x: Lazy) -> Lazy:
        """`x` in float64."""
        return self._converted(x, F64)

    def narrow(self, x: Lazy, like: Lazy) -> Lazy:
        """Rounded to nearest even."""
        return self._converted(x, like.kind)

    def sqrt(self, x: Lazy) -> Lazy:
        """Square roots."""
        return self._made("sqrt", x.kind, x)

    def mask_as(self, mask: Lazy, like: Lazy) -> Lazy:
        """Zeros and ones."""
        return self._converted(mask, like.kind)

    def magnitude_bits(self, x: Lazy) -> Lazy:
        """Patterns with the sign bit cleared."""
        return derived("magnitude_bits", I64 if x.kind == F64 else I32, x)

    def histogram(self, x: Lazy, shift: int, prefix: int) -> Counts:
        """Counts of one 16-bit digit, as soon as they are looked at."""
        counts = self.counts(x, shift, prefix)
        self.ask(counts)
        return counts

    def count(self, mask: Lazy) -> int:
        """How many hold."""
        return self.total("count", mask)

    def leaf_sums(self, x: Lazy) -> list[Leaf]:
        """Halvings of rows of 2^16, as soon as they are looked at."""
        sums = self.sums(x)
        self.ask(sums)
        return [Leaf(sums, i) for i in range(-(-x.n // LEAF))]

    def join(self, blocks: Sequence[Lazy]) -> Lazy:
        """Concatenated."""
        return given(self, self.eager.xp.join([block.view for block in blocks]))

    def reorder(self, x: Lazy, order: Sequence[int], width: int) -> Lazy:
        """By indexing."""
        return given(self, self.eager.xp.reorder(x.view, order, width))

    def iota(self, n: int) -> Lazy:
        """int32 0 ... n-1."""
        return Lazy(self, "iota", (), I32, n)

    def rotate_left(self, x: Lazy, by: int) -> Lazy:
        """A funnel shift."""
        return derived("rotate_left", I32, x, by)

    def threefry(self, key: Key, low: Lazy, high: Lazy) -> tuple[Lazy, Lazy]:
        """Two words of a pair that is no array by itself."""
        words = [number(signed(word), I32) for word in key]
        both = Lazy(self, "threefry", (low, high, *words), I32, low.n)
        return derived("word", I32, both, 0), derived("word", I32, both, 1)

    def interleave(self, even: Lazy, odd: Lazy) -> Lazy:
        """Alternating, now: what is made of it has another length."""
        both = self.room(2 * even.n, even.kind)
        call = Call(even.n)
        call.root("interleave", [even, odd], [both])
        self._run(call)
        return given(self, self.contents(both))

    def cumulative_count(self, mask: Lazy) -> Lazy:
        """Inclusive."""
        return given(self, self.eager.xp.cumulative_count(mask.view))

    def row_sums(self, x: Lazy, row: int) -> Lazy:
        """Halvings of rows."""
        return given(self, self.eager.xp.row_sums(x.view, row))

    def column_sums(self, x: Lazy, row: int) -> Lazy:
        """Halvings of columns."""
        return given(self, self.eager.xp.column_sums(x.view, row))

    def row_max(self, x: Lazy, row: int) -> Lazy:
        """The largest of each row."""
        return given(self, self.eager.xp.row_max(x.view, row))

    def spread(self, values: Lazy, row: int) -> Lazy:
        """Each element `row` times."""
        return given(self, self.eager.xp.spread(values.view, row))

    def tile(self, values: Lazy, times: int) -> Lazy:
        """All elements `times` times."""
        return given(self, self.eager.xp.tile(values.view, times))

    def floats(self, values: Sequence[float]) -> Lazy:
        """A float64 array."""
        return given(self, self.eager.xp.floats(values))

    def integers(self, values: Sequence[int]) -> Lazy:
        """An int64 array."""
        return given(self, self.eager.xp.integers(values))

    def host(self, x: Lazy) -> list[Any]:
        """Python's numbers."""
        return self.eager.xp.host(x.view)

    def low_rank(
        self, b: Lazy, a: Lazy, rank: int, start: int, count: int, *, turned: bool
    ) -> Lazy:
        """By the eager library."""
        found = self.eager.xp.low_rank(b.view, a.view, rank, start, count, turned=turned)
        return given(self, found)

    def take(self, table: Lazy, places: Lazy) -> Lazy:
        """By indexing."""
        return Lazy(self, "take", (places,), table.kind, places.n, table.view)

    def exp(self, x: Lazy) -> Lazy:
        """Exponentials."""
        return given(self, self.eager.xp.exp(x.view))

    def log(self, x: Lazy) -> Lazy:
        """Logarithms."""
        return given(self, self.eager.xp.log(x.view))

    def tanh(self, x: Lazy) -> Lazy:
        """Hyperbolic tangents."""
        return given(self, self.eager.xp.tanh(x.view))

    def matrix(self, x: Lazy, columns: int) -> Matrix:
        """An array of the eager library, not to be written into."""
        return self.eager.xp.matrix(x.view, columns)

    def flat(self, matrix: Matrix) -> Lazy:
        """An array again; singular values are one already."""
        if isinstance(matrix, Lazy):
            return matrix
        return given(self, self.eager.xp.flat(matrix))

    def svd(self, matrix: Matrix) -> tuple[Matrix, Lazy, Matrix]:
        """By the eager library."""
        u, values, vt = self.eager.xp.svd(matrix)
        return u, given(self, values), vt

    def solve(self, matrix: Matrix, right: Matrix) -> Matrix:
        """By the eager library."""
        return self.eager.xp.solve(matrix, right)

    def by_units(self, x: Lazy, count: int, width: int) -> Matrix:
        """An array of the eager library, not to be written into."""
        return self.eager.xp.by_units(x.view, count, width)

    def assign(self, gains: Matrix) -> list[int]:
        """By the eager library."""
        return self.eager.xp.assign(gains)

    def _converted(self, x: Lazy, kind: str) -> Lazy:
        return x if x.kind == kind else derived("convert", kind, x)

    def _made(self, name: str, kind: str, x: Lazy) -> Lazy:
        if x.op == "array":
            return given(self, getattr(self.eager.xp, name)(x.view))
        return derived(name, kind, x)

    def _run_now(self, what: str, x: Lazy, room: Room) -> None:
        call = _asked(what, x, room)
        if len(call.nodes) > _MOST_NODES:
            interpret(x)
            call = _asked(what, x, room)
        self._run(call)

    def _run(self, call: Call) -> None:
        if call.n:
            self.run(call)


def _asked(what: str, x: Lazy, room: Room) -> Call:
    call = Call(x.n)
    call.root(what, [x], [room])
    return call
