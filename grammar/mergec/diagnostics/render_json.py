"""Diagnostics as JSON: the same fields as the text, for editors and other programs."""

import json
from collections.abc import Iterable

from mergec.diagnostics.diagnostic import Diagnostic
from mergec.diagnostics.source_text import Span


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON array with one object for each diagnostic, ASCII only, ending with a newline."""
    return json.dumps([diagnostic_fields(found) for found in diagnostics], indent=2) + "\n"


def diagnostic_fields(found: Diagnostic) -> dict[str, object]:
    """The object of one diagnostic.

    `file`, `start` and `end` are null without a span. Lines and columns count from 1, `offset`
    counts code points from 0; `end` is excluded.
    """
    fix = found.fix
    return {
        "code": found.code,
        "slug": found.slug,
        "severity": found.severity,
        "message": found.message,
        **_place(found.span),
        "label": found.label,
        "labels": [{**_place(label.span), "text": label.text} for label in found.labels],
        "notes": list(found.notes),
        "help": list(found.help or ()),
        "fix": None
        if fix is None
        else {**_place(fix.span), "replacement": fix.replacement, "safe": fix.safe},
        "exit": found.exit,
    }


def _place(span: Span | None) -> dict[str, object]:
    if span is None:
        return {"file": None, "start": None, "end": None}
    return {
        "file": span.source.name,
        "start": _point(span, span.start),
        "end": _point(span, span.end),
    }


def _point(span: Span, offset: int) -> dict[str, int]:
    line, column = span.source.position(offset)
    return {"line": line, "column": column, "offset": offset}
