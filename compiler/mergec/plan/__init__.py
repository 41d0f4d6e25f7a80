"""The plan: every byte to be read, computed and written, as data that is reviewed and hashed."""

from mergec.plan.budget import DEFAULT_MEMORY, Budget, default_threads, fit_budget
from mergec.plan.compile import (
    Compiled,
    check_bundle,
    check_text,
    compile_bundle,
    compile_text,
    plan_over,
)
from mergec.plan.encode import SCHEMA, encode_plan, plan_hash, plan_member, source_table
from mergec.plan.layout import ShardLayout
from mergec.plan.model import Plan, PlannedExport, PlanSource, Reading, Row
from mergec.plan.program import Program, Schedule, StageCall, schedule
from mergec.plan.review import review

__all__ = [
    "DEFAULT_MEMORY",
    "SCHEMA",
    "Budget",
    "Compiled",
    "Plan",
    "PlanSource",
    "PlannedExport",
    "Program",
    "Reading",
    "Row",
    "Schedule",
    "ShardLayout",
    "StageCall",
    "check_bundle",
    "check_text",
    "compile_bundle",
    "compile_text",
    "default_threads",
    "encode_plan",
    "fit_budget",
    "plan_hash",
    "plan_member",
    "plan_over",
    "review",
    "schedule",
    "source_table",
]
