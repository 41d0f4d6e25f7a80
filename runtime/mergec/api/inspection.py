"""A checkpoint's facts: what `mergec inspect` does."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mergec.api.opening import open_reference
from mergec.catalog.inspection import Inspection, inspect
from mergec.catalog.lineage_file import read_lineage_file
from mergec.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Inspected:
    """A checkpoint's facts; `lineage` is what mergec wrote beside a merge, as data."""

    reference: str
    facts: Inspection
    lineage: Mapping[str, Any] | None
    warnings: tuple[Diagnostic, ...]


def inspect_checkpoint(reference: str) -> Inspected:
    """What the headers and small files of a checkpoint say. Never reads a weight.

    `reference` is written as in `model("./base")`, relative to the working folder. Raises what
    checking a spec that names it would: E7xx.
    """
    checkpoint, warnings = open_reference(reference)
    # A file alone has no config, no tokenizer and no past.
    lineage = None if os.path.isfile(reference) else read_lineage_file(checkpoint.root)
    return Inspected(reference, inspect(checkpoint), lineage, warnings)
