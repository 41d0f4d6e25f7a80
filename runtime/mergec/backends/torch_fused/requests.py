"""What is asked of a block, as tensors of the device that kernels make."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.lazy.array import Lazy
from mergec.backends.lazy.kernel import DIGITS, Call
from mergec.backends.lazy.requests import Answerer, Counts, Request, Sums
from mergec.backends.torch_fused.arrays import TorchArrays
from mergec.backends.torch_fused.staging import Download, Small, Staging
from mergec.catalog.dtypes import Dtype

Tensor = Any
Array = NDArray[Any]


@final
class Room:
    """Where one tensor of `n` elements of `kind` goes."""

    def __init__(self, n: int, kind: str) -> None:
        self.n = n
        self.kind = kind
        self.tensor: Tensor | None = None

    def receive(self, tensor: Tensor) -> None:
        """Keep it."""
        self.tensor = tensor.reshape(-1)


@final
class EncodedBlock(Request):
    """A result as it is stored, on its way to the host, and how much of it is lost."""

    def __init__(self, answerer: Answerer, x: Lazy, dtype: Dtype, staging: Staging) -> None:
        super().__init__(answerer, x)
        self._dtype = dtype
        self._staging = staging
        self._bytes: Download | None = None
        self._lost: Small | None = None
        self._faint: Small | None = None

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """With everything elementwise."""
        call.root("store", [x], [self], self._dtype.word)

    def receive(self, stored: Tensor, lost: Tensor, faint: Tensor) -> None:
        """Begin to copy."""
        self._bytes = self._staging.download(stored)
        self._lost = self._staging.later(lost)
        self._faint = self._staging.later(faint)

    @property
    def data(self) -> memoryview:
        """The bytes."""
        self.wait()
        return self._bytes.data if self._bytes else memoryview(b"")

    @property
    def lost(self) -> int:
        """How many elements are NaN or infinite as they are stored."""
        self.wait()
        return int(self._lost.array[0]) if self._lost else 0

    @property
    def underflow(self) -> int:
        """How many that are not zero are stored as zero, or below the least normal number."""
        self.wait()
        return int(self._faint.array[0]) if self._faint else 0

    def free(self) -> None:
        """The bytes are of no use any more."""
        if self._bytes:
            self._bytes.free()


@final
class TorchSums(Sums):
    """Halved on the device, leaf by leaf, from what a kernel makes.

    Not in the kernel: sixteen halvings read and write what a block takes a few times, at the speed
    of the device's memory, which is far above that of the bus that the block came by.
    """

    def __init__(self, answerer: Answerer, x: Lazy, arrays: TorchArrays, staging: Staging) -> None:
        super().__init__(answerer, x)
        self._arrays = arrays
        self._staging = staging
        self._sums: Small | None = None

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """As elements."""
        call.root("sums", [x], [self])

    def receive(self, elements: Tensor) -> None:
        """Halve them."""
        self._sums = self._staging.later(self._arrays.tensors.leaves(elements))

    @property
    def found(self) -> Array:
        """All of them."""
        self.wait()
        return self._sums.array if self._sums else np.empty(0, np.float64)


@final
class TorchCounts(Counts):
    """Added up on the device, and fetched when they are looked at."""

    def __init__(self, answerer: Answerer, x: Lazy, shift: int, prefix: int) -> None:
        super().__init__(answerer, x, shift, prefix)
        self._total = _Total()

    def add_to(self, call: Call, x: Lazy, number: int) -> None:
        """Without a prefix, where it can be but one."""
        if self.top:
            call.root("top", [x], [self], numbers=[self.shift])
        else:
            call.root("digit", [x], [self], numbers=[self.shift, self.prefix])

    def receive(self, counts: Tensor) -> None:
        """Add them."""
        before = self._total.on_device
        self._total.on_device = counts if before is None else before + counts

    @property
    def array(self) -> Array:
        """The counts of all digits."""
        self.wait_for_all()
        total = self._total
        if total.on_device is not None:
            self.absorb(total.on_device.cpu().numpy())
            total.on_device = None
        return np.zeros(DIGITS, np.int64) if total.on_host is None else total.on_host

    def share(self, other: Counts) -> bool:
        """If nothing was counted into its own."""
        if not isinstance(other, TorchCounts):
            return False
        if other._total.on_device is not None or other._total.on_host is not None:
            return False
        other._total = self._total
        return True

    def absorb(self, counts: Array) -> None:
        """On the host, where they are."""
        before = self._total.on_host
        self._total.on_host = counts if before is None else before + counts


class _Total:
    """What was counted so far, here and there."""

    def __init__(self) -> None:
        self.on_host: Array | None = None
        self.on_device: Tensor | None = None
