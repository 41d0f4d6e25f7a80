"""What a run reads of a checkpoint in a store: every byte right, and few of them held."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from mergec.api import compile_spec
from mergec.catalog import Checkpoint, TensorEntry, open_source
from mergec.plan import fit_budget
from mergec.plan.budget import STORE_WINDOWS
from mergec.shards import SourceReader
from mergec.shards.store_bytes import StoreBytes
from tests.end_to_end.command_line import Mergec, write_spec
from tests.hub.at_loopback import toy, vast
from tests.hub.loopback_hub import Blob
from tests.stores.loopback_web import LoopbackWeb

SIZE = 10_000_000


@pytest.fixture
def opened(web: LoopbackWeb) -> tuple[Checkpoint, TensorEntry, bytes]:
    """A tensor of more than two windows, and its bytes."""
    header = vast(tensors=1, elements=SIZE // 2).head
    data = Random(0).randbytes(SIZE)
    web.put("m", {"model.safetensors": Blob(header + data, len(header) + SIZE)})
    checkpoint, _ = open_source(f"{web.address}/m", None, Path())
    (entry,) = checkpoint.tensors.values()
    return checkpoint, entry, data


@pytest.mark.parametrize("step", [100_000, 3_000_000, 4 << 20])
@pytest.mark.parametrize("ahead", [0, 1, 8 << 20])
def test_bytes_are_those_of_the_object(
    opened: tuple[Checkpoint, TensorEntry, bytes], step: int, ahead: int
) -> None:
    checkpoint, entry, data = opened
    with SourceReader(checkpoint) as reader:
        for start in range(0, SIZE, step):
            if ahead:
                reader.expect(entry, start, ahead)
            buffer = bytearray(min(step, SIZE - start))
            reader.read_into(entry, start, memoryview(buffer))
            assert buffer == data[start : start + len(buffer)]
        reader.unchanged()


def test_threads_may_read_at_once(opened: tuple[Checkpoint, TensorEntry, bytes]) -> None:
    checkpoint, entry, data = opened

    def read(start: int) -> bool:
        buffer = bytearray(min(500_000, SIZE - start))
        reader.expect(entry, start, 2_000_000)
        reader.read_into(entry, start, memoryview(buffer))
        return bytes(buffer) == data[start : start + len(buffer)]

    starts = [Random(1).randrange(SIZE) for _ in range(40)]
    with SourceReader(checkpoint) as reader, ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, starts))


def test_what_is_announced_and_never_read_gives_way(web: LoopbackWeb) -> None:
    blob = vast(tensors=1, elements=100_000_000)
    web.put("m", {"model.safetensors": blob})
    checkpoint, _ = open_source(f"{web.address}/m", None, Path())
    assert checkpoint.stored is not None
    source = StoreBytes(checkpoint, checkpoint.stored)
    held: list[int] = []
    for start in range(0, 150_000_000, 300_000):
        source.expect("model.safetensors", start, 300_000)
        held.append(source.held())
    buffer = bytearray(b"?" * 300_000)
    late = 299 * 300_000  # there was room for 167, until the first of them had waited too long
    source.read_into("model.safetensors", late, memoryview(buffer))
    assert max(held) <= STORE_WINDOWS
    assert source.held() == held[-1] - 300_000
    assert not any(buffer)
    source.close()


def test_a_range_outside_the_tensor_is_our_own_mistake(
    opened: tuple[Checkpoint, TensorEntry, bytes],
) -> None:
    checkpoint, entry, _ = opened
    with SourceReader(checkpoint) as reader, pytest.raises(ValueError, match="bytes, not"):
        reader.read_into(replace(entry), SIZE - 1, memoryview(bytearray(2)))


def test_the_projected_memory_counts_what_is_read_ahead(mergec: Mergec, web: LoopbackWeb) -> None:
    for name in ("base", "code"):
        web.put(name, toy(name))
    peaks: list[int] = []
    for where in (f"{web.address}/", "./"):
        write_spec(f'a = model("{where}base")', f'b = model("{where}code")', "c = linear(a, b)")
        plan = compile_spec(Path("spec.merge")).plan
        peaks.append(fit_budget(plan, 1 << 30, 1, "reference").peak)
    far, near = peaks
    # Beside this the two differ in what a tokenizer of two bytes takes.
    assert far - near == pytest.approx(2 * STORE_WINDOWS + (32 << 20), abs=100)
