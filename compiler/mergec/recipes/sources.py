"""The models of a recipe as sources of a spec: names, references, and adapters merged into them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.catalog.reference import is_path, locate
from mergec.diagnostics import Diagnostic, MergecError, Span, fail
from mergec.elaborate.print_names import Names
from mergec.frozen import frozen
from mergec.recipes.recipe import Reference
from mergec.recipes.scalars import Report
from mergec.syntax.literals import string_text


@frozen
class Folders:
    """Where relative paths of a recipe start, as mergekit's do, and where those of the spec do."""

    start: Path
    target: Path


@dataclass(slots=True)
class Sources:
    """A line for each source, and the name by which each model of a recipe is known.

    `stages` are the names that stand for models which other documents of the file make.
    """

    folders: Folders
    names: Names
    report: Report
    stages: Mapping[str, str] = field(default_factory=dict[str, str])
    lines: list[str] = field(default_factory=list[str])
    _known: dict[Reference, str] = field(default_factory=dict[Reference, str])
    _labels: set[str] = field(default_factory=set[str])

    def name(self, model: Reference) -> str:
        """The name of a model, made the first time it is asked for."""
        if model.path in self.stages and model.lora is None:
            return self.stages[model.path]
        if model not in self._known:
            self._known[model] = self._adapted(model) if model.lora else self._plain(model)
        return self._known[model]

    def is_stage(self, model: Reference) -> bool:
        """Whether this model is made by the file itself."""
        return model.path in self.stages

    def _plain(self, model: Reference) -> str:
        return self._declare("model", model.path, model.revision, model.span)

    def _adapted(self, model: Reference) -> str:
        assert model.lora is not None
        under = self.name(model.plain)
        lora = self._declare("adapter", model.lora, model.lora_revision, model.span)
        name = self.names.like(f"{under}_with_{lora}")
        self.lines.append(f"{name} = {under} + {lora}")
        message = f"mergekit merges the adapter {quoted(model.lora)} first and rounds the result"
        hint = "here it is added as the layers are computed, and rounded with the child"
        self.report(Diagnostic("W905", message, model.span, help=(hint,)))
        return name

    def _declare(self, func: str, path: str, revision: str | None, span: Span) -> str:
        ref = self._reference(path, span)
        name = self.names.like(_last(path))
        keywords = ""
        label = ref
        if ref in self._labels:  # of another revision, or an adapter: it needs its own label
            label = name
            keywords = f", id={string_text(name)}"
        if label in self._labels:
            raise fail("E912", f"{quoted(path)} has the name of another model", span, help=())
        self._labels.add(label)
        if revision is not None and is_path(ref):
            keywords += f", rev={string_text(revision)}"
        elif revision is not None:
            ref = f"{ref}@{revision}"
        self.lines.append(f"{name} = {func}({string_text(ref)}{keywords})")
        return name

    def _reference(self, path: str, span: Span) -> str:
        """The path or name of a model as a spec has it."""
        if "://" in path or path.startswith(("/", "~")):
            return path
        if not is_path(path) and not self._is_folder(path):
            try:
                locate(path, None, Path())
                return path
            except MergecError:
                message = f"{quoted(path)} is neither a folder here nor `org/name` of a hub"
                hint = "write the whole name of the model on its hub, such as `org/name`"
        elif not is_path(path):
            message = f"{quoted(path)} is a folder here, which is what mergekit takes"
            hint = "for the model on the hub, rename the folder or mend the spec"
        else:
            return self._moved(path)
        moved = self._moved(path)
        message = f"{message}; the spec says {quoted(moved)}"
        self.report(Diagnostic("W908", message, span, help=(hint,)))
        return moved

    def _is_folder(self, path: str) -> bool:
        try:
            return (self.folders.start / path).is_dir()
        except (OSError, ValueError):
            return False

    def _moved(self, path: str) -> str:
        """A relative path, from the folder of the spec."""
        if self.folders.start != self.folders.target:
            path = os.path.relpath(self.folders.start / path, self.folders.target)
        path = path.replace(os.sep, "/").rstrip("/")
        return path if is_path(path) else f"./{path}"


def _last(path: str) -> str:
    """What a model is called, in the letters of a name."""
    last = path.rstrip("/").rpartition("/")[2]
    return "".join(char if char.isalnum() and char.isascii() else "_" for char in last).lower()
