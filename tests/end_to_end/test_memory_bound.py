"""The peak of a process that runs a merge, as the system saw it, beside what it may take."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

import numpy as np
import pytest

from mergec.backends import installed_backends
from tests.catalog.safetensors_bytes import framed
from tests.end_to_end.command_line import PORTIONS

pytestmark = pytest.mark.slow

_MIB = 1 << 20
_PARENTS = ("base", "a", "b", "c")
_SPECS = {
    "linear": "linear(a, b)",
    "ties": "ties(base, a, b, c; density=0.3)",
    "drops": "base + dare(a - base; density=0.3) + dare(b - base; density=0.3)",
    "slerp": "slerp(a, b; t=0.4)",
    "model_stock": "model_stock(base, a, b, c)",
    "della": "base + della(a - base; density=0.5) + della(b - base; density=0.5)",
    "two_stages": "ties(base, a, b; density=0.3) |> slerp(c; t=0.5)",
}
# Runs a command and then prints the largest resident size of its own process.
_CHILD = """
import sys
from mergec.cli.main import run_command
status = run_command(sys.argv[1:])
with open("/proc/self/status") as lines:
    print(*(line.split()[1] for line in lines if line.startswith("VmHWM")))
sys.exit(status)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Four parents with a tensor of 64 MiB each."""
    folder = tmp_path_factory.mktemp("large")
    _write_family(folder, {"embed": (16384, 2048), "norm": (2048,)})
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder that is not kept: what is written in it is large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("name", _SPECS)
def test_a_compiled_run_stays_within_250_megabytes_by_itself(name: str, large: Path) -> None:
    _require_native()
    peak = _peak(large, _SPECS[name], "--backend", "native", "--threads", "2")
    assert peak <= 250_000_000


@pytest.mark.parametrize(
    ("name", "backend", "memory"),
    [
        ("ties", "native", 190),
        ("slerp", "native", 190),
        ("della", "native", 200),
        ("linear", "reference", 110),
        ("model_stock", "reference", 130),
        ("ties", "reference", 140),
    ],
)
def test_a_run_keeps_the_bound_that_it_is_given(
    name: str, backend: str, memory: int, large: Path
) -> None:
    """The inputs of the large tensor would not fit beside what a process has at the start."""
    if backend == "native":
        _require_native()
    peak = _peak(large, _SPECS[name], "--backend", backend, "--memory", f"{memory}MiB")
    assert peak <= memory * _MIB


def test_a_tensor_may_be_larger_than_the_memory(place: Path) -> None:
    shape = (75 << 10, 2 << 10)  # 300 MiB, and a hole in the file
    for name in ("base", "a"):
        _write_hole(place / name, shape, {})
    spec = "base + 0.5*(a - base)"
    peak = _peak(place, spec, "--backend", "reference", "--memory", "120MiB")
    assert peak <= 120 * _MIB


def test_the_peak_does_not_grow_with_the_model(place: Path) -> None:
    """Four times the tensors; what each costs in headers and lineage is a few kilobytes."""
    peaks: list[int] = []
    for layers in (8, 32):
        folder = place / str(layers)
        _write_family(folder, {f"layers.{n}.weight": (512, 1024) for n in range(layers)})
        peaks.append(_peak(folder, _SPECS["ties"], "--memory", "150MiB", "--backend", "reference"))
    assert peaks[1] - peaks[0] < 4 * _MIB


def test_elements_beyond_2_gib_are_where_they_belong(place: Path) -> None:
    """Files with a hole: all is zero but for a few elements, some past byte 2³¹."""
    shape = ((1 << 20) + 64, 1 << 10)
    one, half = 0x3F80, 0x3F00  # in bf16
    last = shape[0] * shape[1] - 1
    _write_hole(place / "base", shape, {})
    _write_hole(place / "a", shape, {5: one, (1 << 30) + 3: one, last: one})
    _peak(place, "base + 0.5*(a - base)", "--verify", "none", "--no-sync")
    found: dict[int, int] = {}
    with (place / "out" / "model.safetensors").open("rb") as file:
        file.seek(int.from_bytes(file.read(8), "little"), os.SEEK_CUR)
        for first in range(0, last + 1, _MIB):
            merged = np.frombuffer(file.read(2 * _MIB), np.uint16)
            found |= {first + int(i): int(merged[i]) for i in np.flatnonzero(merged)}
        assert file.tell() == os.fstat(file.fileno()).st_size
    assert found == {5: half, (1 << 30) + 3: half, last: half}


def _require_native() -> None:
    if "native" not in installed_backends():
        pytest.skip("llvmlite is not installed")


def _peak(folder: Path, expression: str, *options: str) -> int:
    """Bytes that `mergec run` had at most in memory, which must end well."""
    sources = "".join(
        f'{name} = model("./{name}")  # mergec: allow W705 because they are random\n'
        for name in _PARENTS
        if re.search(rf"\b{name}\b", expression)
    )
    (folder / "spec.merge").write_text(f"{sources}child = {expression}\nexport child\n")
    shutil.rmtree(folder / "out", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, "run", "spec.merge", "-o", "out", "-q", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PORTIONS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout) << 10


def _write_family(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Four parents of normal weights in bf16."""
    random = np.random.default_rng(1)
    total = 2 * sum(map(prod, shapes.values()))
    for name in _PARENTS:
        weights = random.standard_normal(1 << 20, np.float32) * np.float32(0.02)
        piece = (weights.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        with _new_file(folder / name, shapes).open("ab") as file:
            for begin in range(0, total, len(piece)):  # the same again, for to draw takes longer
                file.write(piece[: total - begin])


def _write_hole(folder: Path, shape: tuple[int, int], elements: Mapping[int, int]) -> None:
    """One tensor in bf16, all of it a hole in the file but for the bits of some elements."""
    path = _new_file(folder, {"w": shape})
    start = path.stat().st_size
    with path.open("r+b") as file:
        for index, bits in elements.items():
            file.seek(start + 2 * index)
            file.write(bits.to_bytes(2, "little"))
        file.truncate(start + 2 * prod(shape))


def _new_file(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> Path:
    """A file of weights up to the end of its header."""
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(framed(json.dumps(header)))
    return folder / "model.safetensors"
