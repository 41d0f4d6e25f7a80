"""The exactness classes that plans state, held to what runs give.

Every setting of every operator, on tensors of three dtypes: class P has one digest whatever the
backend, threads, block size, order and vector instructions; class M whatever but the backends
that may contract multiply-add.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.runtime.exactness_runs import write_sources

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[2]
_FLOORS = ("", "grammar", "compiler", "runtime")
# numpy and torch without the vector units that they would choose; both read this when loaded.
_PLAIN_NUMPY = {"NPY_DISABLE_CPU_FEATURES": "AVX512_SKX AVX512F AVX512CD AVX2 FMA3"}
_PLAIN_NATIVE = {"LLVM_CPU": "x86-64"}  # read in `exactness_runs`
_PLAIN_TORCH = {"ATEN_CPU_CAPABILITY": "default"}
_LEAF = 1 << 16
_BACK = ["reversed"]
_RUNS = "tests.runtime.exactness_runs"

Digests = Mapping[str, tuple[str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("exactness")
    write_sources(made)
    return made


@pytest.fixture(scope="module")
def reference(folder: Path) -> Digests:
    return run(folder, "all", "reference", 1, _LEAF)


def run(
    folder: Path,
    spec: str,
    backend: str,
    threads: int,
    block: int,
    *order: str,
    settings: Mapping[str, str] | None = None,
) -> Digests:
    """What `exactness_runs` prints, in a process of its own."""
    path = os.pathsep.join(str(_ROOT / floor) for floor in _FLOORS)
    said = subprocess.run(
        [sys.executable, "-m", _RUNS, str(folder), spec, backend, str(threads), str(block), *order],
        env={**os.environ, "PYTHONPATH": path, **(settings or {})},
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return {name: (kind, digest) for name, (kind, digest) in json.loads(said.stdout).items()}


@pytest.mark.parametrize(
    ("spec", "backend", "threads", "block", "order", "settings"),
    [
        pytest.param("all", "reference", 4, 2 * _LEAF, _BACK, _PLAIN_NUMPY, id="reference"),
        pytest.param("all", "native", 1, _LEAF, [], {}, id="native"),
        # These compile or load everything once more.
        pytest.param("some", "native", 4, 8 * _LEAF, _BACK, _PLAIN_NATIVE, id="native, plain"),
        pytest.param("all", "torch", 1, _LEAF, [], {}, id="torch"),
        pytest.param("some", "torch", 4, 2 * _LEAF, _BACK, _PLAIN_TORCH, id="torch, plain"),
        pytest.param("all", "fused", 4, 2 * _LEAF, [], {}, id="fused"),
        pytest.param("all", "jax", 2, _LEAF, [], {}, id="jax"),
    ],
)
def test_one_digest(
    folder: Path,
    reference: Digests,
    spec: str,
    backend: str,
    threads: int,
    block: int,
    order: list[str],
    settings: Mapping[str, str],
) -> None:
    found = run(folder, spec, backend, threads, block, *order, settings=settings)
    assert found.keys() <= reference.keys()
    assert spec == "some" or found.keys() == reference.keys()
    differing = [
        f"{name}: class {kind}"
        for name, (kind, digest) in reference.items()
        if kind in _held(backend) and found.get(name, (kind, digest)) != (kind, digest)
    ]
    assert not differing, "\n".join(differing)


def _held(backend: str) -> str:
    """The classes that are bitwise on a backend."""
    return "P" if backend == "jax" else "PM"


def test_all_classes_occur(reference: Digests) -> None:
    assert {kind for kind, _ in reference.values()} >= {"P", "M"}
