"""Adapters as deltas: sums of them, operators on them, parts of adapted models."""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.api import compile_spec, execute
from mergec.backends import get_backend
from mergec.catalog import TensorName, open_checkpoint
from mergec.diagnostics import MergecError
from mergec.plan.steps import plan_steps
from mergec.verify import State, parse_sample, verify
from tests.catalog.safetensors_bytes import Tensor
from tests.toy_adapters import OUTER, factors, write_adapter
from tests.toy_checkpoints import write_checkpoint

Matrix = NDArray[Any]
HEAD = ('base = model("./base")', 'l1 = adapter("./l1")', 'l2 = adapter("./l2")')
# The factors of the catalogue's example, whose sum is [[1, 0, 2], [2, 1, 5], [0, 1, 1]].
A1, A2 = np.array([[1.0, 0, 2]]), np.array([[0.0, 1, 1]])
B1, B2 = np.array([[1.0], [2], [0]]), np.array([[0.0], [1], [1]])


def stored(x: Matrix) -> Tensor:
    return "F32", [*x.shape], struct.pack(f"<{x.size}f", *x.ravel())


def lora(folder: Path, b: Matrix, a: Matrix, scale: float = 1, **config: Any) -> None:
    tensors = {f"{OUTER}w.lora_A.weight": stored(a), f"{OUTER}w.lora_B.weight": stored(b)}
    write_adapter(folder, tensors, {"r": len(a), "lora_alpha": scale * len(a), **config})


def base(folder: Path, **tensors: Matrix) -> None:
    named = {f"{name}.weight": stored(x) for name, x in tensors.items()}
    write_checkpoint(folder / "base", named)


def run(folder: Path, *lines: str, memory: int = 1 << 30, backend: str = "reference") -> Path:
    spec = folder / "spec.merge"
    spec.write_text("\n".join([*HEAD, *lines]) + "\n")
    target = folder / f"out{len([*folder.glob('out*')])}"
    execute(compile_spec(spec), target, backend=backend, memory=memory)
    return target


def tensor(folder: Path, name: str = "w.weight") -> Matrix:
    checkpoint, _ = open_checkpoint(folder)
    entry = checkpoint.tensors[TensorName(name)]
    raw = (folder / entry.file).read_bytes()[entry.start : entry.start + entry.nbytes]
    return np.frombuffer(raw, np.float32).reshape(entry.shape)


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    base(tmp_path, w=np.zeros((3, 3)), norm=np.array([1.0, -0.0, 3]))
    lora(tmp_path / "l1", B1, A1)
    lora(tmp_path / "l2", B2, A2)
    return tmp_path


def test_the_sum_of_two_adapters(golden: Path) -> None:
    found = tensor(run(golden, "child = base + l1 + l2"))
    assert found.tolist() == [[1, 0, 2], [2, 1, 5], [0, 1, 1]]


@pytest.mark.parametrize(
    "written",
    ["base + (l1 + l2)", "l2 + base + l1", "(base + 2*l1) - (l1 - l2)", "base + 2*linear(l1, l2)"],
)
def test_sums_written_otherwise_are_the_same(written: str, golden: Path) -> None:
    wanted = tensor(run(golden, "child = base + l1 + l2"))
    assert tensor(run(golden, f"child = {written}")).tolist() == wanted.tolist()


def test_factors_in_another_basis_are_the_same_adapter(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    b, a = rng.integers(-8, 8, (5, 2)) / 4, rng.integers(-8, 8, (2, 7)) / 4
    basis, inverse = np.array([[2.0, 1], [0, 0.5]]), np.array([[0.5, -1], [0, 2.0]])
    base(tmp_path, w=rng.integers(-8, 8, (5, 7)) / 4)
    lora(tmp_path / "l1", b, a, 0.75)
    lora(tmp_path / "l2", b @ basis, inverse @ a, 0.75)
    one, two = (tensor(run(tmp_path, f"child = base + {name}")) for name in ("l1", "l2"))
    assert one.tobytes() == two.tobytes()
    assert one.tolist() == (tensor(tmp_path / "base") + 0.75 * b @ a).tolist()


def test_what_an_adapter_does_not_touch_is_copied(golden: Path) -> None:
    spec = golden / "spec.merge"
    spec.write_text("\n".join([*HEAD, "child = base + 0.5*l1 - 0.3*l2"]))
    rows = {row.tensor: row for row in compile_spec(spec).plan.rows}
    assert {name: row.action for name, row in rows.items()} == {
        "w.weight": "merge",
        "norm.weight": "copy",
    }
    out = run(golden, "child = base + 0.5*l1 - 0.3*l2")
    assert tensor(out, "norm.weight").tobytes() == np.array([1, -0.0, 3], np.float32).tobytes()


def test_what_cancels_leaves_the_bytes_of_the_base(golden: Path) -> None:
    out = run(golden, "child = base + l1 - 0.5*l1 - 0.5*l1")
    assert (out / "model.safetensors").read_bytes()[8:] != b""
    assert tensor(out).tobytes() == tensor(golden / "base").tobytes()


@pytest.mark.parametrize("rank", [1, 4, 6])
@pytest.mark.parametrize("turned", [False, True])
def test_factors_may_have_as_many_elements_as_the_tensor(
    rank: int, turned: bool, tmp_path: Path
) -> None:
    """At rank 6 A has, and at rank 4 B has: they are whole in every block all the same."""
    rng = np.random.default_rng(rank)
    b, a = rng.integers(-8, 8, (6, rank)) / 4, rng.integers(-8, 8, (rank, 4)) / 4
    base(tmp_path, w=np.zeros((4, 6) if turned else (6, 4)))
    lora(tmp_path / "l1", b, a, 2, fan_in_fan_out=turned)
    wanted = 2 * (b @ a).T if turned else 2 * b @ a
    assert tensor(run(tmp_path, "child = base + l1")).tolist() == wanted.tolist()


@pytest.mark.parametrize("turned", [False, True])
def test_results_do_not_depend_on_blocks_and_backends(turned: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    shape = (701, 499)
    b, a = rng.normal(size=(shape[0], 3)), rng.normal(size=(3, shape[1]))
    weights = rng.normal(size=shape[::-1] if turned else shape)
    base(tmp_path, w=weights)
    lora(tmp_path / "l1", b, a, 0.3, fan_in_fan_out=turned)
    written = "child = base + dare(l1; density=0.5) + l1"
    found = [
        (run(tmp_path, written, backend=backend, memory=memory) / "model.safetensors").read_bytes()
        for backend in ("reference", "native")
        for memory in (1 << 30, 180 << 20)
    ]
    assert len(set(found)) == 1


def test_convolutions_and_embeddings(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(-8, 8, (2, 3, 2, 2)) / 4, rng.integers(-8, 8, (5, 2, 1, 1)) / 4
    down, up = rng.integers(-8, 8, (2, 9)) / 4, rng.integers(-8, 8, (4, 2)) / 4
    base(tmp_path, conv=np.zeros((5, 3, 2, 2)), embed=np.zeros((9, 4)))
    tensors = {
        f"{OUTER}conv.lora_A.weight": stored(a),
        f"{OUTER}conv.lora_B.weight": stored(b),
        f"{OUTER}embed.lora_embedding_A": stored(down),
        f"{OUTER}embed.lora_embedding_B": stored(up),
    }
    write_adapter(tmp_path / "l1", tensors, {"lora_alpha": 2})
    out = run(tmp_path, "child = base + l1")
    flat = (b.reshape(5, 2) @ a.reshape(2, 12)).reshape(5, 3, 2, 2)
    assert tensor(out, "conv.weight").tolist() == flat.tolist()
    assert tensor(out, "embed.weight").tolist() == (up @ down).T.tolist()


def saved(folder: Path, tensors: Mapping[str, Matrix]) -> None:
    """An adapter that replaces tensors, and has factors beside them."""
    write_adapter(
        folder,
        {
            f"{OUTER}w.lora_A.weight": stored(A1),
            f"{OUTER}w.lora_B.weight": stored(B1),
            **{f"{OUTER}{name}.weight": stored(x) for name, x in tensors.items()},
        },
        {"r": 1, "lora_alpha": 1},
    )


def test_a_replaced_tensor_is_a_step_from_the_base(golden: Path) -> None:
    saved(golden / "l3", {"norm": np.array([5.0, 6, 7])})
    name = 'l3 = adapter("./l3")'
    whole = tensor(run(golden, name, "child = base + l3"), "norm.weight")
    half = tensor(run(golden, name, "child = base + 0.5*l3"), "norm.weight")
    twice = tensor(run(golden, name, "x = base + l1 + l3", "child = x + l3"), "norm.weight")
    assert whole.tolist() == [5, 6, 7]
    assert half.tolist() == [3, 3, 5]
    assert twice.tolist() == [9, 12, 11]


def test_layers_of_an_adapted_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    names = [f"layers.{n}.mlp" for n in range(3)]
    write_checkpoint(
        tmp_path / "base",
        {f"{name}.weight": stored(rng.integers(-8, 8, (4, 4)) / 4) for name in names},
        config={"num_hidden_layers": 3},
    )
    write_adapter(tmp_path / "l1", factors("x", {name: (4, 4) for name in names[1:]}))
    spec = tmp_path / "spec.merge"
    lines = [*HEAD[:2], "child = (base + l1)[1..3] ++ base[0..1]"]
    spec.write_text("\n".join(lines))
    compiled = compile_spec(spec)
    assert [row.action for row in compiled.plan.rows] == ["merge", "merge", "copy"]


def test_factors_count_as_memory(tmp_path: Path) -> None:
    base(tmp_path, w=np.zeros((40, 30)))
    lora(tmp_path / "l1", np.zeros((40, 2)), np.zeros((2, 30)))
    spec = tmp_path / "spec.merge"
    spec.write_text("\n".join([*HEAD[:2], "child = base + l1"]))
    (step,) = plan_steps(compile_spec(spec).plan)
    assert sorted(step.entries[i].numel for i in step.whole) == [60, 80]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_factor_that_is_not_finite_is_found(value: float, golden: Path) -> None:
    lora(golden / "l3", B1, np.array([[1.0, value, 0]]))
    with pytest.raises(MergecError) as caught:
        run(golden, 'l3 = adapter("./l3")', "child = base + l3")
    (found,) = caught.value.diagnostics
    assert found.code == "E805"
    assert found.message == (
        f"1 value is NaN or infinite in tensor `{OUTER}w.lora_A.weight` of `./l3`"
    )


def test_the_backends_that_are_here_know_the_product() -> None:
    xp = get_backend("reference").xp
    flat = [xp.floats([*map(float, x.ravel())]) for x in (B2, A2)]
    parts: Sequence[float] = xp.host(xp.low_rank(*flat, 1, 4, 3, turned=False))
    assert parts == [1.0, 1.0, 0.0]


def exported(folder: Path, *lines: str, backend: str = "reference") -> Path:
    """Where a spec without a model wrote its adapter."""
    spec = folder / "sum.merge"
    spec.write_text("\n".join([*HEAD[1:], *lines]) + "\n")
    target = folder / f"sum-{backend}{len(lines[-1])}"
    execute(compile_spec(spec), target, backend=backend)
    return target


@pytest.mark.parametrize("backend", ["reference", "native", "torch", "jax"])
def test_a_sum_of_adapters_is_an_adapter(backend: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    base(tmp_path, w=rng.integers(-8, 8, (5, 7)) / 4)
    for name, rank, scale in (("l1", 2, 0.75), ("l2", 3, 2.5)):
        b, a = rng.integers(-8, 8, (5, rank)) / 4, rng.integers(-8, 8, (rank, 7)) / 4
        lora(tmp_path / name, b, a, scale)
    written = "0.5*l1 - 0.25*(l2 - l1)"
    both = exported(tmp_path, f'export delta {written} as "both"', backend=backend)
    assert {path.name for path in both.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "lineage.json",
    }
    config = json.loads((both / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"]) == (5, 5)
    again = f'l3 = adapter("./{both.name}")'
    one, two = (tensor(run(tmp_path, again, f"child = base + {x}")) for x in ("l3", f"({written})"))
    assert one.tobytes() == two.tobytes()
    verdict = verify(both, parse_sample("full"))
    assert verdict.state is State.VERIFIED, verdict.findings


def test_modules_of_one_adapter_alone_and_of_other_ranks(tmp_path: Path) -> None:
    module = {name: (4, 6) for name in ("up", "down")}
    write_adapter(tmp_path / "l1", factors("one", module))
    write_adapter(tmp_path / "l2", factors("two", {"down": (4, 6)}, 3), {"r": 3})
    write_checkpoint(
        tmp_path / "base", {f"{name}.weight": stored(np.zeros((4, 6))) for name in module}
    )
    both = exported(tmp_path, 'export delta l1 + l2 as "both"')
    config = json.loads((both / "adapter_config.json").read_text())
    assert (config["r"], config["rank_pattern"]) == (2, {"down": 5}) or (
        config["r"],
        config["rank_pattern"],
    ) == (5, {"up": 2})
    assert config["alpha_pattern"] == config["rank_pattern"]
    out = run(tmp_path, f'l3 = adapter("./{both.name}")', "child = base + l3 - l1 - l2")
    for name in module:
        assert np.abs(tensor(out, f"{name}.weight")).max() < 1e-7


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("l1 - l1", "E313"),
        ("linear(l1, l2)", "E313"),
        ("l1 + 2*l3", "E313"),
        ("l1 + l4", "E417"),
    ],
)
def test_what_is_no_sum_of_factors(written: str, code: str, golden: Path) -> None:
    saved(golden / "l3", {"norm": np.array([5.0, 6, 7])})
    lora(golden / "l4", np.zeros((4, 1)), A1)
    more = ('l3 = adapter("./l3")', 'l4 = adapter("./l4")')
    with pytest.raises(MergecError) as caught:
        exported(golden, *more, f'export delta {written} as "x"')
    assert [d.code for d in caught.value.diagnostics if d.severity == "error"] == [code]
