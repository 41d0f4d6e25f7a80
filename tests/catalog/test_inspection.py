"""What is gathered of a checkpoint from its headers and small files."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mergec.catalog import Dtype, open_checkpoint
from mergec.catalog.inspection import Amount, Inspection, inspect
from mergec.catalog.tokenizer_facts import TokenizerFacts
from tests.catalog.safetensors_bytes import Tensor, file_of
from tests.toy_checkpoints import bf16, f32, integers, write_checkpoint

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 8}
TABLE, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def layered(*, head: bool = True) -> dict[str, Tensor]:
    shapes = {TABLE: (8, 4), "model.layers.0.mlp.up_proj.weight": (4, 4)}
    tensors = {name: bf16(name, shape) for name, shape in shapes.items()}
    return tensors | ({HEAD: bf16(HEAD, (8, 4))} if head else {})


def inspected(
    folder: Path,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, object] | None = None,
    **small: object,
) -> Inspection:
    """`small` are files beside the weights by their names, `.` written as `__`."""
    write_checkpoint(folder / "model", tensors, config=config)
    for name, content in small.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / "model" / name.replace("__", ".")).write_text(text)
    return inspect(open_checkpoint(folder / "model")[0])


def tokenizer(folder: Path, **small: object) -> TokenizerFacts:
    return inspected(folder, layered(), LLAMA, **small).tokenizer


def test_amounts_by_dtype_and_by_file(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    files = {
        "model-00001-of-00002.safetensors": {"b": bf16("b", (2, 3)), "n": integers("I64", 1, 2)},
        "model-00002-of-00002.safetensors": {"f": f32(1, 2, 3)},
    }
    for name, tensors in files.items():
        (folder / name).write_bytes(file_of(tensors))
    weights = {tensor: name for name, tensors in files.items() for tensor in tensors}
    index = {"metadata": {}, "weight_map": weights}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    found = inspect(open_checkpoint(folder)[0])
    assert found.whole == Amount(3, 11, 40)
    assert found.dtypes == {
        Dtype.BF16: Amount(1, 6, 12),
        Dtype.F32: Amount(1, 3, 12),
        Dtype.I64: Amount(1, 2, 16),
    }
    assert [*found.dtypes] == [Dtype.BF16, Dtype.F32, Dtype.I64]
    assert found.files == {
        "model-00001-of-00002.safetensors": Amount(2, 8, 28),
        "model-00002-of-00002.safetensors": Amount(1, 3, 12),
    }
    assert (found.model_type, found.classes, found.vocabulary) == (None, (), None)


def test_the_architecture_and_its_embeddings(tmp_path: Path) -> None:
    found = inspected(tmp_path, layered(), {**LLAMA, "tie_word_embeddings": False})
    assert (found.model_type, found.classes) == ("llama", ("LlamaForCausalLM",))
    assert found.architecture.described
    table, head = found.embeddings.table, found.embeddings.head
    assert table is not None
    assert head is not None
    assert (table.name, head.name, found.embeddings.tied) == (TABLE, HEAD, False)
    assert found.vocabulary == 8


@pytest.mark.parametrize("config", [LLAMA, {**LLAMA, "tie_word_embeddings": True}])
def test_a_head_that_is_not_stored(config: Mapping[str, object], tmp_path: Path) -> None:
    found = inspected(tmp_path, layered(head=False), config).embeddings
    assert found.table is not None
    assert (found.head, found.tied) == (None, config.get("tie_word_embeddings"))


def test_what_is_stated_of_the_part_for_text(tmp_path: Path) -> None:
    part = {"vocab_size": 99, "tie_word_embeddings": True}
    found = inspected(tmp_path, layered(), {"model_type": "unheard-of", "text_config": part})
    assert (found.vocabulary, found.embeddings.tied) == (99, True)
    assert not found.architecture.described


def test_an_unknown_family_shows_the_table_that_has_the_stated_size(tmp_path: Path) -> None:
    tensors = {"tok.embedding.weight": bf16("t", (8, 4)), "pos.embedding.weight": bf16("p", (9, 4))}
    config = {"model_type": "unheard-of", "vocab_size": 8}
    table = inspected(tmp_path, tensors, config).embeddings.table
    assert table is not None
    assert table.name == "tok.embedding.weight"


def test_nothing_is_made_of_odd_values(tmp_path: Path) -> None:
    odd = {
        "model_type": 3,
        "architectures": "LlamaForCausalLM",
        "vocab_size": True,
        "tie_word_embeddings": "yes",
        "quantization_config": [1],
        "text_config": 7,
    }
    found = inspected(tmp_path, layered(), odd)
    assert (found.model_type, found.classes, found.vocabulary) == (None, (), None)
    assert (found.embeddings.tied, found.quantisation) == (None, None)


def test_quantised_storage_as_the_config_has_it(tmp_path: Path) -> None:
    stated = {"quant_method": "gptq", "bits": 4}
    config = {**LLAMA, "quantization_config": stated}
    assert inspected(tmp_path, layered(), config).quantisation == stated


def test_a_tokenizer_with_a_map_and_added_tokens(tmp_path: Path) -> None:
    vocabulary = {"a": 0, "b": 1, "c": 5}
    added = [{"id": 5, "content": "c"}, {"id": 9, "content": "<s>"}, {"content": "lost"}, 3]
    document = {"model": {"type": "BPE", "vocab": vocabulary}, "added_tokens": added}
    found = tokenizer(tmp_path, tokenizer__json=document)
    assert found == TokenizerFacts(("tokenizer.json",), "BPE", 4, 9, None, {})


def test_a_tokenizer_with_a_list(tmp_path: Path) -> None:
    document = {"model": {"type": "Unigram", "vocab": [["a", -1.5], ["b", -2.0]]}}
    found = tokenizer(tmp_path, tokenizer__json=document)
    assert (found.kind, found.entries, found.highest) == ("Unigram", 2, 1)


def test_vocabularies_of_older_tokenizers(tmp_path: Path) -> None:
    lines = tokenizer(tmp_path / "lines", vocab__txt="[PAD]\n[UNK]\nthe\n")
    assert (lines.kind, lines.entries, lines.highest) == (None, 3, 2)
    pairs = tokenizer(tmp_path / "pairs", vocab__json={"a": 0, "b": 1})
    assert (pairs.kind, pairs.entries, pairs.highest) == (None, 2, 1)


def test_a_chat_template_and_the_file_that_has_it(tmp_path: Path) -> None:
    stated = tokenizer(tmp_path / "1", tokenizer_config__json={"chat_template": "{{ messages }}"})
    assert stated.chat_template == "tokenizer_config.json"
    alone = tokenizer(tmp_path / "2", chat_template__jinja="{{ messages }}")
    assert alone.chat_template == "chat_template.jinja"
    none = tokenizer(tmp_path / "3", tokenizer_config__json={"model_max_length": 1})
    assert none.chat_template is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[1]", "is not a JSON object"),
        ("{", "is not JSON at byte 1: expecting property name enclosed in double quotes"),
        ('{"a": 1, "a": 2}', "has a key twice in one object (`a`)"),
        ("[" * 100 + "]" * 100, "is nested deeper than 64"),
        (f"[{'[],' * 2_000_000}0]", "has more than 2,000,000 brackets"),
    ],
    ids=["list", "cut", "twice", "deep", "bomb"],
)
def test_a_tokenizer_that_cannot_be_read_says_why(
    content: str, problem: str, tmp_path: Path
) -> None:
    found = tokenizer(tmp_path, tokenizer__json=content)
    assert found.problems == {"tokenizer.json": problem}
    assert (found.kind, found.entries, found.highest) == (None, None, None)


def test_a_vocabulary_of_odd_things_has_no_entries(tmp_path: Path) -> None:
    document = {"model": {"type": 1, "vocab": {"a": "x", "b": True, "c": -1}}, "added_tokens": 4}
    found = tokenizer(tmp_path, tokenizer__json=document)
    assert (found.kind, found.entries, found.highest, found.problems) == (None, None, None, {})


def test_a_delta_is_known_by_its_metadata(tmp_path: Path) -> None:
    file = tmp_path / "delta.safetensors"
    file.write_bytes(file_of({"w": f32(1)}, {"mergec.kind": "delta"}))
    assert inspect(open_checkpoint(file)[0]).is_delta
    file.write_bytes(file_of({"w": f32(1)}, {"format": "pt"}))
    assert not inspect(open_checkpoint(file)[0]).is_delta
