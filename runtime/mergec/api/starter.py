"""A spec to start from: sources by name, and one child."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from mergec.api.specs import format_text
from mergec.catalog import Checkpoint, TensorName, match_names
from mergec.diagnostics import SourceText
from mergec.elaborate.forms import FORMS
from mergec.frozen import frozen
from mergec.ops import OPERATORS
from mergec.syntax.scan import RESERVED

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_OURS = frozenset(("base", "child", "merged"))


@frozen
class Starter:
    """The models by name, with the references by which a spec in `folder` is to find them."""

    models: Mapping[str, Checkpoint]
    references: Mapping[str, str]
    has_base: bool
    folder: str

    def write(self, expression: str) -> tuple[str, str]:
        """The text with this child, and a sentence on tensors that are taken as they are, if any.

        `expression` is that of an advice (`mergec.execute.likeness.advice`).
        """
        names = [*self.models]
        base, parents = (names[0], names[1:]) if self.has_base else ("", names)
        deltas = [f"{parent} - {base}" for parent in parents]
        child = expression.format(
            base=base,
            parents=", ".join(parents),
            first=parents[0],
            last=parents[-1],
            deltas=", ".join(deltas),
            steps=" + ".join(f"0.7*({delta})" for delta in deltas),
        )
        used = [word for word in re.findall(r"\w+", child) if word in self.models]
        kept = self._kept(used)
        lines = [f'{name} = model("{self._path(name)}")' for name in names if name in used]
        if kept:
            chosen = " | ".join(f'"{_quoted(glob)}"' for glob in _globs(self._names(used[0]), kept))
            lines += ["", f"merged = {child}"]
            lines += [f"child = match {{ {chosen} => {used[0]}, else => merged }}", ""]
        else:
            lines += ["", f"child = {child}", ""]
        count = f"{len(kept)} tensor{'s' * (len(kept) != 1)}"
        said = f"{count} that not all models have: as in `{used[0]}`" if kept else ""
        return format_text(SourceText("starter", "\n".join(lines))), said

    def _kept(self, used: Sequence[str]) -> set[TensorName]:
        """What the first model has, whose names the child will have, and another lacks."""
        names = self._names(used[0])
        found = (match_names(names, self.models[other].tensors.keys()) for other in used[1:])
        return {name for each in found for name in each.missing}

    def _names(self, model: str) -> list[TensorName]:
        return list(self.models[model].tensors)

    def _path(self, name: str) -> str:
        """A relative path starts at the spec's folder."""
        path = self.references[name]
        if not os.path.isabs(path) and os.path.normpath(self.folder) != ".":
            path = os.path.relpath(path, self.folder)
            path = path if path.startswith("..") else f"./{path}"
        return _quoted(path)


def name_sources(references: Sequence[str], *, has_base: bool) -> dict[str, str]:
    """The references by names of the language, made of the last parts of their paths."""
    taken = {*RESERVED, *_OURS, *FORMS, *OPERATORS}
    names: dict[str, str] = {}
    for number, reference in enumerate(references):
        last = os.path.basename(os.path.normpath(reference)).removesuffix(".safetensors")
        name = re.sub(r"[^A-Za-z0-9_]+", "_", last).strip("_").lower()
        if has_base and not names:
            name = "base"
        elif not _NAME.fullmatch(name) or name in taken:
            name = f"parent_{number}"
        while name in names:
            name = f"{name}_{number}"
        names[name] = reference
    return names


def _globs(names: Sequence[TensorName], chosen: set[TensorName]) -> list[str]:
    """As few patterns as there are beginnings which no tensor has but the chosen ones."""
    others = {it for name in names if name not in chosen for it in _beginnings(name)}
    return [*dict.fromkeys(_glob(name, others) for name in names if name in chosen)]


def _glob(name: TensorName, others: set[str]) -> str:
    free = (beginning for beginning in _beginnings(name) if beginning not in others)
    return next((f"{beginning}*" for beginning in free), name)


def _beginnings(name: TensorName) -> Iterator[str]:
    end = name.find(".") + 1
    while end:
        yield name[:end]
        end = name.find(".", end) + 1


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
