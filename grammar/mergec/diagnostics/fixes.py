"""Applies the fixes that keep the meaning of a spec."""

from collections.abc import Iterable

from mergec.diagnostics.diagnostic import Diagnostic, Fix


def apply_fixes(text: str, found: Iterable[Diagnostic]) -> tuple[str, int]:
    """`text` with the safe fixes of `found` made, and how many were.

    A fix of another text is left alone. Of fixes that overlap or begin at one place only the first
    is made; the next look at the text may find the other again. The count can be positive for a
    text that stays the same: then the file is to be written anew.

    >>> from mergec.diagnostics import SourceText, Span
    >>> source = SourceText("a.merge", "a = b  # x")
    >>> unused = Fix(Span(source, 5, 10), "", safe=True)
    >>> apply_fixes(source.text, [Diagnostic("W207", "`x`", None, fix=unused)])
    ('a = b', 1)
    """
    made = _apart(each.fix for each in found if each.fix is not None and _fits(each.fix, text))
    # From the end, so that the places of those before stay true.
    for fix in reversed(made):
        text = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
    return text, len(made)


def _fits(fix: Fix, text: str) -> bool:
    return fix.safe and fix.span.source.text == text


def _apart(fixes: Iterable[Fix]) -> list[Fix]:
    """Those fixes, in the order of the text, that touch nothing that an earlier one touches."""
    made: list[Fix] = []
    start = end = -1
    for fix in sorted(fixes, key=lambda each: (each.span.start, each.span.end)):
        if fix.span.start >= end and fix.span.start > start:
            made.append(fix)
            start, end = fix.span.start, fix.span.end
    return made
