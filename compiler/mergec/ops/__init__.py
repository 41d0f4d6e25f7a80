"""What operators mean. One file an operator or stage; dropping a file in is all it takes.

`OPERATORS` holds what specs can call, `STAGES` what plans execute. A module of this package that
defines `OPERATOR` or `STAGE` is found by a scan.
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
    number,
    numbers,
)
from mergec.ops.law import Law
from mergec.ops.stage import (
    Cursor,
    Params,
    Site,
    Stage,
    StatisticStage,
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


_operators, _stages = _scan()
OPERATORS: Mapping[str, Operator] = MappingProxyType(_operators)
STAGES: Mapping[str, Stage] = MappingProxyType(_stages)

__all__ = [
    "OPERATORS",
    "REQUIRED",
    "STAGES",
    "Cursor",
    "Law",
    "MassRule",
    "Objection",
    "Operator",
    "Parameter",
    "Params",
    "Site",
    "Stage",
    "StatisticStage",
    "number",
    "numbers",
    "statistics_passes",
]
