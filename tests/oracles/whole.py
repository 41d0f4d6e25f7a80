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
from mergec.verify.evaluate import StoredTensor

REFERENCE = get_backend("reference")


def whole(
    graph: Graph, sources: Mapping[str, StoredTensor], work: Dtype, out: Dtype, tensor: str = "w"
) -> bytes:
    """The bytes of a stage graph's only output, computed in `work` and stored as `out`."""
    (root,) = graph.outputs.values()
    values: dict[NodeKey, Any] = {}
    stored: dict[NodeKey, Dtype] = {}
    for node in graph.below(root):
        if node.op == "source":
            held = sources[str(node.param("label"))]
            values[node.key] = REFERENCE.load(memoryview(held.data), held.dtype, work)
            stored[node.key] = held.dtype
            continue
        blocks = [values[key] for key in node.operands]
        kinds = tuple(stored.get(key) for key in node.operands)
        site = Site(tensor, len(blocks[0]), work, kinds)
        stage, params = STAGES[node.op], dict(node.params)
        setting = stage.prepare(params, site)
        for _ in range(statistics_passes(stage, params, work)):
            assert isinstance(stage, StatisticStage)
            seen = stage.observe(REFERENCE.xp, None, blocks, setting) if len(blocks[0]) else None
            setting = stage.combine(seen, setting)
        values[node.key] = stage.apply(REFERENCE.xp, blocks, setting, Cursor())
    return bytes(REFERENCE.store(values[root], out))
