"""The macros of the library specs that mergec brings, as `mergec explain` shows them."""

from collections.abc import Iterator
from dataclasses import replace

from mergec.elaborate.imports import library_names, library_text
from mergec.elaborate.scope import signature_of
from mergec.frozen import frozen
from mergec.syntax import format_spec, parse_spec
from mergec.syntax.nodes import Def

ALIASES = {
    "std:classic": "std",
    "std:mergekit": "mk",
    "std:peft": "peft",
    "std:sd_mecha": "mecha",
}
"""What the documentation calls each library."""


@frozen
class LibraryMacro:
    """A macro of a library spec: `docs` are the lines above it, `definition` how it is written."""

    library: str
    name: str
    signature: str
    docs: tuple[str, ...]
    definition: str

    @property
    def called(self) -> str:
        """By the alias of its library: `mk.ties`."""
        return f"{ALIASES[self.library]}.{self.name}"

    def page(self) -> str:
        """What `mergec explain` prints."""
        docs = "\n".join(self.docs)
        return (
            f"{self.signature}\n\n{docs}\n\n"
            f'A macro of `{self.library}`; say `use "{self.library}" as {ALIASES[self.library]}` '
            f"and call `{self.called}`. It means:\n\n{self.definition}"
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


def find_macro(name: str) -> LibraryMacro | None:
    """The macro called `mk.ties` or `mergekit.ties`; by `ties` alone the first of that name."""
    prefix, _, inner = name.rpartition(".")
    found = [macro for macro in library_macros() if macro.name == inner]
    named = (m for m in found if prefix in (ALIASES[m.library], m.library.partition(":")[2]))
    return next(named, None if prefix else next(iter(found), None))
