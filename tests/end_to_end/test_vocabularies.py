"""Merges of models with different vocabularies: rows are found by token.

The cases are those that mergekit tests: the base's vocabulary, a union, another model's; padded
vocabularies; rows by a model, forced, by another token and by id; padding to a multiple.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mergec.api import compile_spec
from mergec.plan import plan_hash
from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import Mergec, Outcome
from tests.toy_vocabularies import EMBED, HEAD, LETTERS, bpe, f32, row, write_json, write_model

load_file: Any = pytest.importorskip("safetensors.numpy").load_file

BASE, CODE, MATH = 1, 2, 3
CHAT = ("<|im_start|>", "<|im_end|>")


@pytest.fixture
def parents(mergec: Mergec) -> None:
    """A base, a model with two tokens more in another order, and one with padding rows."""
    write_model(Path("a"), BASE)
    write_model(Path("b"), CODE, ("<s>", "</s>", "d", "c", "b", "a"), added=CHAT, eos_token_id=7)
    write_model(Path("m"), MATH, (*LETTERS, "e"), rows=10)


def merge(
    mergec: Mergec, settings: str, child: str = "linear(base, code)", *flags: str
) -> dict[str, np.ndarray[Any, Any]]:
    spec(settings, child)
    found = mergec("run", "child.merge", "-o", "out", *flags)
    assert found.status == 0, found.err
    assert mergec("verify", "out", "--replay", "full").status == 0
    made: dict[str, np.ndarray[Any, Any]] = load_file("out/model.safetensors")
    return made


def spec(settings: str, child: str = "linear(base, code)") -> None:
    Path("child.merge").write_text(
        'base = model("./a", id="base")\ncode = model("./b", id="code")\n'
        'math = model("./m", id="math")\n# mergec: allow W201 because not all tests use all\n'
        f"child = {child}\nexport child {{ {settings} }}\n"
    )


def rows(*each: Sequence[float]) -> np.ndarray[Any, Any]:
    return np.array(each, np.float32)


def mean(*each: tuple[int, int]) -> list[float]:
    return [sum(values) / len(each) for values in zip(*(row(*one) for one in each), strict=True)]


def vocabulary(folder: str = "out") -> dict[str, int]:
    document = json.loads(Path(folder, "tokenizer.json").read_text())
    known = dict(document["model"]["vocab"])
    return known | {entry["content"]: entry["id"] for entry in document["added_tokens"]}


def config(folder: str = "out") -> Any:
    return json.loads(Path(folder, "config.json").read_text())


@pytest.mark.usefixtures("parents")
def test_the_vocabulary_of_the_base(mergec: Mergec) -> None:
    child = merge(mergec, "tokenizer = base")
    # Of `code` the rows of the same tokens, wherever they stood.
    pairs = [((BASE, n), (CODE, m)) for n, m in enumerate([0, 1, 5, 4, 3, 2])]
    assert np.array_equal(child[EMBED], rows(*(mean(*pair) for pair in pairs)))
    assert np.array_equal(child[HEAD], -child[EMBED])
    assert vocabulary() == vocabulary("a")
    assert config() == config("a")


@pytest.mark.usefixtures("parents")
def test_the_union_of_two(mergec: Mergec) -> None:
    child = merge(mergec, "tokenizer = union(base, code)")
    pairs = [((BASE, n), (CODE, m)) for n, m in enumerate([0, 1, 5, 4, 3, 2])]
    shared = [mean(*pair) for pair in pairs]
    # What `base` lacks it has from `code`, so that their mean is the row of `code`.
    assert np.array_equal(child[EMBED], rows(*shared, row(CODE, 6), row(CODE, 7)))
    assert vocabulary() == {**vocabulary("a"), CHAT[0]: 6, CHAT[1]: 7}
    assert (config()["vocab_size"], config()["eos_token_id"]) == (8, 1)


@pytest.mark.usefixtures("parents")
def test_the_vocabulary_of_another_model(mergec: Mergec) -> None:
    child = merge(mergec, "tokenizer = code", "linear(base, code; weights=[1, 0])")
    own = [row(BASE, n) for n in (0, 1, 5, 4, 3, 2)]
    assert np.array_equal(child[EMBED], rows(*own, row(CODE, 6), row(CODE, 7)))
    assert vocabulary() == vocabulary("b")
    assert (config()["vocab_size"], config()["eos_token_id"]) == (8, 7)


@pytest.mark.usefixtures("parents")
def test_padding_rows_are_kept_where_they_are(mergec: Mergec) -> None:
    child = merge(mergec, "tokenizer = math", "linear(base, math; weights=[1, 0])")
    own = [row(BASE, n) for n in range(6)]
    assert np.array_equal(child[EMBED], rows(*own, *(row(MATH, n) for n in range(6, 10))))
    assert config()["vocab_size"] == 10
    # New tokens take the place of padding, and no row is cut off.
    grown = "tokenizer = union(math, code)"
    Path("out").rename("before")
    child = merge(mergec, grown, "linear(math, code; weights=[1, 0])")
    assert child[EMBED].shape == (10, 4)
    assert np.array_equal(child[EMBED][7:], rows(row(CODE, 6), row(CODE, 7), row(MATH, 9)))
    assert {vocabulary()[token] for token in CHAT} == {7, 8}


@pytest.mark.usefixtures("parents")
def test_a_token_that_several_have_and_the_base_lacks_is_their_mean(mergec: Mergec) -> None:
    write_model(Path("n"), 4, (*LETTERS[:3], "e"), added=("<|im_end|>",))
    Path("child.merge").write_text(
        'base = model("./a")\ncode = model("./b")\nmath = model("./m")\nother = model("./n")\n'
        "child = linear(base, code, math, other; weights=[1, 0, 0, 0])\n"
        "export child { tokenizer = union(base, code, math, other) }\n"
    )
    found = mergec("run", "child.merge", "-o", "out", "--backend", "reference")
    assert found.status == 0, found.err
    child = load_file("out/model.safetensors")
    ends = mean((CODE, 7), (4, 4))
    wanted = rows(row(CODE, 6), ends, mean((MATH, 6), (4, 3)))
    assert np.array_equal(child[EMBED][6:], wanted)
    assert mergec("verify", "out", "--replay", "full").status == 0


@pytest.mark.usefixtures("parents")
def test_a_row_that_is_filled_from_the_base_is_no_change(mergec: Mergec) -> None:
    """Exactly: what was selected from stored rows is multiplied as stored rows are."""
    write_model(Path("few"), CODE, LETTERS[:4])
    Path("delta.merge").write_text(
        'base = model("./a")\nfew = model("./few")\nmoved = 26/41*(few - base)\n'
        "export delta moved { tokenizer = base }\n"
    )
    assert mergec("run", "delta.merge", "-o", "out").status == 0
    assert mergec("verify", "out", "--replay", "full").status == 0
    moved = load_file("out/delta.safetensors")[EMBED]
    assert moved[:4].any()
    assert not moved[4:].any()


@pytest.mark.usefixtures("parents")
@pytest.mark.parametrize(
    ("given", "token", "wanted"),
    [
        ('row("a", code, force=true)', 2, row(CODE, 5)),
        ('row("a", code)', 2, row(BASE, 2)),
        ('row("<|im_end|>", code, of="d")', 7, row(CODE, 2)),
        ('row("<|im_end|>", code, of=4)', 7, row(CODE, 4)),
        ('row("<|im_end|>", base, of="d")', 7, row(BASE, 5)),
        ('row("<|im_end|>", 0)', 7, [0, 0, 0, 0]),
        ('row("a", 0, force=true)', 2, [0, 0, 0, 0]),
    ],
)
def test_a_row_by_itself(given: str, token: int, wanted: Sequence[float], mergec: Mergec) -> None:
    settings = f"tokenizer = union(base, code), rows = [{given}]"
    child = merge(mergec, settings, "linear(base, code; weights=[1, 0])")
    every = [row(BASE, n) for n in range(6)] + [row(CODE, 6), row(CODE, 7)]
    every[token] = [*wanted]
    assert np.array_equal(child[EMBED], rows(*every))


@pytest.mark.usefixtures("parents")
def test_rows_are_padded_to_a_multiple_with_zeros(mergec: Mergec) -> None:
    child = merge(mergec, "tokenizer = union(base, code), pad_to_multiple_of = 16")
    assert child[EMBED].shape == child[HEAD].shape == (16, 4)
    assert not child[EMBED][8:].any()
    assert config()["vocab_size"] == 16


@pytest.mark.usefixtures("parents")
@pytest.mark.parametrize("backend", ["reference", "native", "torch", "jax"])
@pytest.mark.parametrize(
    "child",
    [
        "slerp(base, code; t=0.3)",
        "ties(base, code, math; density=0.5)",
        "dare(code - base; density=0.5) + base",
        "base + 0.5*(code - base) - 0.25*(math - base)",
    ],
)
def test_any_operator_merges_by_token(child: str, backend: str, mergec: Mergec) -> None:
    pytest.importorskip({"native": "llvmlite", "reference": "numpy"}.get(backend, backend))
    settings = "tokenizer = union(base, code, math), dtype = bf16"
    spec(settings, child)
    assert mergec("run", "child.merge", "-o", "out", "--backend", backend).status == 0
    assert mergec("verify", "out", "--replay", "full").status == 0


@pytest.mark.usefixtures("parents")
def test_one_vocabulary_needs_no_rows_moved(mergec: Mergec) -> None:
    write_model(Path("c"), 5)
    lines = 'base = model("./a")\ncode = model("./c")\nchild = linear(base, code)\nexport child'
    Path("plain.merge").write_text(f"{lines}\n")
    Path("named.merge").write_text(f"{lines} {{ tokenizer = base }}\n")
    plain, named = (compile_spec(Path(f"{name}.merge")).plan for name in ("plain", "named"))
    assert plan_hash(plain) == plan_hash(named)


@pytest.mark.usefixtures("parents")
def test_the_plan_says_where_rows_come_from(mergec: Mergec) -> None:
    spec("tokenizer = union(base, code), pad_to_multiple_of = 10")
    said = mergec("plan", "child.merge").out
    assert (
        """\
vocabulary  8 tokens in 10 rows, of union(base, code)
  base  6 rows in place, 2 filled from code, 2 zero
  code  4 rows in place, 4 moved, 2 zero
"""
        in said
    )
    assert "  made: tokenizer.json\n" in said


@pytest.mark.usefixtures("parents")
def test_a_change_of_ids_changes_the_plan(mergec: Mergec) -> None:
    spec("tokenizer = base")
    before = plan_hash(compile_spec(Path("child.merge")).plan)
    tokenizer = json.loads(Path("b/tokenizer.json").read_text())
    known = tokenizer["model"]["vocab"]
    known["d"], known["c"] = known["c"], known["d"]
    write_json(Path("b/tokenizer.json"), tokenizer)
    assert plan_hash(compile_spec(Path("child.merge")).plan) != before


@pytest.mark.usefixtures("parents")
def test_embeddings_of_one_parent_are_not_compared(mergec: Mergec) -> None:
    lines = 'base = model("./a")\ncode = model("./b")\nboth = linear(base, code)\n'
    chosen = "child = match { embed | head => base, else => both }\n"
    Path("child.merge").write_text(lines + chosen)
    assert outcome(mergec("check", "child.merge")) == (0, [])
    Path("child.merge").write_text(f"{lines}child = both\n")
    assert outcome(mergec("check", "child.merge")) == (5, ["E502"])


def outcome(found: Outcome) -> tuple[int, list[str]]:
    return found.status, found.codes


@pytest.mark.usefixtures("parents")
def test_a_tokenizer_from_a_folder(mergec: Mergec) -> None:
    write_model(Path("t"), 9, ("a", "z", "d"))
    child = merge(mergec, 'tokenizer = "./t"', "linear(base, code; weights=[1, 0])")
    assert np.array_equal(child[EMBED], rows(row(BASE, 2), [0, 0, 0, 0], row(BASE, 5)))
    assert Path("out/tokenizer.json").read_bytes() == Path("t/tokenizer.json").read_bytes()
    assert config()["vocab_size"] == 3


@pytest.mark.usefixtures("parents")
def test_special_tokens_keep_their_meaning_in_every_config(mergec: Mergec) -> None:
    write_json(Path("a/generation_config.json"), {"eos_token_id": [1, 5], "do_sample": True})
    merge(mergec, 'tokenizer = "./b"')
    made = json.loads(Path("out/generation_config.json").read_text())
    assert made == {"eos_token_id": [1, 2], "do_sample": True}


def test_tied_models_have_one_table(mergec: Mergec) -> None:
    write_model(Path("a"), BASE, tied=True)
    write_model(Path("b"), CODE, ("<s>", "</s>", "d"), tied=True)
    write_model(Path("m"), MATH, tied=True)
    child = merge(mergec, "tokenizer = union(code, base)", "linear(code, base; weights=[1, 0])")
    assert sorted(child) == [EMBED, "model.layers.0.mlp.up_proj.weight"]
    assert np.array_equal(child[EMBED][3:], rows(row(BASE, 2), row(BASE, 3), row(BASE, 4)))


@pytest.mark.slow
def test_blocks_and_threads_change_no_bit(mergec: Mergec) -> None:
    """Rows of three values, so that blocks begin within them, and many blocks."""
    names = [f"t{number}" for number in range(60_000)]
    for folder, seed, tokens in (("a", 1, names), ("b", 2, [*names[:500:-1], "x", "y"])):
        values = np.random.default_rng(seed).normal(size=(len(tokens), 3))
        write_model(Path(folder), seed, tokens[:1])
        table = f32([float(value) for value in values.ravel()], len(tokens))
        path = Path(folder, "model.safetensors")
        path.write_bytes(file_of({EMBED: table, HEAD: table}, {"format": "pt"}))
        write_json(Path(folder, "tokenizer.json"), bpe(tokens))
    write_model(Path("m"), MATH)
    spec("tokenizer = union(base, code)", "base + 0.3*trim(code - base; density=0.5)")
    made: set[bytes] = set()
    for number, flags in enumerate(
        (["--threads", "1"], ["--threads", "2", "--memory", "230MiB"], ["--backend", "reference"])
    ):
        found = mergec("run", "child.merge", "-o", f"out{number}", *flags)
        assert found.status == 0, found.err
        made.add(Path(f"out{number}", "model.safetensors").read_bytes())
    assert len(made) == 1
