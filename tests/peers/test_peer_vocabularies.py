"""Vocabularies beside mergekit's: which rows a token gets, and where the two differ on purpose.

The differences are listed in `docs/vocabularies.md`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from mergec.api import compile_spec, execute
from mergec.catalog import open_checkpoint
from mergec.catalog.tokenizer import read_tokenizer
from mergec.verify.law_tensors import Floats
from tests.peers.vocabulary_facade import their_rows
from tests.toy_vocabularies import EMBED, HIDDEN, LETTERS, row, write_json, write_model

CHAT = ("<|im_start|>", "<|im_end|>")
LLAMA = ["LlamaForCausalLM"]
PARENTS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "a": (LETTERS, ()),
    "b": (("<s>", "</s>", "d", "c", "b", "a", "e"), CHAT),
    "n": (("<s>", "</s>", "c", "e", "f"), CHAT[1:]),
}


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Floats]:
    """Folders with tokenizers that transformers loads, and the tables of their embeddings."""
    monkeypatch.chdir(tmp_path)
    found: dict[str, Floats] = {}
    for model, (folder, (tokens, added)) in enumerate(PARENTS.items(), 1):
        write_model(Path(folder), model, tokens, added=added, architectures=LLAMA)
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}
        write_json(Path(folder, "tokenizer_config.json"), settings)
        count = len(tokens) + len(added)
        found[folder] = np.array([row(model, number) for number in range(count)], np.float32)
    return found


def our_rows(alone: str, settings: str) -> tuple[Mapping[str, int], Floats]:
    """The child's tokens, and its rows where `alone` is all that counts."""
    weights = ", ".join(str(int(folder == alone)) for folder in PARENTS)
    sources = "".join(f'{folder} = model("./{folder}")\n' for folder in PARENTS)
    Path("child.merge").write_text(
        f"{sources}child = linear({', '.join(PARENTS)}; weights=[{weights}])\n"
        f"export child {{ tokenizer = {settings} }}\n"
    )
    execute(compile_spec(Path("child.merge")), Path("out"), backend="reference")
    entry = next(it for it in open_checkpoint(Path("out"))[0].tensors.values() if it.name == EMBED)
    data = Path("out", entry.file).read_bytes()[entry.start : entry.start + entry.nbytes]
    tokenizer = read_tokenizer(Path("out"), ["tokenizer.json"])
    assert tokenizer is not None
    return tokenizer.tokens, np.frombuffer(data, np.float32).reshape(-1, HIDDEN)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("union(a, b, n)", "union"), ("a", "base"), ("b", "b")]
)
@pytest.mark.parametrize("alone", PARENTS)
def test_every_token_has_the_row_that_mergekit_gives_it(
    ours: str, theirs: str, alone: str, tables: dict[str, Floats]
) -> None:
    found = their_rows(tables, theirs, base="a")
    tokens, rows = our_rows(alone, ours)
    assert tokens.keys() == found.tokens.keys()
    for token, number in tokens.items():
        assert np.array_equal(rows[number], found.rows[alone][found.tokens[token]]), token


def test_new_tokens_stand_in_another_order(tables: dict[str, Floats]) -> None:
    """There in no stated order, and added tokens behind pieces; here in that of their ids."""
    found = their_rows(tables, "union", base="a").tokens
    tokens, _ = our_rows("a", "union(a, b, n)")
    assert tokens == dict(zip((*LETTERS, "e", *CHAT, "f"), range(10), strict=True))
    old = dict(zip(LETTERS, range(len(LETTERS)), strict=True))
    assert found.items() >= old.items()
    assert min(found[token] for token in CHAT) > max(found[token] for token in ("e", "f"))


def test_padding_is_zero_here_and_the_mean_there(tables: dict[str, Floats]) -> None:
    theirs = their_rows(tables, "base", base="a", multiple=8).rows["a"]
    _, ours = our_rows("a", "a, pad_to_multiple_of = 8")
    assert theirs.shape == ours.shape == (8, HIDDEN)
    assert np.array_equal(theirs[:6], ours[:6])
    assert np.allclose(theirs[6:], theirs[:6].mean(axis=0))
    assert not ours[6:].any()


def test_rows_without_a_token_are_kept_here_and_cut_off_there(tables: dict[str, Floats]) -> None:
    write_model(Path("wide"), 7, rows=9, architectures=LLAMA)
    wide = np.array([row(7, number) for number in range(9)], np.float32)
    assert their_rows({"a": tables["a"], "wide": wide}, "base", base="a").rows["a"].shape == (6, 4)
    Path("child.merge").write_text(
        'w = model("./wide")\nexport w as "child" { tokenizer = w, pad_to_multiple_of = 9 }\n'
    )
    vocabulary = compile_spec(Path("child.merge")).plan.exports[0].vocabulary
    assert vocabulary is not None
    assert vocabulary.rows == 9


def test_without_a_base_what_the_first_lacks_not_is_a_mean_there(
    tables: dict[str, Floats],
) -> None:
    """`d` of the first two is lacking in the third: here it gets the first one's row."""
    found = their_rows(tables, "union")
    tokens, rows = our_rows("n", "union(a, b, n)")
    assert np.array_equal(rows[tokens["d"]], row(1, 5))
    theirs = found.rows["n"][found.tokens["d"]]
    assert np.allclose(theirs, (np.array(row(1, 5)) + np.array(row(2, 2))) / 2)
