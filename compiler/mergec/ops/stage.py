"""Stages: the indivisible array code that operators lower to.

A stage is pure. It is written over an array namespace `xp` (`mergec.ops.namespace`), never imports
one, and sees one block of one tensor at a time. The executor streams a tensor's blocks, in index
order, `sweeps + 1` times: in each of the first `sweeps` passes `observe` folds every block into an
accumulator and `combine` turns that into the setting of the next pass; in the last, `apply` maps
the operands' blocks to the result's block. A stage whose `grain` is the length of a row gets whole
rows, and one whose grain is the whole tensor gets it in one block.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm, prod
from typing import Any, ClassVar

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import Diagnostic
from mergec.frozen import frozen
from mergec.ir import Value
from mergec.ops.namespace import Array, ArrayNamespace
from mergec.ops.tree_sum import LEAF

Params = Mapping[str, Value]


@frozen
class Site:
    """The tensor a stage runs on.

    `tensor` is its name as in the output; `shape` that of the output; `work` the dtype that blocks
    arrive in (F32 or F64). `stored` has one entry per operand: the storage dtype if the operand is
    a source's tensor as stored, None if it was computed.
    """

    tensor: str
    shape: tuple[int, ...]
    work: Dtype
    stored: tuple[Dtype | None, ...]

    @property
    def numel(self) -> int:
        """How many elements the tensor has."""
        return prod(self.shape)

    @property
    def row(self) -> int:
        """The length of a row, which is the last axis; a vector is one row."""
        return row_length(self.shape)


def row_length(shape: tuple[int, ...]) -> int:
    """The length of a tensor's rows: its last axis; 1 for a tensor without axes."""
    return shape[-1] if shape else 1


@dataclass(slots=True)
class Cursor:
    """Where a pass over a tensor stands.

    `start` is the flat index of the block's first element; `carry` is a count that a stage may
    take from block to block, such as how many of a class it has seen; `other` is a second one.
    `count` is how many elements the block has, None for all. A stage that leaves out a part of a
    tensor may say in `cut` how much: the square of that part's norm, and that of the tensor's.
    """

    start: int = 0
    carry: int = 0
    other: int = 0
    count: int | None = None
    cut: tuple[float, float] | None = None


class Stage(ABC):
    """One stage. `params` are exact (rationals); rounding happens in `prepare`, once."""

    name: ClassVar[str]
    revision: ClassVar[int]
    approximate: ClassVar[bool] = False
    """Whether it calls functions of a library (`exp`, `svd`) whose last bits differ by build: T."""

    selects: ClassVar[tuple[int, ...]] = ()
    """The operands whose elements its results are, as they stand: stored data if these are."""

    takes_whole: ClassVar[bool] = False
    """Whether its operands are stored tensors of other shapes, which every block gets whole."""

    def grain(self, params: Params, shape: tuple[int, ...]) -> int:
        """How many neighbouring elements a block must not part: every block has a multiple of it.

        1 for elementwise code, `row_length(shape)` for code over rows, all elements for code that
        needs the tensor whole.
        """
        return 1

    def workspace(self, params: Params, shape: tuple[int, ...]) -> int:
        """Bytes needed for a tensor of this shape beyond what `temporaries` counts."""
        return 0

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """Whether an inexact product is formed, which a sum may follow.

        A backend that contracts multiply-add would then give other bits: class M instead of P.
        """
        return False

    def temporaries(self, operands: int) -> int:
        """How many float64 blocks it holds at once, at most, beyond operands and result.

        Measured on the backends, not counted: what an allocator cannot reuse is in it.
        """
        return 12

    @abstractmethod
    def prepare(self, params: Params, site: Site) -> Any:
        """The host scalars of this tensor: rounded coefficients, counts, keys."""

    @abstractmethod
    def apply(self, xp: Any, blocks: Sequence[Any], setting: Any, cursor: Cursor) -> Any:
        """The result's block from the operands' blocks, all 1-D of one length, in work dtype."""


class WholeTensorStage(Stage):
    """A stage that gets each tensor in one block, as matrices are decomposed."""

    def grain(self, params: Params, shape: tuple[int, ...]) -> int:
        """All of it."""
        return prod(shape)


class StatisticStage(Stage):
    """A stage that must have seen its whole tensor before it can compute an element."""

    @abstractmethod
    def sweeps(self, params: Params, work: Dtype) -> int:
        """How many statistics passes precede `apply`; 0 where the parameters need none."""

    @abstractmethod
    def observe(self, xp: Any, acc: Any, blocks: Sequence[Any], setting: Any) -> Any:
        """Fold one block into `acc` (None before the first). Result: independent of block size."""

    @abstractmethod
    def combine(self, acc: Any, setting: Any) -> Any:
        """The setting for the next pass, from a whole pass's accumulator (None for 0 elements)."""

    def sharing(self, setting: Any) -> Hashable:
        """What the next pass's accumulator depends on besides the operands; None for all of it.

        Where two calls of a stage on the same operands agree in this, one accumulator serves both.
        """
        return None

    def doubt(self, setting: Any) -> Diagnostic | None:
        """A warning about the result of a tensor whose setting is complete, without a span."""
        return None


class MaskStage(StatisticStage):
    """A stage that keeps entries at random: of each it can say how probably, and keep given ones.

    Its laws of expectation and variance are proved by going through all masks of a small tensor:
    `with_mask` puts each in the place of the one that would be drawn, `keep_probabilities` weighs
    it, and `observe`, `combine` and `apply` run as ever.
    """

    @abstractmethod
    def keep_probabilities(
        self, params: Params, shape: tuple[int, ...], values: Sequence[float]
    ) -> tuple[Fraction, ...]:
        """The exact probability of each entry of a tensor that has these values, in flat order."""

    @abstractmethod
    def with_mask(self, setting: Any, mask: tuple[bool, ...]) -> Any:
        """A setting of `prepare` that keeps these entries of the tensor and draws nothing.

        May be the setting itself if it keeps all entries whatever is drawn.
        """


def given_mask(xp: ArrayNamespace, mask: tuple[bool, ...], start: int, n: int) -> Array:
    """A given mask's part for the elements `start` ... `start + n - 1`, as an array."""
    return xp.floats([float(kept) for kept in mask[start : start + n]]) > 0.0


def block_size(least: int, grains: Iterable[int], numel: int) -> int:
    """The fewest elements of which blocks of a tensor of `numel` may be made, from `least` up.

    A multiple of the reduction leaf and of every grain; `numel` where one block is enough.

    >>> block_size(65536, [1, 768], 10**9), block_size(65536, [1, 768], 5000)
    (196608, 5000)
    """
    unit = lcm(LEAF, *(grain for grain in grains if grain))
    return min(-(-least // unit) * unit, max(numel, 1))


def statistics_passes(stage: Stage, params: Params, work: Dtype) -> int:
    """How many passes over a tensor precede a stage's result."""
    return stage.sweeps(params, work) if isinstance(stage, StatisticStage) else 0
