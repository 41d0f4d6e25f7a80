"""Adapters that mergec writes, as peft loads them: sums, ranks, biases, whole layers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mergec.api import compile_spec, execute
from tests.differential.test_adapters_against_peft import (
    KINDS,
    PLAIN,
    adapter,
    base_model,
    peft,
    tensors,
    torch,
)

pytestmark = [
    pytest.mark.slow,  # the imports take seconds
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]


def written(folder: Path, *lines: str) -> Path:
    """The adapter that a spec exports."""
    spec = folder / "adapter.merge"
    spec.write_text("\n".join(lines) + "\n")
    execute(compile_spec(spec), folder / "made")
    return folder / "made"


def merged(folder: Path, made: Path, kind: str = "llama") -> Mapping[str, Any]:
    """What peft merges of the base and an adapter, computed in float64."""
    wide = base_model(folder, "float32", kind).double()
    loaded = peft.PeftModel.from_pretrained(wide, made, autocast_adapter_dtype=False)
    loaded.double().merge_and_unload().save_pretrained(folder / "loaded")
    return tensors(folder / "loaded")


def near(found: Mapping[str, Any], wanted: Mapping[str, Any], room: float = 1e-6) -> None:
    assert found.keys() == wanted.keys()
    for name, x in wanted.items():
        assert float((found[name].double() - x.double()).abs().max()) < room, name


ONE, TWO = 'one = adapter("./one")', 'two = adapter("./two")'


@pytest.mark.parametrize("kind", ["lora-bias", "saved", "embedding", "all-biases"])
def test_what_peft_can_say_beside_factors(kind: str, tmp_path: Path) -> None:
    every = {**KINDS, "all-biases": {**PLAIN, "bias": "all"}}
    adapter(tmp_path, "one", every[kind], "float32")
    adapter(tmp_path, "two", {**every[kind], "r": 2, "lora_alpha": 3}, "float32")
    made = written(tmp_path, ONE, TWO, 'export delta 0.75*one + 0.25*two as "made"')
    base = tensors(tmp_path / "base")
    one, two = (tensors(tmp_path / f"{name}-exact") for name in ("one", "two"))
    wanted = {name: 0.75 * one[name].double() + 0.25 * two[name].double() for name in base}
    near(merged(tmp_path, made), wanted)


def test_a_lower_rank_is_that_of_peft_s_svd(tmp_path: Path) -> None:
    adapter(tmp_path, "one", {**PLAIN, "lora_alpha": 6}, "float32")
    adapter(tmp_path, "two", {**PLAIN, "r": 3, "use_rslora": True}, "float32")
    theirs = peft.PeftModel.from_pretrained(
        base_model(tmp_path, "float32").double(), tmp_path / "one", "one"
    )
    theirs.load_adapter(tmp_path / "two", "two")
    theirs.double().add_weighted_adapter(
        ["one", "two"], [0.5, -0.25], "both", combination_type="svd", svd_rank=3
    )
    made = written(tmp_path, ONE, TWO, 'export delta svd(0.5*one - 0.25*two; rank=3) as "made"')
    ours = merged(tmp_path, made)
    base = tensors(tmp_path / "base")
    compared = 0
    for path, module in theirs.base_model.model.named_modules():
        if "both" in getattr(module, "lora_A", {}):
            step = module.get_delta_weight("both").detach().double()
            name = f"{path}.weight"
            assert float((ours[name] - base[name].double() - step).abs().max()) < 1e-6, name
            compared += 1
    assert compared == 4


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_an_adapter_of_two_models(kind: str, tmp_path: Path) -> None:
    """Factors of full rank for all matrices give the other model's, norms and biases aside."""
    base = base_model(tmp_path, "float32", kind)
    code = base_model(tmp_path, "float32", kind)
    torch.manual_seed(1)
    for parameter in code.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape)
    code.save_pretrained(tmp_path / "code")
    del base
    heads = 'base = model("./base")', 'code = model("./code")'
    made = written(
        tmp_path, *heads, 'export delta svd(code - base; rank=64, others=drop) as "made"'
    )
    found = merged(tmp_path, made, kind)
    plain, other = tensors(tmp_path / "base"), tensors(tmp_path / "code")
    near(found, {name: (other if x.dim() == 2 else plain)[name] for name, x in plain.items()}, 2e-6)
