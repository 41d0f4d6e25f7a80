"""A child with a union of vocabularies writes what each parent writes, in `transformers`."""

import json
from pathlib import Path
from typing import Any

import pytest

from mergec.api import compile_spec, execute
from tests.toy_vocabularies import bpe, write_json

transformers: Any = pytest.importorskip("transformers")
torch: Any = pytest.importorskip("torch")
tokenizers: Any = pytest.importorskip("tokenizers")

pytestmark = pytest.mark.slow  # the imports take seconds

LLAMA = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 1,
    "initializer_range": 0.7,
}  # fmt: skip
# Both know the letters a to d, at different ids; each has pieces that the other lacks.
FIRST = bpe(
    ("<s>", "</s>", *"abcdefgh", "ef", "gh", "efgh"),
    merges=(("e", "f"), ("g", "h"), ("ef", "gh")),
)
SECOND = bpe(
    ("<s>", "</s>", *"xyzdcba", "xy", "xyz"),
    added=("<|im_start|>",),
    merges=(("x", "y"), ("xy", "z")),
)
WEIGHTS = {"first": "[1, 0]", "second": "[0, 1]"}


def save(folder: Path, seed: int, tokenizer: dict[str, Any]) -> None:
    count = len({*tokenizer["model"]["vocab"], *(e["content"] for e in tokenizer["added_tokens"])})
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(**LLAMA, vocab_size=count)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"},
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    save(home / "first", 1, FIRST)
    save(home / "second", 2, SECOND)
    for name, weights in WEIGHTS.items():
        spec = home / f"{name}.merge"
        spec.write_text(
            'first = model("./first")\nsecond = model("./second")\n'
            f"child = linear(first, second; weights={weights})\n"
            "export child { tokenizer = union(first, second), pad_to_multiple_of = 8 }\n"
        )
        execute(compile_spec(spec), home / f"child-of-{name}")
    return home


def written(folder: Path, text: str, known: set[str]) -> str:
    """What the model in `folder` writes behind a text, out of the tokens `known`."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    others = [n for n in range(model.config.vocab_size) if tokenizer.decode([n]) not in known]
    ids = tokenizer(text, return_tensors="pt").input_ids
    made = model.generate(
        ids, max_new_tokens=24, do_sample=False, suppress_tokens=others or None, pad_token_id=0
    )
    return str(tokenizer.decode(made[0]))


@pytest.mark.parametrize(
    ("parent", "text"),
    [("first", "efgh a efgh b"), ("first", "cab ef d"), ("second", "xyz d xy"), ("second", "abcd")],
)
def test_a_child_writes_what_the_parent_writes_whose_weight_is_one(
    parent: str, text: str, home: Path
) -> None:
    known = {*transformers.AutoTokenizer.from_pretrained(home / parent).get_vocab()}
    expected = written(home / parent, text, known)
    assert written(home / f"child-of-{parent}", text, known) == expected
    assert len(expected) > len(text)


def test_a_loader_gives_every_token_of_the_union_its_id(home: Path) -> None:
    child = home / "child-of-first"
    document = json.loads((child / "tokenizer.json").read_text())
    loaded = tokenizers.Tokenizer.from_file(str(child / "tokenizer.json")).get_vocab()
    assert loaded == document["model"]["vocab"]
    first = tokenizers.Tokenizer.from_file(str(home / "first" / "tokenizer.json")).get_vocab()
    second = tokenizers.Tokenizer.from_file(str(home / "second" / "tokenizer.json")).get_vocab()
    assert {token: loaded[token] for token in first} == first
    assert {*loaded} == {*first, *second}
    auto = transformers.AutoTokenizer.from_pretrained(child)
    assert auto.get_vocab() == loaded
    assert auto.tokenize("efghxyz<|im_start|>ab") == ["efgh", "xyz", "<|im_start|>", "a", "b"]


def test_the_files_of_a_union_are_the_same_every_time(home: Path, tmp_path: Path) -> None:
    execute(compile_spec(home / "first.merge"), tmp_path / "again")
    for name in ("tokenizer.json", "config.json", "model.safetensors"):
        made = (tmp_path / "again" / name).read_bytes()
        assert made == (home / "child-of-first" / name).read_bytes()
