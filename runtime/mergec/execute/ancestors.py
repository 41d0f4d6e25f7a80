"""The lineages of parents that were merged themselves, for the lineage of their child."""

from collections.abc import Iterator, Mapping
from typing import Any

from mergec.catalog.lineage_file import FILE_NAME, Lineage, LineageProblem, read_lineage
from mergec.catalog.quoted import counted
from mergec.diagnostics import Diagnostic
from mergec.frozen import frozen
from mergec.plan import Plan

# A statement has a line for each tensor, a hundred bytes or so.
_LARGEST_FILE = 8 << 20
_LARGEST_SUM = 4 << 20


@frozen
class Ancestors:
    """What stands in the child's lineage of those of its parents.

    `notes` says of each source that has a lineage, by label, which statement is its, or why it
    could not be read. `statements` are those of all ancestors, by digest, nearest first, as many as
    there is room for; `left_out` counts the others.
    """

    notes: Mapping[str, Mapping[str, str]]
    statements: Mapping[str, Mapping[str, Any]]
    left_out: int

    def warnings(self) -> Iterator[Diagnostic]:
        """W803 for what is left out."""
        hint = "keep the parents' own `lineage.json`, where the rest stands"
        for label, note in self.notes.items():
            if "omitted" in note:
                message = (
                    f"the lineage of `{label}` is left out: its `{FILE_NAME}` {note['omitted']}"
                )
                yield Diagnostic("W803", message, None, help=(hint,))
        if self.left_out:
            number = counted(self.left_out, "ancestor")
            message = f"the lineage of {number} is left out, for want of room"
            yield Diagnostic("W803", message, None, help=(hint,))


def ancestors_of(plan: Plan) -> Ancestors:
    """Read the lineages of a plan's sources."""
    notes: dict[str, Mapping[str, str]] = {}
    parents: dict[str, Lineage] = {}
    for label, checkpoint in plan.checkpoints.items():
        try:
            known = read_lineage(checkpoint.root / FILE_NAME, _LARGEST_FILE)
        except LineageProblem as problem:
            if not problem.absent:
                notes[label] = {"omitted": str(problem)}
            continue
        digest = known.statement.digest
        notes[label] = {"sha256": digest}
        parents[digest] = known
    return _gathered(notes, parents)


def _gathered(notes: Mapping[str, Mapping[str, str]], parents: Mapping[str, Lineage]) -> Ancestors:
    """All statements, by generations, up to the room there is."""
    known = {digest: each.statement for digest, each in parents.items()}
    for each in parents.values():
        known |= each.ancestors
    kept: dict[str, Mapping[str, Any]] = {}
    room, left_out = _LARGEST_SUM, 0
    generation, seen = sorted(parents), set[str]()
    while generation:
        seen.update(generation)
        following: set[str] = set()
        for digest in generation:
            statement = known.get(digest)
            if statement is None:  # left out of a parent's lineage already
                left_out += 1
                continue
            following |= {source.lineage for source in statement.sources if source.lineage}
            size = statement.size
            if size > room:
                left_out += 1
                continue
            room -= size
            kept[digest] = statement.data
        generation = sorted(following - seen)
    return Ancestors(notes, kept, left_out)
