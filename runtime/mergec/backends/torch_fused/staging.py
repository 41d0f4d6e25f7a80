"""Pinned memory through which one thread's blocks go to the device and come back.

A device copies from and to such memory on its own, while the host reads or writes the next block.
So a buffer belongs to the device from the moment a copy is asked for until the mark behind it has
passed.
"""

from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

Tensor = Any


class Mark(Protocol):
    """A place in what a stream was asked for."""

    def synchronize(self) -> None:
        """Return when the device has come there."""
        ...


class Stream(Protocol):
    """What a device does for one thread, in the order in which it is asked for."""

    def pinned(self, nbytes: int) -> Tensor:
        """Memory of the host that the device copies from and to by itself."""
        ...

    def upload(self, staged: Tensor) -> Tensor:
        """Begin to copy; the tensor on the device."""
        ...

    def download(self, tensor: Tensor, staged: Tensor) -> None:
        """Begin to copy bytes back."""
        ...

    def mark(self) -> Mark:
        """Behind all that was asked for so far."""
        ...

    def wait(self) -> None:
        """Return when all that was asked for is done."""
        ...


@final
class Download:
    """Bytes on their way from the device, there when they are looked at."""

    def __init__(self, staging: "Staging", buffer: Tensor, nbytes: int, mark: Mark) -> None:
        self._staging = staging
        self.buffer = buffer
        self._nbytes = nbytes
        self._mark = mark

    @property
    def data(self) -> memoryview:
        """The bytes, until `free`."""
        self._mark.synchronize()
        array: NDArray[np.uint8] = self.buffer[: self._nbytes].numpy()
        return array.data

    def free(self) -> None:
        """The buffer may be used again."""
        self._mark.synchronize()
        self._staging.take_back(self)


@final
class Small:
    """A few numbers of eight bytes, fetched with all others that are waiting for it."""

    def __init__(self, staging: "Staging", tensor: Tensor) -> None:
        self._staging = staging
        self.tensor = tensor
        self.found: NDArray[Any] | None = None

    @property
    def array(self) -> NDArray[Any]:
        """They, as numpy's array."""
        if self.found is None:
            self._staging.fetch()
        assert self.found is not None
        return self.found


@final
class Staging:
    """The buffers of one thread and its stream."""

    def __init__(self, torch: Any, stream: Stream) -> None:
        self._torch = torch
        self._stream = stream
        # Two, taken in turn: one is filled while the device copies from the other.
        self._turns = [_Turn(), _Turn()]
        self._spare: list[Tensor] = []
        self._taken: list[Download] = []
        self._small: list[Small] = []

    def upload(self, raw: memoryview) -> Tensor:
        """The bytes as a uint8 tensor on the device; `raw` is free again on return."""
        turn = self._turns.pop(0)
        self._turns.append(turn)
        if turn.mark is not None:
            turn.mark.synchronize()
        if turn.buffer is None or len(turn.buffer) < raw.nbytes:
            turn.buffer = self._stream.pinned(raw.nbytes)
        staged = turn.buffer[: raw.nbytes]
        np.copyto(staged.numpy(), np.frombuffer(raw, np.uint8))
        tensor = self._stream.upload(staged)
        turn.mark = self._stream.mark()
        return tensor

    def download(self, tensor: Tensor) -> Download:
        """Begin to copy a contiguous tensor's bytes."""
        flat = tensor.reshape(-1).view(self._torch.uint8)
        buffer = self._buffer(len(flat))
        self._stream.download(flat, buffer[: len(flat)])
        download = Download(self, buffer, len(flat), self._stream.mark())
        self._taken.append(download)
        return download

    def later(self, tensor: Tensor) -> Small:
        """Numbers of float64 or int64 that may be fetched with others."""
        small = Small(self, tensor)
        self._small.append(small)
        return small

    def fetch(self) -> None:
        """Fetch all small results by one copy."""
        waiting, self._small = self._small, []
        if not waiting:
            return
        words = [small.tensor.reshape(-1).view(self._torch.int64) for small in waiting]
        download = self.download(self._torch.cat(words))
        numbers = np.frombuffer(download.data, np.int64).copy()
        download.free()
        ends = np.cumsum([len(word) for word in words])
        for small, part in zip(waiting, np.split(numbers, ends[:-1]), strict=True):
            kind = np.float64 if small.tensor.dtype == self._torch.float64 else np.int64
            small.found, small.tensor = part.view(kind), None

    def finish(self) -> None:
        """Fetch what is waiting, let the device come to an end, and free all buffers."""
        self.fetch()
        self._stream.wait()
        for download in tuple(self._taken):
            download.free()

    def take_back(self, download: Download) -> None:
        """Its bytes are of no use any more."""
        if download in self._taken:
            self._taken.remove(download)
            self._spare.append(download.buffer)

    def _buffer(self, nbytes: int) -> Tensor:
        """The least of the spare buffers that is large enough, or a new one."""
        fitting = [buffer for buffer in self._spare if len(buffer) >= nbytes]
        if not fitting:
            return self._stream.pinned(nbytes)
        least = min(fitting, key=len)
        self._spare = [buffer for buffer in self._spare if buffer is not least]
        return least


class _Turn:
    """One of the two buffers for uploads, and the mark behind the last copy from it."""

    def __init__(self) -> None:
        self.buffer: Tensor = None
        self.mark: Mark | None = None
