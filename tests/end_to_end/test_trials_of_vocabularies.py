"""`mergec test` merges small checkpoints by token where the spec has a `tokenizer` setting."""

from pathlib import Path

import pytest

from mergec.api import compile_spec
from mergec.elaborate import Bundle
from mergec.plan import check_bundle
from mergec.syntax import read_spec
from mergec.verify.trial.outline import Outline, outline
from tests.end_to_end.command_line import Mergec
from tests.toy_vocabularies import EMBED, LETTERS, write_model

CHAT = ("<|im_start|>", "<|im_end|>")
SETTINGS = (
    "tokenizer = union(base, code)",
    "tokenizer = code, pad_to_multiple_of = 8",
    'tokenizer = "./t"',
    'tokenizer = union(base, code), rows = [row("<|im_end|>", base, of="d"), row("a", code, of=1)]',
)


@pytest.fixture
def parents(mergec: Mergec) -> None:
    write_model(Path("a"), 1, (*LETTERS, *(f"x{n}" for n in range(40))))
    words = ("<s>", "</s>", "d", "c", "b", "a", *(f"x{n}" for n in range(39)))
    write_model(Path("b"), 2, words, added=CHAT)
    write_model(Path("t"), 9, ("a", "z", "d"))


def spec(settings: str) -> None:
    Path("child.merge").write_text(
        'base = model("./a")\ncode = model("./b")\nchild = base + 0.3*(code - base)\n'
        f"export child {{ {settings} }}\n"
    )


def outlined(scratch: Path) -> Outline:
    path = Path("child.merge")
    checked = check_bundle(Bundle(read_spec(path, str(path)), path.parent, {}))
    return outline(checked, compile_spec(path).plan.checkpoints, scratch, 48, 9, path.parent)


@pytest.mark.usefixtures("parents")
@pytest.mark.parametrize("settings", SETTINGS)
def test_both_oracles_agree_with_runs_by_token(
    settings: str, mergec: Mergec, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spec(settings)
    found = outlined(tmp_path_factory.mktemp("small"))
    assert any(entry.view for entry in found.rows["child", EMBED].entries)
    filled = any(node.op == "take_rows" for node in found.graphs["child", EMBED].graph.nodes())
    assert filled or "union" not in settings
    tried = mergec("test", "child.merge", "--backend", "reference", "--backend", "native")
    assert tried.status == 0, tried.out + tried.err
    assert "take_rows" not in tried.out  # an exact meaning is stated of it
