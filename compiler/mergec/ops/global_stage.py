"""Stages with statistics over all tensors of a value: `scope=global`.

The statistics are collected behind a barrier, before any result is computed: all tensors of the
value are streamed as often as the stage needs. After that the stage is elementwise.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from mergec.frozen import frozen
from mergec.ops.namespace import Counts
from mergec.ops.stage import Params, Stage


class GlobalStage(Stage):
    """A stage that must have seen all tensors of a value before it can compute an element of one.

    Every floating-point tensor of the value takes part, in the order in which the value has them,
    which is the canonical one. All arrive in float64, and so do the blocks of `apply`. Parameters
    are the same for all of them, but for `own_params`. Each tensor has a setting of its own:
    `prepare` makes it, and as long as one is not `settled`, `observe` folds the blocks of each
    tensor, `seen` says what is kept of it, and `combine_all` makes the next settings. `grain` holds
    for `apply` alone.
    """

    own_params: ClassVar[frozenset[str]] = frozenset()
    """The parameters that differ from tensor to tensor."""

    @abstractmethod
    def passes(self, params: Params) -> int:
        """How many passes over all tensors precede `apply`, as a rule."""

    @abstractmethod
    def settled(self, setting: Any) -> bool:
        """Whether the tensor of this setting need not be seen again."""

    @abstractmethod
    def observe(self, xp: Any, acc: Any, blocks: Sequence[Any], setting: Any) -> Any:
        """Fold one block into `acc` (None before the first). Result: independent of block size."""

    def seen(self, acc: Any, setting: Any) -> "Seen":
        """What is kept of a tensor's accumulator, which is None for a tensor of 0 elements."""
        return Seen(acc)

    @abstractmethod
    def combine_all(
        self, own: Sequence[Any], shared: Counts | None, settings: Sequence[Any]
    ) -> list[Any]:
        """The next settings from those of all tensors and what was kept, in canonical order."""

    def kept_bytes(self, params: Params) -> int:
        """Bytes of a setting and of `Seen.own`, at most, for each tensor."""
        return 1 << 10

    def held_bytes(self, each: Sequence[tuple[Params, tuple[int, ...]]]) -> int:
        """Bytes of all tensors' `Seen.own` where these are as large as the tensors; else 0.

        `each` has the parameters and the shape of every tensor. They are held until the next
        settings are found, and what is held for one barrier is never held for another too.
        """
        return 0


@frozen
class Seen:
    """What stays of one tensor that a pass over all tensors has seen whole.

    `own` is kept for each tensor until all were seen, so it must be small. `shared` are counts, as
    an array of the host, that are added up over all tensors; all of one barrier have one length.
    """

    own: Any
    shared: Counts | None = None
