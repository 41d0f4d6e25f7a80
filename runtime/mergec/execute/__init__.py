"""Walks a plan: scheduling, memory budget, progress, publication."""

from mergec.execute.left_out import LEFT_OUT, LeftOut
from mergec.execute.origin import Origin
from mergec.execute.run import RunReport, peak_memory, run_plan
from mergec.execute.version import tool_version
from mergec.execute.work import compute_step

__all__ = [
    "LEFT_OUT",
    "LeftOut",
    "Origin",
    "RunReport",
    "compute_step",
    "peak_memory",
    "run_plan",
    "tool_version",
]
