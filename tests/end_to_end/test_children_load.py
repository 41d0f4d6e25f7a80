"""Children of another depth, or with an inner model merged, load in `transformers` and run."""

import json
from pathlib import Path
from typing import Any

import pytest

from mergec.api import compile_spec, execute

transformers: Any = pytest.importorskip("transformers")
torch: Any = pytest.importorskip("torch")

pytestmark = pytest.mark.slow  # the imports take seconds

LLAMA = {
    "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 4,
    "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 32,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
GPT2 = {
    "vocab_size": 32, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
IMAGES = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 28, "patch_size": 14,
}  # fmt: skip


def save(model: Any, folder: Path) -> None:
    model.save_pretrained(folder)


def llama(seed: int, **other: Any) -> Any:
    torch.manual_seed(seed)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**LLAMA, **other}))


def gpt2(seed: int) -> Any:
    torch.manual_seed(seed)
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**GPT2))


def llava(seed: int) -> Any:
    torch.manual_seed(seed)
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**IMAGES),
        text_config=transformers.LlamaConfig(**LLAMA),
        image_token_index=31,
    )
    return transformers.LlavaForConditionalGeneration(config)


def run(folder: Path, *lines: str) -> Path:
    spec = folder / "spec.merge"
    spec.write_text("\n".join(lines) + "\n")
    execute(compile_spec(spec), folder / "out")
    return folder / "out"


def load(folder: Path, kind: Any) -> Any:
    """The model in `folder`, with nothing missing, nothing left over, nothing of another shape."""
    model, found = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(found[each] for each in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    return model.eval()


def logits(model: Any) -> Any:
    with torch.no_grad():
        return model(torch.tensor([[1, 5, 7]])).logits


def test_two_gpt2_make_a_taller_one(tmp_path: Path) -> None:
    a, b = gpt2(1), gpt2(2)
    b.transformer.wte.weight = a.transformer.wte.weight  # tied heads need one embedding
    b.tie_weights()
    save(a, tmp_path / "a")
    save(b, tmp_path / "b")
    out = run(
        tmp_path,
        'a = model("./a")',
        'b = model("./b")',
        "export stack(a[0..2], b[1..2]; untie=true)",
    )
    child = load(out, transformers.GPT2LMHeadModel)
    assert child.config.n_layer == 3
    layers = [*a.transformer.h, b.transformer.h[1]]
    for ours, theirs in zip(child.transformer.h, layers, strict=True):
        for name, value in ours.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name]), name
    assert torch.isfinite(logits(child)).all()


def test_a_llama_repeats_its_layers(tmp_path: Path) -> None:
    parent = llama(1)
    save(parent, tmp_path / "base")
    out = run(
        tmp_path,
        'use "std:classic" as std',
        'base = model("./base")',
        "child = std.depth_upscale(base, until=3, again_from=1)",
    )
    child = load(out, transformers.LlamaForCausalLM)
    assert child.config.num_hidden_layers == 6 == len(child.model.layers)
    origins = [0, 1, 2, 1, 2, 3]
    for ours, origin in zip(child.model.layers, origins, strict=True):
        theirs = parent.model.layers[origin].state_dict()
        assert all(torch.equal(value, theirs[n]) for n, value in ours.state_dict().items())
    assert torch.isfinite(logits(child)).all()


def test_a_slice_of_all_layers_is_the_model(tmp_path: Path) -> None:
    save(llama(1), tmp_path / "base")
    out = run(tmp_path, 'base = model("./base")', 'export base[0..2] ++ base[2..4] as "same"')
    parent = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base").eval()
    child = load(out, transformers.LlamaForCausalLM)
    assert torch.equal(logits(child), logits(parent))
    assert (out / "config.json").read_bytes() == (tmp_path / "base/config.json").read_bytes()


def test_a_stack_of_merges_is_the_merge_of_stacks(tmp_path: Path) -> None:
    for seed, name in enumerate(("a", "b")):
        save(llama(seed), tmp_path / name)
    head = ('a = model("./a")', 'b = model("./b")')
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for name, line in (
        ("one", "child = linear(a, b)[0..3] ++ linear(a, b)[1..4]"),
        ("two", "child = linear(a[0..3] ++ a[1..4], b[0..3] ++ b[1..4])"),
    ):
        lines = [each.replace("./", "../") for each in head]
        run(tmp_path / name, *lines, line)
    one, two = (tmp_path / n / "out/model.safetensors" for n in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_an_own_head_where_two_embeddings_were_tied(tmp_path: Path) -> None:
    a, b = llama(1, tie_word_embeddings=True), llama(2, tie_word_embeddings=True)
    save(a, tmp_path / "a")
    save(b, tmp_path / "b")
    out = run(
        tmp_path,
        'a = model("./a")',
        'b = model("./b")',
        "child = stack(a[..2], b[2..]; untie=true)",
    )
    child = load(out, transformers.LlamaForCausalLM)
    assert child.config.tie_word_embeddings is False
    assert torch.equal(child.model.embed_tokens.weight, a.model.embed_tokens.weight)
    assert torch.equal(child.lm_head.weight, b.model.embed_tokens.weight)


def test_a_language_model_merges_into_the_inner_model_of_a_multimodal_one(tmp_path: Path) -> None:
    outer, inner = llava(1), llama(2)
    save(outer, tmp_path / "llava")
    save(inner, tmp_path / "chat")
    out = run(
        tmp_path,
        'llava = model("./llava")',
        'chat = model("./chat")',
        'inside = rename(chat, "*" => "language_model.*")',
        "child = match { vision => llava, else => linear(llava, inside) }",
    )
    child = load(out, transformers.LlavaForConditionalGeneration)
    mine, theirs = child.state_dict(), outer.state_dict()
    changed = {name for name, value in mine.items() if not torch.equal(value, theirs[name])}
    assert changed
    assert not any("vision" in name or "projector" in name for name in changed)
    embedding = child.get_input_embeddings().weight
    wanted = (outer.get_input_embeddings().weight + inner.get_input_embeddings().weight) / 2
    assert torch.equal(embedding, wanted)
    assert json.loads((out / "config.json").read_text())["model_type"] == "llava"
