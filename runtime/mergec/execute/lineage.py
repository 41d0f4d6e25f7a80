"""What lies beside the weights: config, small files, model card, and where it all came from."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mergec.catalog import Sha256
from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.regular_file import open_regular, read_whole
from mergec.diagnostics import MergecError, fail
from mergec.execute.card import model_card
from mergec.execute.version import tool_version
from mergec.plan import Plan, plan_hash, source_table
from mergec.plan.layout import ShardLayout

SCHEMA = "mergec.lineage/1"
FILE_NAME = "lineage.json"
_LARGEST_PARENT_LINEAGE = 4 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plan came from and what computes it.

    `root` is the folder that the spec's references start at, relative to the output.
    """

    spec_name: str
    spec_text: str
    root: str
    backend: str
    device: str


def companion_files(
    plan: Plan, digests: Mapping[str, Sha256], origin: Origin
) -> Iterator[tuple[str, bytes]]:
    """Every file but weights and index, `lineage.json` last; E807 if a small file changed."""
    files: dict[str, bytes] = {}
    if plan.config is not None:
        files["config.json"] = plan.config
    donor = plan.checkpoints[plan.donor]
    for small in plan.files:
        data = read_whole(donor.root / small.name)
        if hashlib.sha256(data).hexdigest() != small.digest:
            raise fail(
                "E807",
                f"`{donor.root / small.name}` changed after the plan was made",
                help="run `mergec plan` again and review what changed",
            )
        files[small.name] = data
    files["README.md"] = model_card(plan, origin.spec_name, origin.spec_text).encode()
    yield from files.items()
    yield FILE_NAME, _lineage(plan, digests, files, origin)


def _lineage(
    plan: Plan, digests: Mapping[str, Sha256], files: Mapping[str, bytes], origin: Origin
) -> bytes:
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": "mergec", "version": tool_version()},
        "plan": plan_hash(plan),
        "spec": {"name": origin.spec_name, "text": origin.spec_text},
        "root": origin.root,
        "backend": {"name": origin.backend, "device": origin.device},
        "export": {"name": plan.export.name, "kind": "delta" if plan.export.delta else "model"},
        "sources": [source_table(source) for source in plan.sources],
        "parents": _parents(plan),
        "shards": {
            layout.name: {"size": layout.size, "header_sha256": _head_digest(layout)}
            for layout in plan.layouts
        },
        "tensors": dict(sorted(digests.items())),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    return text.encode(errors="backslashreplace")  # a path that is not UTF-8, as JSON escapes it


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
