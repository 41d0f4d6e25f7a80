"""Every code mergec can print: number, slug, exit status, one line, and its explanation.

A code is stable: it may be retired, but never means something else. The page that
`mergec explain CODE` prints is made from these tables, one for each family, and from
`specs/invalid/`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from mergec.diagnostics.codes import (
    contracts,
    locks,
    mass,
    names,
    recipe_exports,
    recipes,
    resources,
    runs,
    shapes,
    sources,
    syntax,
    trials,
    warnings,
)
from mergec.diagnostics.codes.code import Code

_FAMILIES = (
    syntax,
    names,
    mass,
    shapes,
    contracts,
    resources,
    sources,
    runs,
    locks,
    trials,
    recipes,
    recipe_exports,
    warnings,
)

CODES: Mapping[str, Code] = MappingProxyType(
    {row.id: row for family in _FAMILIES for row in family.ROWS}
)

__all__ = ["CODES", "Code"]
