"""What stages ask for, in numbers: how blocks are cut, what is held, how often tensors are read.

`stated_bounds.txt` has them for each stage of some expressions. `test_stage_memory.py` holds the
bytes between what is allocated and a multiple of it; here, that none slides within these unseen,
for plans, budgets and projected times are made of them. After a change that is meant: ACCEPT=1
pytest of this file, and read the diff.
"""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.ops import GlobalStage
from mergec.ops.stage import Params, Stage, statistics_passes
from mergec.passes import expand_composites
from mergec.plan import check_text
from mergec.plan.program import build_program
from tests.ops.test_stated_exactness import CLASSES

TABLE = Path(__file__).with_name("stated_bounds.txt")
SHAPES = ((60,), (30, 20), (30, 5, 2, 2))
LABELS = ("base", *"abcde", "fa", "fb")
MANY = ", ".join(f"{label} - base" for label in "abcde")

EXPRESSIONS = (
    # Sums alone ask for nothing.
    *(expression for expression in CLASSES if not expression.startswith(("linear", "-1", "base"))),
    "breadcrumbs(a - base; density=1)",
    "cabs(a - base, b - base, c - base; n=2, m=5)",
    "dare(a - base; density=1, rescale=l1)",
    "della(a - base; density=1/2, epsilon=0, rescale=l1)",
    "ties(a - base, b - base, c - base; density=1/2)",
    "ties(a - base, b - base, c - base, d - base; density=1/2)",
    f"ties({MANY}; density=1/2)",
    f"ties({MANY}; density=1, zero=majority)",
    f"ties({MANY}; density=1/2, scope=global, zero=majority)",
    f"median({MANY})",
    f"nlerp({MANY})",
    f"karcher({MANY})",
    f"model_stock({MANY})",
    f"model_stock({MANY}; scope=row)",
    f"tsvm({MANY})",
    "pcb(base, a, b, c, d, e; clip=1/4)",
    "pcb(base, a, b, c, d, e; scope=tensor)",
    "pcb(base, a, b, c, d, e; scope=tensor, clip=1/4)",
    "slerp(a, b; t=1/3, scope=row)",
    "slerp(a, b; t=1/3, scope=column)",
    "nuslerp(a, b; axis=in)",
    "nuslerp(a, b; axis=out)",
    "widen(base, a, b, c)",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_bounds(expression: str) -> None:
    if os.environ.get("ACCEPT") == "1":
        TABLE.write_text("\n".join(f"{x}\n{said(x)}" for x in EXPRESSIONS), encoding="utf-8")
    known = dict(row.split("\n", 1) for row in TABLE.read_text(encoding="utf-8").split("\n\n"))
    assert said(expression).strip() == known[expression].strip()


@cache
def said(expression: str) -> str:
    """Rows for each of its stages, indented; stages that say the same once."""
    used = [label for label in LABELS if re.search(rf"\b{label}\b", expression)]
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in used)
    is_delta = " - base" in expression and not expression.startswith("base")
    text = f"{head}child = {expression}\nexport {'delta ' if is_delta else ''}child\n"
    graph = expand_composites(check_text(SourceText("x.merge", text)).graph)
    program, *_ = build_program(graph, next(iter(graph.outputs.values())))
    calls = [
        (call.definition(), dict(call.params), len(call.operands))
        for call in program.calls
        if call.stage != "affine"
    ]
    return "".join(dict.fromkeys("".join(rows(*call)) for call in calls))


def rows(stage: Stage, params: Params, count: int) -> Iterator[str]:
    passes = [statistics_passes(stage, params, work) for work in (Dtype.F32, Dtype.F64)]
    kept = ""
    if isinstance(stage, GlobalStage):
        passes = [stage.passes(params)]
        kept = f", {stage.kept_bytes(params)} bytes for each tensor"
    again = " or ".join(map(str, dict.fromkeys(passes)))
    yield f"  {stage.name} of {count}: {stage.temporaries(count)} blocks, {again} passes{kept}\n"
    for shape in SHAPES:
        grain, space = stage.grain(params, shape), stage.workspace(params, shape)
        if grain != 1 or space:
            yield f"    {list(shape)}: blocks of {grain}, {space} bytes\n"
