"""Walks a plan: scheduling, memory budget, progress, publication."""

from mergec.execute.lineage import FILE_NAME, SCHEMA, Origin
from mergec.execute.run import (
    RunReport,
    compute_row,
    peak_memory,
    run_plan,
)
from mergec.execute.version import tool_version

__all__ = [
    "FILE_NAME",
    "SCHEMA",
    "Origin",
    "RunReport",
    "compute_row",
    "peak_memory",
    "run_plan",
    "tool_version",
]
