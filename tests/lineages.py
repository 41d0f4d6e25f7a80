"""The lineage of a checkpoint that a test made."""

import json
from pathlib import Path
from typing import Any

from mergec.catalog.lineage_file import FILE_NAME, Lineage, Statement, read_lineage


def lineage(folder: str | Path) -> Lineage:
    return read_lineage(Path(folder, FILE_NAME))


def statement(folder: str | Path) -> Statement:
    return lineage(folder).statement


def document(folder: str | Path) -> dict[str, Any]:
    """The file as it stands, to be changed."""
    known: dict[str, Any] = json.loads(Path(folder, FILE_NAME).read_text())
    return known


def write(folder: str | Path, changed: object) -> None:
    Path(folder, FILE_NAME).write_text(json.dumps(changed))


def external(known: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, in a document."""
    asked: dict[str, Any] = known["predicate"]["buildDefinition"]["externalParameters"]
    return asked
