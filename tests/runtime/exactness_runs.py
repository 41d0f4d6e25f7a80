"""One run of everything that operators can be asked, and a digest of each tensor of its output.

A program of its own, because CPU vector levels are chosen when a library is loaded:
`python -m tests.runtime.exactness_runs FOLDER SPEC BACKEND THREADS BLOCK [reversed]` prints JSON
from `expression / tensor` to the class that the plan states and the digest that came out.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from mergec.api import compile_spec
from mergec.backends import Backend, get_backend
from mergec.backends.native import NativeBackend
from mergec.backends.native.engine import Engine
from mergec.execute import Origin, run_plan
from mergec.plan import Budget
from mergec.plan.steps import Step

CALLS = Path(__file__).parents[1] / "laws" / "revisions.txt"
SOURCES = ("base", "a", "b", "c")
# Each spec has every so manieth call.
SPECS = {"all": 1, "some": 3}
FISHERS, GRAMS = ("sa", "sb", "sc"), ("ga", "gb", "gc")
# More than one reduction leaf, and several of one size, so that threads and order are free.
SHAPES = {"long": (66001,), "like": (5, 7), "rows": (13, 24), "other": (5, 7)}
DTYPES = {"bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64}
Floats = NDArray[Any]
_ROOM = 8 << 30
# These have no types.
_DESERIALIZE: Any = vars(safetensors)["deserialize"]
_SAVE_FILE: Any = vars(safetensors.numpy)["save_file"]


def write_sources(folder: Path) -> None:
    """The parents, and two specs: of every call of `revisions.txt`, and of every third."""
    for label in SOURCES:
        _write(folder, label, {name: _drawn(f"{label} {name}", SHAPES[name]) for name in SHAPES})
    for label in FISHERS:
        drawn = {name: _drawn(f"{label} {name}", SHAPES[name]) for name in SHAPES}
        _write(folder, label, {name: x * x for name, x in drawn.items()})
    for label in GRAMS:
        inputs = _drawn(label, (64, 24))
        _write(folder, label, {"rows": inputs.T @ inputs})
    for name, step in SPECS.items():
        (folder / f"{name}.merge").write_text(_spec(step))


def _spec(step: int) -> str:
    every = (*SOURCES, *FISHERS, *GRAMS)
    lines = [f'{label} = model("./{label}.safetensors", id="{label}")' for label in every]
    for number, call in enumerate(calls()[::step]):
        written = call.replace("grams=[sa, sb, sc]", "grams=[ga, gb, gc]")
        written = written.replace("short[1 / 11]", "rows.f64[1 / 12]").replace("short", "rows.f64")
        # What `svd` makes is written as an adapter where it is exported by itself.
        alone = '(base + e{0}) - base as "e{0}"' if written.startswith("svd(") else "e{0}"
        lines += [f"e{number} = {written}", f"export delta {alone.format(number)}"]
    return "\n".join(lines) + "\n"


def calls() -> list[str]:
    """The expressions, each of them a delta."""
    return [line.split(" | ")[2] for line in CALLS.read_text().splitlines()]


def _backend(name: str) -> Backend:
    if name == "fused":
        from mergec.backends.torch_fused import FusedTorchBackend

        return FusedTorchBackend("cpu", compiled=False)
    cpu = os.environ.get("LLVM_CPU")
    return NativeBackend(Engine(cpu)) if cpu and name == "native" else get_backend(name)


def _write(folder: Path, label: str, tensors: Mapping[str, Floats]) -> None:
    held = {
        f"{name}.{kind}": x.astype(dtype)
        for name, x in tensors.items()
        for kind, dtype in DTYPES.items()
    }
    _SAVE_FILE(held, folder / f"{label}.safetensors")


def _drawn(seed: str, shape: tuple[int, ...]) -> Floats:
    random = Random(seed)
    # Many equal magnitudes and opposite signs, so that selections and elections are close.
    values = [random.gauss(0, 1) for _ in range(int(np.prod(shape)))]
    return np.array([x if i % 2 else round(x * 2) / 2 for i, x in enumerate(values)]).reshape(shape)


def _backwards(steps: Sequence[Step], threads: int) -> Sequence[Step]:
    return steps[::-1]


def digests(
    spec: Path, backend: str, threads: int, block: int, *, backwards: bool
) -> dict[str, tuple[str, str]]:
    """(class, digest) of each `expression / tensor`."""
    plan = compile_spec(spec).plan
    if backwards:
        vars(import_module("mergec.execute.work"))["reading_order"] = _backwards
    budget = Budget(block, threads, 0, _ROOM, _ROOM)
    origin = Origin(spec.name, "", backend, "cpu", {}, {})
    found: dict[str, tuple[str, str]] = {}
    with TemporaryDirectory(dir=spec.parent) as scratch:
        target = Path(scratch) / "out"
        run_plan(plan, target, _backend(backend), budget, origin, left_out=("read_back",))
        for export, call in zip(plan.exports, calls()[:: SPECS[spec.stem]], strict=True):
            classes = {row.tensor: row.exactness for row in export.rows}
            (file,) = (target / export.folder).glob("*.safetensors")
            tensors: list[tuple[str, dict[str, Any]]] = _DESERIALIZE(file.read_bytes())
            for name, tensor in tensors:
                said = hashlib.sha256(tensor["data"]).hexdigest()[:16]
                found[f"{call} / {name}"] = classes[name], said
    return found


if __name__ == "__main__":
    where, name, library, count, size, *rest = sys.argv[1:]
    result = digests(
        Path(where, f"{name}.merge"), library, int(count), int(size), backwards=rest == ["reversed"]
    )
    print(json.dumps(result))
