"""A child is all that a loader, a converter and the hub ask of a checkpoint, and nothing more."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mergec.api import compile_spec, execute

transformers: Any = pytest.importorskip("transformers")
torch: Any = pytest.importorskip("torch")
gguf: Any = pytest.importorskip("gguf")

pytestmark = pytest.mark.slow  # the imports take seconds

VOCABULARY = 40
LLAMA = {
    "vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 32,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
LEFT = ("modeling_own.py", "optimizer.pt", "pytorch_model.bin", "scheduler.pkl", "events.out")
KEPT = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
SPEC = """\
base = model("./base")
code = model("./code")
export 0.5*base + 0.5*code as "child" { dtype = bf16, shard = 4KB }
"""


def save_parent(folder: Path, seed: int) -> None:
    """A tiny Llama with everything that `save_pretrained` and its trainer leave beside it."""
    import tokenizers

    torch.manual_seed(seed)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA))
    model.generation_config.temperature = 0.7
    model.generation_config.do_sample = True
    model.save_pretrained(folder, max_shard_size="6KB")
    letters = "abcdefghijklmnopqrstuvwxyz"
    known = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3}
    known |= {letter: number for number, letter in enumerate(letters, 4)}
    known |= {"ab": 30, "abc": 31}
    bpe = tokenizers.models.BPE(vocab=known, merges=[("a", "b"), ("ab", "c")], unk_token="<unk>")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(bpe),
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    for name in (*LEFT, *KEPT):
        (folder / name).write_text("{}\n")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "secret").write_text("x")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    for seed, name in enumerate(("base", "code")):
        save_parent(home / name, seed)
    (home / "spec.merge").write_text(SPEC)
    return home


@pytest.fixture(scope="module")
def child(home: Path) -> Path:
    execute(compile_spec(home / "spec.merge"), home / "out")
    return home / "out"


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_it_is_complete_and_holds_nothing_else(home: Path, child: Path) -> None:
    names = {path.name for path in child.iterdir()}
    weights = {name for name in names if name.startswith("model")}
    assert names - weights == {
        "README.md", "chat_template.jinja", "config.json", "generation_config.json",
        "lineage.json", "tokenizer.json", "tokenizer_config.json", *KEPT,
    }  # fmt: skip
    count = len(weights) - 1
    numbered = {f"model-{n:05d}-of-{count:05d}.safetensors" for n in range(1, count + 1)}
    assert weights == {*numbered, "model.safetensors.index.json"}
    card = (child / "README.md").read_text()
    assert all(f"`{name}`" in card for name in LEFT)
    assert "secret" not in card


def test_two_runs_write_the_same_bytes(home: Path, child: Path) -> None:
    (home / "elsewhere").mkdir()
    execute(compile_spec(home / "spec.merge"), home / "elsewhere" / "other", memory=512 << 20)
    assert digests(home / "elsewhere" / "other") == digests(child)


def test_its_index_says_what_is_there(child: Path) -> None:
    index = json.loads((child / "model.safetensors.index.json").read_text())
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA))
    parameters = sum(each.numel() for each in model.parameters())
    assert index["metadata"] == {"total_parameters": parameters, "total_size": 2 * parameters}


def test_transformers_loads_it(home: Path, child: Path) -> None:
    model, found = transformers.AutoModelForCausalLM.from_pretrained(
        child, output_loading_info=True
    )
    assert not any(found[each] for each in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert model.dtype == torch.bfloat16
    assert json.loads((child / "config.json").read_text())["dtype"] == "bfloat16"
    parents = [
        transformers.AutoModelForCausalLM.from_pretrained(home / n) for n in ("base", "code")
    ]
    a, b = (parent.lm_head.weight.double() for parent in parents)
    assert torch.equal(model.lm_head.weight, ((a + b) / 2).float().bfloat16())
    assert model.generation_config.to_dict() == parents[0].generation_config.to_dict()
    tokenizer = transformers.AutoTokenizer.from_pretrained(child)
    assert tokenizer("abcz")["input_ids"] == [31, 29]
    assert (
        tokenizer.apply_chat_template([{"role": "user", "content": "ab"}], tokenize=False) == "ab"
    )


def test_the_hub_reads_its_card(child: Path) -> None:
    from huggingface_hub import ModelCard

    data = ModelCard.load(child / "README.md").data.to_dict()
    assert data == {
        "base_model": ["./base", "./code"],
        "base_model_relation": "merge",
        "library_name": "transformers",
        "license": "apache-2.0",
        "tags": ["merge", "mergec"],
    }


def test_it_passes_what_the_converter_of_llama_cpp_checks(child: Path) -> None:
    """In the converter's order: config, parts against the index, names, tokenizer, card."""
    config = json.loads((child / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    index = json.loads((child / "model.safetensors.index.json").read_text())["weight_map"]
    stored: dict[str, Any] = {}
    for part in sorted(set(index.values())):
        with gguf.utility.SafetensorsLocal(child / part) as held:
            stored |= {name: held[name] for name in held}
    assert stored.keys() == index.keys()
    assert {tensor.dtype for tensor in stored.values()} <= {"F32", "F16", "BF16"}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    mapped = {names.get_name(key=name, try_suffixes=(".weight", ".bias")) for name in stored}
    assert None not in mapped
    assert len(mapped) == len(stored)
    tokenizer = transformers.AutoTokenizer.from_pretrained(child)
    assert max(tokenizer.get_vocab().values()) < config["vocab_size"]
    assert stored["model.embed_tokens.weight"].shape[0] == config["vocab_size"]
    special = gguf.SpecialVocab(child, load_merges=True, n_vocab=config["vocab_size"])
    assert special.merges == ["a b", "ab c"]
    assert special.special_token_ids["eos"] == 2
    assert special.chat_template == TEMPLATE
    metadata = gguf.Metadata.load(model_path=child)
    assert (metadata.license, metadata.tags) == ("apache-2.0", ["merge", "mergec"])
    assert len(metadata.base_models) == 2
