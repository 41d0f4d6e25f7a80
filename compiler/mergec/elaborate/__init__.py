"""From a syntax tree to the operator graph as written: names, types, mass, canonical order."""

from mergec.elaborate.bundle import Bundle, Setting
from mergec.elaborate.elaborate import elaborate
from mergec.elaborate.values import (
    Contract,
    Elaborated,
    ExportDecl,
    Places,
    SourceDecl,
    TokenizerDecl,
)

__all__ = [
    "Bundle",
    "Contract",
    "Elaborated",
    "ExportDecl",
    "Places",
    "Setting",
    "SourceDecl",
    "TokenizerDecl",
    "elaborate",
]
