"""Lazy arrays on a device: tensors, and kernels that torch compiles."""

from collections.abc import Callable
from threading import local
from typing import Any, final

from mergec.backends.lazy.array import Lazy, given
from mergec.backends.lazy.kernel import Call, Node
from mergec.backends.lazy.namespace import LazyNamespace
from mergec.backends.torch_fused.arrays import TorchArrays
from mergec.backends.torch_fused.programs import Programs
from mergec.backends.torch_fused.requests import Room, TorchCounts, TorchSums
from mergec.backends.torch_fused.staging import Staging, Stream
from mergec.catalog.dtypes import Dtype

Tensor = Any


@final
class _Here(local):
    """One thread's stream and buffers, from its first use on."""

    def __init__(self, torch: Any, begin: Callable[[], Stream]) -> None:
        self.staging = Staging(torch, begin())


@final
class TorchLazyNamespace(LazyNamespace):
    """Rooms receive the tensors that kernels make; `begin` gives a thread its stream."""

    def __init__(
        self, arrays: TorchArrays, programs: Programs, begin: Callable[[], Stream]
    ) -> None:
        super().__init__(arrays)
        self._arrays = arrays
        self._programs = programs
        self._here = _Here(arrays.torch, begin)

    @property
    def staging(self) -> Staging:
        """The calling thread's."""
        return self._here.staging

    def run(self, call: Call) -> None:
        """Ask the device for it."""
        torch, kernel = self._arrays.torch, call.kernel
        numbers = [
            torch.from_numpy(table).to(self._arrays.device, non_blocking=True)
            for table in call.numbers()
        ]
        tensors = [self._tensor(node, call) for node in kernel.nodes if node.slot >= 0]
        try:
            results = self._programs.of(kernel, call.n)(call.n, *numbers, *tensors)
        except torch.OutOfMemoryError as error:
            raise MemoryError("of the device") from error
        for root, made in zip(kernel.roots, results, strict=True):
            call.buffers[root.slot].receive(*made)

    def room(self, n: int, kind: str) -> Room:
        """For one tensor."""
        return Room(n, kind)

    def contents(self, room: Room) -> Tensor:
        """What was received; nothing is made of a block without elements."""
        if room.tensor is not None:
            return room.tensor
        dtype = self._arrays.dtypes[room.kind]
        return self._arrays.torch.zeros(room.n, dtype=dtype, device=self._arrays.device)

    def counts(self, x: Lazy, shift: int, prefix: int) -> TorchCounts:
        """Counted by the kernel."""
        return TorchCounts(self, x, shift, prefix)

    def sums(self, x: Lazy) -> TorchSums:
        """Summed from what the kernel makes."""
        return TorchSums(self, x, self._arrays, self.staging)

    def row_ranks(self, x: Lazy, row: int) -> Lazy:
        """By torch's stable sort."""
        return given(self, self._arrays.xp.row_ranks(x.view, row))

    def _tensor(self, node: Node, call: Call) -> Tensor:
        tensor = call.buffers[node.slot]
        return tensor.view(self._arrays.stored[Dtype(node.of.upper())]) if node.of else tensor
