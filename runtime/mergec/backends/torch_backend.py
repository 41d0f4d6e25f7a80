"""PyTorch on the CPU, one operation after the other.

Parallelism is across tensors, so torch itself computes on one thread.
"""

from typing import Any, final

import numpy as np

from mergec.backends.allocator import keep_freed_blocks
from mergec.backends.backend import Backend
from mergec.backends.overflow import NEVER_OVERFLOWS, NORMAL_FROM, OVERFLOW_FROM
from mergec.backends.torch_import import import_torch
from mergec.backends.torch_namespace import TorchNamespace
from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype

Tensor = Any


@final
class TorchBackend(Backend):
    """Raises E603 without torch. Sets torch's thread count to 1 for the whole process."""

    def __init__(self) -> None:
        self.torch: Any = import_torch()
        self.torch.set_num_threads(1)
        keep_freed_blocks()
        self.name = "torch"
        self.xp = TorchNamespace(self.torch, "cpu")
        self._dtypes = {
            Dtype.BF16: self.torch.bfloat16,
            Dtype.F16: self.torch.float16,
            Dtype.F32: self.torch.float32,
            Dtype.F64: self.torch.float64,
        }

    def load(self, raw: memoryview, dtype: Dtype, work: Dtype) -> Tensor:
        """Always a copy, so that the reader may reuse its buffer."""
        if SIGNIFICAND_BITS[dtype] > SIGNIFICAND_BITS[work]:
            raise ValueError(f"{dtype.word} does not fit {work.word}")
        if not raw.nbytes:
            return self.torch.empty(0, dtype=self._dtypes[work])
        # torch warns of buffers that it could not write to; it never writes to this one.
        writable = bytearray(raw) if raw.readonly else raw
        stored = self.torch.frombuffer(writable, dtype=self._dtypes[dtype])
        return stored.to(self._dtypes[work], copy=True)

    def store(self, block: Tensor, dtype: Dtype) -> memoryview:
        """The bytes are a new buffer, except where `block` already is as they must be."""
        if dtype is not Dtype.F64:
            block = block.to(self.torch.float32).to(self._dtypes[dtype])
        data: np.ndarray[Any, Any] = block.contiguous().view(self.torch.uint8).numpy()
        return data.data

    def count_non_finite(self, block: Tensor) -> int:
        """How many NaN and infinities a work block holds."""
        if not len(block) or self._bound(block) < float("inf"):
            return 0
        return len(block) - int(self.torch.count_nonzero(self.torch.isfinite(block)))

    def count_overflow(self, block: Tensor, dtype: Dtype) -> int:
        """How many finite elements of `block` become infinite when stored as `dtype`."""
        if dtype not in OVERFLOW_FROM or not len(block):
            return 0
        if self._bound(block) <= NEVER_OVERFLOWS:
            return 0
        beyond = self.torch.abs(block.to(self.torch.float32)) >= OVERFLOW_FROM[dtype]
        return int(self.torch.count_nonzero(beyond & self.torch.isfinite(block)))

    def count_underflow(self, block: Tensor, dtype: Dtype) -> int:
        """How many elements but zeros are stored as `dtype` below its least normal number."""
        rounded = block if dtype is Dtype.F64 else block.to(self.torch.float32)
        small = self.torch.abs(rounded) < NORMAL_FROM[dtype]
        return int(self.torch.count_nonzero(small & (block != 0)))

    def _bound(self, block: Tensor) -> float:
        """The largest magnitude, NaN if there is one: a quick look before a count."""
        least, largest = self.torch.aminmax(block)
        return float(self.torch.maximum(-least, largest))
