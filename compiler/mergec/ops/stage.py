"""Stages: the indivisible array code that operators lower to.

A stage is pure. It is written over an array namespace `xp` (`mergec.ops.namespace`), never imports
one, and sees one block of one tensor at a time. The executor streams a tensor's blocks, in index
order, `sweeps + 1` times: in each of the first `sweeps` passes `observe` folds every block into an
accumulator and `combine` turns that into the setting of the next pass; in the last, `apply` maps
the operands' blocks to the result's block.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mergec.catalog.dtypes import Dtype
from mergec.ir import Value

Params = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Site:
    """The tensor a stage runs on.

    `tensor` is its name as in the output; `numel` its number of elements; `work` the dtype that
    blocks arrive in (F32 or F64). `stored` has one entry per operand: the storage dtype if the
    operand is a source's tensor as stored, None if it was computed.
    """

    tensor: str
    numel: int
    work: Dtype
    stored: tuple[Dtype | None, ...]


@dataclass(slots=True)
class Cursor:
    """Where a pass over a tensor stands.

    `start` is the flat index of the block's first element; `carry` is a count that a stage may
    take from block to block, such as how many of a class it has seen.
    """

    start: int = 0
    carry: int = 0


class Stage(ABC):
    """One stage. `params` are exact (rationals); rounding happens in `prepare`, once."""

    name: ClassVar[str]
    revision: ClassVar[int]

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


def statistics_passes(stage: Stage, params: Params, work: Dtype) -> int:
    """How many passes over a tensor precede a stage's result."""
    return stage.sweeps(params, work) if isinstance(stage, StatisticStage) else 0
