"""Finding the k-th largest magnitude of a tensor exactly, block by block, without sorting.

The order of IEEE magnitudes is the order of their bit patterns as integers. One sweep counts the
patterns' top 16 bits, the next the following 16 bits of those in the bucket where the k-th lies,
and so on: two sweeps for float32, four for float64. Counts are integers, so the result is
independent of block size and backend.
"""

from fractions import Fraction

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops.namespace import Counts

_DIGIT = 16
_TOP_SHIFT = {Dtype.F32: 16, Dtype.F64: 48}


@frozen
class Search:
    """How far the search is: the k-th largest has `prefix` as its bits from `shift + 16` up.

    `rank` is its place, from 1 at the largest, among the elements with that prefix. When `shift`
    is negative the search is over: `prefix` is the pattern itself, `rank` is how many of its class
    belong to the k largest and `members` how many there are.
    """

    shift: int
    prefix: int
    rank: int
    members: int

    @property
    def done(self) -> bool:
        """Whether the pattern is known in full."""
        return self.shift < 0

    def narrow(self, counts: Counts | None) -> "Search":
        """The search one digit on, by a whole pass's histogram (None if there is no element)."""
        if counts is None:
            return Search(self.shift - _DIGIT, self.prefix << _DIGIT, 0, 0)
        from_top = counts[::-1].cumsum()
        place = int(from_top.searchsorted(self.rank))
        members = int(counts[-1 - place])
        above = int(from_top[place]) - members
        digit = len(counts) - 1 - place
        return Search(
            self.shift - _DIGIT, self.prefix << _DIGIT | digit, self.rank - above, members
        )


def kept_count(density: Fraction, n: int) -> int:
    """How many of n elements a density keeps: max(1, floor(density * n)), exactly; 0 of none.

    >>> kept_count(Fraction("0.29"), 100), int(0.29 * 100)
    (29, 28)
    """
    if not density or not n:
        return 0
    return max(1, density.numerator * n // density.denominator)


def binary_count(density: Fraction, n: int) -> int:
    """The same as other tools count: the product rounded to float64 and cut off, 0 where it is.

    >>> binary_count(Fraction("0.29"), 100), binary_count(Fraction("0.29"), 3)
    (28, 0)
    """
    return int(float(density) * n)


def start_search(k: int, work: Dtype) -> Search:
    """The search for the k-th largest magnitude before its first sweep; k from 1."""
    return Search(_TOP_SHIFT[work], 0, k, 0)


def search_sweeps(work: Dtype) -> int:
    """How many sweeps a search takes: 2 for float32, 4 for float64."""
    return _TOP_SHIFT[work] // _DIGIT + 1
