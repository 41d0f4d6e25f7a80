"""The lineage beside the weights of a merge that mergec wrote, as data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import MergecError

_NAME = "lineage.json"
_SCHEMA = "mergec.lineage/"
_MAX_BYTES = 64 << 20
# A parent's lineage stands in its child's, and so on.
_MAX_DEPTH = 64


def read_lineage_file(root: Path) -> Mapping[str, Any] | None:
    """The lineage in a checkpoint's folder; None where there is none, or it is not one of ours."""
    try:
        with open_regular(root / _NAME) as file:
            if file.size > _MAX_BYTES:
                return None
            known = parse_json(file.read(0, file.size), max_depth=_MAX_DEPTH)
    except (MergecError, JsonProblem):
        return None
    if not isinstance(known, dict):
        return None
    document = cast("dict[str, Any]", known)
    return document if str(document.get("schema", "")).startswith(_SCHEMA) else None
