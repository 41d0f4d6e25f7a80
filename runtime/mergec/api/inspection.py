"""A checkpoint's facts: what `mergec inspect` does."""

import os
from collections.abc import Sequence
from pathlib import Path

from mergec.api.opening import open_reference
from mergec.catalog.inspection import Inspection, inspect
from mergec.catalog.lineage_file import FILE_NAME, Lineage, LineageProblem, read_lineage
from mergec.diagnostics import Diagnostic, MergecError
from mergec.frozen import frozen


@frozen
class Inspected:
    """A checkpoint's facts; `lineage` is what mergec wrote beside a merge."""

    reference: str
    facts: Inspection
    lineage: Lineage | None
    warnings: tuple[Diagnostic, ...]


def inspect_checkpoint(reference: str) -> Inspected:
    """What the headers and small files of a checkpoint say. Never reads a weight.

    `reference` is written as in `model("./base")`, relative to the working folder. Raises what
    checking a spec that names it would: E7xx.
    """
    return inspect_checkpoints([reference])[0]


def inspect_checkpoints(references: Sequence[str]) -> tuple[Inspected, ...]:
    """The same of several, in their order; raises what is wrong with all that do not open."""
    found: list[Inspected] = []
    errors: list[Diagnostic] = []
    for reference in references:
        try:
            checkpoint, warnings = open_reference(reference)
        except MergecError as error:
            errors += error.diagnostics
            continue
        # A file alone has no config, no tokenizer and no past.
        lineage = None if os.path.isfile(reference) else _lineage(checkpoint.root)
        found.append(Inspected(reference, inspect(checkpoint), lineage, warnings))
    if errors:
        raise MergecError(dict.fromkeys(errors))
    return tuple(found)


def _lineage(root: Path) -> Lineage | None:
    try:
        return read_lineage(root / FILE_NAME)
    except LineageProblem:
        return None  # `mergec lineage` says what is wrong with it
