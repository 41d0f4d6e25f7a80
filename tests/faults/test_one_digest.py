"""One digest whatever the threads, the memory, the processor, the hash seed, and if it was killed.

For merges of class P on every backend; the weights of all backends have one digest too.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.faults.injected import EVERY_CALL
from tests.faults.tally import counting
from tests.toy_checkpoints import write_checkpoint

pytestmark = pytest.mark.slow

SPEC = """\
base = model("./base")
code = model("./code")
math = model("./math")
elected = ties(base, code, math; density=0.3, scope=global)
dropped = base + dare(code - base; density=0.5, seed=7)
mixed = 0.3*code + 0.7*math
turned = slerp(code, math, t=0.3)
require norm(elected - base) < 1000, "it stays near its parent"
export elected { shard = 0.5MB }
export dropped
export mixed
export turned
"""
# More than one block in most tensors, whichever the size of blocks is.
SHAPES = {"long": (200_001,), "rows": (300, 700), "short": (7,), "last": (150, 500)}
Settings = Mapping[str, str]
CPUS: Mapping[str, list[Settings]] = {
    "reference": [{}, {"NPY_DISABLE_CPU_FEATURES": "AVX512_SKX AVX512F AVX512CD AVX2 FMA3"}],
    "native": [{}, {"LLVM_CPU": "x86-64"}, {"LLVM_CPU": "x86-64-v3"}],
    "torch": [{}, {"ATEN_CPU_CAPABILITY": "default"}, {"ATEN_CPU_CAPABILITY": "avx2"}],
    "jax": [{}, {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"}, {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}],
}
Cell = tuple[str, str, Settings, str]
"""Threads, memory, the processor, and how many times it takes."""
SOME: Mapping[str, list[Cell]] = {
    "reference": [("2", "some", CPUS["reference"][1], "2")],
    "native": [("1", "least", CPUS["native"][1], "1"), ("4", "default", {}, "2")],
    "torch": [("4", "least", CPUS["torch"][1], "1")],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, two that were made from it, and the spec."""
    made = tmp_path_factory.mktemp("one-digest")
    draw = np.random.default_rng(0)
    base = {name: draw.standard_normal(shape, np.float32) for name, shape in SHAPES.items()}
    for label in ("base", "code", "math"):
        tuned = {
            name: x + draw.standard_normal(x.shape, np.float32) / 8 for name, x in base.items()
        }
        held = {name: (x.view(np.uint32) >> 16).astype(np.uint16) for name, x in tuned.items()}
        tensors = {name: ("BF16", [*x.shape], x.tobytes()) for name, x in held.items()}
        write_checkpoint(made / label, tensors)
    (made / "spec.merge").write_text(SPEC)
    return made


def digests(folder: Path, backend: str, cell: Cell, seed: int) -> Mapping[str, str]:
    """What one run made."""
    threads, memory, cpu, times = cell
    command = [sys.executable, "-m", "tests.faults.one_digest", "out", backend]
    said = subprocess.run(
        [*command, threads, memory, times],
        cwd=folder,
        env={
            **os.environ,
            **cpu,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONHASHSEED": str(seed),
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    shutil.rmtree(folder / "out")
    found: Mapping[str, str] = json.loads(said.stdout)
    return found


@pytest.fixture(scope="module")
def weights(folder: Path) -> str:
    return digests(folder, "reference", ("1", "default", {}, "1"), 0)["weights"]


def cells(backend: str) -> Iterator[Cell]:
    if EVERY_CALL:
        yield from product("124", ["least", "some", "default"], CPUS[backend], "12")
    else:
        yield from SOME[backend]


@pytest.mark.parametrize("backend", CPUS if EVERY_CALL else SOME)
def test_one_digest_of_a_backend(folder: Path, weights: str, backend: str) -> None:
    first: Mapping[str, str] = {}
    with counting("one digest: threads, memory, processor, seed") as figures:
        for seed, cell in enumerate(cells(backend)):
            found = digests(folder, backend, cell, seed)
            first = first or found
            figures["points"] += 1
            figures["resumed"] += cell[-1] == "2"
            figures["equal"] += cell[-1] == "2" and found == first
            assert found == first, cell
            assert found["weights"] == weights, cell
