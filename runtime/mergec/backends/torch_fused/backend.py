"""The backend: bytes to the device, lazy arrays, bytes back."""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, final

from mergec.backends.allocator import keep_freed_blocks
from mergec.backends.backend import Backend, Encoded
from mergec.backends.lazy.array import Lazy
from mergec.backends.lazy.requests import Total
from mergec.backends.torch_fused.arrays import TorchArrays
from mergec.backends.torch_fused.namespace import TorchLazyNamespace
from mergec.backends.torch_fused.programs import Programs
from mergec.backends.torch_fused.requests import EncodedBlock
from mergec.backends.torch_fused.streams import CudaStream, HostStream
from mergec.backends.torch_import import import_torch, require_device
from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.diagnostics import fail


@final
class FusedTorchBackend(Backend):
    """Kernels that Inductor makes for `device`: `cuda`, `cuda:1`, or `cpu` for tests.

    Without `compiled` their operations run one by one, with the same bits. Raises E603 without
    torch, the device, or Triton, which writes kernels for CUDA.
    """

    def __init__(self, device: str = "cuda", *, compiled: bool = True) -> None:
        torch: Any = import_torch()
        require_device(torch, device)
        if compiled and device != "cpu" and find_spec("triton") is None:
            raise fail(
                "E603",
                f"PyTorch needs Triton to make kernels for `{device}`",
                help="run `pip install triton`",
            )
        torch.set_num_threads(1)
        keep_freed_blocks()
        self.name = "torch"
        arrays = TorchArrays(torch, device)
        self.programs = Programs(arrays, compiled=compiled)
        begin = (
            partial(HostStream, torch) if device == "cpu" else partial(CudaStream, torch, device)
        )
        self.xp: TorchLazyNamespace = TorchLazyNamespace(arrays, self.programs, begin)

    def load(self, raw: memoryview, dtype: Dtype, work: Dtype) -> Lazy:
        """Begin to copy the bytes as they are stored; they widen wherever an element is needed."""
        if SIGNIFICAND_BITS[dtype] > SIGNIFICAND_BITS[work]:
            raise ValueError(f"{dtype.word} does not fit {work.word}")
        n = raw.nbytes * 8 // dtype.bits
        return Lazy(self.xp, "stored", (), work.word, n, self.xp.staging.upload(raw), dtype)

    def store(self, block: Lazy, dtype: Dtype) -> memoryview:
        """A new buffer."""
        encoded = self._encoded(block, dtype)
        data = bytes(encoded.data)
        encoded.free()
        return memoryview(data)

    def encode(self, block: Lazy, dtype: Dtype) -> Encoded:
        """Computed with everything else that is asked of this block, and then copied."""
        return self._encoded(block, dtype)

    def finish(self) -> None:
        """Answer what this thread has asked for and not looked at, and wait for its stream."""
        self.xp.finish()
        self.xp.staging.finish()

    def count_non_finite(self, block: Lazy) -> int:
        """By the values, where they are."""
        return self.xp.total("odd", block)

    def notice_non_finite(self, blocks: Sequence[Lazy]) -> Sequence[Total]:
        """With everything else that is asked of these blocks."""
        return [self.xp.ask_total("odd", block) for block in blocks]

    def count_overflow(self, block: Lazy, dtype: Dtype) -> int:
        """Those that are lost, less those that were lost before."""
        encoded = self._encoded(block, dtype)
        lost = encoded.lost
        encoded.free()
        return lost - self.count_non_finite(block)

    def count_underflow(self, block: Lazy, dtype: Dtype) -> int:
        """As they are encoded."""
        encoded = self._encoded(block, dtype)
        underflow = encoded.underflow
        encoded.free()
        return underflow

    def _encoded(self, block: Lazy, dtype: Dtype) -> EncodedBlock:
        encoded = EncodedBlock(self.xp, block, dtype, self.xp.staging)
        self.xp.ask(encoded)
        return encoded
