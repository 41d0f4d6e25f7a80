"""Checkpoints named on a command line, as a spec in the working folder would name them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from mergec.catalog import Checkpoint, open_source
from mergec.catalog.open_adapter import is_adapter_file
from mergec.catalog.reference import split_revision
from mergec.diagnostics import Diagnostic, MergecError, escape

K = TypeVar("K")


def open_reference(reference: str) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The checkpoint and the warnings about it; raises what checking a spec would: E7xx."""
    ref, revision = split_revision(reference)
    return open_source(ref, revision, Path())


def open_references(
    references: Mapping[K, str],
) -> tuple[dict[K, Checkpoint], tuple[Diagnostic, ...]]:
    """All of them, and the warnings; MergecError with the errors of all that do not open.

    E735 for an adapter, whose factors are no weights.
    """
    checkpoints: dict[K, Checkpoint] = {}
    warnings: list[Diagnostic] = []
    errors: list[Diagnostic] = []
    for key, reference in references.items():
        try:
            checkpoints[key], found = open_reference(reference)
        except MergecError as error:
            errors += error.diagnostics
        else:
            warnings += found
            if is_adapter_file(checkpoints[key]):
                errors.append(_adapter(reference))
    if errors:
        raise MergecError(dict.fromkeys(errors))
    return checkpoints, tuple(dict.fromkeys(warnings))


def _adapter(reference: str) -> Diagnostic:
    return Diagnostic(
        "E735",
        f"`{escape(reference)}` holds an adapter, not a model",
        None,
        notes=("its factors say nothing by themselves: only their products change weights",),
        help=("merge it into its model by a spec, `base + adapter(...)`, and name the child",),
    )
