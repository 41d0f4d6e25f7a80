"""Diagnostics as workflow commands of GitHub Actions, which shows them beside the lines."""

from collections.abc import Iterable

from mergec.diagnostics.diagnostic import Diagnostic
from mergec.diagnostics.printable import escape
from mergec.diagnostics.source_text import Span


def render_github(found: Iterable[tuple[str, Diagnostic]]) -> str:
    """One line for each finding, which comes with the name of the spec that was checked.

    Without a span, a finding is shown at the top of that spec.
    """
    return "".join(_command(spec, each) + "\n" for spec, each in found)


def _command(spec: str, found: Diagnostic) -> str:
    properties = {
        **({"file": spec} if found.span is None else _place(found.span)),
        "title": f"{found.code} {found.slug}",
    }
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    # Last, for what remains may be a control character in the name of a file.
    return escape(f"::{found.severity} {shown}::{_data(found.in_full)}")


def _place(span: Span) -> dict[str, str]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    place = {"file": span.source.name, "line": str(line)}
    if end_line > line:
        # The runner refuses columns then, and with them the whole place.
        return {**place, "endLine": str(end_line)}
    return {**place, "col": str(column), "endLine": str(line), "endColumn": str(end_column)}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
