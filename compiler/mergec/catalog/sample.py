"""A share of the tensors of a checkpoint, such that all shares together are all of them."""

import hashlib
import re
from collections.abc import Iterable

from mergec.frozen import frozen

_WRITTEN = re.compile(r"sample=([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


@frozen
class Sample:
    """The `part`-th (from 1) of `parts` shares; `1/1` is all tensors.

    The names, in the order of their SHA-256, are dealt out to the shares in turn. So shares are
    nearly equal, each has tensors of every kind, and whoever asks finds a name in the same one.
    """

    part: int
    parts: int

    def of(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that are in this share."""
        ordered = sorted(names, key=_place) if self.parts > 1 else [*names]
        return frozenset(ordered[self.part - 1 :: self.parts])

    def __str__(self) -> str:
        return "full" if self.parts == 1 else f"sample={self.part}/{self.parts}"


ALL = Sample(1, 1)


def parse_sample(text: str) -> Sample | None:
    """`full` or `sample=n/t` with 1 <= n <= t; None for anything else."""
    if text == "full":
        return ALL
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        return None
    return Sample(int(found[1]), int(found[2]))


def _place(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="surrogatepass")).digest()
