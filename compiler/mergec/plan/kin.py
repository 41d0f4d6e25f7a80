"""Which parents a run asks for a common ancestor, and which of their tensors it samples.

Whether two models are related only weights can tell, so the run looks, before it merges anything.
What is asked is decided here, where the spec says which models meet and what it allows.
"""

from collections.abc import Iterator, Sequence

from mergec.catalog import TensorEntry
from mergec.diagnostics import Diagnostic, Label, escape
from mergec.elaborate import SourceDecl
from mergec.ir import Graph, NodeKey
from mergec.ops import OPERATORS
from mergec.plan.check_rows import inputs_of_values
from mergec.plan.model import Kin, PlannedExport, Row

MOST_TENSORS = 16
"""So many tensors are sampled of two models, at most."""
LEAST_ENTRIES = 1 << 10
"""A matrix of fewer entries is no evidence: of those a cosine of 0.2 may be chance."""
# Two models with fewer entries than these in all sampled matrices are not judged at all: toys.
_LEAST_TOGETHER = 1 << 16

Pairs = Sequence[tuple[TensorEntry, TensorEntry]]


def kin_questions(
    exports: Sequence[PlannedExport], graph: Graph, sources: Sequence[SourceDecl]
) -> dict[Diagnostic, Kin]:
    """For each two models that are merged with each other: W705, should they be unrelated.

    An `allow` of that finding takes the question away. Models that are put in one order by an
    operator that aligns are not asked, for that is what it is for.
    """
    decls = {decl.label: decl for decl in sources}
    asked: dict[Diagnostic, Kin] = {}
    for export in exports:
        aligned = _aligned(graph, export.decl.node)
        for (one, other), pairs in _met(export).items():
            large = large_matrices(pairs)
            together = sum(entry.numel for entry, _ in large)
            if decls[one].is_adapter or decls[other].is_adapter:
                continue  # factors of low rank have no direction of their own
            if together >= _LEAST_TOGETHER and not any({one, other} <= each for each in aligned):
                found = _unrelated(decls[one], decls[other])
                asked.setdefault(found, Kin((one, other), large, found.span, found.labels))
    return asked


def large_matrices(pairs: Pairs) -> tuple[tuple[TensorEntry, TensorEntry], ...]:
    """Of the larger half of all matrices some, evenly spaced in the order given."""
    matrices = [pair for pair in pairs if rows_of(pair[0]) and all(e.dtype.is_float for e in pair)]
    sizes = sorted((one.numel for one, _ in matrices), reverse=True)
    least = sizes[(len(sizes) - 1) // 2] if sizes else 0
    large = [pair for pair in matrices if pair[0].numel >= least]
    count = min(MOST_TENSORS, len(large))
    return tuple(large[i * len(large) // count] for i in range(count))


def rows_of(entry: TensorEntry) -> int:
    """How many rows, of all axes but the first, a matrix has; 0 for what is none or too small."""
    if len(entry.shape) < 2 or entry.numel < LEAST_ENTRIES:
        return 0
    return entry.shape[0]


def _met(export: PlannedExport) -> dict[tuple[str, str], list[tuple[TensorEntry, TensorEntry]]]:
    """The tensors in which each other source meets the donor, or where it is not read the first."""
    found: dict[tuple[str, str], list[tuple[TensorEntry, TensorEntry]]] = {}
    of_values: dict[str, list[int]] = {}
    for row in export.rows:
        if row.action != "merge":
            continue
        if row.program.key not in of_values:
            of_values[row.program.key] = inputs_of_values(row.program)
        for labels, pair in _pairs(row, of_values[row.program.key], export.donor):
            found.setdefault(labels, []).append(pair)
    return found


def _pairs(
    row: Row, inputs: Sequence[int], donor: str
) -> Iterator[tuple[tuple[str, str], tuple[TensorEntry, TensorEntry]]]:
    first = next((i for i in inputs if row.labels[i] == donor), inputs[0] if inputs else 0)
    for i in inputs:
        one, other = row.entries[first], row.entries[i]
        # Rows in another order than that of the file would have to be gathered.
        seen_alike = one.shape == other.shape and one.view is None and other.view is None
        if row.labels[i] != row.labels[first] and seen_alike:
            yield (row.labels[first], row.labels[i]), (one, other)


def _aligned(graph: Graph, node: NodeKey) -> list[set[str]]:
    """The labels of the sources below each operator that aligns."""
    return [
        {str(leaf.param("label")) for leaf in graph.leaves(each.key)}
        for each in graph.below(node)
        if each.op in OPERATORS and OPERATORS[each.op].aligns
    ]


def _unrelated(one: SourceDecl, other: SourceDecl) -> Diagnostic:
    return Diagnostic(
        "W705",
        f"`{escape(one.ref)}` and `{escape(other.ref)}` are merged and seem to be unrelated",
        other.span,
        labels=(Label(one.span, "merged with this"),),
    )
