"""What a run was told not to do, for its report and for the lineage of its result."""

from collections.abc import Mapping
from typing import Literal

LeftOut = Literal["digests", "read_back", "sync"]

LEFT_OUT: Mapping[LeftOut, str] = {
    "digests": "the weights were not hashed: only a replay tells whether they are as merged",
    "read_back": "the weights were not read back: a fault of the disk would go unnoticed",
    "sync": "nothing was synced: a power failure may still take any of it away",
}
