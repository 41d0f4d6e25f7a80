"""What a stage says it holds at most, beside what numpy allocates while it runs.

The budget of a run is made of these numbers: one that is too small breaks `--max-memory`, one that
is far too large makes blocks small for nothing.
"""

import tracemalloc
from math import prod

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.ops.stage import Cursor, Site, StatisticStage
from mergec.passes import expand_composites
from mergec.plan import check_text
from mergec.plan.program import build_program

XP = get_backend("reference").xp
LABELS = ("base", *"abcdefgh")
DELTAS = ", ".join(f"{label} - base" for label in LABELS[1:])

# The stage, an expression that it is in, a shape, and how often as much it may say at most.
CASES = {
    "trim": ("trim(a - base; density=1/3, rescale=l2)", (300, 300), 2.5),
    "drop": ("dare(a - base; density=1/3)", (300, 300), 7),
    "elect_sign": (f"ties({DELTAS}; density=1)", (300, 300), 2.5),
    "agreeing_mean": (f"ties({DELTAS}; density=1)", (300, 300), 2.5),
    "median": (f"median({DELTAS})", (300, 300), 1.5),
    "nlerp": (f"nlerp({DELTAS})", (300, 300), 1.5),
    "karcher": (f"karcher({DELTAS})", (300, 300), 1.5),
    "shrunk_mean": (f"model_stock({DELTAS})", (300, 300), 1.5),
    "shrunk_rows": (f"model_stock({DELTAS}; scope=row)", (300, 300), 2.5),
    # What LAPACK works in is said too, and not seen here.
    "flatten_spectrum": ("iso_c(a - base, b - base)", (300, 200), 7),
    "join_spectra": ("tsvm(a - base, b - base)", (300, 200), 3),
    "regmean": ("regmean(a, b; grams=[c, d])", (300, 200), 3),
    "weigh_columns": ("widen(base, a, b)", (30000,), 1.5),
}


@pytest.mark.parametrize("stage", CASES)
def test_it_holds_what_it_says(stage: str) -> None:
    expression, shape, excess = CASES[stage]
    # Narrow blocks are half as large, and what is widened is held besides.
    found = [measured(stage, expression, shape, work) for work in (Dtype.F64, Dtype.F32)]
    held, said = max(held for held, _ in found), found[0][1]
    assert held <= said <= excess * held


def measured(name: str, expression: str, shape: tuple[int, ...], work: Dtype) -> tuple[int, int]:
    """The peak of bytes that the stage allocates, and what it says of it."""
    head = "".join(f'{x} = model("./{x}", id="{x}")\n' for x in LABELS if x in expression)
    kind = "delta " if expression.endswith("base)") or "base;" in expression else ""
    text = f"{head}child = {expression}\nexport {kind}child\n"
    graph = expand_composites(check_text(SourceText("x.merge", text)).graph)
    program, *_ = build_program(graph, next(iter(graph.outputs.values())))
    call = next(call for call in program.calls if call.stage == name)
    stage, params = call.definition(), dict(call.params)
    site = Site("w", shape, work, (None,) * len(call.operands))
    random = np.random.default_rng(1)
    narrow = np.float64 if work is Dtype.F64 else np.float32
    blocks = [random.standard_normal(prod(shape)).astype(narrow) for _ in call.operands]
    if name == "regmean":
        square = random.standard_normal((shape[-1], shape[-1]))
        blocks[-2:] = [(square.T @ square).ravel().astype(narrow)] * 2
    setting = stage.prepare(params, site)
    tracemalloc.start()
    try:
        if isinstance(stage, StatisticStage):
            for _ in range(stage.sweeps(params, work)):
                setting = stage.combine(stage.observe(XP, None, blocks, setting), setting)
        stage.apply(XP, blocks, setting, Cursor())
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    block = 8 * prod(shape)
    said = block * stage.temporaries(len(blocks)) + stage.workspace(params, shape)
    return held, said + block
