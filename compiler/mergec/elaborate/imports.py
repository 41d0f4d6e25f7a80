"""`use`: where the text of another spec comes from, and that it may be read."""

import os
import posixpath
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from mergec.diagnostics import MergecError, SourceText, fail
from mergec.diagnostics.suggest import nearest, suggestion_help
from mergec.elaborate.bundle import Bundle
from mergec.frozen import frozen
from mergec.syntax import read_spec
from mergec.syntax.nodes import Use

_LIBRARY = "std:"
_ROOT_MARKS = (".git", "mergec.toml")


@frozen
class Imported:
    """The text of a used spec. `key` is its path relative to the bundle's root, or `std:name`."""

    key: str
    source: SourceText
    folder: str


@dataclass(slots=True)
class Imports:
    """Finds used specs: in the package, in the bundle, or on the disk below the project's root."""

    bundle: Bundle
    texts: dict[str, str] = field(default_factory=dict[str, str])

    def find(self, statement: Use, folder: str) -> Imported:
        """The spec that `statement` names in a spec whose folder is `folder`.

        Raises E201 (no such library), E721 (outside the project), E701 and what reading raises.
        """
        path = statement.path.value
        if path.startswith(_LIBRARY):
            return _library(statement)
        key = posixpath.normpath(posixpath.join(folder, path))
        if not path or "\\" in path or "\0" in path or posixpath.isabs(path):
            raise self._refuse(statement, "a used spec is named by a relative path")
        if self.bundle.imports is not None:
            source = self._bundled(statement, key)
        else:
            source = self._read(statement, key)
        self.texts[key] = source.text
        return Imported(key, source, posixpath.dirname(key))

    def _bundled(self, statement: Use, key: str) -> SourceText:
        assert self.bundle.imports is not None
        text = self.bundle.imports.get(key)
        if text is None:
            message = f"the spec `{key}` is not among those that were kept"
            raise fail("E701", message, statement.path.span, help="compile the spec itself again")
        return SourceText(key, text)

    def _read(self, statement: Use, key: str) -> SourceText:
        root = Path(os.path.realpath(self.bundle.root))
        project = project_root(root)
        path = Path(os.path.realpath(root / key))
        if not path.is_relative_to(project):
            raise self._refuse(statement, f"`{statement.path.value}` lies outside the project")
        shown = posixpath.normpath(posixpath.join(posixpath.dirname(self.bundle.source.name), key))
        try:
            return read_spec(root / key, shown)
        except MergecError as error:
            found = error.diagnostics[0]
            if found.span is not None:
                raise
            near = _neighbour(path, statement.path.value) if found.code == "E701" else None
            raise fail(
                found.code,
                found.message,
                statement.path.span,
                notes=found.notes,
                help=near or found.help,
            ) from None

    def _refuse(self, statement: Use, message: str) -> MergecError:
        project = project_root(Path(os.path.realpath(self.bundle.root)))
        return fail(
            "E721",
            message,
            statement.path.span,
            notes=(f"the project's root is `{project.name or project}`",),
            help="copy the spec into the project, and name it by a relative path",
        )


def _neighbour(path: Path, written: str) -> str | None:
    """A spec beside the one that is missing, under the name that `use` would give it."""
    near = nearest(path.name, sorted(each.name for each in path.parent.glob("*.merge")))
    return f'write `use "{posixpath.join(posixpath.dirname(written), near)}"`' if near else None


def project_root(folder: Path) -> Path:
    """The nearest folder from `folder` up that has `.git` or `mergec.toml`, else `folder`."""
    for each in (folder, *folder.parents):
        if any(os.path.lexists(each / mark) for mark in _ROOT_MARKS):
            return each
    return folder


def library_names() -> list[str]:
    """The specs shipped with mergec, as `std:name`."""
    folder = resources.files("mergec.elaborate") / "library"
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".merge"))
    return [_LIBRARY + name.removesuffix(".merge") for name in names]


def _library(statement: Use) -> Imported:
    name = statement.path.value
    if name not in library_names():
        message = f"there is no library spec `{name}`"
        hint = suggestion_help(name, library_names(), "library specs")
        raise fail("E201", message, statement.path.span, help=hint)
    return Imported(name, library_text(name), "")


def library_text(name: str) -> SourceText:
    """The text of a library spec, which must be one of `library_names()`."""
    file = resources.files("mergec.elaborate") / "library" / f"{name.removeprefix(_LIBRARY)}.merge"
    return SourceText(name, file.read_text(encoding="utf-8"))
