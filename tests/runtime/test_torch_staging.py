"""Copies through pinned memory: in which order, and no buffer before its copy is done."""

from typing import Any, Protocol, final

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")

from mergec.backends.torch_fused.staging import Mark, Staging  # noqa: E402 - after the skip


class _Copy(Protocol):
    def __call__(self) -> None: ...


@final
class _LateStream:
    """A device that does nothing before it is waited for, and says what it was asked for."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.made = 0
        self._asked: list[_Copy] = []

    def pinned(self, nbytes: int) -> Any:
        self.made += 1
        self.said.append(f"pinned {nbytes}")
        return torch.zeros(nbytes, dtype=torch.uint8)

    def upload(self, staged: Any) -> Any:
        self.said.append(f"upload {len(staged)}")
        tensor = torch.zeros_like(staged)
        self._asked.append(lambda: tensor.copy_(staged))
        return tensor

    def download(self, tensor: Any, staged: Any) -> None:
        self.said.append(f"download {len(staged)}")
        self._asked.append(lambda: staged.copy_(tensor))

    def mark(self) -> Mark:
        return _LateMark(self, len(self._asked))

    def wait(self) -> None:
        self.said.append("wait")
        self.come_to(len(self._asked))

    def come_to(self, place: int) -> None:
        """Do what was asked for before `place`, each once."""
        for i, copy in enumerate(self._asked[:place]):
            copy()
            self._asked[i] = lambda: None


@final
class _LateMark:
    def __init__(self, stream: _LateStream, place: int) -> None:
        self._stream = stream
        self._place = place

    def synchronize(self) -> None:
        self._stream.said.append(f"come to {self._place}")
        self._stream.come_to(self._place)


def _staging() -> tuple[Staging, _LateStream]:
    stream = _LateStream()
    return Staging(torch, stream), stream


def test_two_uploads_are_under_way_and_the_third_waits_for_the_first() -> None:
    staging, stream = _staging()
    tensors = [staging.upload(memoryview(bytes([i] * 8))) for i in range(3)]
    assert stream.said == [
        *("pinned 8", "upload 8", "pinned 8", "upload 8"),
        *("come to 1", "upload 8"),
    ]
    staging.finish()
    assert [tensor.tolist() for tensor in tensors] == [[i] * 8 for i in range(3)]


def test_bytes_arrive_however_late_the_device_is() -> None:
    staging, stream = _staging()
    sent = [np.random.default_rng(i).bytes(5 + 3 * i) for i in range(20)]
    tensors: list[Any] = []
    for data in sent:
        reused = bytearray(data)
        tensors.append(staging.upload(memoryview(reused)))
        reused[:] = bytes(len(reused))
    stream.wait()
    assert [bytes(tensor.numpy()) for tensor in tensors] == sent


def test_a_download_is_begun_at_once_and_waited_for_when_it_is_looked_at() -> None:
    staging, stream = _staging()
    first = staging.download(torch.tensor([1.0, 2.0]))
    second = staging.download(torch.tensor([3], dtype=torch.int64))
    assert stream.said == ["pinned 8", "download 8", "pinned 8", "download 8"]
    assert np.frombuffer(first.data, np.float32).tolist() == [1.0, 2.0]
    assert stream.said[4:] == ["come to 1"]
    assert np.frombuffer(second.data, np.int64).tolist() == [3]


def test_a_buffer_of_a_download_is_used_again_after_it_is_free_and_not_before() -> None:
    staging, stream = _staging()
    kept = [staging.download(torch.full((4,), i, dtype=torch.uint8)) for i in range(3)]
    assert stream.made == 3
    assert [bytes(download.data) for download in kept] == [bytes([i] * 4) for i in range(3)]
    kept[1].free()
    again = staging.download(torch.full((3,), 9, dtype=torch.uint8))
    assert stream.made == 3
    assert again.buffer is kept[1].buffer
    staging.finish()
    for _ in range(3):
        staging.download(torch.zeros(4, dtype=torch.uint8))
    assert stream.made == 3


def test_small_results_are_fetched_together() -> None:
    staging, stream = _staging()
    sums = staging.later(torch.tensor([0.5, -0.0], dtype=torch.float64))
    lost = staging.later(torch.tensor(7))
    assert stream.said == []
    assert lost.array.tolist() == [7]
    assert str(sums.array.tolist()) == "[0.5, -0.0]"
    assert stream.said.count("download 24") == 1
    late = staging.later(torch.tensor([3]))
    staging.finish()
    assert late.array.tolist() == [3]
    assert late.array.dtype == np.int64


def test_finishing_waits_for_everything() -> None:
    staging, stream = _staging()
    staging.upload(memoryview(b"abcd"))
    staging.finish()
    assert stream.said[-1] == "wait"


def test_nothing_is_copied_as_nothing() -> None:
    staging, _ = _staging()
    assert len(staging.upload(memoryview(b""))) == 0
    assert bytes(staging.download(torch.empty(0)).data) == b""
