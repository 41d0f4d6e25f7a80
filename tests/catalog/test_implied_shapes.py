"""Shapes that families read out of config.json, against the models of `transformers`."""

from typing import Any

import pytest

from mergec.catalog.family import families
from mergec.catalog.implied_shapes import described_end, implied_shape

transformers: Any = pytest.importorskip("transformers")
torch: Any = pytest.importorskip("torch")

pytestmark = pytest.mark.slow  # the imports take seconds

# All sizes differ, so that no product is right by chance.
DECODER = {
    "vocab_size": 33, "hidden_size": 40, "intermediate_size": 56, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 12, "pad_token_id": 0,
    "max_position_embeddings": 19,
}  # fmt: skip
EXPERTS = {
    **DECODER, "num_local_experts": 2, "num_experts": 2, "num_experts_per_tok": 1,
    "moe_intermediate_size": 8, "shared_expert_intermediate_size": 24,
}  # fmt: skip
GPT2 = {"vocab_size": 33, "n_embd": 40, "n_layer": 2, "n_head": 4, "n_positions": 19}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", DECODER),
    "mistral": ("Mistral", DECODER),
    "mixtral": ("Mixtral", EXPERTS),
    "qwen2": ("Qwen2", {**DECODER, "head_dim": None}),
    "qwen2_moe": ("Qwen2Moe", {**EXPERTS, "head_dim": None}),
    "qwen3": ("Qwen3", DECODER),
    "qwen3_moe": ("Qwen3Moe", EXPERTS),
    "gemma": ("Gemma", DECODER),
    "gemma2": ("Gemma2", DECODER),
    "gemma3_text": ("Gemma3", DECODER),
    "phi": ("Phi", {**DECODER, "head_dim": None}),
    "phi3": ("Phi3", {**DECODER, "head_dim": None}),
    "gpt2": ("GPT2", GPT2),
    "bert": ("Bert", DECODER),
    "roberta": ("Roberta", DECODER),
}


def test_every_family_that_describes_shapes_is_compared() -> None:
    assert {name for name, family in families().items() if family.shapes} == {*MODELS}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_shapes_are_those_of_the_model(name: str) -> None:
    family = families()[name]
    words, sizes = MODELS[name]
    sizes = {key: value for key, value in sizes.items() if value is not None}
    known = next(w for w in (f"{words}TextConfig", f"{words}Config") if hasattr(transformers, w))
    config = getattr(transformers, known)(**sizes)
    kind = "LMHeadModel" if name == "gpt2" else "ForMaskedLM" if "bert" in name else "ForCausalLM"
    with torch.device("meta"):
        model = getattr(transformers, f"{words}{kind}")(config)
    settings = {"model_type": name, **sizes}
    tensors = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    implied = {key: implied_shape(family.shapes, settings, key) for key in tensors}
    judged = {key: found[1] for key, found in implied.items() if found is not None}
    assert judged == {key: tensors[key] for key in judged}
    assert len({described_end(family.shapes, key) for key in judged}) >= 4


def test_a_setting_that_is_not_stated_says_nothing() -> None:
    shapes = families()["llama"].shapes
    norm, head = "model.norm.weight", "lm_head.weight"
    assert implied_shape(shapes, {"hidden_size": 8}, norm) == ("hidden_size", (8,))
    assert implied_shape(shapes, {"hidden_size": 8}, head) is None
    for odd in (None, "8", 0, -1, True, [8], 8.0):
        assert implied_shape(shapes, {"hidden_size": odd}, norm) is None
