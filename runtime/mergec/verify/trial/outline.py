"""What there is to try of a spec: its plan over small checkpoints, and each tensor's graph."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import lcm
from pathlib import Path

from mergec.catalog import Checkpoint
from mergec.catalog.describe import describe
from mergec.elaborate import Contract, Elaborated
from mergec.frozen import frozen
from mergec.ir import Operation, facts, part_statistics
from mergec.ops import statistic_operator
from mergec.plan import Plan, Row, plan_over
from mergec.plan.aligned_spec import aligned_spec
from mergec.resolve import Alignments, KeySets
from mergec.verify.tensor_graphs import TensorGraph, tensor_graphs
from mergec.verify.trial.folder import Folder, small_folder
from mergec.verify.trial.vocabularies import small_vocabularies

# An output tensor: the name of its export and its own.
Output = tuple[str, str]


@frozen
class Outline:
    """A spec over small checkpoints.

    `statistics` tells of which kind the tensors are, by label and name, that are statistics of
    others. `rational` are the outputs that are computed on rationals too.
    """

    folder: Folder
    plan: Plan
    rows: Mapping[Output, Row]
    graphs: Mapping[Output, TensorGraph]
    statistics: Mapping[tuple[str, str], str]
    rational: Sequence[Output]


def outline(
    checked: Elaborated,
    sources: Mapping[str, Checkpoint],
    scratch: Path,
    elements: int,
    rational: int,
    root: Path = Path(),
) -> Outline:
    """Lay out small checkpoints in the existing folder `scratch` and plan over them.

    No tensor has more than `elements`; about `rational` tensors are computed on rationals. Paths
    of tokenizers that the spec names start at `root`.
    """
    checked = replace(checked, contracts=tuple(_measured(checked.contracts)))
    folder = small_folder(scratch, sources, elements, *_units(checked, sources))
    vocabularies = small_vocabularies(checked, sources, root, folder.axes)
    if vocabularies is None:
        exports = tuple(replace(export, tokenizer=None) for export in checked.exports)
        checked = replace(checked, exports=exports)
    else:
        folder = folder.with_tokenizers(vocabularies)
        checked = vocabularies.moved(checked)
    plan = plan_over(checked, folder.checkpoints, scratch)
    checked, aligned = aligned_spec(checked, folder.checkpoints, scratch)
    rows = {(export.decl.name, row.tensor): row for export in plan.exports for row in export.rows}
    found = tensor_graphs(checked, folder.checkpoints, aligned)
    graphs = {(each.export, each.name): each for each in found}
    statistics = dict(_statistics(rows.values()))
    return Outline(folder, plan, rows, graphs, statistics, _sample(rows, graphs, rational))


def _units(
    checked: Elaborated, sources: Mapping[str, Checkpoint]
) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """What lengths must be multiples of, and how many times a part, to carry the same units."""
    architectures = {k: describe([*c.tensors], c.config) for k, c in sources.items()}
    alignments = Alignments.over(checked, KeySets(checked, sources, architectures))
    multiples: dict[int, int] = {}
    times: dict[int, int] = {}
    for length, parts, units in alignments.lengths():
        if units is None:
            times[length] = max(parts, times.get(length, 1))
        else:
            multiples[length] = lcm(parts * units, multiples.get(length, 1))
    return multiples, {length: parts for length, parts in times.items() if parts > 1}


def _measured(contracts: Iterable[Contract]) -> Iterator[Contract]:
    """Contracts that hold whatever is measured: a run collects what the spec's contracts need.

    What they ask for, random numbers need not give, nor small shapes.
    """
    for contract in contracts:
        for fact in facts(contract.condition):
            yield replace(contract, condition=Operation("!=", (fact, "never")))


def _statistics(rows: Iterable[Row]) -> Iterator[tuple[tuple[str, str], str]]:
    for row in rows:
        for call in row.program.calls:
            _, given = part_statistics(call.operands, dict(call.params))
            statistic = statistic_operator(call.stage).statistic if given else None
            if statistic is not None:
                for i in given:
                    yield (row.labels[i], str(row.entries[i].name)), statistic.kind


def _sample(
    rows: Mapping[Output, Row], graphs: Mapping[Output, TensorGraph], most: int
) -> Sequence[Output]:
    """At most `most` outputs that are computed, but one of each program at the least."""
    seen: set[tuple[object, ...]] = set()
    first: list[Output] = []
    others: list[Output] = []
    for output, row in rows.items():
        if output not in graphs or row.action == "copy":
            continue
        kind = (row.program.key, row.work, row.dtype, len(row.shape))
        (others if kind in seen else first).append(output)
        seen.add(kind)
    return [*first, *others[: max(0, most - len(first))]]
