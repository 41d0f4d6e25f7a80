"""What laws claim. One function a claim; a module of this package is found by a scan.

`CLAIMS` holds every function that is decorated with `mergec.verify.claim.claim`, by its name, which
is what laws of operators call it by.
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from mergec.verify.claim import Claim, claim


def _scan() -> dict[str, Claim]:
    claims: dict[str, Claim] = {}
    for found in pkgutil.iter_modules(__path__):
        module = import_module(f"{__name__}.{found.name}")
        for thing in vars(module).values():
            if isinstance(thing, Claim) and thing.attempt.__module__ == module.__name__:
                if thing.name in claims:
                    raise RuntimeError(f"two functions claim `{thing.name}`")
                claims[thing.name] = thing
    return claims


CLAIMS: Mapping[str, Claim] = MappingProxyType(_scan())

__all__ = ["CLAIMS", "Claim", "claim"]
