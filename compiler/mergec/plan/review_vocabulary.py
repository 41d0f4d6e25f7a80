"""Where the rows of embedding and head come from, for reviewers."""

from collections.abc import Sequence

from mergec.diagnostics.printable import escape
from mergec.plan.model import PlannedExport
from mergec.resolve.child_vocabulary import RowCounts


def vocabulary_lines(export: PlannedExport, of: str) -> list[str]:
    """The section of an export with a vocabulary that was chosen; one line for each parent."""
    vocabulary = export.vocabulary
    if vocabulary is None:
        return []
    tokens = f"{vocabulary.tokens:,} tokens in {vocabulary.rows:,} rows"
    lines = [f"vocabulary{of}  {tokens}, of {escape(vocabulary.said)}"]
    width = max(len(escape(label)) for label in vocabulary.counts) if vocabulary.counts else 0
    for label, counts in vocabulary.counts.items():
        lines.append(f"  {escape(label).ljust(width)}  {', '.join(_counts(counts))}")
    return lines


def _counts(counts: RowCounts) -> Sequence[str]:
    said = [f"{counts.kept:,} rows in place"]
    said += [f"{counts.moved:,} moved"] if counts.moved else []
    said += [f"{count:,} filled from {escape(label)}" for label, count in counts.filled.items()]
    said += [f"{counts.averaged:,} filled by a mean"] if counts.averaged else []
    said += [f"{counts.zeros:,} zero"] if counts.zeros else []
    return said
