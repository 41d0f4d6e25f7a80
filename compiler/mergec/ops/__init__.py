"""What operators mean. One file an operator or stage; dropping a file in is all it takes.

`OPERATORS` holds what specs can call, `STAGES` what plans execute. A module of this package that
defines `OPERATOR` or `STAGE` is found by a scan. What a plugin brings is registered for as long as
the plugin is loaded (`mergec.plugin`).
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

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


def _scan() -> tuple[dict[str, Operator], dict[str, Stage]]:
    operators: dict[str, Operator] = {}
    stages: dict[str, Stage] = {}
    for found in pkgutil.iter_modules(__path__):
        module = import_module(f"{__name__}.{found.name}")
        operator, stage = getattr(module, "OPERATOR", None), getattr(module, "STAGE", None)
        if isinstance(operator, Operator):
            _register(operators, operator.name, operator)
        if isinstance(stage, Stage):
            _register(stages, stage.name, stage)
    return operators, stages


def _register(table: dict[str, Any], name: str, thing: object) -> None:
    if name in table:
        raise RuntimeError(f"two files define `{name}`")
    table[name] = thing


def register(operator: Operator, stage: Stage) -> None:
    """Add a plugin's operator, a stage of its own; RuntimeError if its name is taken."""
    _register(_operators, operator.name, operator)
    _register(_stages, stage.name, stage)


def unregister(name: str) -> None:
    """Take an operator of a plugin away again."""
    del _operators[name], _stages[name]


def statistic_operator(stage: str) -> Operator:
    """Whose statistics a stage takes: the operator's that has its name, but for the scope."""
    return _operators[stage.removeprefix("global_")]


_operators, _stages = _scan()
OPERATORS: Mapping[str, Operator] = MappingProxyType(_operators)
STAGES: Mapping[str, Stage] = MappingProxyType(_stages)

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
