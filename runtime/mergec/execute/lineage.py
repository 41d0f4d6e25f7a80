"""What lies beside the weights: config, small files, model card, and where it all came from."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from mergec.catalog import Sha256
from mergec.catalog.hub_download import stated_digest
from mergec.catalog.late_files import small_file
from mergec.catalog.lineage_file import (
    ANCESTORS,
    BUILD_TYPE,
    FILE_NAME,
    HEADERS,
    PREDICATE_TYPE,
    SHARD,
    STATEMENT_TYPE,
    table_digest,
)
from mergec.catalog.regular_file import read_whole
from mergec.diagnostics import fail
from mergec.execute import plan_facts
from mergec.execute.card import model_card
from mergec.execute.findings import Outcome
from mergec.execute.numbers_told import numbers_member
from mergec.execute.origin import Origin
from mergec.execute.version import tool_version
from mergec.plan import Plan, source_table
from mergec.plan.encode import used_operators
from mergec.plan.layout import ShardLayout, index_json, index_name
from mergec.plan.model import PlannedExport, PlanSource
from mergec.plugin.registry import plugin_table

_BUILDER = "urn:mergec:run"


def companion_files(
    plan: Plan,
    export: PlannedExport,
    digests: Mapping[str, Sha256],
    origin: Origin,
    outcome: Outcome,
) -> Iterator[tuple[str, bytes]]:
    """Every file of an export but weights and index, `lineage.json` last.

    `digests` are those of the export's tensors, if any were taken. E807 if a small file changed.
    """
    files: dict[str, bytes] = {}
    if export.config is not None:
        files[export.config_name] = export.config
    for small in export.files:
        path = small_file(plan.checkpoints[small.source], small.name)
        data = read_whole(path)
        if hashlib.sha256(data).hexdigest() != small.digest:
            raise fail(
                "E807",
                f"`{path}` changed after the plan was made",
                help="run `mergec plan` again and review what changed",
            )
        files[small.target] = data
    files |= {made.name: made.data for made in export.made}
    files["README.md"] = model_card(plan, export, origin, outcome).encode()
    yield from files.items()
    index = index_json(export.layouts)
    if index is not None:
        files[index_name(export.layouts)] = index
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [*_weights(export, digests), *_files(files)],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": _definition(plan, export, origin, outcome),
            "runDetails": _details(export, origin, outcome),
            ANCESTORS: dict(outcome.ancestors.statements),
        },
    }
    text = json.dumps(statement, indent=1, ensure_ascii=False) + "\n"
    yield FILE_NAME, text.encode(errors="backslashreplace")  # what is not UTF-8, as JSON escapes it


def _weights(export: PlannedExport, digests: Mapping[str, Sha256]) -> Iterator[dict[str, Any]]:
    """The weight files, by the digests of their tensors, if these were taken as they were written.

    Without them that of a file is the digest of its header.
    """
    for layout in export.layouts:
        head = _head_digest(layout)
        tensors = {name: digests.get(name) for name in sorted(it.name for it in layout.tensors)}
        yield {
            "name": layout.name,
            "digest": {SHARD: table_digest({"header_sha256": head, "tensors": tensors})},
            "annotations": {"size": layout.size, "header_sha256": head, "tensors": tensors},
        }


def _head_digest(layout: ShardLayout) -> Sha256:
    """As the catalog takes it of a finished file: length and header, padding included."""
    length = len(layout.header).to_bytes(8, "little")
    return Sha256(hashlib.sha256(length + layout.header).hexdigest())


def _files(files: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    for name, data in sorted(files.items()):
        yield {"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}


def _definition(
    plan: Plan, export: PlannedExport, origin: Origin, outcome: Outcome
) -> dict[str, Any]:
    plugins = plugin_table(used_operators(plan))
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "spec": origin.spec_member(),
            "export": {
                "name": export.decl.name,
                "kind": export.kind,
                "folder": export.folder,
            },
            "folders": [other.folder for other in plan.exports],
        },
        "internalParameters": {
            "plan": outcome.plan_hash,
            "edition": plan.edition,
            "operators": plan_facts.operators(plan),
            **({"plugins": plugins} if plugins else {}),
            **({"lock": origin.lock} if origin.lock is not None else {}),
            "seeds": plan_facts.seeds(plan),
            "numbers": {
                "exactness": plan_facts.exactness(export.rows),
                "work": plan_facts.work_dtypes(export.rows),
            },
            "contracts": [{"condition": c.text, "why": c.why} for c in plan.contracts],
        },
        "resolvedDependencies": [
            _dependency(source, outcome.ancestors.notes.get(source.decl.label))
            for source in plan.sources
        ],
    }


def _dependency(source: PlanSource, lineage: Mapping[str, str] | None) -> dict[str, Any]:
    table, hub = source_table(source), source.checkpoint.hub
    headers = table_digest(table["files"])
    where = f"hf://{hub.repo}@{hub.commit}" if hub is not None else source.decl.ref
    commit = {"gitCommit": hub.commit} if hub is not None else {}
    return {
        "name": source.decl.label,
        "uri": where,
        "digest": {**commit, HEADERS: headers},
        "annotations": {
            **table,
            "files": [{**file, **_stated(source, file["name"])} for file in table["files"]],
            **({"lineage": dict(lineage)} if lineage is not None else {}),
        },
    }


def _stated(source: PlanSource, name: str) -> dict[str, str]:
    """The SHA-256 that a hub states of a file, which its bytes were found to have."""
    checkpoint = source.checkpoint
    digest = stated_digest(checkpoint.root / name) if checkpoint.hub is not None else None
    return {} if digest is None else {"sha256": digest}


def _details(export: PlannedExport, origin: Origin, outcome: Outcome) -> dict[str, Any]:
    numbers, cuts = outcome.numbers_of(export), outcome.cuts_of(export)
    return {
        "builder": {"id": _BUILDER, "version": {"mergec": tool_version()}},
        "mergec_run": {
            "backend": {"name": origin.backend, "device": origin.device},
            **({"left_out": [*outcome.left_out]} if outcome.left_out else {}),
            **({"counted": numbers_member(numbers)} if numbers else {}),
            "measures": [
                {"kind": fact.kind, "operands": [*fact.operands], "value": _number(value)}
                for fact, value in outcome.measured.items()
            ],
            **({"low_rank": cuts.member()} if cuts is not None else {}),
        },
    }


def _number(value: float | bool) -> float | bool | str:
    """JSON has no word for what exceeds float64."""
    return value if isinstance(value, bool) or math.isfinite(value) else str(value)
