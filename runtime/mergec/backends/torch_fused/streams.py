"""The streams of CUDA, and of the host, which is never late."""

from typing import Any, final

from mergec.backends.torch_fused.staging import Mark

Tensor = Any


@final
class CudaStream:
    """A stream that the calling thread asks for everything from now on."""

    def __init__(self, torch: Any, device: str) -> None:
        self._torch = torch
        self._device = device
        self._stream = torch.cuda.Stream(device)
        # What the thread asked for before, it may use here.
        self._stream.wait_stream(torch.cuda.current_stream(device))
        torch.cuda.set_stream(self._stream)

    def pinned(self, nbytes: int) -> Tensor:
        """From CUDA."""
        return self._torch.empty(nbytes, dtype=self._torch.uint8, pin_memory=True)

    def upload(self, staged: Tensor) -> Tensor:
        """Asynchronous, as the memory is pinned."""
        return staged.to(self._device, non_blocking=True)

    def download(self, tensor: Tensor, staged: Tensor) -> None:
        """Asynchronous likewise."""
        staged.copy_(tensor, non_blocking=True)

    def mark(self) -> Mark:
        """An event; a thread that waits for it sleeps."""
        event: Mark = self._torch.cuda.Event(blocking=True)
        self._stream.record_event(event)
        return event

    def wait(self) -> None:
        """For the stream."""
        self.mark().synchronize()


@final
class HostStream:
    """The CPU in the place of a device: everything is done when it is asked for."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch

    def pinned(self, nbytes: int) -> Tensor:
        """Memory like any other."""
        return self._torch.empty(nbytes, dtype=self._torch.uint8)

    def upload(self, staged: Tensor) -> Tensor:
        """A copy."""
        return staged.clone()

    def download(self, tensor: Tensor, staged: Tensor) -> None:
        """Copied."""
        staged.copy_(tensor)

    def mark(self) -> Mark:
        """Passed already."""
        return _Passed()

    def wait(self) -> None:
        """There is nothing to wait for."""


@final
class _Passed:
    def synchronize(self) -> None:
        """At once."""
