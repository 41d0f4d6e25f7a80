"""From a syntax tree to the operator graph as written: names, types, mass, canonical order."""

from mergec.elaborate.elaborate import elaborate
from mergec.elaborate.values import Elaborated, ExportDecl, SourceDecl

__all__ = ["Elaborated", "ExportDecl", "SourceDecl", "elaborate"]
