"""Which tensors of a finished checkpoint are computed again."""

import re
from typing import TYPE_CHECKING

from mergec.frozen import frozen

if TYPE_CHECKING:  # what checks digests loads no plan
    from mergec.plan.model import PlannedExport, Row

_SAMPLE = re.compile(r"sample=([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


@frozen
class Sample:
    """Every `parts`-th tensor, beginning with the `part`-th (from 1); `1/1` is all of them."""

    part: int
    parts: int

    def rows(self, export: "PlannedExport") -> "tuple[Row, ...]":
        """The rows of the sample, in the plan's order."""
        return export.rows[self.part - 1 :: self.parts]


def parse_sample(text: str) -> Sample | None:
    """`full` or `sample=n/t` with 1 <= n <= t; None for anything else."""
    if text == "full":
        return Sample(1, 1)
    found = _SAMPLE.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        return None
    return Sample(int(found[1]), int(found[2]))
