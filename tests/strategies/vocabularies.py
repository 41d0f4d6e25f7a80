"""Random vocabularies beside the checkpoints of a spec, and what these are once rows are aligned.

The alignment is written down here once more, from the rules in `docs/vocabularies.md`: token by
token, in Python.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.verify.evaluate import StoredTensor
from mergec.verify.law_tensors import stored
from tests.strategies.checkpoints import Checkpoints
from tests.strategies.specs import SpecText

EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"
_ALPHABET = ("<s>", "</s>", "a", "b", "c", "d", "e", "f")
_WIDTH = 3


@dataclass(frozen=True, slots=True)
class Vocabularies:
    """For each source its tokens by id, and how many rows it has; and what an export asks for."""

    tokens: Mapping[str, Sequence[str]]
    rows: Mapping[str, int]
    union: Sequence[str]
    multiple: int

    def settings(self, spec: SpecText) -> str:
        """The settings of an export; of a source that is cut or stretched the whole is named."""
        names = [f"{it}_all" if f"\n{it}_all = " in spec.text else it for it in self.union]
        asked = f"union({', '.join(names)})" if len(names) > 1 else names[0]
        return f"tokenizer = {asked}, pad_to_multiple_of = {self.multiple}"

    def child(self) -> list[str | None]:
        """The child's token of each row, None for a row without one."""
        owner = self.union[0]
        found: list[str | None] = [*self.tokens[owner]]
        for label in self.union[1:]:
            found += [token for token in self.tokens[label] if token not in found]
        found += [None] * (self.rows[owner] - len(found))
        return found + [None] * (-len(found) % self.multiple)

    def aligned(self, held: Checkpoints, donor: str, merged: Collection[str]) -> Checkpoints:
        """The checkpoints with the child's rows in place of their own.

        What is missing comes from sources that are `merged` or that the export names.
        """
        parents = {it: tensors for it, tensors in held.items() if it in {*merged, *self.union}}
        return {
            label: {
                name: self._aligned(parents, donor, label, name)
                if name in (EMBED, HEAD) and label in parents
                else tensor
                for name, tensor in tensors.items()
            }
            for label, tensors in held.items()
        }

    def _aligned(self, held: Checkpoints, donor: str, label: str, name: str) -> StoredTensor:
        tables = {it: table_of(tensors[name]) for it, tensors in held.items()}
        rows: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
        for number, token in enumerate(self.child()):
            having = {it: row for it in held if (row := self._row(it, token, number)) is not None}
            if label in having:
                rows.append(tables[label][having[label]])
            elif donor in having:
                rows.append(tables[donor][having[donor]])
            elif having:
                every = [tables[it][row] for it, row in having.items()]
                rows.append(np.sum(every, axis=0) / len(every))
            else:
                rows.append(np.zeros(_WIDTH))
        return stored(np.array(rows), Dtype.F32)

    def _row(self, label: str, token: str | None, number: int) -> int | None:
        """The row that a source has for a row of the child."""
        if token is not None:
            known = self.tokens[label]
            return known.index(token) if token in known else None
        same = self.tokens[label] == self.tokens[self.union[0]]
        return number if same and number < self.rows[label] else None


def table_of(tensor: StoredTensor) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """A tensor of 32-bit floats."""
    return np.frombuffer(tensor.data, np.float32).reshape(tensor.shape).astype(np.float64)


def vocabularies(spec: SpecText) -> st.SearchStrategy[Vocabularies]:
    """Vocabularies that share tokens, most of them at other ids, and a setting for an export."""
    return st.composite(_draw)(spec)


def _draw(draw: st.DrawFn, spec: SpecText) -> Vocabularies:
    tokens: dict[str, Sequence[str]] = {}
    rows: dict[str, int] = {}
    for label in spec.labels:
        as_another = draw(st.booleans())
        if tokens and as_another:
            tokens[label] = draw(st.sampled_from([*tokens.values()]))
        else:
            order = draw(st.permutations(_ALPHABET))
            tokens[label] = order[: draw(st.integers(1, len(_ALPHABET)))]
        rows[label] = len(tokens[label]) + draw(st.sampled_from([0, 0, 1, 3]))
    union = draw(st.lists(st.sampled_from(spec.labels), min_size=1, unique=True))
    return Vocabularies(tokens, rows, union, draw(st.sampled_from([1, 1, 4])))


def with_rows(
    held: Checkpoints, vocabularies: Vocabularies, seed: int
) -> dict[str, dict[str, StoredTensor]]:
    """The checkpoints with embeddings and heads that have a row for each token."""
    random = np.random.default_rng(seed)
    found: dict[str, dict[str, StoredTensor]] = {}
    for label, tensors in held.items():
        shape = (vocabularies.rows[label], _WIDTH)
        tables = {
            name: stored(random.integers(-64, 65, shape) / 16, Dtype.F32) for name in (EMBED, HEAD)
        }
        found[label] = {**tensors, **tables}
    return found
