"""The stages that each composite operator is made of, with every parameter that they are given.

`lowerings.txt` has a graph for each of some calls: what plans record and hash. After a change that
is meant: ACCEPT=1 pytest of this file, and read the diff.
"""

import os
import re
from functools import cache
from pathlib import Path

import pytest

from mergec.diagnostics import SourceText
from mergec.ir import print_graph
from mergec.passes import expand_composites
from mergec.plan import check_text

TABLE = Path(__file__).with_name("lowerings.txt")
LABELS = ("base", "a", "b", "c", "fa", "fb", "fc")
DELTAS = "a - base, b - base, c - base"

CALLS = (
    "linear(a, b, c; weights=[3, 1, 2])",
    "linear(a - base, b - base; weights=[3, -1], normalize=false)",
    "scale(a - base; by=1/3)",
    "ema(a, b, c; beta=1/3)",
    "lawa(a, b, c; k=2)",
    "lines(a - base; alpha=1/4, beta=3/4)",
    "nuslerp(a, b; weights=[3, 1])",
    "nuslerp(a - base, b - base; weights=[1, 2], axis=in, norm=polar, antiparallel=lerp)",
    "trim(a - base; density=1/2, ties=all, rescale=l2)",
    "trim(a - base; density=1/2, scope=global)",
    f"ties(base, {DELTAS}; density=[1/2, 1/3, 1], scale=1/2, weights=[1, 2, 1/3])",
    f"ties({DELTAS}; density=1/2, elect=count, weight_stage=after, agg=sum, zero=negative)",
    f"ties({DELTAS}; density=1/2, elect=none, agg=mean)",
    f"ties({DELTAS}; density=1/2, scope=global, zero=majority)",
    "dare(a - base; density=1/2, seed=3)",
    'dare(a - base; density=1/2, rescale=l1, stream="other")',
    "della(a - base; density=1/2, epsilon=1/5, seed=3)",
    "della(a - base; density=1/2, epsilon=0)",
    f"sce(base, {DELTAS})",
    "sce(base, a, b, c; tau=1/5, zero=positive, merge=all, scale=1/2)",
    f"ram({DELTAS}; r=1/10)",
    f"ram(base, {DELTAS}; r=1/10, alpha=1/4, epsilon=1/5, relative=true, scale=1/2)",
    f"ram({DELTAS}; r=0, epsilon=0)",
    f"magmax({DELTAS})",
    f"magmax(base, {DELTAS}; scale=1/3, zero=drop)",
    "consensus(base, a, b, c; kappa=[1/5, 1, 2/5], k=1, scale=1/3)",
    "model_stock(base, a, b, c; estimator=gram, guard=none)",
    f"model_stock({DELTAS}; scope=row)",
    "widen(base, a, b, c; ratio=3/2, value=1/3, axis=in)",
    f"cabs({DELTAS}; n=2, m=5)",
    f"cabs(base, {DELTAS}; n=1, m=4, weights=[1, 2, 1/3])",
    "emr(base, a, b, c; task=2)",
    "emr(base, a, b, c; task=3, scope=tensor)",
    "pcb(base, a, b, c; ratio=1/5, clip=1/4, scale=1/2)",
    "pcb(base, a, b, c; scope=tensor)",
    "stitch(base, a, b, c; density=1/3, scale=1/2)",
    "stitch(base, a, b, c; density=1/3, scope=tensor)",
    "fisher(a, b, c; fishers=[fa, fb, fc], weights=[1, 2, 3], floor=1/2, floor_on=first)",
    "fisher(a, b; fishers=[fa, fb], normalize=l2)",
    "iso_c(base, a, b; level=rank, rank_tol=1/10, scale=1/2)",
    "tsvm(base, a, b; scale=1/2)",
)


@pytest.mark.parametrize("call", CALLS)
def test_lowering(call: str) -> None:
    if os.environ.get("ACCEPT") == "1":
        TABLE.write_text("\n".join(f"{x}\n{lowered(x)}" for x in CALLS), encoding="utf-8")
    known = dict(entry.split("\n", 1) for entry in TABLE.read_text("utf-8").split("\n\n"))
    assert lowered(call).strip() == known[call].strip()


@cache
def lowered(call: str) -> str:
    """The graph after the sources, a node a line."""
    used = [label for label in LABELS if re.search(rf"\b{label}\b", call)]
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in used)
    kind = "delta " if re.match(r"\w+\(\w+ - base", call) else ""
    text = SourceText("x.merge", f"{head}child = {call}\nexport {kind}child\n")
    lines = print_graph(expand_composites(check_text(text).graph)).splitlines()
    return "".join(f"  {line}\n" for line in lines if " = source." not in line)
