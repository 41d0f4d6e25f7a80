"""DoRA: the adapted weights of each output, at a length of their own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mergec.api import compile_spec
from mergec.backends import installed_backends
from mergec.catalog.open_adapter import open_adapter
from mergec.diagnostics import MergecError
from tests.end_to_end.command_line import Mergec, write_spec
from tests.end_to_end.test_adapters import A1, B1, HEAD, Matrix, base, run, stored, tensor
from tests.toy_adapters import OUTER, write_adapter


def dora(folder: Path, b: Matrix, a: Matrix, m: Matrix, **config: Any) -> None:
    tensors = {
        f"{OUTER}w.lora_A.weight": stored(a),
        f"{OUTER}w.lora_B.weight": stored(b),
        f"{OUTER}w.lora_magnitude_vector": stored(m),
    }
    stated = {"r": len(a), "lora_alpha": 2 * len(a), "use_dora": True, **config}
    write_adapter(folder, tensors, stated)


def drawn(rows: int, columns: int) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """W, B, A and m."""
    rng = np.random.default_rng(1)
    shapes = ((rows, columns), (rows, 3), (3, columns), (rows,))
    w, b, a, m = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return w, b, a, np.abs(m)


def exact(w: Matrix, b: Matrix, a: Matrix, m: Matrix) -> Matrix:
    moved = w.astype(np.float64) + 2.0 * (b.astype(np.float64) @ a)
    wanted: Matrix = m[:, None] / np.linalg.norm(moved, axis=1, keepdims=True) * moved
    return wanted


@pytest.mark.parametrize("turned", [False, True])
def test_the_adapted_weights_have_the_lengths_that_were_learned(
    turned: bool, tmp_path: Path
) -> None:
    w, b, a, m = drawn(6, 4)
    base(tmp_path, w=w.T if turned else w)
    dora(tmp_path / "l1", b, a, m, fan_in_fan_out=turned)
    wanted = exact(w, b, a, m)
    found = tensor(run(tmp_path, "child = base + l1"))
    assert np.abs((found.T if turned else found) - wanted).max() < 1e-7
    half = tensor(run(tmp_path, "child = base + 0.5*l1"))
    assert np.abs((half.T if turned else half) - (w + wanted) / 2).max() < 1e-7


@pytest.mark.parametrize("turned", [False, True])
def test_results_are_the_same_in_all_blocks_and_backends(turned: bool, tmp_path: Path) -> None:
    w, b, a, m = drawn(701, 499)
    base(tmp_path, w=w.T if turned else w)
    dora(tmp_path / "l1", b, a, m, fan_in_fan_out=turned)
    found = {
        tensor(run(tmp_path, "child = base + l1", backend=backend, memory=memory)).tobytes()
        for backend in installed_backends()
        for memory in ((1 << 30, 190 << 20) if backend == "reference" else (1 << 30,))
    }
    assert len(found) == 1


@pytest.mark.parametrize("turned", [False, True])
def test_the_rationals_agree(turned: bool, mergec: Mergec) -> None:
    w, b, a, m = drawn(6, 4)
    base(Path("d"), w=w.T if turned else w)
    dora(Path("d/l1"), b, a, m, fan_in_fan_out=turned)
    write_spec('base = model("./d/base")', 'l1 = adapter("./d/l1")', "child = base + 0.5*l1")
    outcome = mergec("test", "spec.merge", "--backend", "reference")
    assert outcome.status == 0
    assert "exact rationals      3 of 3" in outcome.out


def test_convolutions(tmp_path: Path) -> None:
    w, b, a, m = drawn(5, 12)
    base(tmp_path, w=w.reshape(5, 3, 2, 2))
    dora(tmp_path / "l1", b.reshape(5, 3, 1, 1), a.reshape(3, 3, 2, 2), m.reshape(1, 5, 1, 1))
    found = tensor(run(tmp_path, "child = base + l1")).reshape(5, 12)
    assert np.abs(found - exact(w, b, a, m)).max() < 1e-7


def test_weights_without_a_direction_are_refused(tmp_path: Path) -> None:
    base(tmp_path, w=np.array([[0.0, 0, 0], [1, 2, 3], [0, 1, 0]]))
    dora(tmp_path / "l1", np.array([[0.0], [1], [1]]), A1, np.ones(3))
    with pytest.raises(MergecError) as caught:
        run(tmp_path, "child = base + l1")
    assert [d.code for d in caught.value.diagnostics] == ["E817"]


def test_no_sum_of_factors_says_what_a_dora_does(tmp_path: Path) -> None:
    base(tmp_path, w=np.ones((3, 3)))
    dora(tmp_path / "l1", B1, A1, np.ones(3))
    spec = tmp_path / "sum.merge"
    for delta in ("l1", "svd(l1; rank=1)"):
        spec.write_text(f'{HEAD[1]}\nexport delta {delta} as "x"\n')
        with pytest.raises(MergecError) as caught:
            compile_spec(spec)
        assert [d.code for d in caught.value.diagnostics] == ["E313"]


@pytest.mark.parametrize(
    ("magnitudes", "config"),
    [
        (np.ones(2), {}),
        (np.ones((3, 1, 2)), {}),
        (None, {}),
        (np.ones(3), {"use_dora": False}),
    ],
)
def test_magnitudes_that_do_not_fit(
    magnitudes: Matrix | None, config: dict[str, Any], tmp_path: Path
) -> None:
    pair = {f"{OUTER}w.lora_A.weight": stored(A1), f"{OUTER}w.lora_B.weight": stored(B1)}
    if magnitudes is not None:
        pair[f"{OUTER}w.lora_magnitude_vector"] = stored(magnitudes)
    write_adapter(tmp_path / "l1", pair, {"r": 1, "use_dora": True, **config})
    with pytest.raises(MergecError) as caught:
        open_adapter(tmp_path / "l1")
    assert [d.code for d in caught.value.diagnostics] == ["E736"]
