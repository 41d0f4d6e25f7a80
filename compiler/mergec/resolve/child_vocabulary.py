"""The vocabulary of a child, and where its rows come from in each parent.

Rows are found by token and never by index. A row for a token that a parent lacks is that of
`row(...)` if the spec says so, else the donor's, else the mean over the parents that have one, and
zero where none has.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mergec.catalog.row_view import RowView
from mergec.frozen import frozen
from mergec.resolve.aligned_rows import AlignedSource, Filling, Part


@frozen
class Parent:
    """A source with an embedding: its tokens, how many rows it has and in which tensors."""

    label: str
    tokens: Mapping[str, int]
    rows: int
    names: frozenset[str]


@frozen
class ChildVocabulary:
    """Tokens with their ids, and `rows`, of which there may be more.

    `owner` labels the source whose tokens keep their ids, None for none. Rows without a token that
    it has are kept as they are. `settled` are rows that the spec gives: for an id of the child the
    parent and its row, None for zeros. `forced` are those of them that replace others.
    """

    tokens: Mapping[str, int]
    rows: int
    owner: str | None
    settled: Mapping[int, tuple[str, int] | None] = field(
        default_factory=dict[int, tuple[str, int] | None]
    )
    forced: frozenset[int] = frozenset()


@frozen
class RowCounts:
    """Where the rows of one parent come from; `filled` counts by the label of who gives them.

    `kept` stand at their own index, `moved` stood at another; `averaged` are means, `zeros` are
    rows that nobody has.
    """

    kept: int
    moved: int
    filled: Mapping[str, int]
    averaged: int
    zeros: int


@frozen
class Alignment:
    """What each parent is in the child's vocabulary, by label, and how many rows come from where.

    `sources` lacks those that are so already.
    """

    sources: Mapping[str, AlignedSource]
    counts: Mapping[str, RowCounts]


def align(child: ChildVocabulary, parents: Sequence[Parent], donor: str) -> Alignment:
    """The rows of all `parents`; cost: the vocabulary times the parents."""
    aligner = _Aligner(child, {it.label: it for it in sorted(parents, key=_label)}, donor)
    sources: dict[str, AlignedSource] = {}
    counts: dict[str, RowCounts] = {}
    for parent in parents:
        source, counts[parent.label] = aligner.source(parent)
        if source.own.rows is not None:
            sources[parent.label] = source
    return Alignment(sources, counts)


def digest_of(source: AlignedSource) -> str:
    """What stands for all that is done to a source, in the parameters of its node."""
    parts = [source.own, *source.filling.parts, *source.filling.mean]
    said = [
        f"{part.label}\x1f{part.rows.digest if part.rows else '='}\x1f{part.present.digest}"
        for part in parts
    ]
    said += [*sorted(source.names), str(len(source.filling.mean))]
    return hashlib.sha256("\x1e".join(said).encode()).hexdigest()


def _label(parent: Parent) -> str:
    return parent.label


@dataclass(slots=True)
class _Aligner:
    child: ChildVocabulary
    parents: Mapping[str, Parent]
    donor: str
    rows: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    own: dict[str, Part] = field(default_factory=dict[str, Part])
    settled: dict[str | None, Part] = field(default_factory=dict[str | None, Part])

    def __post_init__(self) -> None:
        names = dict.fromkeys(range(self.child.rows), "")
        names |= {number: token for token, number in self.child.tokens.items()}
        for label, parent in self.parents.items():
            rows = self._rows(parent, names)
            self.rows[label] = rows
            view = RowView.of("rows", rows)
            other = None if view.is_identity(parent.rows) else view
            self.own[label] = Part(label, other, RowView.of("present", rows))
        for label in {given[0] for given in self.child.settled.values() if given is not None}:
            self.settled[label] = self._settled(label)

    def _rows(self, parent: Parent, names: Mapping[int, str]) -> list[int]:
        """For each id of the child, the parent's row; -1 where it has none of its own."""
        tokens, child = parent.tokens, self.child
        owner = self.parents.get(child.owner or "")
        alike = owner is not None and (owner.label == parent.label or owner.tokens == tokens)
        rows: list[int] = []
        for number in range(child.rows):
            token = names[number]
            row = tokens.get(token, -1) if token else -1
            if not token and alike and number < parent.rows:
                row = number
            rows.append(-1 if number in child.forced else row)
        return rows

    def _settled(self, label: str | None) -> Part:
        rows = [-1] * self.child.rows
        for number, given in self.child.settled.items():
            if given is not None and given[0] == label:
                rows[number] = given[1]
        return Part(str(label), RowView.of("rows", rows), RowView.of("present", rows))

    def source(self, parent: Parent) -> tuple[AlignedSource, RowCounts]:
        """One parent's rows, with those that fill what it lacks."""
        rows, child = self.rows[parent.label], self.child
        left = {number for number, row in enumerate(rows) if row < 0}
        filled: dict[str, int] = {}
        parts: list[Part] = []
        for label in sorted({given[0] for given in child.settled.values() if given is not None}):
            given = {n for n, it in child.settled.items() if it is not None and it[0] == label}
            if given & left:
                parts.append(self.settled[label])
                filled[label] = len(given & left)
                left -= given
        zeros = {n for n, it in child.settled.items() if it is None} & left
        if zeros:
            parts.append(self._zeros(parent.label))
            left -= zeros
        from_donor = {number for number in left if self._has(self.donor, number)}
        if from_donor:
            parts.append(self.own[self.donor])
            filled[self.donor] = filled.get(self.donor, 0) + len(from_donor)
            left -= from_donor
        others = {label for label in self.parents if label not in (parent.label, self.donor)}
        having = {n: [it for it in sorted(others) if self._has(it, n)] for n in left}
        mean = [label for label in sorted(others) if any(label in it for it in having.values())]
        for owners in having.values():
            if len(owners) == 1:
                filled[owners[0]] = filled.get(owners[0], 0) + 1
        counts = RowCounts(
            kept=sum(number == row for number, row in enumerate(rows)),
            moved=sum(row >= 0 and number != row for number, row in enumerate(rows)),
            filled=dict(sorted(filled.items())),
            averaged=sum(len(owners) > 1 for owners in having.values()),
            zeros=len(zeros) + sum(not owners for owners in having.values()),
        )
        filling = Filling(tuple(parts), tuple(self.own[label] for label in mean))
        return AlignedSource(self.own[parent.label], filling, parent.names), counts

    def _has(self, label: str, number: int) -> bool:
        return label in self.rows and self.rows[label][number] >= 0

    def _zeros(self, label: str) -> Part:
        """Rows of nothing, where the spec asks for zeros."""
        zero = {number for number, given in self.child.settled.items() if given is None}
        nothing = RowView.of("rows", [-1] * self.child.rows)
        where = [0 if number in zero else -1 for number in range(self.child.rows)]
        return Part(label, nothing, RowView.of("present", where))
