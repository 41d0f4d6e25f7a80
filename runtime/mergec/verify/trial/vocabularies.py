"""Small vocabularies in place of a spec's own, in which the same tokens meet.

A few tokens are kept of each, first those that a spec names and those by which the vocabularies
differ. Their ids are counted anew, so that equal ones stay equal and others stay apart.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mergec.catalog import Checkpoint
from mergec.catalog.describe import describe
from mergec.catalog.token_tensors import token_tensors
from mergec.catalog.tokenizer import read_tokenizer
from mergec.elaborate import Elaborated, TokenizerDecl
from mergec.frozen import frozen
from mergec.plan.known_tokenizers import KnownTokenizers

Tokens = Mapping[str, int]
_MOST = 64
_FILE = "tokenizer.json"


@frozen
class SmallVocabularies:
    """By the labels of sources, and by the paths of tokenizers that exports name."""

    sources: Mapping[str, Tokens]
    paths: Mapping[str, Tokens]

    def write(self, folders: Mapping[str, Path], root: Path) -> None:
        """A tokenizer.json into the folder of each source, and into one for each path."""
        for label, tokens in self.sources.items():
            _write(folders[label], tokens)
        for path, tokens in self.paths.items():
            folder = root / self.folder(path)
            folder.mkdir()
            _write(folder, tokens)

    def folder(self, path: str) -> str:
        """The folder that stands for a path of the spec."""
        return f"tokenizer-{[*self.paths].index(path)}"

    def moved(self, checked: Elaborated) -> Elaborated:
        """The spec with paths that lead to the small tokenizers, and rows by small ids."""
        exports = (
            replace(export, tokenizer=self._moved(export.tokenizer) if export.tokenizer else None)
            for export in checked.exports
        )
        return replace(checked, exports=tuple(exports))

    def _moved(self, decl: TokenizerDecl) -> TokenizerDecl:
        rows = (replace(it, of=0) if isinstance(it.of, int) else it for it in decl.rows)
        path = self.folder(decl.path) if decl.path is not None else None
        return replace(decl, path=path, rows=tuple(rows), multiple=min(decl.multiple, _MOST))


def small_vocabularies(
    checked: Elaborated,
    sources: Mapping[str, Checkpoint],
    root: Path,
    lengths: Mapping[int, int],
) -> SmallVocabularies | None:
    """Those of the sources with rows for tokens, where an export asks for a vocabulary.

    `lengths` leads from numbers of rows to the small ones. None where none is asked for, or no
    tokens can be kept that fit into the small rows.
    """
    decls = [export.tokenizer for export in checked.exports if export.tokenizer is not None]
    if not decls:
        return None
    known, whole, rows = KnownTokenizers(sources), dict[str, Tokens](), list[int]()
    for label, checkpoint in sources.items():
        tensors = token_tensors(checkpoint, describe([*checkpoint.tensors], checkpoint.config))
        tokenizer = known.readable(label) if tensors is not None else None
        if tensors is not None and tokenizer is not None:
            whole[label] = tokenizer.tokens
            rows.append(lengths[tensors.rows])
    paths = {decl.path: _at(root / decl.path) for decl in decls if decl.path is not None}
    every = [*whole.values(), *paths.values()]
    named = [text for decl in decls for text in _named(decl)]
    kept = _kept(every, named, min(rows, default=0))
    if not kept.issuperset(named) or any(kept.isdisjoint(tokens) for tokens in every):
        return None
    ids = sorted({tokens[token] for tokens in every for token in kept if token in tokens})
    numbers = {number: small for small, number in enumerate(ids)}

    def small(tokens: Tokens) -> Tokens:
        return {token: numbers[tokens[token]] for token in sorted(kept & tokens.keys())}

    return SmallVocabularies(
        {label: small(tokens) for label, tokens in whole.items()},
        {path: small(tokens) for path, tokens in paths.items()},
    )


def _named(decl: TokenizerDecl) -> Iterator[str]:
    for row in decl.rows:
        yield row.token
        if isinstance(row.of, str):
            yield row.of


def _at(folder: Path) -> Tokens:
    found = read_tokenizer(folder, sorted(path.name for path in folder.iterdir()))
    return found.tokens if found is not None else {}


def _kept(every: Sequence[Tokens], named: Sequence[str], most: int) -> set[str]:
    """Tokens of at most `most` ids: those that are named, and then of each kind in turn."""
    places: dict[str, tuple[int | None, ...]] = {
        token: tuple(each.get(token) for each in every) for tokens in every for token in tokens
    }
    kinds: dict[tuple[bool, ...], list[str]] = {}
    for token, place in places.items():
        kinds.setdefault((len({*place}) > 1, *(it is not None for it in place)), []).append(token)
    turns = max(map(len, kinds.values()), default=0)
    in_turn = (each[turn] for turn in range(min(turns, most)) for each in kinds.values()
               if turn < len(each))  # fmt: skip
    kept: set[str] = set()
    ids: set[int] = set()
    for token in (*named, *in_turn):
        wider = ids | {number for number in places.get(token, ()) if number is not None}
        if len(wider) <= most and token in places:
            kept.add(token)
            ids = wider
    return kept


def _write(folder: Path, tokens: Tokens) -> None:
    document = {"model": {"type": "WordLevel", "vocab": tokens}}
    (folder / _FILE).write_text(json.dumps(document), "utf-8")
