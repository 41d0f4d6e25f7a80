"""The macros of the library specs that mergec brings, as `mergec explain` shows them."""

from collections.abc import Iterator
from dataclasses import replace

from mergec.elaborate.imports import library_names, library_text
from mergec.elaborate.scope import signature_of
from mergec.frozen import frozen
from mergec.syntax import format_spec, parse_spec
from mergec.syntax.nodes import Def


@frozen
class LibraryMacro:
    """A macro of a library spec: `docs` are the lines above it, `definition` how it is written."""

    library: str
    name: str
    signature: str
    docs: tuple[str, ...]
    definition: str

    def page(self) -> str:
        """What `mergec explain` prints."""
        docs = "\n".join(self.docs)
        return (
            f"{self.signature}\n\n{docs}\n\n"
            f'A macro of `{self.library}`; say `use "{self.library}" as std` and call '
            f"`std.{self.name}`. It means:\n\n{self.definition}"
        )


def library_macros() -> Iterator[LibraryMacro]:
    """Every macro of every library spec, in the order of their lines."""
    for library in library_names():
        spec = parse_spec(library_text(library)).spec
        for statement in spec.statements:
            if isinstance(statement, Def):
                bare = replace(spec, statements=(replace(statement, docs=()),), comments=())
                definition = format_spec(replace(bare, edition=None))
                signature = signature_of(statement)
                yield LibraryMacro(library, statement.name, signature, statement.docs, definition)
