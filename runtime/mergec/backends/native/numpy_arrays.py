"""Numpy beneath lazy arrays."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.lazy.array import BOOL, F32, F64, I32, I64
from mergec.backends.lazy.eager import Eager
from mergec.backends.reference import NumpyNamespace, ReferenceBackend
from mergec.catalog.dtypes import Dtype

Array = NDArray[Any]
NUMPY: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        F32: np.dtype(np.float32),
        F64: np.dtype(np.float64),
        I32: np.dtype(np.int32),
        I64: np.dtype(np.int64),
        BOOL: np.dtype(np.bool_),
    }
)


@final
class NumpyArrays(Eager):
    """As the reference has them."""

    def __init__(self) -> None:
        self.xp = NumpyNamespace()
        self.array = np.ndarray
        self.dtypes = NUMPY
        self.kinds = {dtype: kind for kind, dtype in NUMPY.items()}
        self._reference = ReferenceBackend()

    def scalar(self, value: float, kind: str) -> Any:
        """A number of numpy's."""
        return NUMPY[kind].type(value)

    def converted(self, elements: Array, kind: str) -> Array:
        """A new array."""
        return elements.astype(NUMPY[kind])

    def decoded(self, raw: memoryview, of: Dtype, kind: str) -> Array:
        """A new array."""
        loaded: Array = self._reference.load(raw, of, Dtype.F32 if kind == F32 else Dtype.F64)
        return loaded

    def on_host(self, elements: Array) -> Array:
        """They are there."""
        return elements
