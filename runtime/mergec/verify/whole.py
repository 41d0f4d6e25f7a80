"""The `whole` oracle: stages of a graph one after the other on whole tensors, without sweeps.

What the executor makes of a program (sweeps, blocks, shared statistics) must not be visible in its
results, so both give the same bits.
"""

from collections.abc import Mapping
from typing import Any

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.ir import Graph, NodeKey
from mergec.ops import STAGES, Cursor, Site, StatisticStage, statistics_passes
from mergec.ops.rounding import widest_stored
from mergec.verify.evaluate import StoredTensor


def whole(
    graph: Graph,
    sources: Mapping[str, StoredTensor],
    work: Dtype,
    out: Dtype,
    tensor: str = "w",
    sites: Mapping[str, str] | None = None,
    shape: tuple[int, ...] | None = None,
) -> bytes:
    """The bytes of a stage graph's only output, computed in `work` and stored as `out`.

    `sources` are given by label, or with `sites` by the keys of source nodes; masks are drawn for
    `tensor`, or for what `sites` says where a node names its origin. `shape` is that of the
    result; without it all tensors are taken for vectors.
    """
    if shape is not None and 0 in shape:
        return b""  # a run has no block of it either
    reference = get_backend("reference")
    (root,) = graph.outputs.values()
    values: dict[NodeKey, Any] = {}
    stored: dict[NodeKey, Dtype] = {}
    for node in graph.below(root):
        if node.op == "source":
            held = sources[node.key if sites is not None else str(node.param("label"))]
            values[node.key] = reference.load(memoryview(held.data), held.dtype, work)
            stored[node.key] = held.dtype
            continue
        blocks = [values[key] for key in node.operands]
        if node.op == "as_model":  # says how a value is called, and computes nothing
            values[node.key] = blocks[0]
            continue
        kinds = tuple(stored.get(key) for key in node.operands)
        stage, params = STAGES[node.op], dict(node.params)
        if selected := widest_stored([kinds[i] for i in stage.selects]):
            stored[node.key] = selected
        drawn_for = (sites or {}).get(str(params.get("origin")), tensor)
        site = Site(drawn_for, (len(blocks[0]),) if shape is None else shape, work, kinds)
        setting = stage.prepare(params, site)
        for _ in range(statistics_passes(stage, params, work)):
            assert isinstance(stage, StatisticStage)
            seen = stage.observe(reference.xp, None, blocks, setting) if len(blocks[0]) else None
            setting = stage.combine(seen, setting)
        values[node.key] = stage.apply(reference.xp, blocks, setting, Cursor())
    return bytes(reference.store(values[root], out))
