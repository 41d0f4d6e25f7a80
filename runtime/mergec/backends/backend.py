"""What the executor asks of a backend: bytes in, arrays, bytes out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, SupportsInt

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen


class Encoded(Protocol):
    """A block as it is stored; a backend may compute it when it is looked at."""

    @property
    def data(self) -> memoryview:
        """The little-endian storage bytes."""
        ...

    @property
    def lost(self) -> int:
        """How many elements are NaN or infinite as they are stored."""
        ...

    @property
    def underflow(self) -> int:
        """How many that are not zero are stored as zero, or below the least normal number."""
        ...


@frozen
class EncodedNow:
    """A block that is encoded already."""

    data: memoryview
    lost: int
    underflow: int = 0


class Backend(ABC):
    """An array library that runs stages. `xp` is its `mergec.ops.namespace.ArrayNamespace`."""

    name: str
    xp: Any
    subnormals: bool = True
    """Whether arithmetic and comparisons keep numbers below the least normal one of their dtype.

    Where they do not, such a number counts as zero, and a result below becomes zero; what is only
    moved or selected keeps its bits everywhere.
    """

    @abstractmethod
    def load(self, raw: memoryview, dtype: Dtype, work: Dtype) -> Any:
        """Decode little-endian storage bytes to a 1-D array in `work` (exact; F32 or F64)."""

    @abstractmethod
    def store(self, block: Any, dtype: Dtype) -> memoryview:
        """Encode a work block: float64 → float32 → target, each rounded to nearest even."""

    @abstractmethod
    def count_non_finite(self, block: Any) -> int:
        """How many NaN and infinities a work block holds."""

    @abstractmethod
    def count_overflow(self, block: Any, dtype: Dtype) -> int:
        """How many finite elements of `block` become infinite when stored as `dtype`."""

    @abstractmethod
    def count_underflow(self, block: Any, dtype: Dtype) -> int:
        """How many elements but zeros are stored as `dtype` below its least normal number."""

    def notice_non_finite(self, blocks: Sequence[Any]) -> Sequence[SupportsInt]:
        """The same of several blocks; a backend may count when one of the numbers is looked at."""
        return [self.count_non_finite(block) for block in blocks]

    def borrow(self, raw: memoryview, dtype: Dtype, work: Dtype) -> Any:
        """As `load`, of bytes that stay as they are until `finish`."""
        return self.load(raw, dtype, work)

    def encode(self, block: Any, dtype: Dtype) -> Encoded:
        """What `store` gives, and how many elements it loses; valid until `finish`."""
        lost = self.count_non_finite(block) + self.count_overflow(block, dtype)
        return EncodedNow(self.store(block, dtype), lost, self.count_underflow(block, dtype))

    def finish(self) -> None:
        """This thread is done with its blocks: compute what was put off, forget borrowed bytes."""
        return
