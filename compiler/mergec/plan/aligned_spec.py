"""A checked spec in the vocabularies that its exports ask for."""

from collections.abc import Mapping
from pathlib import Path

from mergec.catalog import Checkpoint
from mergec.catalog.describe import describe
from mergec.diagnostics import Diagnostic, MergecError
from mergec.elaborate import Elaborated
from mergec.plan.align_graph import align_graph
from mergec.plan.known_tokenizers import KnownTokenizers
from mergec.plan.vocabularies import Vocabularies
from mergec.resolve.aligned_rows import AlignedRows


def aligned_spec(
    checked: Elaborated, checkpoints: Mapping[str, Checkpoint], root: Path
) -> tuple[Elaborated, AlignedRows]:
    """The spec with rows found by token where an export has a `tokenizer`; paths from `root`.

    MergecError with E503 to E509.
    """
    found: list[Diagnostic] = []
    architectures = {k: describe([*c.tensors], c.config) for k, c in checkpoints.items()}
    known = KnownTokenizers(checkpoints)
    reader = Vocabularies(checked, checkpoints, architectures, known, root)
    vocabularies = [reader.of(export, found.append) for export in checked.exports]
    if any(each.severity == "error" for each in found):
        raise MergecError(found)
    return align_graph(checked, vocabularies)
