"""The page of one code, as `mergec explain CODE` prints it."""

import textwrap

from mergec.diagnostics.codes import CODES, Code

_WIDTH = 90


def explain_code(code: str, example: tuple[str, str] | None) -> str:
    """The page of `code`, which must be in the table; ends with a newline.

    `example` is a spec that leads to it and the text the user then sees, from `specs/invalid/`.
    """
    row = CODES[code]
    summary = row.summary[:1].upper() + row.summary[1:] + "."
    parts = [f"{row.id} {row.slug}", summary, textwrap.fill(row.explanation, _WIDTH)]
    if example is not None:
        spec, shown = example
        parts += ["Example:", _indented(spec), "prints", _indented(shown)]
    parts.append(
        "A warning; it changes the exit status only where `--deny` names it."
        if row.id.startswith("W")
        else f"Exit status {row.exit}."
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def find_code(text: str) -> Code | None:
    """The row that `text` names by its code or its slug, in any letter case; None if none does."""
    wanted = text.strip().casefold()
    return next((row for row in CODES.values() if wanted in (row.id.casefold(), row.slug)), None)


def _indented(text: str) -> str:
    return textwrap.indent(text.strip("\n"), "    ")
