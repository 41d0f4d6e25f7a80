"""JAX, one operation at a time, on the CPU or a GPU.

Bytes become numbers on the host and back, by the reference's own code, so that casts are those of
the contract. XLA flushes subnormals to zero on a CPU, and no setting stops it (`--xla_cpu_ftz` is
for its compiler; its threads set the processor's mode as well): `subnormals` says what this device
does, and the self-test asks nothing else of it.
"""

from types import ModuleType
from typing import Any, final

import numpy as np

from mergec.backends.backend import Backend
from mergec.backends.jax_block import Block, Device
from mergec.backends.jax_namespace import JaxNamespace
from mergec.backends.reference import ReferenceBackend
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import fail

_KINDS = ("cpu", "cuda", "gpu")


@final
class JaxBackend(Backend):
    """`device` is `cpu` or `cuda` (or `cuda:1`).

    Constructing the first enables 64-bit types for the whole process, and has the CPU compute in
    the thread that asks. Raises E603 without JAX, without the device, or where another user of JAX
    in this process relies on 32-bit types.
    """

    def __init__(self, device: str = "cpu") -> None:
        jax: Any = _import_jax()
        _require_kind(device)
        # Twice as fast for blocks of this size; without effect once JAX has a CPU client.
        jax.config.update("jax_cpu_enable_async_dispatch", False)
        _enable_float64(jax)
        found = find_device(jax, device)
        self._numpy = ReferenceBackend()
        self._device = Device(jax, found)
        self.name = "jax"
        self.device = device
        self.xp = JaxNamespace(self._device)
        self.subnormals = self._keeps_subnormals()

    def load(self, raw: memoryview, dtype: Dtype, work: Dtype) -> Block:
        """Always a copy, so that the reader may reuse its buffer."""
        return self._device.place(self._numpy.load(raw, dtype, work))

    def store(self, block: Block, dtype: Dtype) -> memoryview:
        """The bytes are a new buffer, except where `block` already has the target dtype."""
        return self._numpy.store(block.view, dtype)

    def count_non_finite(self, block: Block) -> int:
        """How many NaN and infinities a work block holds."""
        return self._numpy.count_non_finite(block.view)

    def count_overflow(self, block: Block, dtype: Dtype) -> int:
        """How many finite elements of `block` become infinite when stored as `dtype`."""
        return self._numpy.count_overflow(block.view, dtype)

    def count_underflow(self, block: Block, dtype: Dtype) -> int:
        """How many elements but zeros are stored as `dtype` below its least normal number."""
        return self._numpy.count_underflow(block.view, dtype)

    def _keeps_subnormals(self) -> bool:
        """Whether half of the least normal number is more than zero, in both work dtypes."""
        least = [np.array([np.finfo(dtype).tiny], dtype) for dtype in (np.float32, np.float64)]
        return all(self.xp.count(self._device.place(x) * 0.5 > 0) for x in least)


def _import_jax() -> ModuleType:
    try:
        import jax
    except ImportError as error:
        raise fail(
            "E603", "backend `jax` needs JAX", help='run `pip install "mergec[jax]"`'
        ) from error
    return jax


def _require_kind(device: str) -> None:
    kind = device.partition(":")[0]
    if kind not in _KINDS:
        raise fail(
            "E603",
            f"backend `jax` does not run on `{device}`",
            notes=("it computes statistics in float64, which many accelerators do not have",),
            help="choose `cpu` or `cuda`",
        )


def _enable_float64(jax: Any) -> None:
    """Refuse to change the dtypes of a program that has made arrays without 64-bit types."""
    if jax.config.jax_enable_x64:
        return
    if jax.live_arrays():
        raise fail(
            "E603",
            "backend `jax` needs 64-bit types, and JAX is already in use without them",
            help="set `JAX_ENABLE_X64=1` before this program starts",
        )
    jax.config.update("jax_enable_x64", True)


def find_device(jax: Any, device: str) -> Any:
    """JAX's own device of this name, or E603."""
    kind, _, index = device.partition(":")
    try:
        return jax.devices(kind)[int(index or 0)]
    except (RuntimeError, IndexError, ValueError) as error:
        raise fail(
            "E603",
            f"device `{device}` is not available to JAX here",
            help="leave out `--device` to compute on the CPU",
        ) from error
