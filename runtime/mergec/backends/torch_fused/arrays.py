"""Tensors of one device beneath lazy arrays."""

from typing import Any, final

from numpy.typing import NDArray

from mergec.backends.lazy.array import BOOL, F32, F64, I32, I64
from mergec.backends.lazy.eager import Eager
from mergec.backends.torch_namespace import TorchNamespace
from mergec.catalog.dtypes import Dtype

Tensor = Any


@final
class TorchArrays(Eager):
    """Tensors on `device`; those of stored bytes are uint8."""

    def __init__(self, torch: Any, device: str) -> None:
        self.torch = torch
        self.device = device
        self.tensors = TorchNamespace(torch, device)
        self.xp = self.tensors
        self.array = torch.Tensor
        self.dtypes = {
            F32: torch.float32,
            F64: torch.float64,
            I32: torch.int32,
            I64: torch.int64,
            BOOL: torch.bool,
        }
        self.kinds = {dtype: kind for kind, dtype in self.dtypes.items()}
        self.stored = {
            Dtype.BF16: torch.bfloat16,
            Dtype.F16: torch.float16,
            Dtype.F32: torch.float32,
            Dtype.F64: torch.float64,
        }

    def scalar(self, value: float, kind: str) -> Tensor:
        """On the device: by a number of the host CUDA divides as by its reciprocal."""
        return self.torch.full((), value, dtype=self.dtypes[kind], device=self.device)

    def converted(self, elements: Tensor, kind: str) -> Tensor:
        """A new tensor, or the same."""
        return elements.to(self.dtypes[kind])

    def decoded(self, raw: Tensor, of: Dtype, kind: str) -> Tensor:
        """The bytes as they lie there, widened."""
        return self.converted(raw.view(self.stored[of]), kind)

    def on_host(self, elements: Tensor) -> NDArray[Any]:
        """A copy, or a view on the CPU."""
        array: NDArray[Any] = elements.cpu().numpy()
        return array
