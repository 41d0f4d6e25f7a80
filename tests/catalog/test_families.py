"""Families against the models of `transformers`: the module tree says what each tensor is."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from mergec.catalog import ROLES, Architecture, TensorName, describe, inferred, read_header
from mergec.catalog.family import FALLBACK, families
from mergec.catalog.place_names import shape_of
from tests.catalog.module_tree import ModuleTree

transformers: Any = pytest.importorskip("transformers")
torch: Any = pytest.importorskip("torch")

pytestmark = pytest.mark.slow  # the imports take seconds

SIZES: dict[str, Any] = {
    "vocab_size": 32,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
}
DECODER = {**SIZES, "num_key_value_heads": 1, "head_dim": 8, "pad_token_id": 0}
EXPERTS = {
    **DECODER, "num_local_experts": 2, "num_experts": 2, "num_experts_per_tok": 1,
    "moe_intermediate_size": 8, "shared_expert_intermediate_size": 8,
}  # fmt: skip
IMAGES = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 28, "patch_size": 14,
}  # fmt: skip
TOKENS = {"bos_token_id": 1, "eos_token_id": 2}
GPT2 = {"vocab_size": 32, "n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 16, **TOKENS}
T5 = {"vocab_size": 32, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 3, "num_heads": 2}
WHISPER = {
    "vocab_size": 32, "d_model": 16, "num_mel_bins": 8, "encoder_layers": 2, "decoder_layers": 3,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24, "max_source_positions": 10, "max_target_positions": 10,
    "pad_token_id": 0, "decoder_start_token_id": 1, **TOKENS,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A family, the classes of a model and of its config, sizes, and what classes do not tell.

    `roles` are those of tensors for which the classes say too little, by the shape of the name.
    """

    family: str
    model: str
    config: str
    sizes: dict[str, Any]
    stacks: int = 1
    layers: int = 3
    roles: tuple[tuple[str, str], ...] = ()


def causal(family: str, name: str, sizes: dict[str, Any] = DECODER, **others: Any) -> Case:
    return Case(family, f"{name}ForCausalLM", f"{name}Config", sizes, **others)


SHARED = (
    ("model.layers.#.mlp.shared_expert_gate.weight", "mlp router"),
    *(
        (f"model.layers.#.mlp.shared_expert.{part}_proj.weight", "mlp expert")
        for part in ("gate", "up", "down")
    ),
)
RELATIVE = (
    ("encoder.block.#.layer.#.SelfAttention.relative_attention_bias.weight", "attn"),
    ("decoder.block.#.layer.#.SelfAttention.relative_attention_bias.weight", "attn"),
)
SOUND = tuple(
    (f"model.encoder.conv{which}.{part}", "embed bias" if part == "bias" else "embed")
    for which in (1, 2)
    for part in ("weight", "bias")
)
MERGER = tuple(
    (f"model.visual.merger.mlp.#.{part}", f"mlp vision{also}")
    for part, also in (("weight", ""), ("bias", " bias"))
)
CONTRAST = (
    ("logit_scale", "head"),
    ("visual_projection.weight", "head vision"),
)

CASES = [
    causal("llama", "Llama"),
    causal("llama", "Llama", {**DECODER, "attention_bias": True, "mlp_bias": True}),
    Case("llama", "LlamaForSequenceClassification", "LlamaConfig", DECODER),
    Case("llama", "LlamaModel", "LlamaConfig", DECODER),
    causal("mistral", "Mistral"),
    causal("qwen2", "Qwen2"),
    causal("qwen3", "Qwen3"),
    causal("gemma", "Gemma"),
    causal("gemma2", "Gemma2"),
    Case("gemma3_text", "Gemma3ForCausalLM", "Gemma3TextConfig", DECODER),
    causal("phi", "Phi", {**DECODER, "qk_layernorm": True}),
    causal("phi3", "Phi3"),
    causal("gpt_neox", "GPTNeoX", SIZES | TOKENS),
    causal("falcon", "Falcon", SIZES | TOKENS),
    causal("falcon", "Falcon", SIZES | TOKENS | {"new_decoder_architecture": True}),
    causal("mixtral", "Mixtral", EXPERTS),
    causal("qwen2_moe", "Qwen2Moe", {**EXPERTS, "mlp_only_layers": [1]}, roles=SHARED),
    causal("qwen3_moe", "Qwen3Moe", EXPERTS),
    Case("gpt2", "GPT2LMHeadModel", "GPT2Config", GPT2),
    Case("gpt2", "GPT2LMHeadModel", "GPT2Config", GPT2 | {"add_cross_attention": True}),
    Case("gpt2", "GPT2ForSequenceClassification", "GPT2Config", GPT2),
    Case("gpt_neox", "GPTNeoXForSequenceClassification", "GPTNeoXConfig", SIZES | TOKENS),
    Case("falcon", "FalconForQuestionAnswering", "FalconConfig", SIZES | TOKENS),
    Case("bert", "BertLMHeadModel", "BertConfig",
         SIZES | {"is_decoder": True, "add_cross_attention": True}),
    Case("bert", "BertForQuestionAnswering", "BertConfig", SIZES),
    Case("roberta", "RobertaModel", "RobertaConfig", SIZES),
    Case("bert", "BertModel", "BertConfig", SIZES),
    Case("bert", "BertForPreTraining", "BertConfig", SIZES),
    Case("bert", "BertForSequenceClassification", "BertConfig", SIZES),
    Case("roberta", "RobertaForMaskedLM", "RobertaConfig", SIZES),
    Case("roberta", "RobertaForSequenceClassification", "RobertaConfig", SIZES),
    Case("roberta", "XLMRobertaForMaskedLM", "XLMRobertaConfig", SIZES),
    Case("t5", "T5ForConditionalGeneration", "T5Config", T5, stacks=2, roles=RELATIVE),
    Case("t5", "T5ForConditionalGeneration", "T5Config",
         {**T5, "feed_forward_proj": "gated-gelu", "num_decoder_layers": 2},
         stacks=2, roles=RELATIVE),
    Case("t5", "MT5EncoderModel", "MT5Config", T5, roles=RELATIVE[:1]),
    Case("whisper", "WhisperForConditionalGeneration", "WhisperConfig", WHISPER,
         stacks=2, roles=SOUND),
    Case("whisper", "WhisperForAudioClassification", "WhisperConfig",
         WHISPER | {"decoder_layers": 2}, layers=2,
         roles=tuple((name.removeprefix("model."), roles) for name, roles in SOUND)),
    Case("vit", "ViTForImageClassification", "ViTConfig", {**IMAGES, "num_hidden_layers": 3}),
    Case("clip", "CLIPModel", "CLIPConfig",
         {"text_config": SIZES | TOKENS, "vision_config": IMAGES, "projection_dim": 8},
         stacks=2, roles=CONTRAST),
    Case("llava", "LlavaForConditionalGeneration", "LlavaConfig",
         {"text_config": {**DECODER, "model_type": "llama"},
          "vision_config": {**IMAGES, "model_type": "clip_vision_model"}}),
    Case("qwen2_vl", "Qwen2VLForConditionalGeneration", "Qwen2VLConfig",
         {"text_config": DECODER,
          "vision_config": {"embed_dim": 16, "hidden_size": 16, "depth": 2, "num_heads": 2}},
         roles=MERGER),
    Case("gemma3", "Gemma3ForConditionalGeneration", "Gemma3Config",
         {"text_config": DECODER, "mm_tokens_per_image": 4,
          "vision_config": {**IMAGES, "model_type": "siglip_vision_model"}}),
]  # fmt: skip


def build(case: Case, device: str = "meta") -> tuple[Any, dict[str, Any]]:
    """The model, without weights on the meta device, and its config."""
    config = getattr(transformers, case.config)(**case.sizes)
    with torch.device(device):
        model = getattr(transformers, case.model)(config)
    return model, config.to_dict()


@cache
def seen(case: int) -> tuple[Case, ModuleTree, Architecture]:
    model, _ = build(CASES[case])
    return CASES[case], ModuleTree(model), described(model)


def described(model: Any) -> Architecture:
    names = [TensorName(name) for name in model.state_dict()]
    return describe(names, model.config.to_dict())


each = pytest.mark.parametrize(
    "case", range(len(CASES)), ids=[f"{case.family}-{case.model}" for case in CASES]
)


@each
def test_the_family_is_described(case: int) -> None:
    expected, tree, found = seen(case)
    assert (found.family, found.described) == (expected.family, True)
    assert (found.layers, len(found.stacks)) == (expected.layers, expected.stacks)
    assert list(found.places) == tree.names


@each
def test_layers_are_those_of_the_module_tree(case: int) -> None:
    _, tree, found = seen(case)
    for name, place in found.places.items():
        layer = tree.layer(name)
        assert place.layer == layer, name
        if layer is not None:
            assert (place.side, place.renumbered(layer)) == ("in", name)


@each
def test_roles_are_those_of_the_module_tree(case: int) -> None:
    expected, tree, found = seen(case)
    stated = {shape: frozenset(roles.split()) for shape, roles in expected.roles}
    shapes = {name: shape_of(name) for name in tree.names}
    for name, shape in shapes.items():
        roles = found.place(name).roles
        assert roles == (stated.get(shape) or tree.roles(name)), name
        assert roles
        assert roles <= set(ROLES)
    assert stated.keys() <= set(shapes.values())


@each
def test_what_is_outside_the_layers_has_its_side(case: int) -> None:
    _, tree, found = seen(case)
    for name, place in found.places.items():
        if place.side != "in" and "head" not in place.roles:
            assert place.side == tree.side(name), name


@each
def test_the_config_counts_layers_where_the_description_says(case: int) -> None:
    expected, tree, found = seen(case)
    section = tree.model.config.to_dict()
    for key in found.config_path:
        section = section[key]
    assert found.count_keys
    counts = [section[key] for key in found.count_keys]
    assert max(counts) == found.layers
    assert expected.stacks > 1 or set(counts) == {found.layers}
    assert {len(section[key]) for key in found.per_layer_keys} <= {found.layers}
    lists = {key for key, value in section.items() if is_list(value, 3)}
    assert lists == set(found.per_layer_keys)
    for key in found.layer_index_keys:
        assert set(section[key]) <= set(range(found.layers))


def is_list(value: object, length: int) -> bool:
    return isinstance(value, list) and len(cast("list[object]", value)) == length


@each
def test_heads_are_tied_to_what_transformers_ties_them_to(case: int) -> None:
    _, tree, found = seen(case)
    ties: dict[str, str] = getattr(tree.model, "_tied_weights_keys", None) or {}
    heads = {head: owner for head, owner in ties.items() if "head" in found.place(head).roles}
    held = {head: owner for head, owner in found.tied if head in tree.names}
    assert held == {head: owner for head, owner in heads.items() if head.endswith(".weight")}


@each
def test_inference_finds_the_same_layers(case: int) -> None:
    expected, tree, found = seen(case)
    guessed = inferred(list(found.places))
    if expected.family != "clip":  # whose second tower has the role `vision`
        assert guessed.stacks == found.stacks
        layers = {name: place.layer for name, place in guessed.places.items()}
        assert layers == {name: tree.layer(name) for name in tree.names}


@each
def test_inference_finds_the_same_roles(case: int) -> None:
    _, _, found = seen(case)
    guessed = inferred(list(found.places))
    for name, place in found.places.items():
        # What these are depends on where they stand, and only Whisper's file knows that.
        if "conv" not in name and not name.startswith("projector."):
            assert guessed.places[name].roles == place.roles, name


@each
def test_names_as_saved_are_described_too(case: int, tmp_path: Path) -> None:
    expected = CASES[case]
    model, config = build(expected, "cpu")
    model.save_pretrained(tmp_path)
    _, entries = read_header(tmp_path / "model.safetensors")
    found = describe([entry.name for entry in entries], config)
    assert (found.family, found.described) == (expected.family, True)
    assert (found.layers, len(found.stacks)) == (expected.layers, expected.stacks)
    assert [name for name, place in found.places.items() if not place.roles] == []
    for heads, embedding in found.tied:
        assert embedding in found.places, heads


def test_every_family_has_a_case() -> None:
    assert {case.family for case in CASES} == families().keys() - {FALLBACK}
