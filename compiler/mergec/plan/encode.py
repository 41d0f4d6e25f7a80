"""The plan as JSON: a hashed member that says what is done, and what stands beside it.

`plan` is canonical and free of paths, times, memory and backend, so that it is the same wherever
the spec and its sources lie together; `estimate` is not hashed; `spec` is the text it came from.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, cast

from mergec.catalog import TensorEntry
from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.reference import is_commit
from mergec.ir import Graph, Value, print_value
from mergec.plan.budget import Budget
from mergec.plan.model import Barrier, Plan, PlannedExport, PlanSource, Reading, Row
from mergec.plan.program import Program
from mergec.plan.projection import Rates, assumes, project
from mergec.plan.steps import barrier_bytes
from mergec.plan.template import template_of
from mergec.plugin.registry import plugin_table

SCHEMA = "mergec.plan/1"


def encode_plan(
    plan: Plan,
    budget: Budget,
    spec_name: str,
    spec_text: str,
    settings: Mapping[str, str],
    imports: Mapping[str, str],
    without: Sequence[str] = (),
    rates: Rates | None = None,
) -> str:
    """The whole plan file, indented for people, with a final newline.

    The five before `rates` say what the plan was compiled from, so that it can be compiled again;
    `rates` are this machine's, if they are known.
    """
    spec = {
        "name": spec_name,
        "text": spec_text,
        "set": dict(settings),
        "imports": dict(imports),
        **({"without": [*without]} if without else {}),
    }
    member = plan_member(plan)
    document = {
        "schema": SCHEMA,
        "plan": member,
        "hash": _digest(member),
        "estimate": estimate_member(plan, budget, rates),
        "spec": spec,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def plan_hash(plan: Plan) -> str:
    """SHA-256 of the canonical bytes of the `plan` member: sorted keys, no spaces, UTF-8."""
    return _digest(plan_member(plan))


def _digest(member: Mapping[str, Any]) -> str:
    text = json.dumps(member, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def plan_member(plan: Plan) -> dict[str, Any]:
    """What is reviewed and hashed."""
    # Like sources, barriers stand by what they are and not by where the spec names them.
    barriers = sorted(plan.barriers, key=lambda barrier: barrier.key)
    items: list[Row | Reading] = [*plan.rows, *plan.readings]
    items += (reading for barrier in barriers for reading in barrier.readings)
    used = {program.key: program for program in _programs(items)}
    programs = {template.key: template for template in map(template_of, used.values())}
    plugins = plugin_table(used_operators(plan))
    return {
        "edition": plan.edition,
        **({"plugins": plugins} if plugins else {}),
        "parameters": dict(sorted(plan.parameters.items())),
        # By label, so that the order of lines in the spec is no part of the plan.
        "sources": [_source(s) for s in sorted(plan.sources, key=lambda s: s.decl.label)],
        "nodes": _nodes(plan.written),
        "programs": {key: programs[key].table for key in sorted(programs)},
        "exports": [_export(export) for export in sorted(plan.exports, key=_name)],
        "contracts": [{"condition": c.text, "why": c.why} for c in plan.contracts],
        "measures": [
            {"kind": fact.kind, "operands": list(fact.operands)} for fact in plan.measures
        ],
        "readings": [_reading(reading) for reading in plan.readings],
        "barriers": [_barrier(barrier) for barrier in barriers],
        **_policy(plan),
    }


def _policy(plan: Plan) -> dict[str, Any]:
    """What becomes of NaN and infinities in the sources, where they are not refused."""
    if plan.policy.word == "error":
        return {}
    base = {"base": plan.policy.base} if plan.policy.base else {}
    return {"nonfinite": {"policy": plan.policy.word, **base}}


def used_operators(plan: Plan) -> set[str]:
    """The names of the operators that the spec calls, with those of other nodes."""
    return {node.op for node in plan.written.nodes()}


def _programs(items: Iterable[Row | Reading]) -> Iterator[Program]:
    for item in items:
        if isinstance(item, Reading) or item.action == "merge":
            yield item.program


def _name(export: PlannedExport) -> str:
    return export.decl.name


def _export(export: PlannedExport) -> dict[str, Any]:
    return {
        "name": export.decl.name,
        "kind": export.kind,
        "node": export.decl.node,
        "donor": export.donor,
        "shard_bytes": export.decl.shard_bytes,
        "shards": [
            {
                "name": layout.name,
                "size": layout.size,
                "header": hashlib.sha256(layout.header).hexdigest(),
            }
            for layout in export.layouts
        ],
        "config": hashlib.sha256(export.config).hexdigest() if export.config else None,
        "files": [
            {
                "name": f.name,
                "source": f.source,
                "size": f.size,
                "sha256": f.digest,
                **({"as": f.renamed} if f.renamed else {}),
            }
            for f in export.files
        ],
        **_made(export),
        **({"dropped": [*export.dropped]} if export.dropped else {}),
        "tensors": _rows(export),
    }


def _made(export: PlannedExport) -> dict[str, Any]:
    """The small files that no source has as they are, if there are any."""
    made = [
        {"name": f.name, "size": len(f.data), "sha256": hashlib.sha256(f.data).hexdigest()}
        for f in export.made
    ]
    return {"made": made} if made else {}


def estimate_member(plan: Plan, budget: Budget, rates: Rates | None = None) -> dict[str, Any]:
    """Costs, with the assumption beside each."""
    seconds = round(project(budget, rates).seconds, 3) if rates else None
    return {
        "bytes_read": plan.bytes_read,
        "bytes_read_assumes": "each tensor is read once; one above the cache is read every sweep",
        "bytes_read_first": barrier_bytes(plan),
        "bytes_read_first_assumes": "statistics over all tensors read each tensor once a pass",
        "bytes_written": plan.bytes_written,
        "peak_memory": budget.peak,
        "peak_memory_assumes": f"{budget.threads} threads, blocks of {budget.block} elements, "
        f"a budget of {budget.limit} bytes",
        "operations": budget.costs.operations,
        "operations_assumes": "one for each element of an operand that a stage takes in, in each "
        "sweep, or looks at for a statistic",
        "sweeps": budget.costs.sweeps,
        "sweeps_assumes": "the most over one tensor, those for statistics over all tensors aside",
        "seconds": seconds,
        "seconds_assumes": assumes(budget, rates),
    }


def encode_value(value: Value) -> Any:
    """A literal in JSON: rationals as `"3/10"`, whole numbers as numbers, schedules as text."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else str(value)
    if isinstance(value, tuple):
        return [encode_value(item) for item in value]
    return value if isinstance(value, int | str | None) else print_value(value)


def source_table(source: PlanSource) -> dict[str, Any]:
    """One row of the `sources` table, of which lineage is a view."""
    hub, licence = source.checkpoint.hub, source.checkpoint.licence
    return {
        "label": source.decl.label,
        "ref": source.decl.ref,
        "rev": source.decl.rev,
        **({"kind": "adapter"} if source.decl.is_adapter else {}),
        **({"commit": hub.commit} if hub is not None else {}),
        "files": [
            {
                "name": shard.name,
                "size": shard.size,
                "header_sha256": shard.header_digest,
                **_state(source.checkpoint, shard.name),
            }
            for shard in source.checkpoint.shards
        ],
        "tensors": len(source.checkpoint.tensors),
        "licence": licence.id if licence is not None else None,
    }


def _state(checkpoint: Checkpoint, name: str) -> dict[str, str]:
    """Which state of an object in a store was looked at."""
    if checkpoint.stored is None:
        return {}
    state = checkpoint.stored.states[name]
    return {"etag": state.etag} if state.etag is not None else {"modified": state.modified}


def pinned_commits(table: object) -> dict[str, str]:
    """The commits of models on a hub that a `sources` table from a file states, by label.

    What does not look like one is left out: whether the table is true is for the hash to say.
    """
    rows = cast("list[object]", table) if isinstance(table, list) else []
    pins: dict[str, str] = {}
    for row in rows:
        known = cast("dict[str, object]", row) if isinstance(row, dict) else {}
        label, commit = known.get("label"), known.get("commit")
        if isinstance(label, str) and isinstance(commit, str) and is_commit(commit):
            pins[label] = commit
    return pins


def _source(source: PlanSource) -> dict[str, Any]:
    return {
        **source_table(source),
        "architecture": source.architecture.family,
        "names": source.rule,
        "unused": source.unused,
    }


def _nodes(graph: Graph) -> dict[str, Any]:
    return {
        node.key: {
            "op": node.op,
            "revision": node.revision,
            "operands": list(node.operands),
            "params": {name: encode_value(value) for name, value in node.params},
            "type": str(node.type),
        }
        for node in graph.nodes()
    }


def _rows(export: PlannedExport) -> list[dict[str, Any]]:
    place: Mapping[str, tuple[str, int]] = {
        tensor.name: (layout.name, tensor.start)
        for layout in export.layouts
        for tensor in layout.tensors
    }
    return [_row(row, *place[row.tensor]) for row in export.rows]


def _row(row: Row, shard: str, start: int) -> dict[str, Any]:
    return {
        "name": row.tensor,
        "shape": list(row.shape),
        **({"of": {"name": row.of.tensor, "over": list(row.of.shape)}} if row.of else {}),
        "dtype": row.dtype.word,
        "action": row.action,
        **_computed(row, merged=row.action == "merge"),
        "work": row.work.word,
        "exactness": row.exactness,
        "sweeps": row.sweeps,
        "equal": [{"source": label, "name": entry.name} for label, entry in row.equal],
        "shard": shard,
        "start": start,
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "measure": reading.measure,
        "name": reading.tensor,
        **_computed(reading, merged=True),
        "work": reading.work.word,
    }


def _barrier(barrier: Barrier) -> dict[str, Any]:
    readings = [{**_reading(each), **_own(each)} for each in barrier.readings]
    return {
        "node": barrier.node,
        "part": barrier.part,
        "stage": barrier.stage,
        "revision": barrier.revision,
        "params": {name: encode_value(value) for name, value in barrier.params},
        "readings": [{k: v for k, v in each.items() if k != "measure"} for each in readings],
    }


def _own(reading: Reading) -> dict[str, Any]:
    """What is this tensor's alone, if anything is."""
    own = {name: encode_value(value) for name, value in reading.own}
    return {"params": own} if own else {}


def _computed(item: Row | Reading, *, merged: bool) -> dict[str, Any]:
    """What an item is computed from, and by which program with which numbers."""
    key, scalars = _template(item.program) if merged else (None, [])
    return {
        "program": key,
        "scalars": scalars,
        "inputs": [
            {"source": label, "name": entry.name, "dtype": entry.dtype.word, **_view(entry)}
            for label, entry in zip(item.labels, item.entries, strict=True)
        ],
        "origins": dict(item.origins),
    }


def _view(entry: TensorEntry) -> dict[str, str]:
    """By which view a tensor is seen, if by one; its digest says which row is where."""
    return {} if entry.view is None else {entry.view.kind: entry.view.digest}


@lru_cache(maxsize=1 << 14)
def _template(program: Program) -> tuple[str, list[Any]]:
    """The key of a program's template, and its numbers; most tensors share a few programs."""
    template = template_of(program)
    return template.key, [encode_value(scalar) for scalar in template.scalars]
