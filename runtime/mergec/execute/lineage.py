"""What lies beside the weights: config, small files, model card, and where it all came from."""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from mergec.catalog import Sha256
from mergec.catalog.hub_download import stated_digest
from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.regular_file import open_regular, read_whole
from mergec.diagnostics import MergecError, fail
from mergec.execute.card import model_card
from mergec.execute.left_out import LeftOut
from mergec.execute.measures import Measured
from mergec.execute.origin import Origin
from mergec.execute.version import tool_version
from mergec.plan import Plan, plan_hash, source_table
from mergec.plan.encode import used_operators
from mergec.plan.layout import ShardLayout
from mergec.plan.model import PlannedExport, PlanSource
from mergec.plugin.registry import plugin_table

SCHEMA = "mergec.lineage/1"
FILE_NAME = "lineage.json"
_LARGEST_PARENT_LINEAGE = 4 << 20


def companion_files(
    plan: Plan,
    export: PlannedExport,
    digests: Mapping[str, Sha256],
    measured: Measured,
    origin: Origin,
    left_out: Sequence[LeftOut] = (),
) -> Iterator[tuple[str, bytes]]:
    """Every file of an export but weights and index, `lineage.json` last.

    `digests` are those of the export's tensors, `left_out` is what the run did not do. E807 if a
    small file changed.
    """
    files: dict[str, bytes] = {}
    if export.config is not None:
        files["config.json"] = export.config
    for small in export.files:
        path = plan.checkpoints[small.source].root / small.name
        data = read_whole(path)
        if hashlib.sha256(data).hexdigest() != small.digest:
            raise fail(
                "E807",
                f"`{path}` changed after the plan was made",
                help="run `mergec plan` again and review what changed",
            )
        files[small.name] = data
    files["README.md"] = model_card(plan, export, origin).encode()
    yield from files.items()
    yield FILE_NAME, _lineage(plan, export, digests, files, measured, origin, left_out)


def _lineage(
    plan: Plan,
    export: PlannedExport,
    digests: Mapping[str, Sha256],
    files: Mapping[str, bytes],
    measured: Measured,
    origin: Origin,
    left_out: Sequence[LeftOut],
) -> bytes:
    # From the export's own folder, wherever the output is put.
    root = os.path.join("..", origin.root) if export.folder else origin.root
    plugins = plugin_table(used_operators(plan))
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": "mergec", "version": tool_version()},
        "plan": plan_hash(plan),
        "spec": origin.spec_member(),
        **({"plugins": plugins} if plugins else {}),
        "root": root,
        "backend": {"name": origin.backend, "device": origin.device},
        **({"left_out": [*left_out]} if left_out else {}),
        "export": {
            "name": export.decl.name,
            "kind": "delta" if export.decl.delta else "model",
            "folder": export.folder,
        },
        "folders": [other.folder for other in plan.exports],
        "sources": [_source(source) for source in plan.sources],
        "parents": _parents(plan),
        "shards": {
            layout.name: {"size": layout.size, "header_sha256": _head_digest(layout)}
            for layout in export.layouts
        },
        "tensors": dict(sorted(digests.items())),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        "measures": [
            {"kind": fact.kind, "operands": [*fact.operands], "value": _number(value)}
            for fact, value in measured.items()
        ],
        "contracts": [{"condition": c.text, "why": c.why} for c in plan.contracts],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    return text.encode(errors="backslashreplace")  # a path that is not UTF-8, as JSON escapes it


def _source(source: PlanSource) -> dict[str, Any]:
    """A row of the plan's table; of files from a hub with the SHA-256 that it states of them."""
    table = source_table(source)
    if source.checkpoint.hub is not None:
        for file in table["files"]:
            digest = stated_digest(source.checkpoint.root / file["name"])
            if digest is not None:
                file["sha256"] = digest
    return table


def _number(value: float | bool) -> float | bool | str:
    """JSON has no word for what exceeds float64."""
    return value if isinstance(value, bool) or math.isfinite(value) else str(value)


def _head_digest(layout: ShardLayout) -> Sha256:
    """As the catalog takes it of a finished file: length and header, padding included."""
    length = len(layout.header).to_bytes(8, "little")
    return Sha256(hashlib.sha256(length + layout.header).hexdigest())


def _parents(plan: Plan) -> dict[str, Any]:
    """The lineage of every source that has one, by label."""
    parents: dict[str, Any] = {}
    for label, checkpoint in plan.checkpoints.items():
        path = checkpoint.root / FILE_NAME
        known = _read_parent(path)
        if known is not None:
            parents[label] = known
    return parents


def _read_parent(path: Path) -> Any:
    """A parent's lineage as data; None where there is none or it is not ours to understand."""
    try:
        with open_regular(path) as file:
            if file.size > _LARGEST_PARENT_LINEAGE:
                return None
            known = parse_json(file.read(0, file.size))
    except (MergecError, JsonProblem):
        return None
    if not isinstance(known, dict):
        return None
    document = cast("dict[str, Any]", known)
    ours = str(document.get("schema", "")).startswith("mergec.lineage/")
    return document if ours else None
