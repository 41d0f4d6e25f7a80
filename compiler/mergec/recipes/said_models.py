"""Sources of a spec as models of a recipe: their references, adapters merged into them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.catalog.reference import is_path
from mergec.diagnostics import fail
from mergec.elaborate import Elaborated, SourceDecl
from mergec.ir import NodeKey
from mergec.recipes.sources import Folders
from mergec.syntax.literals import string_text

_ONE = (Fraction(1), Fraction(1))


@dataclass(slots=True)
class Models:
    """References as mergekit has them; relative paths of the spec start in `folders.start`."""

    checked: Elaborated
    folders: Folders

    def reference(self, key: NodeKey) -> str | None:
        """The YAML for a source, or a source and an adapter; None for what is computed."""
        node = self.checked.graph.node(key)
        declared = self._declared()
        if node.op == "source":
            return self.of(declared[key])
        if node.op != "affine" or node.param("coefficients") != _ONE:
            return None
        model, lora = (declared.get(each) for each in node.operands)
        if model is None or lora is None or model.is_adapter or not lora.is_adapter:
            return None
        return f"{self.of(model)}+{self.of(lora)}"

    def of(self, source: SourceDecl) -> str:
        """The reference of one source; E927 for one that mergekit cannot read."""
        ref = source.ref
        if "://" in ref or (any(char in ref for char in "+@\n") and is_path(ref)):
            message = f"mergekit cannot read a model from {quoted(ref)}"
            hint = "name a folder without `+` and `@` in its path, or a model on the hub"
            raise fail("E927", message, source.span, help=hint)
        if is_path(ref):
            ref = self._moved(ref)
        elif source.rev is not None and "@" not in ref:
            ref = f"{ref}@{source.rev}"
        plain = ref.isascii() and all(char.isalnum() or char in "./_-@" for char in ref)
        return ref if plain and ref[0] not in "-@" else string_text(ref)

    def _moved(self, ref: str) -> str:
        """A path as it is from where mergekit is called."""
        path = Path(ref).expanduser()
        if path.is_absolute() or self.folders.start == self.folders.target:
            return str(path) if path.is_absolute() else ref
        moved = os.path.relpath(self.folders.start / path, self.folders.target)
        return moved if is_path(moved) else f"./{moved}"

    def _declared(self) -> Mapping[NodeKey, SourceDecl]:
        return {source.key: source for source in self.checked.sources}
