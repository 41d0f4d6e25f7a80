"""Writes the pages that are made from the code.

    python -m docs.generate    # from the repository's root, with mergec importable

`docs/operators.md` is made from `mergec.ops`, `docs/operator-laws.md` from the laws there and what
`mergec.verify` knows of them, `docs/library.md` from the library specs that are
shipped with mergec, `docs/errors.md` from `mergec.diagnostics.CODES`, `docs/peers.md` and
`docs/mergekit.md` from `tests.peers`. A test compares them with what stands here.
"""

import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from docs.faults_page import faults_page
from docs.mergekit_page import mergekit_page
from docs.peers_page import peers_page
from mergec.backends import BACKENDS
from mergec.diagnostics import CODES
from mergec.elaborate.library_pages import LibraryMacro, library_macros
from mergec.ir import Value, print_decimal
from mergec.ops import OPERATORS, STAGES, Law, Operator, Parameter
from mergec.verify.claims import CLAIMS

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
`std:classic` has what papers describe. The others have the methods of other tools by their names,
with their defaults and as they compute them: [peers.md](peers.md) says how near that comes.

```merge
use "std:classic" as std

base = model("./base")
code = model("./code")
math = model("./math")

child = std.dare_ties(base, code, math; density=0.1, seed=1)
```
"""
_OPERATOR_LAWS_HEAD = """# Operators and their laws

Made from the code by `make docs`; edit `compiler/mergec/ops/` instead.
[laws.md](laws.md) says how laws are tried, and `mergec laws --list` prints them with their symbols.

Every law is tested on every backend. *bits*: what the law says is true bit for bit. A number: true
up to that part of the largest magnitude of the result. *refuted*: the law must be false, and a
counterexample is found. On `jax` no subnormals are tried, for XLA flushes them on a CPU.
"""
_ERRORS_HEAD = """# Codes

Made from the code by `make docs`; edit the tables in `grammar/mergec/diagnostics/codes/` instead.
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
    "E9": "E9 laws, tests and recipes",
    "W": "W warnings",
}


def operators_page() -> str:
    """The text of `docs/operators.md`."""
    operators = [_operator(OPERATORS[name]) for name in sorted(OPERATORS)]
    stages = [_stage(name) for name in sorted(set(STAGES) - set(OPERATORS))]
    return "\n".join([_OPERATORS_HEAD, _LAWS, "", *operators, _STAGES_HEAD, *stages])


def operator_laws_page() -> str:
    """The text of `docs/operator-laws.md`."""
    parts = [_OPERATOR_LAWS_HEAD]
    claims = {law.name for operator in OPERATORS.values() for law in operator.laws}
    for name in sorted(OPERATORS):
        columns = " | ".join(BACKENDS)
        parts += [f"## {name}\n", f"| law | {columns} |", f"| --- |{' --- |' * len(BACKENDS)}"]
        for law in OPERATORS[name].laws:
            cells = " | ".join([_how_exactly(law)] * len(BACKENDS))
            parts.append(f"| `{law.label}` | {cells} |")
        parts.append("")
    parts += ["# What the names claim\n", "| name | in words | in symbols |", "| --- | --- | --- |"]
    for name in sorted(claims):
        claim = CLAIMS[name]
        symbols = claim.symbols.replace("|", "\\|")
        parts.append(f"| `{name}` | {claim.words} | {symbols} |")
    return "\n".join(parts) + "\n"


def _how_exactly(law: Law) -> str:
    if not law.holds:
        return "refuted"
    return f"{law.tolerance:.0e}" if law.tolerance else "bits"


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
        "operator-laws.md": operator_laws_page(),
        "library.md": library_page(),
        "errors.md": errors_page(),
        "faults.md": faults_page(),
        "peers.md": peers_page(),
        "mergekit.md": mergekit_page(),
    }


def _operator(operator: Operator) -> str:
    summary, _, rest = operator.page.strip().partition("\n")
    rows = [_parameter(parameter) for parameter in operator.parameters]
    order = "Operands may come in any order." if operator.order_free else ""
    laws = f"[{len(operator.laws)} of them](operator-laws.md#{operator.name})"
    return "\n".join(
        [
            f"## {operator.name}",
            "",
            summary,
            "",
            f"    {operator.signature()}",
            "",
            f"Revision {operator.revision}. Takes {operator.takes}. {order}".rstrip(),
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
