"""A text parsed, and what was reported of it."""

from mergec.diagnostics import Diagnostic, SourceText
from mergec.syntax import ParseResult, parse_spec


def parse(text: str) -> ParseResult:
    return parse_spec(SourceText("a.merge", text))


def reports(text: str) -> list[tuple[str, str, str]]:
    """Code, place and text of everything reported."""
    return [(found.code, place(found), found.message) for found in parse(text).diagnostics]


def place(found: Diagnostic) -> str:
    """Where a finding begins and ends: `2:5-2:9`."""
    assert found.span is not None
    source = found.span.source
    (line, column), (last, end) = map(source.position, (found.span.start, found.span.end))
    return f"{line}:{column}-{last}:{end}"
