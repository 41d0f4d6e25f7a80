"""`mergec explain` and `mergec ops`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.options import plugins
from mergec.diagnostics import explain_code, fail, find_code, suggestion_help

if TYPE_CHECKING:
    from mergec.ops import Operator


@click.command()
@click.argument("name")
@plugins
def explain(name: str) -> None:
    """Print the page of an operator, a form, a macro of `std:classic`, or a code.

    Such as `ties`, `match`, `dare_ties` and `E203`.
    """
    code = find_code(name)
    if code is not None:
        click.echo(explain_code(code.id, _example(code.id)), nl=False)
        return
    from mergec.plugin.registry import find_operator, find_plugin

    operator = find_operator(name)
    if operator is not None:
        click.echo(_page(operator), nl=False)
        plugin = find_plugin(name)
        if plugin is not None:
            click.echo("\n".join(["", *plugin.described()]))
        return
    click.echo(_other_page(name), nl=False)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Every parameter, for programs.")
@plugins
def ops(as_json: bool) -> None:
    """List the operators that a spec can call."""
    from mergec.ops import OPERATORS
    from mergec.plan.encode import encode_value
    from mergec.plugin.registry import find_plugin, load_installed

    load_installed()
    if not as_json:
        width = max(map(len, OPERATORS))
        for operator in OPERATORS.values():
            click.echo(f"{operator.name:<{width}}  {operator.summary}")
        return
    table = [
        {
            "name": operator.name,
            "revision": operator.revision,
            "summary": operator.summary,
            "signature": operator.signature(),
            "mass": operator.takes,
            "parameters": [
                {
                    "name": p.name,
                    "kind": p.kind,
                    "required": p.required,
                    "default": None if p.required else encode_value(p.default),  # type: ignore[arg-type]
                    "words": list(p.words),
                    "doc": p.doc,
                }
                for p in operator.parameters
            ],
            "laws": [law.label for law in operator.laws],
            "plugin": plugin.identity if (plugin := find_plugin(operator.name)) else None,
        }
        for operator in OPERATORS.values()
    ]
    click.echo(json.dumps(table, indent=1))


def _other_page(name: str) -> str:
    """The page of what is no operator: a form, a fact, or a macro of a library spec."""
    from mergec.elaborate.facts import FACTS
    from mergec.elaborate.forms import FORMS, form_page
    from mergec.elaborate.library_pages import find_macro, library_macros
    from mergec.ops import OPERATORS

    page = form_page(name)
    if page is not None:
        return page
    macro = find_macro(name)
    if macro is not None:
        return macro.page()
    macros = list(library_macros())
    names = [macro.called if "." in name else macro.name for macro in macros]
    known = [*OPERATORS, *FORMS, *names, *FACTS]
    hint = suggestion_help(name, known, "operators")
    raise fail("E202", f"there is no operator or code `{name}`", help=hint)


def _page(operator: "Operator") -> str:
    """Signature, mass rule, the text of its file, and the labels of its laws, one a line."""
    laws = "\n           ".join(law.label for law in operator.laws) or "none"
    text = f"{operator.signature()}\n\nTakes {operator.takes}.\n\n{operator.page.strip()}\n"
    return f"{text}Laws       {laws}\n"


def _example(code: str) -> tuple[str, str] | None:
    """The first spec of `specs/invalid` that shows `code`, with what its user sees."""
    packaged = Path(__file__).parent / "examples"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[3] / "specs" / "invalid"
    for spec in sorted(folder.glob(f"{code}-*.merge")):
        seen = spec.with_suffix(".stderr")
        if seen.is_file():
            return spec.read_text(encoding="utf-8"), seen.read_text(encoding="utf-8")
    return None
