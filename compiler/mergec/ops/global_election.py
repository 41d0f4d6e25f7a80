"""Elect one sign for each entry; a tie yields the majority of all tensors of the value.

Formula    g = sgn Σᵢ vᵢ as in `elect_sign`; where it is 0, the sign of Σ g over all tensors
Shapes     n × [*s] → [*s] of -1, 1 in float64
Parameters weights, elect, weight_stage as in `elect_sign`; zero is `majority`
Edge cases a majority of 0 is negative, as in the authors' code
Source     P. Yadav, D. Tam, L. Choshen, C. Raffel, M. Bansal, "TIES-Merging", 2023, section 4.2,
           https://arxiv.org/abs/2306.01708, as in their code
Example    the signs [1, 0] and [1] of two tensors become [1, 1] and [1]
"""

from collections.abc import Sequence
from typing import ClassVar, final

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ops import elect_sign
from mergec.ops.elect_sign import Election
from mergec.ops.global_stage import GlobalStage
from mergec.ops.namespace import Array, ArrayNamespace, Counts, untrapped
from mergec.ops.stage import Cursor, Params, Site


@frozen
class GlobalElectionSetting:
    """The election of a tensor; once `settled` it knows what a tie yields."""

    election: Election
    settled: bool


@final
class GlobalElection(GlobalStage):
    """The stage of sign election with a majority over all tensors."""

    name: ClassVar[str] = "global_election"
    revision: ClassVar[int] = 1

    def passes(self, params: Params) -> int:
        """One to find the majority."""
        return 1

    def settled(self, setting: GlobalElectionSetting) -> bool:
        """Whether the majority is known."""
        return setting.settled

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """As in `elect_sign`."""
        return elect_sign.STAGE.contractible(params, stored, work)

    def temporaries(self, operands: int) -> int:
        """As in `elect_sign`."""
        return elect_sign.STAGE.temporaries(operands)

    def prepare(self, params: Params, site: Site) -> GlobalElectionSetting:
        """The election, in which a tie is a tie as yet."""
        return GlobalElectionSetting(elect_sign.STAGE.prepare(params, site), settled=False)

    @untrapped
    def observe(
        self,
        xp: ArrayNamespace,
        acc: int | None,
        blocks: Sequence[Array],
        setting: GlobalElectionSetting,
    ) -> int:
        """The sum of the elected signs so far."""
        return elect_sign.STAGE.observe(xp, acc, blocks, setting.election)

    def combine_all(
        self,
        own: Sequence[int | None],
        shared: Counts | None,
        settings: Sequence[GlobalElectionSetting],
    ) -> list[GlobalElectionSetting]:
        """A tie yields the sign of the sum over all tensors."""
        signs = sum(count or 0 for count in own)
        combine = elect_sign.STAGE.combine
        return [GlobalElectionSetting(combine(signs, s.election), settled=True) for s in settings]

    @untrapped
    def apply(
        self,
        xp: ArrayNamespace,
        blocks: Sequence[Array],
        setting: GlobalElectionSetting,
        cursor: Cursor,
    ) -> Array:
        """The elected signs, ties resolved."""
        return elect_sign.STAGE.apply(xp, blocks, setting.election, cursor)


STAGE = GlobalElection()
