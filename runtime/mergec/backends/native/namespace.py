"""The array namespace over arrays that are not computed yet."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from threading import local
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.native.engine import Engine
from mergec.backends.native.interpret import interpret
from mergec.backends.native.kernel import Call
from mergec.backends.native.lazy import F64, I32, I64, NUMPY, Lazy, derived, given, number
from mergec.backends.native.ranking import LEAST_ROW, scratch_bytes
from mergec.backends.native.requests import Counts, Leaf, Request, Sums
from mergec.backends.reference import NumpyNamespace
from mergec.ops.threefry import Key

Matrix = NDArray[Any]
Array = NDArray[Any]


# Beyond these a kernel takes LLVM seconds: nodes in it, and results of it. A merge of eight models
# has a few hundred nodes.
_MOST_NODES = 800
_MOST_TOGETHER = 24
# What is noted and not computed yet, of which a kernel may be a part.
_MOST_NOTED = 8000


@final
class _Thread(local):
    """What one thread has open, and its scratch memory."""

    def __init__(self) -> None:
        self.open: list[Request] = []
        self.lent: list[Lazy] = []
        self.noted = 0
        self.scratch: dict[int, Array] = {}


@final
class NativeNamespace:
    """`mergec.ops.namespace.ArrayNamespace` over lazy arrays; any thread may use it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._numpy = NumpyNamespace()
        self._thread = _Thread()

    def force(self, x: Lazy) -> Array:
        """The elements of `x`, computed now."""
        elements = np.empty(x.n, NUMPY[x.kind])
        self._run(x.n, [("array", x, [elements])])
        return elements

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
        """By numpy."""
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
        self._call(call)

    def _described(self, n: int, requests: Sequence[Request]) -> Call:
        call = Call(n)
        for place, request in enumerate(requests):
            assert request.x is not None
            request.add_to(call, request.x, place)
        return call

    def scratch(self, number: int, nbytes: int) -> Array:
        """This thread's memory of that number."""
        known = self._thread.scratch
        if number not in known or known[number].nbytes < nbytes:
            known[number] = np.empty(nbytes, np.uint8)
        return known[number]

    def total(self, what: str, x: Lazy) -> int:
        """How many elements `what` (a root that counts) finds, now."""
        found = np.zeros(1, np.int64)
        self._run(x.n, [(what, x, [found])])
        return int(found[0])

    def untrapped(self) -> AbstractContextManager[None]:
        """Numpy's part would warn."""
        return np.errstate(all="ignore")

    def where(self, mask: Lazy, x: Lazy | float, y: Lazy | float) -> Lazy:
        """By selection."""
        like = x if isinstance(x, Lazy) else y
        assert isinstance(like, Lazy)
        arrays = [each for each in (mask, x, y) if isinstance(each, Lazy)]
        if all(each.op == "array" for each in arrays):
            one, other = (each.view if isinstance(each, Lazy) else each for each in (x, y))
            return given(self, self._numpy.where(mask.view, one, other))
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
        counts = Counts(self, x, shift, prefix)
        self.ask(counts)
        return counts

    def count(self, mask: Lazy) -> int:
        """How many hold."""
        return self.total("count", mask)

    def leaf_sums(self, x: Lazy) -> list[Leaf]:
        """Halvings of rows of 2^16, as soon as they are looked at."""
        sums = Sums(self, x)
        self.ask(sums)
        return [Leaf(sums, i) for i in range(len(sums.found))]

    def join(self, blocks: Sequence[Lazy]) -> Lazy:
        """Concatenated."""
        return given(self, self._numpy.join([block.view for block in blocks]))

    def reorder(self, x: Lazy, order: Sequence[int], width: int) -> Lazy:
        """By indexing."""
        return given(self, self._numpy.reorder(x.view, order, width))

    def iota(self, n: int) -> Lazy:
        """int32 0 ... n-1."""
        return Lazy(self, "iota", (), I32, n)

    def rotate_left(self, x: Lazy, by: int) -> Lazy:
        """A funnel shift."""
        return derived("rotate_left", I32, x, by)

    def threefry(self, key: Key, low: Lazy, high: Lazy) -> tuple[Lazy, Lazy]:
        """Two words of a pair that is no array by itself."""
        both = Lazy(self, "threefry", (low, high, *(number(word, I32) for word in key)), I32, low.n)
        return derived("word", I32, both, 0), derived("word", I32, both, 1)

    def interleave(self, even: Lazy, odd: Lazy) -> Lazy:
        """Alternating, now: what is made of it has another length."""
        both = np.empty(2 * even.n, NUMPY[even.kind])
        if even.n:
            call = Call(even.n)
            call.root("interleave", [even, odd], [both])
            self._call(call)
        return given(self, both)

    def cumulative_count(self, mask: Lazy) -> Lazy:
        """Inclusive."""
        return given(self, self._numpy.cumulative_count(mask.view))

    def row_sums(self, x: Lazy, row: int) -> Lazy:
        """Halvings of rows."""
        return given(self, self._numpy.row_sums(x.view, row))

    def column_sums(self, x: Lazy, row: int) -> Lazy:
        """Halvings of columns."""
        return given(self, self._numpy.column_sums(x.view, row))

    def row_max(self, x: Lazy, row: int) -> Lazy:
        """The largest of each row."""
        return given(self, self._numpy.row_max(x.view, row))

    def row_ranks(self, x: Lazy, row: int) -> Lazy:
        """By a radix sort of the patterns, where they have 32 bits and the row is worth it."""
        if x.kind == F64 or row < LEAST_ROW:
            return given(self, self._numpy.row_ranks(x.view, row))
        patterns, ranks = self.magnitude_bits(x).view, np.empty(x.n, np.int64)
        scratch = self.scratch(0, scratch_bytes(row))
        addresses = map(_address, (patterns, ranks, scratch))
        patterns_at, ranks_at, scratch_at = addresses
        self._engine.rank(patterns_at, x.n // row, row, ranks_at, scratch_at)
        return given(self, ranks)

    def spread(self, values: Lazy, row: int) -> Lazy:
        """Each element `row` times."""
        return given(self, self._numpy.spread(values.view, row))

    def tile(self, values: Lazy, times: int) -> Lazy:
        """All elements `times` times."""
        return given(self, self._numpy.tile(values.view, times))

    def floats(self, values: Sequence[float]) -> Lazy:
        """A float64 array."""
        return given(self, self._numpy.floats(values))

    def integers(self, values: Sequence[int]) -> Lazy:
        """An int64 array."""
        return given(self, self._numpy.integers(values))

    def host(self, x: Lazy) -> list[Any]:
        """Python's numbers."""
        return self._numpy.host(x.view)

    def take(self, table: Lazy, places: Lazy) -> Lazy:
        """By indexing."""
        return Lazy(self, "take", (places,), table.kind, places.n, table.view)

    def exp(self, x: Lazy) -> Lazy:
        """Exponentials."""
        return given(self, self._numpy.exp(x.view))

    def log(self, x: Lazy) -> Lazy:
        """Logarithms."""
        return given(self, self._numpy.log(x.view))

    def tanh(self, x: Lazy) -> Lazy:
        """Hyperbolic tangents."""
        return given(self, self._numpy.tanh(x.view))

    def matrix(self, x: Lazy, columns: int) -> Matrix:
        """A numpy array, not to be written into."""
        return self._numpy.matrix(x.view, columns)

    def flat(self, matrix: Matrix) -> Lazy:
        """An array again."""
        return given(self, self._numpy.flat(matrix))

    def svd(self, matrix: Matrix) -> tuple[Matrix, Lazy, Matrix]:
        """LAPACK's."""
        u, values, vt = self._numpy.svd(matrix)
        return u, given(self, values), vt

    def solve(self, matrix: Matrix, right: Matrix) -> Matrix:
        """LAPACK's."""
        return self._numpy.solve(matrix, right)

    def by_units(self, x: Lazy, count: int, width: int) -> Matrix:
        """A numpy array, not to be written into."""
        return self._numpy.by_units(x.view, count, width)

    def assign(self, gains: Matrix) -> list[int]:
        """The reference's."""
        return self._numpy.assign(gains)

    def _converted(self, x: Lazy, kind: str) -> Lazy:
        return x if x.kind == kind else derived("convert", kind, x)

    def _made(self, name: str, kind: str, x: Lazy) -> Lazy:
        if x.op == "array":
            return given(self, getattr(self._numpy, name)(x.view))
        return derived(name, kind, x)

    def _run(self, n: int, roots: Sequence[tuple[str, Lazy, Sequence[Array]]]) -> None:
        call = Call(n)
        for what, x, buffers in roots:
            call.root(what, [x], buffers)
        if len(call.nodes) > _MOST_NODES:
            for _, x, _ in roots:
                interpret(x)
            self._run(n, roots)
            return
        self._call(call)

    def _call(self, call: Call) -> None:
        if not call.n:
            return
        compiled = self._engine.compiled(call.kernel)
        numbers = call.numbers()
        compiled(call.n, *map(_address, (*numbers, *call.buffers)))


def _address(buffer: Any) -> int:
    if not isinstance(buffer, np.ndarray):
        buffer = np.frombuffer(buffer, np.uint8)
    interface: dict[str, Any] = buffer.__array_interface__
    address: int = interface["data"][0]
    return address
