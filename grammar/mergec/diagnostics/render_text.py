"""Diagnostics as text: the source line, the place underlined, why it matters and what to do."""

import re
from collections.abc import Iterable, Sequence

from mergec.diagnostics.diagnostic import Diagnostic
from mergec.diagnostics.printable import cells, escape, escape_char
from mergec.diagnostics.source_text import SourceText, Span
from mergec.frozen import frozen

# Longer lines are cut around the place, so that a one-line megabyte prints as one line.
_MAX_LINE = 160
_BEFORE = 60
# In an address: name and password before the host, and what is behind a question or number sign.
_SECRET = re.compile(r'(?<=://)[^\s"/@]+(?=@)|(?<=://)[^\s"?#]*[?#]([^\s"]+)')

_STYLES = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "primary": "\x1b[1;31m",
    "secondary": "\x1b[1;34m",
    "frame": "\x1b[1;34m",
    "bold": "\x1b[1m",
}
_RESET = "\x1b[0m"


def render_text(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All `diagnostics` in the order given, a blank line between two; empty for none.

    Ends with a newline. `color` adds terminal styles to the same characters. Whatever a terminal
    would act upon (escape sequences, bidirectional controls) is printed as an escape.
    """
    return "\n".join(_one(found, _Paint(color)) for found in diagnostics)


def summary_line(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; empty if there are none."""
    severities = [found.severity for found in diagnostics]
    counts = (("error", severities.count("error")), ("warning", severities.count("warning")))
    return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for word, n in counts if n)


@frozen
class _Paint:
    color: bool

    def __call__(self, style: str, text: str) -> str:
        return f"{_STYLES[style]}{text}{_RESET}" if self.color and text else text


@frozen
class _Mark:
    """The part of a label that lies on one line: columns from 0, `end` excluded."""

    line: int
    start: int
    end: int
    text: str
    primary: bool


def _one(found: Diagnostic, paint: _Paint) -> str:
    head = paint(found.severity, f"{found.severity}[{found.code}]")
    lines = [f"{head}{paint('bold', ': ' + escape(found.message))}"]
    width = 1
    if found.span is not None:
        groups = _marks_by_source(found, found.span)
        width = max(len(str(mark.line)) for _, marks in groups for mark in marks)
        for source, marks in groups:
            lines += _excerpt(source, marks, width, paint, first=source == found.span.source)
    tail = [("note", text) for text in found.notes] + [("help", text) for text in found.help or ()]
    if tail and found.span is not None:
        lines.append(paint("frame", " " * (width + 2) + "|"))
    for word, text in tail:
        lines.append(
            f"{' ' * (width + 2)}{paint('frame', '=')} {paint('bold', word)}: {escape(text)}"
        )
    return "".join(_stripped(line) + "\n" for line in lines)


def _stripped(line: str) -> str:
    """`line` without blanks at its end, be the end styled or not."""
    if line.endswith(_RESET):
        return line.removesuffix(_RESET).rstrip() + _RESET
    return line.rstrip()


def _marks_by_source(found: Diagnostic, primary: Span) -> list[tuple[SourceText, list[_Mark]]]:
    """The marks of each source, the primary one's first, sorted by place."""
    groups: list[tuple[SourceText, list[_Mark]]] = [
        (primary.source, _marks(primary, found.label, primary=True))
    ]
    for label in found.labels:
        marks = _marks(label.span, label.text, primary=False)
        for source, known in groups:
            if source == label.span.source:
                known.extend(marks)
                break
        else:
            groups.append((label.span.source, marks))
    return [(source, sorted(marks, key=lambda m: (m.line, m.start))) for source, marks in groups]


def _marks(span: Span, text: str, *, primary: bool) -> list[_Mark]:
    """The mark of a span on one line, or those of a longer one on its first and last line."""
    first, column = span.source.position(span.start)
    last, end = span.source.position(max(span.start, span.end))
    if last > first and end == 1:  # the span ends with a newline, which is nothing to underline
        last -= 1
        end = len(_line(span.source, last)) + 1
    if first == last:
        return [_Mark(first, column - 1, max(end - 1, column), text, primary)]
    opening = _line(span.source, first)
    closing = _line(span.source, last)
    indent = len(closing) - len(closing.lstrip())
    return [
        _Mark(first, column - 1, max(len(opening), column), "", primary),
        _Mark(last, min(indent, end - 2), end - 1, text, primary),
    ]


def _excerpt(
    source: SourceText, marks: Sequence[_Mark], width: int, paint: _Paint, *, first: bool
) -> list[str]:
    """The lines of `source` that hold marks, underlined."""
    place = next((mark for mark in marks if mark.primary), marks[0])
    arrow = "-->" if first else ":::"
    lines = [
        f"{' ' * (width + 1)}{paint('frame', arrow)} "
        f"{escape(source.name)}:{place.line}:{place.start + 1}",
        paint("frame", " " * (width + 2) + "|"),
    ]
    previous = marks[0].line
    numbers = sorted({mark.line for mark in marks})
    for number in numbers:
        if number > previous + 1:
            lines.append(paint("frame", "..."))
        previous = number
        here = [mark for mark in marks if mark.line == number]
        lines += _marked_line(_line(source, number), number, here, width, paint)
    return lines


def _marked_line(
    text: str, number: int, marks: Sequence[_Mark], width: int, paint: _Paint
) -> list[str]:
    low, high = _window(text, marks[0])
    before, after = "..." if low else "", "..." if high < len(text) else ""
    gutter = paint("frame", f" {number:>{width}} |")
    lines = [f"{gutter} {before}{escape(text[low:high])}{after}"]
    for mark in marks:
        start = min(max(mark.start, low), high)
        end = min(max(mark.end, start), high)
        indent = len(before) + _cells(text[low:start])
        sign, style = ("^", "primary") if mark.primary else ("-", "secondary")
        underline = sign * max(1, _cells(text[start:end]))
        label = f"{underline} {escape(mark.text)}" if mark.text else underline
        empty = paint("frame", " " * (width + 2) + "|")
        lines.append(f"{empty} {' ' * indent}{paint(style, label)}")
    return lines


def _window(text: str, mark: _Mark) -> tuple[int, int]:
    """The columns to print: all, or a stretch around the mark if the line is very long."""
    if len(text) <= _MAX_LINE:
        return 0, len(text)
    low = max(0, min(mark.start, len(text)) - _BEFORE)
    return low, min(len(text), low + _MAX_LINE)


def _line(source: SourceText, number: int) -> str:
    """The line, with stars for what may be secret: logs keep what is printed."""
    line = source.line(number).removesuffix("\r")
    return _SECRET.sub(_starred, line) if "://" in line else line


def _starred(found: re.Match[str]) -> str:
    hidden = found[1] or found[0]
    return found[0].removesuffix(hidden) + "*" * len(hidden)


def _cells(text: str) -> int:
    return sum(cells(escape_char(char)) for char in text)
