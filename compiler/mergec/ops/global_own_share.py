"""Take one task's share of a common task vector, rescaled to its own size over all tensors.

Formula    m and out as in `own_share`; s = Σ mean|x| / Σ mean|u where m|, means over each tensor,
           sums over all tensors, so that a small tensor counts as much as a large one
Shapes     [*s] unified u and [*s] own x → [*s]; in float64
Parameters -
Edge cases as in `own_share`
Source     the modulators of EMR-Merging, https://arxiv.org/abs/2405.17461, as in the authors' code
Example    u = [4], x = [2] and u = [1, 1], x = [3, 5]: s = (2 + 4)/(4 + 1)
"""

from collections.abc import Sequence
from typing import Any, ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops import own_share
from mergec.ops.global_stage import GlobalStage, Seen
from mergec.ops.namespace import Array, ArrayNamespace, Counts, untrapped
from mergec.ops.own_share import Leaves, ShareSetting
from mergec.ops.stage import Cursor, Params, Site
from mergec.ops.tree_sum import combine_leaves, finite


@frozen
class GlobalShareSetting:
    """The tensor with its factor, which once `settled` is that of all tensors."""

    share: ShareSetting
    settled: bool


@final
class GlobalOwnShare(GlobalStage):
    """The stage of EMR's masks with one rescaler for the whole model."""

    name: ClassVar[str] = "global_own_share"
    revision: ClassVar[int] = 1

    def passes(self, params: Params) -> int:
        """One for the sizes."""
        return 1

    def settled(self, setting: GlobalShareSetting) -> bool:
        """Whether the factor is known."""
        return setting.settled

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """As in `own_share`."""
        return own_share.STAGE.contractible(params, stored, work)

    def prepare(self, params: Params, site: Site) -> GlobalShareSetting:
        """Nothing is known yet."""
        return GlobalShareSetting(own_share.STAGE.prepare(params, site), settled=False)

    @untrapped
    def observe(
        self,
        xp: ArrayNamespace,
        acc: Leaves | None,
        blocks: Sequence[Array],
        setting: GlobalShareSetting,
    ) -> Leaves:
        """Leaf sums of magnitudes."""
        return own_share.STAGE.observe(xp, acc, blocks, setting.share)

    def seen(self, acc: Leaves | None, setting: GlobalShareSetting) -> Seen:
        """Both means of the tensor."""
        return Seen(own_share.means(acc, setting.share.site))

    def combine_all(
        self,
        own: Sequence[Any],
        shared: Counts | None,
        settings: Sequence[GlobalShareSetting],
    ) -> list[GlobalShareSetting]:
        """One factor for all."""
        name = "the norm of all tensors"
        sizes = [finite(combine_leaves([each[i] for each in own]), name) for i in range(2)]
        found = [own_share.with_factor(setting.share, *sizes) for setting in settings]
        return [GlobalShareSetting(share, settled=True) for share in found]

    @untrapped
    def apply(
        self,
        xp: ArrayNamespace,
        blocks: Sequence[Array],
        setting: GlobalShareSetting,
        cursor: Cursor,
    ) -> Array:
        """This tensor's share, rescaled."""
        return own_share.STAGE.apply(xp, blocks, setting.share, cursor)


STAGE = GlobalOwnShare()
