"""What a run was told not to do, for its report and for the lineage of its result."""

from collections.abc import Mapping
from typing import Literal

LeftOut = Literal["read_back", "sync"]

LEFT_OUT: Mapping[LeftOut, str] = {
    "read_back": "the weights were not read back: a fault of the disk would go unnoticed",
    "sync": "nothing was synced: a power failure may still take any of it away",
}


def what_is_left_out(*, read_back: bool, sync: bool) -> tuple[LeftOut, ...]:
    """The names of the steps that are off."""
    left: tuple[LeftOut, ...] = () if read_back else ("read_back",)
    return left if sync else (*left, "sync")
