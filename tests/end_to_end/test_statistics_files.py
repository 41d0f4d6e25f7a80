"""Merges that read statistics from files: what every backend writes, and what is refused."""

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.lineages import statement

Floats = NDArray[Any]
Tensors = dict[str, Floats]

PROJECTION = "model.layers.{}.self_attn.q_proj.weight"
UP = "model.layers.{}.mlp.up_proj.weight"
SHAPES: Mapping[str, tuple[int, ...]] = {
    "model.embed_tokens.weight": (8, 4),
    **{
        name.format(n): (4, 4) if name is PROJECTION else (6, 4)
        for n in (0, 1)
        for name in (PROJECTION, UP)
    },
    "model.norm.weight": (4,),
}
LINEAR = [name for name in SHAPES if "layers" in name]
SOURCES = (
    'code = model("./a-code")',
    'math = model("./a-math")',
    'of_code = model("./of-code", id="of-code")',
    'of_math = model("./of-math", id="of-math")',
)
FISHER = (*SOURCES, "child = fisher(code, math; fishers=[of_code, of_math], weights=[2, 1])")
REGMEAN = (*SOURCES, "child = regmean(code, math; grams=[of_code, of_math])")
BACKENDS = ["reference", *(name for name in ("torch", "jax") if find_spec(name))]


def values(name: str, shape: tuple[int, ...]) -> Floats:
    return np.random.default_rng([*name.encode()]).normal(size=shape).astype(np.float32)


def write(
    folder: str, tensors: Mapping[str, Floats], config: dict[str, object] | None = None
) -> None:
    """Weights with a config, or statistics, which have none."""
    Path(folder).mkdir()
    data = save({name: np.ascontiguousarray(x) for name, x in tensors.items()})
    Path(folder, "model.safetensors").write_bytes(data)
    if config is not None:
        Path(folder, "config.json").write_text(json.dumps(config))


def models() -> dict[str, Tensors]:
    return {
        label: {name: values(label + name, shape) for name, shape in SHAPES.items()}
        for label in ("a-code", "a-math")
    }


def fishers() -> dict[str, Tensors]:
    return {
        label: {name: values(label + name, shape) ** 2 for name, shape in SHAPES.items()}
        for label in ("of-code", "of-math")
    }


def grams() -> dict[str, Tensors]:
    """Of the layers' inputs; nobody counts those of the embedding and of the norm."""
    inputs = {
        label: {n: values(label + n, (30, 4)) for n in LINEAR} for label in ("of-code", "of-math")
    }
    return {label: {n: x.T @ x for n, x in each.items()} for label, each in inputs.items()}


def write_all(statistics: Mapping[str, Tensors]) -> None:
    for label, tensors in models().items():
        write(label, tensors, {"model_type": "llama", "num_hidden_layers": 2})
    for label, tensors in statistics.items():
        write(label, tensors)


def ran(mergec: Mergec, backend: str) -> Tensors:
    outcome = mergec("run", "spec.merge", "-o", backend, "--backend", backend, "-q")
    assert (outcome.status, outcome.codes) == (0, []), outcome.err
    return load(Path(backend, "model.safetensors").read_bytes())


def in_fisher(name: str) -> Floats:
    x, f = models(), fishers()
    first, second = 2 * f["of-code"][name].astype(float), f["of-math"][name].astype(float)
    first, second = np.maximum(first, 2e-6), np.maximum(second, 1e-6)
    found: Floats = first * x["a-code"][name] + second * x["a-math"][name]
    mean: Floats = found / (first + second)
    return mean


def in_regmean(name: str) -> Floats:
    x, g = models(), grams()
    a, b = (x[label][name].astype(float) for label in ("a-code", "a-math"))
    if name not in LINEAR:
        mean: Floats = (a + b) / 2
        return mean
    off = np.full((4, 4), 0.9) + 0.1 * np.eye(4)
    of_a, of_b = (g[label][name].astype(float) * off for label in ("of-code", "of-math"))
    return np.linalg.solve(of_a + of_b, of_a @ a.T + of_b @ b.T).T


@pytest.mark.parametrize(
    ("spec", "statistics", "expected"),
    [(FISHER, fishers, in_fisher), (REGMEAN, grams, in_regmean)],
    ids=["fisher", "regmean"],
)
def test_every_backend_writes_what_numpy_finds(
    mergec: Mergec,
    spec: tuple[str, ...],
    statistics: Callable[[], dict[str, Tensors]],
    expected: Callable[[str], Floats],
) -> None:
    write_all(statistics())
    write_spec(*spec)
    for backend in BACKENDS:
        found = ran(mergec, backend)
        assert found.keys() == SHAPES.keys()
        for name, tensor in found.items():
            assert tensor.dtype == np.float32
            np.testing.assert_allclose(tensor, expected(name), rtol=1e-5, atol=1e-6, err_msg=name)
        assert mergec("verify", backend, "--replay", "full").status == 0


def test_the_config_and_the_files_are_those_of_the_models(mergec: Mergec) -> None:
    write_all(grams())
    write_spec(*REGMEAN)
    ran(mergec, "reference")
    assert json.loads(Path("reference/config.json").read_text())["model_type"] == "llama"
    assert len(statement("reference").sources) == 4


def test_the_plan_says_what_each_tensor_becomes(mergec: Mergec) -> None:
    write_all(grams())
    write_spec(*REGMEAN)
    text = mergec("plan", "spec.merge").out
    assert "child = regmean(code, math; grams=[of_code, of_math], alpha=0.9" in text
    assert "    the mean, for no source has its statistic  model.embed_tokens.weight\n" in text
    assert "    the mean, for it is no matrix              model.norm.weight\n" in text


def test_a_plan_file_gives_the_same_bytes(mergec: Mergec) -> None:
    write_all(fishers())
    write_spec(*FISHER)
    found = ran(mergec, "reference")
    assert mergec("plan", "spec.merge", "-o", "plan.json").status == 0
    assert mergec("run", "plan.json", "-o", "again", "-q").status == 0
    for name, tensor in load(Path("again/model.safetensors").read_bytes()).items():
        assert tensor.tobytes() == found[name].tobytes()


def test_a_file_of_statistics_that_is_missing(mergec: Mergec) -> None:
    write_all({"of-code": fishers()["of-code"]})
    write_spec(*FISHER)
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.status, len(outcome.codes), outcome.made) == (4, 1, set())
    assert "./of-math" in outcome.err


def test_statistics_that_lack_a_tensor(mergec: Mergec) -> None:
    found = fishers()
    del found["of-math"]["model.norm.weight"]
    write_all(found)
    write_spec(*FISHER)
    refused(mergec("run", "spec.merge", "-o", "out"), "E413", 5)


def test_gram_matrices_of_other_layers(mergec: Mergec) -> None:
    found = grams()
    found["of-math"][UP.format(1)] = np.eye(6, dtype=np.float32)
    write_all(found)
    write_spec(*REGMEAN)
    refused(mergec("run", "spec.merge", "-o", "out"), "E402", 5)


def test_negative_fisher_values_are_found_in_the_run(mergec: Mergec) -> None:
    found = fishers()
    found["of-code"][UP.format(0)][0, 0] = -1.0
    write_all(found)
    write_spec(*FISHER)
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.codes, outcome.status) == (["E817"], 9)
    assert f"`{UP.format(0)}`" in outcome.err
    assert outcome.made == set()


def test_fisher_values_that_are_no_numbers(mergec: Mergec) -> None:
    found = fishers()
    found["of-code"]["model.norm.weight"][2] = np.nan
    write_all(found)
    write_spec(*FISHER)
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.codes, outcome.made) == (["E805"], set())
    assert "`of-code`" in outcome.err
