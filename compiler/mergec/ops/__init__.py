"""What operators mean. One file an operator or stage; dropping a file in is all it takes.

`OPERATORS` holds what specs can call, `STAGES` what plans execute: an `OPERATOR` or a `STAGE` in
the file of its name. What a plugin brings is registered for as long as the plugin is loaded
(`mergec.plugin`).
"""

from collections.abc import Mapping

from mergec.ops.declaration import (
    REQUIRED,
    MassRule,
    Objection,
    Operator,
    Parameter,
    Statistic,
    barrier_params,
    number,
    numbers,
)
from mergec.ops.global_stage import GlobalStage, Seen
from mergec.ops.law import Law
from mergec.ops.registry import Registry
from mergec.ops.stage import (
    Cursor,
    MaskStage,
    Params,
    Site,
    Stage,
    StatisticStage,
    block_size,
    row_length,
    statistics_passes,
)


def register(operator: Operator, stage: Stage) -> None:
    """Add a plugin's operator, a stage of its own; RuntimeError if its name is taken."""
    _operators.add(operator.name, operator)
    _stages.add(stage.name, stage)


def unregister(name: str) -> None:
    """Take an operator of a plugin away again."""
    _operators.remove(name)
    _stages.remove(name)


def statistic_operator(stage: str) -> Operator:
    """Whose statistics a stage takes: the operator's that has its name, but for the scope."""
    return OPERATORS[stage.removeprefix("global_")]


_operators: Registry[Operator] = Registry(__name__, __path__, "OPERATOR", Operator)
_stages: Registry[Stage] = Registry(__name__, __path__, "STAGE", Stage)
OPERATORS: Mapping[str, Operator] = _operators
STAGES: Mapping[str, Stage] = _stages

__all__ = [
    "OPERATORS",
    "REQUIRED",
    "STAGES",
    "Cursor",
    "GlobalStage",
    "Law",
    "MaskStage",
    "MassRule",
    "Objection",
    "Operator",
    "Parameter",
    "Params",
    "Seen",
    "Site",
    "Stage",
    "Statistic",
    "StatisticStage",
    "barrier_params",
    "block_size",
    "number",
    "numbers",
    "register",
    "row_length",
    "statistic_operator",
    "statistics_passes",
    "unregister",
]
