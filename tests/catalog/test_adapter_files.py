"""Adapters in PEFT's format: what their files are read as, and what is refused."""

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from mergec.catalog.adapter import Adapter, Factors, Replacement, Step
from mergec.catalog.open_adapter import open_adapter
from mergec.diagnostics import MergecError
from tests.catalog.safetensors_bytes import Tensor
from tests.toy_adapters import OUTER, factors, floats, write_adapter

LAYER = {"layers.0.q_proj": (4, 6)}


def opened(
    folder: Path, tensors: Mapping[str, Tensor], config: Mapping[str, object] | None = None
) -> Adapter:
    write_adapter(folder / "lora", tensors, config)
    checkpoint, warnings = open_adapter(folder / "lora")
    assert warnings == ()
    assert checkpoint.adapter is not None
    return checkpoint.adapter


def refused(
    folder: Path, tensors: Mapping[str, Tensor], config: Mapping[str, object] | None = None
) -> str:
    with pytest.raises(MergecError) as caught:
        opened(folder, tensors, config)
    (found,) = caught.value.diagnostics
    return f"{found.code} {found.message}"


def test_a_pair_of_factors_changes_the_weight_of_its_module(tmp_path: Path) -> None:
    found = opened(tmp_path, factors("x", LAYER))
    name = f"{OUTER}layers.0.q_proj.lora_"
    part = Factors(f"{name}A.weight", f"{name}B.weight", Fraction(2), turned=False)
    assert dict(found.parts) == {"layers.0.q_proj.weight": part}
    assert found.base == "toy/base"


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({}, Fraction(2)),
        ({"lora_alpha": 0.3}, Fraction(3, 20)),
        ({"use_rslora": True}, Fraction(4 / 2**0.5)),
        ({"use_rslora": True, "r": 4}, Fraction(2)),
        ({"alpha_pattern": {"q_proj": 6}}, Fraction(3)),
        ({"alpha_pattern": {"proj": 6, "layers.0.q_proj": 8, "q_proj": 6}}, Fraction(4)),
        ({"alpha_pattern": {"^layers.0.q_proj": 8}}, Fraction(4)),
        ({"alpha_pattern": {"^q_proj": 8}}, Fraction(2)),
        ({"r": 16, "rank_pattern": {"q_proj": 2}}, Fraction(2)),
        ({"lora_alpha": -4}, Fraction(-2)),
    ],
)
def test_the_scale_of_a_module(config: dict[str, object], scale: Fraction, tmp_path: Path) -> None:
    rank = 4 if config.get("r") == 4 else 2
    found = opened(tmp_path, factors("x", LAYER, rank), config)
    (part,) = found.parts.values()
    assert isinstance(part, Factors)
    assert part.scale == scale


def test_embeddings_whole_layers_and_biases(tmp_path: Path) -> None:
    tensors = {
        f"{OUTER}embed.lora_embedding_A": floats("A", (2, 8)),
        f"{OUTER}embed.lora_embedding_B": floats("B", (4, 2)),
        f"{OUTER}embed.base_layer.weight": floats("E", (8, 4)),
        f"{OUTER}head.modules_to_save.default.weight": floats("H", (8, 4)),
        f"{OUTER}norm.bias": floats("N", (4,)),
        **factors("x", LAYER),
        f"{OUTER}layers.0.q_proj.lora_B.bias": floats("b", (4,)),
    }
    found = opened(tmp_path, tensors, {"lora_bias": True, "bias": "all"}).parts
    embed = found["embed.weight"]
    assert isinstance(embed, Factors)
    assert embed.turned
    assert embed.onto == f"{OUTER}embed.base_layer.weight"
    assert found["head.weight"] == Replacement(f"{OUTER}head.modules_to_save.default.weight")
    assert found["norm.bias"] == Replacement(f"{OUTER}norm.bias")
    bias = Step(f"{OUTER}layers.0.q_proj.lora_B.bias", Fraction(2))
    assert found["layers.0.q_proj.bias"] == bias


def test_names_without_wrappers_and_with_the_name_of_the_adapter(tmp_path: Path) -> None:
    plain = {k.removeprefix(OUTER): t for k, t in factors("x", LAYER).items()}
    named = {k.replace(".weight", ".default.weight"): t for k, t in plain.items()}
    assert [*opened(tmp_path / "1", plain).parts] == ["layers.0.q_proj.weight"]
    assert [*opened(tmp_path / "2", named).parts] == ["layers.0.q_proj.weight"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"peft_type": "LOHA"}, "E731"),
        ({"peft_type": None}, "E730"),
        ({"r": 0}, "E730"),
        ({"r": True}, "E730"),
        ({"r": None}, "E730"),
        ({"lora_alpha": 0}, "E730"),
        ({"lora_alpha": 1e300}, "E730"),
        ({"lora_alpha": "4"}, "E730"),
        ({"use_rslora": "yes"}, "E730"),
        ({"rank_pattern": [1]}, "E730"),
        ({"rank_pattern": {"q_proj": -1}}, "E730"),
        ({"alpha_pattern": {"(a+)+$": 4}}, "E731"),
        ({"bias": "some"}, "E731"),
        ({"use_dora": True}, "E736"),
        ({"use_qalora": True}, "E731"),
        ({"layer_replication": [[0, 4], [2, 5]]}, "E731"),
        ({"trainable_token_indices": [1]}, "E731"),
        ({"target_parameters": ["experts.weight"]}, "E731"),
        ({"alora_invocation_tokens": [1]}, "E731"),
        ({"of_a_later_version": 1}, "E731"),
        ({"init_lora_weights": "pissa_niter_4"}, "E731"),
        ({"init_lora_weights": "loftq"}, "E731"),
        ({"init_lora_weights": {"a": 1}}, "E731"),
    ],
)
def test_what_is_not_supported_is_refused(
    config: dict[str, object], said: str, tmp_path: Path
) -> None:
    assert refused(tmp_path, factors("x", LAYER), config).startswith(said)


@pytest.mark.parametrize(
    "config",
    [
        {"of_a_later_version": None, "another": False, "third": [], "loftq_config": {}},
        {"init_lora_weights": "gaussian", "lora_dropout": 0.1, "task_type": "CAUSAL_LM"},
    ],
)
def test_fields_that_change_nothing_are_passed_over(
    config: dict[str, object], tmp_path: Path
) -> None:
    assert len(opened(tmp_path, factors("x", LAYER), config).parts) == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (f"{OUTER}layers.0.q_proj.lora_magnitude_vector", "E736"),
        (f"{OUTER}layers.0.q_proj.lora_C.weight", "E732"),
        (f"{OUTER}layers.0.q_proj.lora_A.bias", "E732"),
        (f"{OUTER}layers.1.q_proj.lora_A.weight", "E732"),
        (f"{OUTER}head.original_module.weight", "E732"),
        (f"{OUTER}layers.0.q_proj.lora_A.other.weight", "E734"),
    ],
)
def test_tensors_that_have_no_place(name: str, code: str, tmp_path: Path) -> None:
    tensors = {**factors("x", LAYER), name: floats("?", (2, 6))}
    assert refused(tmp_path, tensors).startswith(code)


@pytest.mark.parametrize(
    ("a", "b"), [((2, 6), (4, 3)), ((3, 6), (4, 3)), ((6, 2), (2, 4)), ((2, 6), (8,))]
)
def test_factors_of_another_rank(a: tuple[int, ...], b: tuple[int, ...], tmp_path: Path) -> None:
    name = f"{OUTER}layers.0.q_proj.lora_"
    tensors = {f"{name}A.weight": floats("A", a), f"{name}B.weight": floats("B", b)}
    assert refused(tmp_path, tensors).startswith("E733")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    def code(folder: Path) -> str:
        with pytest.raises(MergecError) as caught:
            open_adapter(folder)
        return caught.value.diagnostics[0].code

    write_adapter(tmp_path / "lora", factors("x", LAYER))
    weights = tmp_path / "lora" / "adapter_model.safetensors"
    assert code(tmp_path / "nowhere") == "E701"
    assert code(weights) == "E729"
    weights.rename(tmp_path / "lora" / "adapter_model.bin")
    assert code(tmp_path / "lora") == "E706"
    (tmp_path / "lora" / "adapter_model.bin").unlink()
    assert code(tmp_path / "lora") == "E714"
    config = tmp_path / "lora" / "adapter_config.json"
    config.write_text("[" * 100 + "]" * 100)
    assert code(tmp_path / "lora") == "E713"
    config.write_text(json.dumps([]))
    assert code(tmp_path / "lora") == "E713"
    config.unlink()
    assert code(tmp_path / "lora") == "E729"
