"""`svd`: as an operator on deltas, and written as an adapter, from adapters and from two models."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mergec.api import compile_spec, execute
from mergec.catalog.open_adapter import open_adapter
from mergec.diagnostics import MergecError
from mergec.execute import RunReport
from mergec.plan.review_adapters import dropped_note
from mergec.verify import State, parse_sample, verify
from tests.end_to_end.test_adapters import A1, A2, B1, B2, Matrix, lora, stored, tensor
from tests.toy_adapters import OUTER, write_adapter
from tests.toy_checkpoints import write_checkpoint

L1, L2 = 'l1 = adapter("./l1")', 'l2 = adapter("./l2")'
MODELS = ('base = model("./base")', 'code = model("./code")')
# The best matrix of rank 1 for the sum of the catalogue's example, and what it leaves out.
BEST = [[0.8, 0.4, 2], [2, 1, 5], [0.4, 0.2, 1]]
REST = 1 / 37**0.5


def run(folder: Path, *lines: str, backend: str = "reference") -> tuple[Path, RunReport]:
    spec = folder / "spec.merge"
    spec.write_text("\n".join(lines) + "\n")
    target = folder / f"out{len([*folder.glob('out*')])}"
    return target, execute(compile_spec(spec), target, backend=backend)


def factors(folder: Path) -> dict[str, Matrix]:
    """The factors of an adapter that was written, by module and letter."""
    checkpoint, _ = open_adapter(folder)
    found: dict[str, Matrix] = {}
    for entry in checkpoint.tensors.values():
        raw = (folder / entry.file).read_bytes()[entry.start : entry.start + entry.nbytes]
        name = entry.name.removeprefix(OUTER).replace("lora_embedding_", "lora_")
        found[name.removesuffix(".weight").replace(".lora_", " ")] = np.frombuffer(
            raw, np.float32
        ).reshape(entry.shape)
    return found


def models(folder: Path, change: Mapping[str, Matrix], **config: Any) -> None:
    """A base of numbers between -1 and 1, and a model that differs from it by `change`."""
    rng = np.random.default_rng(3)
    base = {name: rng.integers(-8, 8, x.shape) / 8 for name, x in change.items()}
    both = {"base": base, "code": {name: x + change[name] for name, x in base.items()}}
    for label, tensors in both.items():
        named = {f"{name}.weight": stored(x) for name, x in tensors.items()}
        write_checkpoint(folder / label, named, config=config)


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    models(tmp_path, {"w": B1 @ A1 + B2 @ A2, "norm": np.array([0.5, 0, -1])})
    lora(tmp_path / "l1", B1, A1)
    lora(tmp_path / "l2", B2, A2)
    return tmp_path


@pytest.mark.parametrize("backend", ["reference", "native", "torch", "jax"])
@pytest.mark.parametrize(
    "delta",
    ["svd(l1 + l2; rank=1)", "(-2)*svd(-0.25*(l1 + l2) - 0.25*(l2 + l1); rank=1)"],
)
def test_adapters_are_reduced_to_the_nearest_of_the_rank(
    delta: str, backend: str, golden: Path
) -> None:
    x, report = run(golden, L1, L2, f'export delta {delta} as "x"', backend=backend)
    found = factors(x)
    assert found["w A"].shape == (1, 3)
    assert found["w B"] @ found["w A"] == pytest.approx(np.array(BEST), abs=1e-6)
    # Not the product of summed factors, which has terms that no adapter has.
    assert not np.allclose(found["w B"] @ found["w A"], (B1 + B2) @ (A1 + A2), atol=0.5)
    (cut,) = report.cuts
    assert (cut.export, [each.tensor for each in cut.tensors]) == ("x", ["w.weight"])
    assert cut.share == pytest.approx(REST, rel=1e-12)
    config = json.loads((x / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["target_modules"]) == (1, 1, ["w"])


def test_an_operator_over_deltas_like_any_other(golden: Path) -> None:
    out, report = run(golden, *MODELS, "child = base + svd(code - base; rank=1)")
    assert tensor(out) - tensor(golden / "base") == pytest.approx(np.array(BEST), abs=1e-6)
    assert tensor(out, "norm.weight").tobytes() == tensor(golden / "code", "norm.weight").tobytes()
    assert report.cuts[0].share == pytest.approx(REST, rel=1e-12)
    drop = "child = base + 0.5*svd(code - base; rank=3, others=drop)"
    half, whole = run(golden, *MODELS, drop)
    assert tensor(half, "norm.weight").tobytes() == tensor(golden / "base", "norm.weight").tobytes()
    assert whole.cuts[0].share == 0
    of_adapters, _ = run(golden, MODELS[0], L1, L2, "child = base + svd(l1 + l2; rank=1)")
    assert tensor(of_adapters) == pytest.approx(tensor(out), abs=1e-6)


def test_two_models_give_an_adapter(golden: Path) -> None:
    written = 'export delta svd(code - base; rank=2, others=drop) as "x"'
    x, report = run(golden, *MODELS, written)
    found = factors(x)
    assert found["w B"] @ found["w A"] == pytest.approx(B1 @ A1 + B2 @ A2, abs=1e-6)
    spec = compile_spec(golden / "spec.merge")
    (export,) = spec.plan.exports
    assert dropped_note(export) == "leaves out the changes of 1 tensor: norm.weight"
    assert report.cuts[0].share < 1e-12
    child, _ = run(golden, MODELS[0], f'x = adapter("./{x.name}")', "child = base + x")
    assert tensor(child) == pytest.approx(tensor(golden / "code"), abs=1e-6)
    told = json.loads((x / "lineage.json").read_text())["predicate"]["runDetails"]["mergec_run"]
    assert set(told["low_rank"]["tensors"]) == {"w.weight"}
    verdict = verify(x, parse_sample("full"))
    assert verdict.state is State.VERIFIED, verdict.findings


def test_signs_of_factors_are_no_accident(golden: Path) -> None:
    """B's first large element is positive, whatever the signs of what was given."""
    lora(golden / "l3", -B1 - B2, A1 - A2)
    found = [
        factors(run(golden, f'l = adapter("./{name}")', 'export delta svd(l; rank=1) as "x"')[0])
        for name in ("l1", "l3")
    ]
    for each in found:
        column = each["w B"][:, 0]
        large = column[np.abs(column) >= np.abs(column).max() / 2]
        assert large[0] > 0


def test_embeddings_and_transposed_layers(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    change = {
        "transformer.wte": rng.normal(size=(9, 1)) @ rng.normal(size=(1, 4)),
        "transformer.h.0.attn.c_attn": rng.normal(size=(4, 2)) @ rng.normal(size=(2, 12)),
    }
    models(tmp_path, change, model_type="gpt2")
    x, _ = run(tmp_path, *MODELS, 'export delta svd(code - base; rank=2) as "x"')
    found = factors(x)
    assert found["transformer.wte A"].shape == (2, 9)
    assert found["transformer.h.0.attn.c_attn A"].shape == (2, 4)
    for name, step in change.items():
        made = found[f"{name} B"] @ found[f"{name} A"]
        assert pytest.approx(step, abs=1e-5) == made.T
    assert json.loads((x / "adapter_config.json").read_text())["fan_in_fan_out"] is True
    child, _ = run(tmp_path, MODELS[0], f'x = adapter("./{x.name}")', "child = base + x")
    for name in change:
        wanted = tensor(tmp_path / "code", f"{name}.weight")
        assert tensor(child, f"{name}.weight") == pytest.approx(wanted, abs=1e-5)


def test_convolutions_and_ranks_that_have_no_room(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    change = {"conv": rng.normal(size=(6, 2, 3, 1)), "w": rng.normal(size=(3, 5))}
    models(tmp_path, change)
    x, _ = run(tmp_path, *MODELS, 'export delta svd(code - base; rank=5) as "x"')
    found = factors(x)
    assert (found["conv A"].shape, found["conv B"].shape) == ((5, 2, 3, 1), (6, 5, 1, 1))
    assert found["w A"].shape == (3, 5)
    child, report = run(tmp_path, MODELS[0], f'x = adapter("./{x.name}")', "child = base + x")
    assert tensor(child, "w.weight") == pytest.approx(
        tensor(tmp_path / "code", "w.weight"), abs=1e-5
    )
    assert report.cuts == ()


def test_both_factors_are_of_one_random_mask(tmp_path: Path) -> None:
    models(tmp_path, {"w": np.random.default_rng(6).normal(size=(40, 30))})
    delta = "svd(dare(code - base; density=0.5, seed=1); rank=30)"
    x, _ = run(tmp_path, *MODELS, f'export delta {delta} as "x"')
    dense, _ = run(tmp_path, *MODELS, f"child = base + {delta}")
    found = factors(x)
    step = tensor(dense) - tensor(tmp_path / "base")
    assert found["w B"] @ found["w A"] == pytest.approx(step, abs=1e-5)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((*MODELS, "export delta svd(code - base; rank=1)"), "E314"),
        ((*MODELS, "export delta svd(0*(code - base); rank=1)"), "E315"),
        ((L1, L2, "export delta svd(dare(l1; density=0.5); rank=1)"), "E313"),
        ((L1, L2, "export delta svd(l1; rank=1) + l2"), "E313"),
        ((L1, 'l3 = adapter("./l3")', "export delta svd(l1 + l3; rank=1)"), "E313"),
        ((L1, "child = l1 + svd(l1; rank=0)"), "E203"),
    ],
)
def test_what_no_factors_can_say(lines: tuple[str, ...], code: str, golden: Path) -> None:
    write_adapter(golden / "l3", {f"{OUTER}w.weight": stored(np.ones((3, 3)))}, {"r": 1})
    with pytest.raises(MergecError) as caught:
        run(golden, *lines[:-1], f'{lines[-1]} as "x"' if "export" in lines[-1] else lines[-1])
    assert {d.code for d in caught.value.diagnostics if d.severity == "error"} == {code}


def test_layers_of_two_orientations(tmp_path: Path) -> None:
    change = {"transformer.h.0.attn.c_attn": np.ones((4, 12)), "score": np.ones((2, 4))}
    models(tmp_path, change, model_type="gpt2")
    with pytest.raises(MergecError) as caught:
        run(tmp_path, *MODELS, 'export delta svd(code - base; rank=2) as "x"')
    assert [d.code for d in caught.value.diagnostics] == ["E316"]


def whole(folder: Path, tensors: Mapping[str, Matrix], **config: Any) -> None:
    """An adapter with factors for `w`, and these tensors beside them."""
    pair = {f"{OUTER}w.lora_A.weight": stored(A1), f"{OUTER}w.lora_B.weight": stored(B1)}
    more = {f"{OUTER}{name}": stored(x) for name, x in tensors.items()}
    write_adapter(folder, {**pair, **more}, {"r": 1, "lora_alpha": 1, **config})


def test_sums_with_biases_and_replaced_tensors(golden: Path) -> None:
    """A replaced tensor needs no base where the weights of its adapters sum to 1."""
    head = {"head.weight": np.array([1.0, 2, 3]), "w.base_layer.bias": np.array([4.0, 0, 8])}
    whole(golden / "l3", head, bias="all")
    whole(golden / "l4", {name: 3 * x for name, x in head.items()}, bias="all")
    l3, l4 = 'l3 = adapter("./l3")', 'l4 = adapter("./l4")'
    x, _ = run(golden, l3, l4, L2, 'export delta 0.5*l3 + 0.5*l4 - l2 as "x"')
    found, config = factors(x), json.loads((x / "adapter_config.json").read_text())
    assert found["head"].tolist() == [2, 4, 6]
    assert found["w.base_layer.bias"].tolist() == [8, 0, 16]
    assert (config["bias"], config["modules_to_save"], config["r"]) == ("all", ["head"], 3)
    with pytest.raises(MergecError) as caught:
        run(golden, l3, l4, 'export delta l3 + l4 as "x"')
    (error,) = caught.value.diagnostics
    assert error.code == "E313"
    assert "replaces `head.weight`, which has the weight 2 and not 1" in error.message


def test_sums_with_biases_that_were_learned_for_b(golden: Path) -> None:
    for name, weight in (("l3", 1.0), ("l4", 2.0)):
        bias = {"w.lora_B.bias": weight * np.array([1.0, 0, 2])}
        whole(golden / name, bias, lora_bias=True, lora_alpha=2)
    lines = 'l3 = adapter("./l3")', 'l4 = adapter("./l4")'
    x, _ = run(golden, *lines, 'export delta l3 - 2*l4 as "x"')
    assert factors(x)["w B.bias"].tolist() == [-6, 0, -12]
    assert json.loads((x / "adapter_config.json").read_text())["lora_bias"] is True
    other = {f"{OUTER}v.lora_{which}.weight": stored(x) for which, x in (("A", A1), ("B", B1))}
    write_adapter(golden / "l5", other, {"r": 1})
    with pytest.raises(MergecError) as caught:  # PEFT says it of all layers or of none
        run(golden, lines[0], 'l5 = adapter("./l5")', 'export delta l3 + l5 as "x"')
    assert [d.code for d in caught.value.diagnostics] == ["E313"]


def test_the_whole_matrix_counts_as_memory(tmp_path: Path) -> None:
    from mergec.plan import fit_budget

    peaks: list[int] = []
    for size in (64, 512):
        folder = tmp_path / str(size)
        models(folder, {"w": np.zeros((size, size))})
        spec = folder / "spec.merge"
        spec.write_text("\n".join([*MODELS, 'export delta svd(code - base; rank=2) as "x"']))
        peaks.append(fit_budget(compile_spec(spec).plan, 1 << 30, 1, "reference").peak)
    assert peaks[1] - peaks[0] > 4 * 8 * 512 * 512
