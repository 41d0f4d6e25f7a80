"""The one shape of everything mergec tells a user about something they wrote."""

from collections.abc import Iterable
from typing import Literal

from mergec.diagnostics.codes import CODES
from mergec.diagnostics.source_text import Span
from mergec.frozen import frozen

_DENIED_EXIT = 3


@frozen
class Label:
    """A further place that matters, with what was found there."""

    span: Span
    text: str


@frozen
class Fix:
    """Replacement text for `span`; `safe` says that the meaning of the spec is kept.

    The replacement of nothing by nothing asks that the file be written anew, as mergec writes
    files: without a byte order mark.
    """

    span: Span
    replacement: str
    safe: bool


@frozen
class Diagnostic:
    """One finding: what is wrong with the user's thing, where, why, and what to do.

    `message` is one clause without a period that quotes the user's text in backticks. `span` is
    None for findings about files, whose path stands in the message. `label` is what was found at
    `span`. `help` holds imperative sentences with text to paste, and is None if truly none exists.
    `denied` makes a warning count as an error, because the user asked for it.
    """

    code: str
    message: str
    span: Span | None
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] | None = None
    fix: Fix | None = None
    denied: bool = False

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"diagnostic code {self.code} is not in the table of codes")

    @property
    def slug(self) -> str:
        """The code's stable name in words, such as `parameter-out-of-range`."""
        return CODES[self.code].slug

    @property
    def severity(self) -> Literal["error", "warning"]:
        """`error` for codes in E and for denied warnings, `warning` for the other codes in W."""
        return "warning" if self.code.startswith("W") and not self.denied else "error"

    @property
    def exit(self) -> int:
        """The process exit status this finding leads to; 0 for a warning that is not denied."""
        return _DENIED_EXIT if self.denied else CODES[self.code].exit

    @property
    def in_full(self) -> str:
        """Message, notes and help, a line each: for programs that show one text and the place."""
        notes = (f"note: {text}" for text in self.notes)
        hints = (f"help: {text}" for text in self.help or ())
        return "\n".join((self.message, *notes, *hints))


class MergecError(Exception):
    """Carries the diagnostics that stop the work; users see these and never a traceback."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = sort_by_position(diagnostics)
        super().__init__("; ".join(d.message for d in self.diagnostics))

    @property
    def exit(self) -> int:
        """The exit status of the first error."""
        return next((d.exit for d in self.diagnostics if d.severity == "error"), 1)


def fail(
    code: str,
    message: str,
    span: Span | None = None,
    *,
    label: str = "",
    labels: Iterable[Label] = (),
    notes: Iterable[str] = (),
    help: str | Iterable[str] | None = None,
) -> MergecError:
    """A `MergecError` with one diagnostic, to be raised by the caller."""
    hints = (help,) if isinstance(help, str) else None if help is None else tuple(help)
    return MergecError([Diagnostic(code, message, span, label, tuple(labels), tuple(notes), hints)])


def sort_by_position(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """File findings first, then by source and place; the order of equals is kept."""

    def place(found: Diagnostic) -> tuple[str, int, int]:
        if found.span is None:
            return ("", -1, -1)
        return (found.span.source.name, found.span.start, found.span.end)

    return tuple(sorted(diagnostics, key=place))
