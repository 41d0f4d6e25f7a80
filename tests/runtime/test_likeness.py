"""Comparisons against numpy, and what may not change them: blocks, threads, backends, scales."""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import Backend
from mergec.catalog import Checkpoint, Dtype, TensorName, open_checkpoint
from mergec.diagnostics import MergecError
from mergec.execute.likeness import Comparison, DeltaFigures, Side, WeightFigures, compare
from mergec.ops.tree_sum import LEAF
from tests.catalog.safetensors_bytes import Tensor, file_of
from tests.ops.stage_runner import NUMPY_DTYPES, installed_backends
from tests.toy_checkpoints import integers

Floats = NDArray[Any]
BACKENDS = installed_backends()
REFERENCE: Backend = BACKENDS[0].values[0]
FLOATS = [*NUMPY_DTYPES]


def stored(values: Floats, dtype: Dtype = Dtype.F32) -> Tensor:
    return dtype.value, [*values.shape], values.astype(NUMPY_DTYPES[dtype]).tobytes()


def as_read(values: Floats, dtype: Dtype) -> Floats:
    """What the file holds, in float64."""
    return values.astype(NUMPY_DTYPES[dtype]).astype(np.float64)


def sides(folder: Path, **models: Mapping[str, Tensor]) -> dict[Side, Checkpoint]:
    """Each model written and opened, as `a`, `b` and perhaps `base`."""
    opened: dict[str, Checkpoint] = {}
    for name, tensors in models.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "model.safetensors").write_bytes(file_of(tensors))
        opened[name], _ = open_checkpoint(folder / name)
    return {side: opened[side] for side in ("a", "b", "base") if side in opened}


def draws(seed: int, shape: Sequence[int] = (7, 31)) -> Floats:
    x = np.random.default_rng(seed).normal(0, 0.5, shape)
    x.reshape(-1)[::5] = 0
    return x


def cosine(x: Floats, y: Floats) -> float:
    return float(np.vdot(x, y) / (np.linalg.norm(x) * np.linalg.norm(y)))


def of_deltas(a: Floats, b: Floats, base: Floats, tensors: int) -> DeltaFigures:
    """What numpy says."""
    x, y = a - base, b - base
    both = (x != 0) & (y != 0)
    norm = float(np.linalg.norm(base))
    return DeltaFigures(
        tensors=tensors,
        parameters=a.size,
        base_norm=norm,
        delta_a=float(np.linalg.norm(x)),
        delta_b=float(np.linalg.norm(y)),
        relative_a=float(np.linalg.norm(x)) / norm,
        relative_b=float(np.linalg.norm(y)) / norm,
        cosine=cosine(x, y),
        conflicts=np.count_nonzero(x * y < 0) / np.count_nonzero(both),
        zeros_a=np.count_nonzero(x == 0) / x.size,
        zeros_b=np.count_nonzero(y == 0) / y.size,
    )


def of_weights(a: Floats, b: Floats, tensors: int) -> WeightFigures:
    gap = float(np.linalg.norm(a - b))
    return WeightFigures(
        tensors=tensors,
        parameters=a.size,
        norm_a=float(np.linalg.norm(a)),
        norm_b=float(np.linalg.norm(b)),
        difference=gap,
        relative=gap / float(np.linalg.norm(a)),
        cosine=cosine(a, b),
        equal=np.count_nonzero(a == b) / a.size,
    )


def near(found: object, wanted: object) -> None:
    assert type(found) is type(wanted)
    fields = vars_of(wanted)
    assert vars_of(found) == pytest.approx(fields, rel=1e-12, abs=1e-15)


def vars_of(figures: Any) -> dict[str, float | None]:
    return {name: getattr(figures, name) for name in figures.__slots__}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_deltas_are_measured_as_numpy_does(dtype: Dtype, backend: Backend, tmp_path: Path) -> None:
    shapes = {"embed.weight": (9, 5), "layers.0.w": (7, 31), "layers.0.b": (), "layers.1.w": (3,)}
    values = {
        side: {name: draws(100 * i + n, shape) for n, (name, shape) in enumerate(shapes.items())}
        for i, side in enumerate(("a", "b", "base"))
    }
    for name in shapes:  # some entries are not changed at all
        values["a"][name].reshape(-1)[::3] = values["base"][name].reshape(-1)[::3]
    files = {
        side: {name: stored(x, dtype) for name, x in held.items()} for side, held in values.items()
    }
    found = compare(sides(tmp_path, **files), backend)

    def joined(side: str, names: Sequence[str]) -> Floats:
        return np.concatenate([as_read(values[side][name], dtype).reshape(-1) for name in names])

    def wanted(*names: str) -> DeltaFigures:
        return of_deltas(joined("a", names), joined("b", names), joined("base", names), len(names))

    near(found.whole, wanted(*shapes))
    assert [layer.label for layer in found.layers] == ["before", "0", "1"]
    near(found.layers[1].figures, wanted("layers.0.w", "layers.0.b"))
    for tensor in found.tensors:
        if tensor.together.name in ("embed.weight", "layers.0.w"):
            near(tensor.figures, wanted(tensor.together.name))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_weights_are_measured_as_numpy_does(dtype: Dtype, backend: Backend, tmp_path: Path) -> None:
    a, b = draws(1), draws(2)
    b[:3] = a[:3]
    # The other side may have another dtype.
    other = FLOATS[(FLOATS.index(dtype) + 1) % len(FLOATS)]
    found = compare(sides(tmp_path, a={"w": stored(a, dtype)}, b={"w": stored(b, other)}), backend)
    near(found.whole, of_weights(as_read(a, dtype), as_read(b, other), 1))


def test_figures_and_digests_depend_on_neither_blocks_nor_threads_nor_backend(
    tmp_path: Path,
) -> None:
    files = {
        side: {
            "long": stored(draws(seed, (2 * LEAF + 4321,)), Dtype.BF16),
            "short": stored(draws(seed + 9, (11, 3)), Dtype.BF16),
        }
        for seed, side in enumerate(("a", "b", "base"))
    }
    opened = sides(tmp_path, **files)
    results = [
        compare(opened, each.values[0], threads=threads, block=block)
        for each in BACKENDS
        for threads, block in ((1, LEAF), (3, 2 * LEAF), (2, 1 << 20))
    ]
    assert len({(str(each.whole), str(each.tensors), str(each.layers)) for each in results}) == 1
    for tensor in results[0].tensors:
        for side, digest in tensor.digests.items():
            raw = files[side][tensor.together.name][2]
            assert digest == hashlib.sha256(raw).hexdigest()


halves = st.integers(-512, 512).map(lambda n: n / 64)
vectors = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*(st.lists(halves, min_size=n, max_size=n) for _ in range(3)))
)


def compared(a: Sequence[float], b: Sequence[float], base: Sequence[float] | None) -> Comparison:
    models = {"a": a, "b": b} | ({} if base is None else {"base": base})
    with tempfile.TemporaryDirectory() as folder:
        files = {side: {"w": stored(np.array(x), Dtype.F32)} for side, x in models.items()}
        return compare(sides(Path(folder), **files), REFERENCE)


def deltas(found: Comparison) -> DeltaFigures:
    assert isinstance(found.whole, DeltaFigures)
    return found.whole


@given(vectors)
def test_a_model_beside_itself_agrees_in_everything(drawn: tuple[list[float], ...]) -> None:
    a, base, _ = drawn
    same = deltas(compared(a, a, base))
    if a == base:
        assert (same.cosine, same.conflicts, same.zeros_a) == (None, None, 1)
    else:
        assert same.cosine == pytest.approx(1, abs=1e-15)
        assert same.conflicts == 0
    assert (same.delta_a, same.zeros_a) == (same.delta_b, same.zeros_b)
    weights = compared(a, a, None).whole
    assert isinstance(weights, WeightFigures)
    assert (weights.difference, weights.equal) == (0, 1)


@given(vectors, st.integers(-20, 20))
def test_a_power_of_two_before_a_delta_keeps_every_bit_of_the_cosine(
    drawn: tuple[list[float], ...], power: int
) -> None:
    x, y, _ = drawn
    zeros = [0.0] * len(x)
    once = deltas(compared(x, y, zeros))
    scaled = deltas(compared(x, [value * 2.0**power for value in y], zeros))
    assert (scaled.cosine, scaled.conflicts) == (once.cosine, once.conflicts)
    assert scaled.zeros_b == once.zeros_b
    assert scaled.delta_b == (once.delta_b or 0) * 2.0**power


@given(vectors)
def test_the_order_of_the_two_is_no_matter(drawn: tuple[list[float], ...]) -> None:
    a, b, base = drawn
    one, other = deltas(compared(a, b, base)), deltas(compared(b, a, base))
    assert (one.cosine, one.conflicts) == (other.cosine, other.conflicts)
    assert (one.delta_a, one.zeros_a) == (other.delta_b, other.zeros_b)


def test_what_is_not_finite_is_no_figure_and_spoils_no_count(tmp_path: Path) -> None:
    a = np.array([np.nan, 1, 2, np.inf])
    b = np.array([0, 1, -2, 3])
    base = np.zeros(4)
    trio = sides(tmp_path, a={"w": stored(a)}, b={"w": stored(b)}, base={"w": stored(base)})
    found = deltas(compare(trio, REFERENCE))
    assert (found.delta_a, found.cosine, found.relative_a) == (None, None, None)
    assert found.delta_b == pytest.approx(14**0.5)
    assert found.conflicts == 1 / 3
    assert (found.zeros_a, found.zeros_b) == (0, 0.25)
    assert found.relative_b is None  # for the base is all zeros


def test_what_belongs_together_is_found_by_name_and_prefix(tmp_path: Path) -> None:
    w, v = stored(draws(1, (4, 4))), stored(draws(2, (4, 4)))
    head = stored(draws(3, (2, 4)))
    found = compare(
        sides(
            tmp_path,
            a={"layers.0.w": w, "layers.1.w": v, "norm": stored(draws(4, (4,))), "only": head},
            b={"model.layers.0.w": v, "model.layers.1.w": w, "model.norm": head, "head": head},
        ),
        REFERENCE,
    )
    assert found.pairing.rules == {"b": "`*` -> `model.*`"}
    assert [tensor.together.name for tensor in found.tensors] == ["layers.0.w", "layers.1.w"]
    assert [tensor.layer for tensor in found.tensors] == ["0", "1"]
    assert [each.name for each in found.pairing.reshaped] == ["norm"]
    partial = [(each.name, [*each.entries]) for each in found.pairing.partial]
    assert partial == [("only", ["a"]), ("head", ["b"])]
    assert not any(tensor.identical for tensor in found.tensors)
    assert found.duplicates == (
        (("a", "layers.0.w"), ("b", "model.layers.1.w")),
        (("b", "model.layers.0.w"), ("a", "layers.1.w")),
    )


def test_what_a_lacks_is_one_tensor_where_the_others_agree_on_its_name(tmp_path: Path) -> None:
    w = stored(draws(1))
    trio = sides(tmp_path, a={"w": w}, b={"w": w, "x": w, "y": w}, base={"w": w, "x": w})
    found = compare(trio, REFERENCE).pairing.partial
    assert [(each.name, [*each.entries]) for each in found] == [("x", ["b", "base"]), ("y", ["b"])]


def test_integers_and_eighth_floats_are_compared_by_their_bytes(tmp_path: Path) -> None:
    eighths: Tensor = ("F8_E4M3", [4], bytes(4))
    a = {"ids": integers("I64", 1, 2), "steps": integers("I64", 3), "w": eighths}
    b = {"ids": integers("I64", 1, 2), "steps": integers("I64", 4), "w": stored(np.zeros(4))}
    found = compare(sides(tmp_path, a=a, b=b), REFERENCE)
    seen = {tensor.together.name: tensor for tensor in found.tensors}
    assert [seen[TensorName(name)].identical for name in ("ids", "steps", "w")] == [
        True, False, False,
    ]  # fmt: skip
    assert all(tensor.figures is None for tensor in found.tensors)
    assert found.layers == ()
    assert isinstance(found.whole, WeightFigures)
    assert (found.whole.tensors, found.whole.cosine, found.whole.equal) == (0, None, None)


def test_equal_bytes_of_another_dtype_are_not_identical(tmp_path: Path) -> None:
    zeros = bytes(8)
    a: dict[str, Tensor] = {"w": ("F32", [2], zeros)}
    b: dict[str, Tensor] = {"w": ("I32", [2], zeros)}
    (tensor,) = compare(sides(tmp_path, a=a, b=b), REFERENCE).tensors
    assert not tensor.identical


def test_two_stacks_are_told_apart_and_come_in_their_order(tmp_path: Path) -> None:
    names = [f"{side}.block.{n}.w" for side in ("decoder", "encoder") for n in (0, 1)]
    model = {name: stored(draws(n)) for n, name in enumerate(["shared", *names, "lm_head"])}
    found = compare(sides(tmp_path, a=model, b=model), REFERENCE)
    assert [layer.label for layer in found.layers] == [
        "before", "encoder.block.0", "encoder.block.1", "decoder.block.0", "decoder.block.1",
        "after",
    ]  # fmt: skip


def test_an_empty_tensor_has_no_share_of_anything(tmp_path: Path) -> None:
    empty = {"w": stored(np.zeros((0, 3)))}
    found = compare(sides(tmp_path, a=empty, b=empty), REFERENCE)
    assert isinstance(found.whole, WeightFigures)
    assert (found.whole.equal, found.whole.cosine, found.whole.difference) == (None, None, 0)
    assert found.duplicates == ()


def test_a_source_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    long = stored(draws(1, (3 * LEAF,)))
    models = sides(tmp_path, a={"v": long, "w": long}, b={"v": long, "w": long})

    def spoil(_: int) -> None:
        os.truncate(tmp_path / "b" / "model.safetensors", 1000)

    with pytest.raises(MergecError) as caught:
        compare(models, REFERENCE, threads=2, block=LEAF, progress=spoil)
    assert {found.code for found in caught.value.diagnostics} == {"E807"}
