"""The library specs: every macro can be called as its signature says, and means operators alone."""

import pytest

from mergec.diagnostics import SourceText
from mergec.elaborate.library_pages import ALIASES, LibraryMacro, library_macros
from mergec.syntax import parse_spec
from mergec.syntax.nodes import Def
from tests.elaborate.checked_specs import check, meaning

MACROS = list(library_macros())
MODELS = ("base", "code", "math")


def called(macro: LibraryMacro) -> str:
    """A call with three models, or as few as it takes; with task vectors where it takes those."""
    (statement,) = parse_spec(SourceText("definition", macro.definition)).spec.statements
    assert isinstance(statement, Def)
    names = [operand.name for operand in statement.operands]
    rest = statement.rest.name if statement.rest else None
    count = 3 if rest else len(names)
    if rest not in ("deltas", "adapters"):
        return f"{macro.called}({', '.join(MODELS[:count])})"
    return f"base + {macro.called}(code - base, math - base)"


@pytest.mark.parametrize("macro", MACROS, ids=lambda macro: macro.called)
def test_every_macro_can_be_called_with_its_defaults(macro: LibraryMacro) -> None:
    use = f'use "{macro.library}" as {ALIASES[macro.library]}'
    (export,) = check(use, f"export {called(macro)}").exports
    assert not export.delta
    assert macro.docs


def test_what_a_dialect_does_not_change_is_computed_as_ever() -> None:
    """At density 1 nothing is trimmed, whoever counts."""
    use = 'use "std:mergekit" as mk'
    for theirs, ours in (
        (
            "dare_ties(base, code, math)",
            "ties(base, code, math; density=1, zero=positive, agg=sum)",
        ),
        ("della(base, code, math)", "ties(base, code, math; density=1, zero=positive)"),
        ("ties(base, code, math)", "ties(base, code, math; density=1, zero=positive)"),
    ):
        assert meaning(use, f'export mk.{theirs} as "x"') == meaning(f'export {ours} as "x"')
