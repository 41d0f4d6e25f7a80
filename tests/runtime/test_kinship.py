"""Whether sampled cosines tell models with a common ancestor from strangers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend
from mergec.catalog import Checkpoint, open_checkpoint
from mergec.execute.likeness import kinship
from tests.catalog.safetensors_bytes import file_of
from tests.ops.stage_runner import installed_backends

Floats = NDArray[np.float32]
BACKENDS = installed_backends()
REFERENCE: Backend = BACKENDS[0].values[0]


def model(seed: int) -> dict[str, Floats]:
    """Twelve matrices of three shapes, and what is near 1 in every model."""
    random = np.random.default_rng(seed)
    shapes = [(64, 48), (48, 64), (96, 32)]
    drawn: dict[str, Floats] = {
        f"layers.{n}.{i}": random.standard_normal(shape, np.float32)
        for n in range(4)
        for i, shape in enumerate(shapes)
    }
    norms = {f"layers.{n}.norm": np.ones(4096, np.float32) for n in range(4)}
    return drawn | norms


def tuned(before: Mapping[str, Floats], seed: int, step: float) -> dict[str, Floats]:
    other = model(seed)
    return {name: x + (step * other[name]).astype(np.float32) for name, x in before.items()}


def written(folder: Path, tensors: Mapping[str, NDArray[Any]]) -> Checkpoint:
    folder.mkdir()
    file = {name: ("F32", [*x.shape], x.astype("<f4").tobytes()) for name, x in tensors.items()}
    (folder / "model.safetensors").write_bytes(file_of(file))
    return open_checkpoint(folder)[0]


def judged(folder: Path, one: Mapping[str, Floats], other: Mapping[str, Floats]) -> str:
    return kinship(written(folder / "one", one), written(folder / "two", other), REFERENCE).verdict


def test_a_fine_tune_is_related(tmp_path: Path) -> None:
    base = model(1)
    assert judged(tmp_path, base, tuned(base, 2, 0.2)) == "related"


def test_two_fine_tunes_of_one_model_are_related(tmp_path: Path) -> None:
    base = model(1)
    assert judged(tmp_path, tuned(base, 2, 0.3), tuned(base, 3, 0.3)) == "related"


def test_models_of_two_trainings_are_not(tmp_path: Path) -> None:
    assert judged(tmp_path, model(1), model(2)) == "unrelated"


def test_a_model_turned_around_is_not(tmp_path: Path) -> None:
    base = model(1)
    assert judged(tmp_path, base, {name: -x for name, x in base.items()}) == "unrelated"


def test_between_the_two_nothing_is_claimed(tmp_path: Path) -> None:
    base = model(1)
    assert judged(tmp_path, base, tuned(base, 2, 2.5)) == "unclear"


def test_tables_that_nobody_trains_do_not_decide(tmp_path: Path) -> None:
    filters = {f"filters.{n}": np.full((100, 100), n + 1.0, np.float32) for n in range(5)}
    assert judged(tmp_path, model(1) | filters, model(2) | filters) == "unrelated"


def test_names_may_differ_by_a_prefix(tmp_path: Path) -> None:
    base = model(1)
    prefixed = {f"model.{name}": x for name, x in base.items()}
    assert judged(tmp_path, base, prefixed) == "related"


@pytest.mark.parametrize(
    "tensors",
    [
        {"w": np.ones((8, 8), np.float32)},
        {"w": np.ones(5000, np.float32)},
        {"w": np.zeros((64, 64), np.float32)},
        {"w": np.full((64, 64), np.nan, np.float32)},
    ],
    ids=["small", "no-matrix", "zeros", "nan"],
)
def test_too_little_is_no_evidence(tensors: Mapping[str, Floats], tmp_path: Path) -> None:
    assert judged(tmp_path, tensors, tensors) == "unknown"


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_sees_the_same(backend: Backend, tmp_path: Path) -> None:
    base = model(1)
    one, two = written(tmp_path / "one", base), written(tmp_path / "two", tuned(base, 2, 1.0))
    assert kinship(one, two, backend) == kinship(one, two, REFERENCE)


def test_of_a_long_row_the_beginning_is_read(tmp_path: Path) -> None:
    wide = np.random.default_rng(1).standard_normal((3, 70_000), np.float32)
    other = np.zeros_like(wide)
    other[0, : 1 << 15] = wide[0, : 1 << 15]
    assert judged(tmp_path, {"w": wide}, {"w": other}) == "related"


def test_of_many_rows_some_are_read_evenly_spaced(tmp_path: Path) -> None:
    high = np.random.default_rng(1).standard_normal((9000, 17), np.float32)
    count = (1 << 15) // 17
    other = np.zeros_like(high)
    for i in range(count):
        other[i * 9000 // count] = high[i * 9000 // count]
    assert judged(tmp_path, {"w": high}, {"w": other}) == "related"
