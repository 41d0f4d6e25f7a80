"""Writes the pages that are made from the code.

    python -m docs.generate    # from the repository's root, with mergec importable

`docs/operators.md` is made from `mergec.ops`, `docs/library.md` from the library specs that are
shipped with mergec, `docs/errors.md` from `mergec.diagnostics.CODES`. A test compares them with
what stands here.
"""

import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from mergec.diagnostics import CODES
from mergec.elaborate.library_pages import LibraryMacro, library_macros
from mergec.ir import Value, print_decimal
from mergec.ops import OPERATORS, STAGES, Law, Operator, Parameter

HERE = Path(__file__).resolve().parent

_OPERATORS_HEAD = """# Operators

Made from the code by `make docs`; edit `compiler/mergec/ops/` instead. `mergec
explain NAME` prints the same page, and `mergec ops --json` every parameter for programs.

Conventions: `[*s]` is any shape, the same for all operands; `n ×` is a list of n. Parameters are
exact rationals until they are rounded once ([numerics.md](numerics.md)). Ranges: `(0, 1]` excludes
0 and includes 1. *Per operand* means that a list with one value for each operand after the base is
taken too. Sums, differences and multiples of models need no operator: write `base + 0.7*(code -
base)`.
"""
_LAWS = """The laws are claims that tests check on every backend by searching for counterexamples.
Where no tolerance is named, a law holds bit for bit."""
_STAGES_HEAD = """# Stages

What operators lower to, and what the sweeps of a plan name. They cannot be called from a spec.
"""
_LIBRARY_HEAD = """# Library

Made from the code by `make docs`; edit `compiler/mergec/elaborate/library/` instead.

Well-known merges by their names, as macros of specs that are shipped with mergec. A macro means
what its definition says and nothing else: `mergec expand` writes it out, and `mergec explain NAME`
prints its entry here. [language.md](language.md#other-specs) says how other specs are used.

```merge
use "std:classic" as std

base = model("./base")
code = model("./code")
math = model("./math")

child = std.dare_ties(base, code, math; density=0.1, seed=1)
```
"""
_ERRORS_HEAD = """# Codes

Made from the code by `make docs`; edit `grammar/mergec/diagnostics/codes.py` instead.
Every message of mergec carries one of these codes. A code never changes its meaning and is never
used again for another one. `mergec explain E203` prints one row with its explanation; the name
works too, as in `mergec explain parameter-out-of-range`. [exit-codes.md](exit-codes.md) says what
an exit status tells a script.
"""
_FAMILIES = {
    "E1": "E1 syntax",
    "E2": "E2 names and parameters",
    "E3": "E3 types and mass",
    "E4": "E4 shapes, dtypes and architecture",
    "E5": "E5 tokenizer and licence",
    "E6": "E6 plan and resources",
    "E7": "E7 sources and files",
    "E8": "E8 run and integrity",
    "W": "W warnings",
}


def operators_page() -> str:
    """The text of `docs/operators.md`."""
    operators = [_operator(OPERATORS[name]) for name in sorted(OPERATORS)]
    stages = [_stage(name) for name in sorted(set(STAGES) - set(OPERATORS))]
    return "\n".join([_OPERATORS_HEAD, _LAWS, "", *operators, _STAGES_HEAD, *stages])


def library_page() -> str:
    """The text of `docs/library.md`."""
    macros = list(library_macros())
    names = list(dict.fromkeys(macro.library for macro in macros))
    parts = [
        part
        for name in names
        for part in (f"## {name}\n", *(_macro(m) for m in macros if m.library == name))
    ]
    return "\n".join([_LIBRARY_HEAD, *parts]).rstrip("\n") + "\n"


def errors_page() -> str:
    """The text of `docs/errors.md`."""
    return (
        "\n".join(
            [_ERRORS_HEAD, *(part for prefix in _FAMILIES for part in _family(prefix)), ""]
        ).rstrip("\n")
        + "\n"
    )


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (HERE / name).write_text(text)


def pages() -> Mapping[str, str]:
    """Every generated page by its name in `docs/`."""
    return {
        "operators.md": operators_page(),
        "library.md": library_page(),
        "errors.md": errors_page(),
    }


def _operator(operator: Operator) -> str:
    summary, _, rest = operator.page.strip().partition("\n")
    rows = [_parameter(parameter) for parameter in operator.parameters]
    order = "Operands may come in any order." if operator.order_free else ""
    laws = ", ".join(_law(law) for law in operator.laws)
    return "\n".join(
        [
            f"## {operator.name}",
            "",
            summary,
            "",
            f"    {operator.signature()}",
            "",
            f"Revision {operator.revision}. Takes {operator.mass}. {order}".rstrip(),
            "",
            "```text",
            rest.strip("\n"),
            "```",
            "",
            "| parameter | kind | default | range or words | |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"Laws: {laws}.",
            "",
        ]
    )


def _parameter(parameter: Parameter) -> str:
    default = _default(parameter)
    kind = f"{parameter.kind}, per operand" if parameter.per_operand else parameter.kind
    return f"| `{parameter.name}` | {kind} | {default} | {_range(parameter)} | {parameter.doc} |"


def _default(parameter: Parameter) -> str:
    if parameter.default is None:
        return "none"
    if isinstance(parameter.default, Fraction | int | str | tuple):
        return f"`{_shown(parameter.default)}`"
    return "required"


def _range(parameter: Parameter) -> str:
    if parameter.words:
        return ", ".join(f"`{word}`" for word in parameter.words)
    low, high = parameter.lo, parameter.hi
    if low is None:
        return ""
    opening = "(" if parameter.lo_open else "["
    closing = ", ∞)" if high is None else f", {print_decimal(high)}]"
    return f"{opening}{print_decimal(low)}{closing}"


def _law(law: Law) -> str:
    settings = ", ".join(f"{name}={_shown(value)}" for name, value in law.params.items())
    tolerance = f", tolerance {law.tolerance:g}" if law.tolerance else ""
    return f"`{law.name}`" + (f" at `{settings}`" if settings else "") + tolerance


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Fraction):
        return print_decimal(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(item) for item in value)}]"
    return str(value)


def _macro(macro: LibraryMacro) -> str:
    docs = "\n".join(macro.docs)
    return f"### {macro.name}\n\n{docs}\n\n```merge\n{macro.definition}```\n"


def _stage(name: str) -> str:
    page = sys.modules[type(STAGES[name]).__module__].__doc__ or ""
    summary, _, rest = page.strip().partition("\n")
    return "\n".join([f"## {name}", "", summary, "", "```text", rest.strip("\n"), "```", ""])


def _family(prefix: str) -> list[str]:
    rows = [code for code in CODES.values() if code.id.startswith(prefix)]
    if not rows:
        return []
    explained = [
        f"**{code.id}** {' '.join(code.explanation.split())}\n" for code in rows if code.explanation
    ]
    return [
        f"## {_FAMILIES[prefix]}",
        "",
        "| code | name | exit status | what is wrong |",
        "| --- | --- | --- | --- |",
        *(f"| {code.id} | {code.slug} | {code.exit} | {code.summary} |" for code in rows),
        "",
        *explained,
    ]


if __name__ == "__main__":
    main()
