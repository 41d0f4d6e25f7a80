"""Runs with a `tokenizer` setting: as if rows had been put in order before, by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.plan import check_bundle, compile_bundle
from tests.laws.test_runs import BACKENDS, exports, write
from tests.strategies import SpecText, checkpoints, defined, specs
from tests.strategies.vocabularies import EMBED, HEAD, Vocabularies, vocabularies, with_rows
from tests.toy_vocabularies import bpe

EXPORT = 'as "result"'


@pytest.mark.slow
@settings(max_examples=8)
@given(data=st.data())
def test_rows_found_by_token_are_rows_put_in_order(data: st.DataObject) -> None:
    few = specs("any").filter(lambda spec: len(spec.labels) < 4 and not spec.statistics)
    spec = data.draw(few)
    known = data.draw(vocabularies(spec))
    plain = data.draw(checkpoints(spec, exact=False))
    if any(EMBED not in tensors for tensors in plain.values()):
        return  # names behind a prefix
    held = with_rows(plain, known, data.draw(st.integers(0, 99)))
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("by-token", "by-hand"):
            (root / name).mkdir()
        write(root / "by-token", held)
        write_tokenizers(root / "by-token", known.tokens)
        plan = compile_bundle(spec.given(asked(spec, known), root / "by-token")).plan
        checked = check_bundle(spec.given(first_alone(spec)))
        (export,) = checked.exports
        merged = {str(leaf.param("label")) for leaf in checked.graph.leaves(export.node)}
        write(root / "by-hand", known.aligned(held, export.donor, merged))
        ready = compile_bundle(spec.given(first_alone(spec), root / "by-hand")).plan
        for backend in BACKENDS:
            with defined():
                wanted = exports(ready, root / f"hand-{backend}", backend)
            assert exports(plan, root / f"token-{backend}", backend) == wanted, (spec.text, known)


def first_alone(spec: SpecText) -> str:
    """The spec without contracts and with its first export alone, of 32-bit floats."""
    lines = spec.uncontracted.splitlines()
    kept = [line for line in lines if not line.startswith("export") or EXPORT in line]
    return "".join(f"{line.partition(' {')[0] if EXPORT in line else line}\n" for line in kept)


def asked(spec: SpecText, known: Vocabularies) -> str:
    """The same with a vocabulary."""
    return first_alone(spec).replace(EXPORT, f"{EXPORT} {{ {known.settings(spec)} }}")


def write_tokenizers(root: Path, tokens: Mapping[str, Sequence[str]]) -> None:
    for label, own in tokens.items():
        document = bpe(own)
        (root / label / "tokenizer.json").write_text(json.dumps(document))


def test_the_hand_knows_the_rules() -> None:
    """Union of two, one of which is padded: the tokens in order, then what is left of padding."""
    known = Vocabularies(
        {"base": ("a", "b"), "a": ("b", "c")}, {"base": 4, "a": 2}, ("base", "a"), 1
    )
    assert known.child() == ["a", "b", "c", None]
    assert HEAD != EMBED
