"""The plan as JSON: a hashed member that says what is done, and what stands beside it.

`plan` is canonical and free of paths, times, memory and backend, so that it is the same wherever
the spec and its sources lie together; `estimate` is not hashed; `spec` is the text it came from.
"""

import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from mergec.ir import Graph, Value
from mergec.plan.budget import Budget
from mergec.plan.model import Plan, PlanSource, Row
from mergec.plan.program import Program

SCHEMA = "mergec.plan/1"


def encode_plan(plan: Plan, budget: Budget, spec_name: str, spec_text: str) -> str:
    """The whole plan file, indented for people, with a final newline."""
    document = {
        "schema": SCHEMA,
        "plan": plan_member(plan),
        "hash": plan_hash(plan),
        "estimate": estimate_member(plan, budget),
        "spec": {"name": spec_name, "text": spec_text},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def plan_hash(plan: Plan) -> str:
    """SHA-256 of the canonical bytes of the `plan` member: sorted keys, no spaces, UTF-8."""
    text = json.dumps(plan_member(plan), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def plan_member(plan: Plan) -> dict[str, Any]:
    """What is reviewed and hashed."""
    return {
        "edition": plan.edition,
        # By label, so that the order of lines in the spec is no part of the plan.
        "sources": [_source(s) for s in sorted(plan.sources, key=lambda s: s.decl.label)],
        "nodes": _nodes(plan.written),
        "programs": {plan.program.key: _program(plan.program)} if plan.program.calls else {},
        "exports": [
            {
                "name": plan.export.name,
                "kind": "delta" if plan.export.delta else "model",
                "node": plan.export.node,
                "donor": plan.donor,
                "shard_bytes": plan.export.shard_bytes,
                "shards": [
                    {
                        "name": layout.name,
                        "size": layout.size,
                        "header": hashlib.sha256(layout.header).hexdigest(),
                    }
                    for layout in plan.layouts
                ],
                "config": hashlib.sha256(plan.config).hexdigest() if plan.config else None,
                "files": [{"name": f.name, "size": f.size, "sha256": f.digest} for f in plan.files],
                "tensors": _rows(plan),
            }
        ],
    }


def estimate_member(plan: Plan, budget: Budget) -> dict[str, Any]:
    """Costs, with the assumption beside each."""
    return {
        "bytes_read": plan.bytes_read,
        "bytes_read_assumes": "each tensor is read once; one above the cache is read every sweep",
        "bytes_written": plan.bytes_written,
        "peak_memory": budget.peak,
        "peak_memory_assumes": f"{budget.threads} threads, blocks of {budget.block} elements, "
        f"a budget of {budget.limit} bytes",
    }


def encode_value(value: Value) -> Any:
    """A literal in JSON: rationals as `"3/10"`, whole numbers as numbers."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else str(value)
    if isinstance(value, tuple):
        return [encode_value(item) for item in value]
    return value


def source_table(source: PlanSource) -> dict[str, Any]:
    """One row of the `sources` table, of which lineage is a view."""
    return {
        "label": source.decl.label,
        "ref": source.decl.ref,
        "rev": source.decl.rev,
        "files": [
            {"name": shard.name, "size": shard.size, "header_sha256": shard.header_digest}
            for shard in source.checkpoint.shards
        ],
        "tensors": len(source.checkpoint.tensors),
        "licence": source.checkpoint.licence,
    }


def _source(source: PlanSource) -> dict[str, Any]:
    return {**source_table(source), "names": source.rule, "unused": source.unused}


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


def _program(program: Program) -> dict[str, Any]:
    count = len(program.inputs)

    def value(index: int) -> str:
        return f"in{index}" if index < count else f"v{index - count}"

    return {
        "inputs": list(program.inputs),
        "calls": [
            {
                "node": call.node,
                "stage": call.stage,
                "revision": call.revision,
                "operands": [value(i) for i in call.operands],
                "params": {name: encode_value(v) for name, v in call.params},
            }
            for call in program.calls
        ],
        "result": value(program.result),
    }


def _rows(plan: Plan) -> list[dict[str, Any]]:
    place: Mapping[str, tuple[str, int]] = {
        tensor.name: (layout.name, tensor.start)
        for layout in plan.layouts
        for tensor in layout.tensors
    }
    return [_row(row, plan, *place[row.tensor]) for row in plan.rows]


def _row(row: Row, plan: Plan, shard: str, start: int) -> dict[str, Any]:
    return {
        "name": row.tensor,
        "shape": list(row.shape),
        "dtype": row.dtype.word,
        "action": row.action,
        "program": plan.program.key if row.action == "merge" else None,
        "work": row.work.word,
        "exactness": row.exactness,
        "sweeps": row.sweeps,
        "inputs": [
            {"source": label, "name": entry.name, "dtype": entry.dtype.word}
            for label, entry in zip(row.labels, row.entries, strict=True)
        ],
        "equal": [{"source": label, "name": entry.name} for label, entry in row.equal],
        "shard": shard,
        "start": start,
    }
