"""The library beneath lazy arrays: it computes at once what no kernel is made for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from mergec.catalog.dtypes import Dtype
from mergec.ops.namespace import ArrayNamespace

Elements = Any
"""An array of the library."""


class Eager(ABC):
    """An array library as lazy arrays know it.

    `xp` is its `mergec.ops.namespace.ArrayNamespace`, `array` the class of its arrays and matrices,
    and `dtypes` has its name of each kind of elements.
    """

    xp: ArrayNamespace
    array: type[Any]
    dtypes: Mapping[str, Any]
    kinds: Mapping[Any, str]
    """The same the other way round."""

    @abstractmethod
    def scalar(self, value: float, kind: str) -> Any:
        """A number as it meets arrays of `kind`."""

    @abstractmethod
    def converted(self, elements: Elements, kind: str) -> Elements:
        """Rounded to nearest even where it must round."""

    @abstractmethod
    def decoded(self, raw: Any, of: Dtype, kind: str) -> Elements:
        """Stored bytes, which lie where the library's arrays do, as elements of `kind`."""

    @abstractmethod
    def on_host(self, elements: Elements) -> NDArray[Any]:
        """The same as an array of numpy's."""
