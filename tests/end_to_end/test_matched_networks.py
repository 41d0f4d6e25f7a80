"""Networks of `transformers` whose units were reordered compute what they did, and fit better."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mergec.api import compile_spec, execute

transformers: Any = pytest.importorskip("transformers")
torch: Any = pytest.importorskip("torch")

pytestmark = pytest.mark.slow  # the imports take seconds

SIZES = {
    "hidden_size": 32, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 8,
}  # fmt: skip
WORDS = {"vocab_size": 50}
SHARED = {**SIZES, **WORDS, "num_key_value_heads": 4}
GEMMA = {**SHARED, "head_dim": 4}
EXPERTS = {**SHARED, "moe_intermediate_size": 16, "num_experts": 3, "num_experts_per_tok": 2}
T5 = {"d_model": 32, "d_kv": 4, "d_ff": 24, "num_layers": 2, "num_heads": 8, **WORDS}
IMAGES = {"image_size": 16, "patch_size": 8}
CLIP = {
    "text_config": {**SIZES, **WORDS},
    "vision_config": {**SIZES, **IMAGES, "num_attention_heads": 4},
    "projection_dim": 8,
}
WHISPER = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 8,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 24, "decoder_ffn_dim": 20,
    "max_source_positions": 20, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "decoder_start_token_id": 1, **WORDS,
}  # fmt: skip

# The network, its config, and parts of names of tensors that are reordered; no other is.
NETWORKS: Mapping[str, tuple[str, str, Mapping[str, object], tuple[str, ...]]] = {
    "llama": ("LlamaForCausalLM", "LlamaConfig", SHARED, ("mlp.", "self_attn.")),
    "llama with biases": (
        "LlamaForCausalLM", "LlamaConfig", {**SHARED, "attention_bias": True, "mlp_bias": True},
        ("mlp.", "self_attn."),
    ),
    "mistral": ("MistralForCausalLM", "MistralConfig", SHARED, ("mlp.", "self_attn.")),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", SHARED, ("mlp.", "self_attn.")),
    "qwen3": ("Qwen3ForCausalLM", "Qwen3Config", GEMMA, ("mlp.", "self_attn.")),
    "qwen2_moe": (
        "Qwen2MoeForCausalLM", "Qwen2MoeConfig",
        {**EXPERTS, "shared_expert_intermediate_size": 16},
        ("experts.", "shared_expert.", "self_attn."),
    ),
    "qwen3_moe": (
        "Qwen3MoeForCausalLM", "Qwen3MoeConfig", {**EXPERTS, "head_dim": 4},
        ("experts.", "self_attn."),
    ),
    "mixtral": (
        "MixtralForCausalLM", "MixtralConfig", {**SHARED, "num_local_experts": 3},
        ("experts.", "self_attn."),
    ),
    "gemma": ("GemmaForCausalLM", "GemmaConfig", GEMMA, ("mlp.", "self_attn.")),
    "gemma2": ("Gemma2ForCausalLM", "Gemma2Config", GEMMA, ("mlp.", "self_attn.")),
    "gemma3_text": ("Gemma3ForCausalLM", "Gemma3TextConfig", GEMMA, ("mlp.", "self_attn.")),
    "phi": ("PhiForCausalLM", "PhiConfig", {**SIZES, **WORDS}, ("mlp.", "self_attn.")),
    "phi3": ("Phi3ForCausalLM", "Phi3Config", {**SHARED, "pad_token_id": 0}, ("mlp.",)),
    "gpt2": (
        "GPT2LMHeadModel", "GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 8, **WORDS},
        ("mlp.", "attn."),
    ),
    "gpt_neox": (
        "GPTNeoXForCausalLM", "GPTNeoXConfig", {**SIZES, **WORDS}, ("mlp.", "attention."),
    ),
    "falcon": (
        "FalconForCausalLM", "FalconConfig",
        {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 8, "alibi": True,
         **WORDS},
        ("mlp.",),
    ),
    "bert": (
        "BertForMaskedLM", "BertConfig", {**SIZES, **WORDS},
        ("attention.", "intermediate.", "output.dense"),
    ),
    "roberta": (
        "RobertaForMaskedLM", "RobertaConfig", {**SIZES, **WORDS, "max_position_embeddings": 64},
        ("attention.", "intermediate.", "output.dense"),
    ),
    "t5": ("T5ForConditionalGeneration", "T5Config", T5, ("DenseReluDense.",)),
    "t5 with gates": (
        "T5ForConditionalGeneration", "T5Config", {**T5, "feed_forward_proj": "gated-gelu"},
        ("DenseReluDense.",),
    ),
    "vit": (
        "ViTForImageClassification", "ViTConfig", {**SIZES, **IMAGES},
        ("attention.", "mlp."),
    ),
    "clip": ("CLIPModel", "CLIPConfig", CLIP, ("mlp.", "self_attn.")),
    "whisper": (
        "WhisperForConditionalGeneration", "WhisperConfig", WHISPER,
        ("fc1.", "fc2.", "self_attn.", "encoder_attn."),
    ),
}  # fmt: skip


def network(name: str, seed: int) -> Any:
    """With weights so large that the parts of a network matter."""
    kind, config, settings, _ = NETWORKS[name]
    torch.manual_seed(seed)
    model = getattr(transformers, kind)(getattr(transformers, config)(**settings))
    for weights in model.parameters():
        if weights.dim():
            torch.nn.init.normal_(weights, std=0.3)
    return model.eval()


def answer(model: Any, name: str) -> Any:
    """What it computes of some input."""
    random = torch.Generator().manual_seed(1)
    words = torch.randint(3, 50, (2, 7), generator=random)
    images = torch.randn(2, 3, 16, 16, generator=random)
    sound = torch.randn(2, 80, 40, generator=random)
    special: dict[str, Callable[[], Any]] = {
        "vit": lambda: model(pixel_values=images).logits,
        "clip": lambda: model(input_ids=words, pixel_values=images).logits_per_image,
        "whisper": lambda: model(input_features=sound, decoder_input_ids=words).logits,
        "t5": lambda: model(input_ids=words, decoder_input_ids=words).logits,
    }
    with torch.no_grad():
        return special.get(name.partition(" ")[0], lambda: model(input_ids=words).logits)()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_the_same_in_another_order(name: str, tmp_path: Path) -> None:
    before = network(name, 2)
    network(name, 1).save_pretrained(tmp_path / "a")
    before.save_pretrained(tmp_path / "b")
    spec = tmp_path / "spec.merge"
    spec.write_text('a = model("./a")\nb = model("./b")\nchild = weight_match(b, a)\n')
    execute(compile_spec(spec), tmp_path / "out")
    kind = getattr(transformers, NETWORKS[name][0])
    after = kind.from_pretrained(tmp_path / "out").eval()
    expected = answer(before, name)
    assert torch.allclose(answer(after, name), expected, rtol=0, atol=1e-5 * expected.abs().max())
    old, new = before.state_dict(), after.state_dict()
    moved = {tensor for tensor in old if not torch.equal(old[tensor], new[tensor])}
    parts = NETWORKS[name][3]
    assert all(any(part in tensor for part in parts) for tensor in moved), moved
    assert all(any(part in tensor for tensor in moved) for part in parts), moved


def test_a_shuffled_network_is_found_again(tmp_path: Path) -> None:
    """Neurons and heads of a Llama in another order: the merge with it is the original."""
    original = network("llama", 3)
    original.save_pretrained(tmp_path / "a")
    random = torch.Generator().manual_seed(4)
    weights = original.state_dict()
    for layer in range(2):
        neurons = torch.randperm(24, generator=random)
        mlp, attn = (f"model.layers.{layer}.{part}" for part in ("mlp", "self_attn"))
        for part in ("gate_proj", "up_proj"):
            weights[f"{mlp}.{part}.weight"] = weights[f"{mlp}.{part}.weight"][neurons]
        weights[f"{mlp}.down_proj.weight"] = weights[f"{mlp}.down_proj.weight"][:, neurons]
        heads = torch.randperm(4, generator=random)
        for part in "qkv":
            own = weights[f"{attn}.{part}_proj.weight"]
            weights[f"{attn}.{part}_proj.weight"] = own.reshape(4, -1, 32)[heads].reshape(-1, 32)
        own = weights[f"{attn}.o_proj.weight"].reshape(32, 4, 8)
        weights[f"{attn}.o_proj.weight"] = own[:, heads].reshape(32, 32)
    shuffled = network("llama", 3)
    shuffled.load_state_dict(weights)
    shuffled.save_pretrained(tmp_path / "b")
    spec = tmp_path / "spec.merge"
    spec.write_text('a = model("./a")\nb = model("./b")\nchild = weight_match(b, a) |> linear(a)\n')
    execute(compile_spec(spec), tmp_path / "out")
    child = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "out").state_dict()
    for tensor, expected in original.state_dict().items():
        assert torch.equal(child[tensor], expected), tensor
