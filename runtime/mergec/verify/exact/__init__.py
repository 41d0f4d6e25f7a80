"""The `exact` oracle: what operators mean on rationals, without a line of stage code.

Composites and stages are both understood, so that a graph can be compared as written, and before
and after any pass. Zeros have no sign here. `MEANINGS` is found by a scan: a function of a module
of this package that is decorated with `means` states what one operator gives; an operator that no
function states has no exact meaning, and whoever compares says so.
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import cast

from mergec.verify.exact.meaning import Meaning


def _scan() -> dict[str, Meaning]:
    found: dict[str, Meaning] = {}
    for module in pkgutil.iter_modules(__path__):
        for thing in vars(import_module(f"{__name__}.{module.name}")).values():
            if not isinstance(thing, tuple):
                continue
            for meaning in cast("tuple[object, ...]", thing):
                if not isinstance(meaning, Meaning):
                    continue
                if found.setdefault(meaning.name, meaning) is not meaning:
                    raise RuntimeError(f"two functions say what `{meaning.name}` means")
    return found


MEANINGS: Mapping[str, Meaning] = MappingProxyType(_scan())

__all__ = ["MEANINGS", "Meaning"]
